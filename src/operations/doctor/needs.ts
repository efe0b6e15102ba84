import { isRemote } from '../../core/entry-kind.ts';
import type { DraftPayload, Payload } from '../../core/payload.ts';
import { type ReferenceKind, referencesOf } from '../../core/references.ts';

/** What the entries of a deployment need of the machine, with the name of the entry that needs it. */
export interface Needs {
  /** Programs that entries start; the bridge of remote entries is not counted, since the client decides whether it is used. */
  programs: { name: string; needed_by: string }[];
  references: { kind: ReferenceKind; name: string; needed_by: string }[];
}

/** `title` names the deployment: `cursor/default`. */
export function needsOf(payload: Payload, title: string): Needs {
  const programs: Needs['programs'] = [];
  for (const [server, entry] of Object.entries(payload.mcpServers)) {
    if (entry.disabled === true || isRemote(entry)) continue;
    programs.push({ name: entry.command, needed_by: `${title}: ${server}` });
  }
  const references = referencesOf(payload as unknown as DraftPayload).map(({ kind, name, server }) => ({
    kind,
    name,
    needed_by: `${title}: ${server}`,
  }));
  return { programs, references };
}

export interface Grouped<T> {
  item: T;
  needed_by: string[];
}

/** One line per distinct thing, in the order in which they were met. */
export function grouped<T extends { needed_by: string }>(
  needs: readonly T[],
  keyOf: (need: T) => string,
): Grouped<T>[] {
  const groups = new Map<string, Grouped<T>>();
  for (const need of needs) {
    const group = groups.get(keyOf(need)) ?? { item: need, needed_by: [] };
    if (!group.needed_by.includes(need.needed_by)) group.needed_by.push(need.needed_by);
    groups.set(keyOf(need), group);
  }
  return [...groups.values()];
}
