import { z } from 'zod';
import { jsonPointer } from './json-value.ts';
import type { JsonValue } from './payload.ts';

/**
 * One difference. `kind` tells a value that is not there from a JSON null: the missing side is given as null.
 * Objects are compared member by member; arrays and everything else as a whole, because `args` read as one line.
 */
export const Change = z.strictObject({
  path: z.string().meta({ description: 'JSON Pointer to the value.' }),
  kind: z.enum(['added', 'removed', 'changed']),
  old_value: z.json(),
  new_value: z.json(),
});
export type Change = z.infer<typeof Change>;

/** From local (old) to remote (new), servers by name in sorted order. */
export const PayloadDiff = z.strictObject({
  servers_added: z.array(z.string()),
  servers_removed: z.array(z.string()),
  servers_modified: z.array(
    z.strictObject({
      server_id: z.string().meta({ description: 'Name of the entry.' }),
      changes: z.array(Change).meta({ description: 'Paths start at the entry.' }),
    }),
  ),
  servers_unchanged: z.array(z.string()),
  payload_changes: z
    .array(Change)
    .meta({ description: 'Differences outside mcpServers: inputs, bridge. Paths start at the payload.' }),
});
export type PayloadDiff = z.infer<typeof PayloadDiff>;

export const DiffStatus = z.enum(['up-to-date', 'outdated', 'diverged', 'unknown']);
export type DiffStatus = z.infer<typeof DiffStatus>;

export const DiffSummary = z.strictObject({
  total_changes: z.int(),
  added_count: z.int(),
  removed_count: z.int(),
  modified_count: z.int(),
});
export type DiffSummary = z.infer<typeof DiffSummary>;

type JsonObject = { readonly [key: string]: JsonValue };

/** Any payload, strict or draft. */
export interface Diffable {
  readonly mcpServers: Readonly<Record<string, object>>;
}

const isObject = (value: JsonValue | undefined): value is { [key: string]: JsonValue } =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Names of both sides, sorted by UTF-16 code unit, as canonical JSON sorts. */
function keysOfBoth(a: object, b: object): string[] {
  return [...new Set([...Object.keys(a), ...Object.keys(b)])].toSorted();
}

/** An own member only: a server may be called `toString`. */
const own = (object: JsonObject, key: string) => (Object.hasOwn(object, key) ? object[key] : undefined);

function changesBetween(before: JsonValue | undefined, after: JsonValue | undefined, path: string[]): Change[] {
  if (isObject(before) && isObject(after)) {
    return keysOfBoth(before, after).flatMap((key) =>
      changesBetween(own(before, key), own(after, key), [...path, key]),
    );
  }
  if (sameValue(before, after)) return [];
  const kind = before === undefined ? 'added' : after === undefined ? 'removed' : 'changed';
  return [{ path: jsonPointer(path), kind, old_value: before ?? null, new_value: after ?? null }];
}

function sameValue(a: JsonValue | undefined, b: JsonValue | undefined): boolean {
  if (Array.isArray(a) && Array.isArray(b)) {
    return a.length === b.length && a.every((item, index) => sameValue(item, b[index]));
  }
  if (isObject(a) && isObject(b)) return changesBetween(a, b, []).length === 0;
  return a === b;
}

/** What would have to change in `local` to make it `remote`. Both are JSON: a member that is `undefined` is not there. */
export function diffPayloads(local: Diffable, remote: Diffable): PayloadDiff {
  const { mcpServers: localServers, ...localRest } = asJson(local);
  const { mcpServers: remoteServers, ...remoteRest } = asJson(remote);
  const diff: PayloadDiff = {
    servers_added: [],
    servers_removed: [],
    servers_modified: [],
    servers_unchanged: [],
    payload_changes: changesBetween(localRest, remoteRest, []),
  };
  for (const name of keysOfBoth(localServers, remoteServers)) {
    const before = own(localServers, name);
    const after = own(remoteServers, name);
    if (before === undefined) diff.servers_added.push(name);
    else if (after === undefined) diff.servers_removed.push(name);
    else {
      const changes = changesBetween(before, after, []);
      if (changes.length > 0) diff.servers_modified.push({ server_id: name, changes });
      else diff.servers_unchanged.push(name);
    }
  }
  return diff;
}

/** Payloads passed a schema or the strict reader, so they are JSON; their types only say so member by member. */
function asJson(payload: Diffable): { mcpServers: { [name: string]: JsonValue }; [member: string]: JsonValue } {
  return payload as { mcpServers: { [name: string]: JsonValue }; [member: string]: JsonValue };
}

/** How many servers differ; each difference outside the servers counts as one. */
export function diffSummary(diff: PayloadDiff): DiffSummary {
  const added_count = diff.servers_added.length;
  const removed_count = diff.servers_removed.length;
  const modified_count = diff.servers_modified.length;
  const total_changes = added_count + removed_count + modified_count + diff.payload_changes.length;
  return { total_changes, added_count, removed_count, modified_count };
}

/** `null`: there was nothing to compare with. Diverged: local has servers that remote does not know. */
export function diffStatus(diff: PayloadDiff | null): DiffStatus {
  if (diff === null) return 'unknown';
  if (diff.servers_removed.length > 0) return 'diverged';
  return diffSummary(diff).total_changes > 0 ? 'outdated' : 'up-to-date';
}

const RECOMMENDATIONS: Record<DiffStatus, string> = {
  'up-to-date': 'Nothing to do: both sides are the same.',
  outdated: 'The latest release differs: look at the diff, then run `deploy-config` to take it over.',
  diverged:
    'Local has servers that the latest release lacks: add them to the draft and publish, or run `deploy-config` to drop them.',
  unknown: 'There is nothing to compare with: publish a release, or send the local payload instead of its id.',
};

/** One sentence that says what to do about this status. */
export function recommendation(status: DiffStatus): string {
  return RECOMMENDATIONS[status];
}
