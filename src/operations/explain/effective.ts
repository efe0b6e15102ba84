import type { ClientDefinition } from '../../clients/client.ts';
import type { DeploymentRow } from '../../stores/rows.ts';
import type { Ledger } from '../rollout/ledger.ts';
import { type EntryShown, isSwitchedOff, shown } from './entry.ts';
import type { SeenFile } from './files.ts';

/** One entry of a name in one file. */
export interface FoundEntry extends EntryShown {
  config_scope: string;
  path: string;
  /** The deployment of this program that it is from; null: somebody else wrote it. */
  deployed_by: { client_id: string; profile_id: string; sequence: number } | null;
  disabled: boolean;
  /** The client asks its user before it starts. Whether the answer was given is not known here. */
  needs_approval: boolean;
}

export interface EffectiveServer {
  server_name: string;
  /**
   * `shut_out`: a file of an administrator lets no other server through. `not_known`: it stands in several files, and
   * nobody has written which of them wins.
   */
  status: 'enabled' | 'needs_approval' | 'disabled' | 'shut_out' | 'not_known';
  /** The scope whose entry the client takes. */
  wins: string | null;
  found: FoundEntry[];
}

/** Every server that a client gets to see, over all of its files. Pure: the same files give the same answer. */
export function effectiveServers(
  client: ClientDefinition,
  files: readonly SeenFile[],
  rows: readonly DeploymentRow[],
): EffectiveServer[] {
  const read = files.filter(({ role }) => role === 'read' || role === 'managed');
  const sole = read.find(({ exists, scope }) => exists && scope.exclusive === true);
  const names = [...new Set(read.flatMap(({ entries }) => [...entries.keys()]))].toSorted();
  return names.map((server_name) => {
    const found = read.flatMap((file) => entryIn(client, file, server_name, { rows, files: read }));
    const winner = winnerOf(client, found, sole?.scope.scope);
    return { server_name, status: statusOf(winner, sole?.scope.scope), wins: winner?.config_scope ?? null, found };
  });
}

function winnerOf(client: ClientDefinition, found: readonly FoundEntry[], sole: string | undefined) {
  if (sole !== undefined) return found.find(({ config_scope }) => config_scope === sole);
  return found.find((one) => found.every((other) => one === other || beats(client, one, other)));
}

function beats({ precedence = [] }: ClientDefinition, one: FoundEntry, other: FoundEntry): boolean {
  return precedence.some((chain) => {
    const [first, second] = [chain.indexOf(one.config_scope), chain.indexOf(other.config_scope)];
    return first >= 0 && second > first;
  });
}

function statusOf(winner: FoundEntry | undefined, sole: string | undefined): EffectiveServer['status'] {
  if (winner === undefined) return sole === undefined ? 'not_known' : 'shut_out';
  if (winner.disabled) return 'disabled';
  return winner.needs_approval ? 'needs_approval' : 'enabled';
}

function entryIn(
  client: ClientDefinition,
  file: SeenFile,
  name: string,
  { rows, files }: { rows: readonly DeploymentRow[]; files: readonly SeenFile[] },
): FoundEntry[] {
  const value = file.entries.get(name);
  if (value === undefined) return [];
  const { scope } = file.scope;
  const lists = files.flatMap(({ switched_off }) => switched_off);
  const listed = lists.some(({ names, of }) => names.includes(name) && (of === null || of.includes(scope)));
  return [
    {
      config_scope: scope,
      path: file.path,
      ...shown(client, value),
      deployed_by: ownerOf(file, name, rows),
      disabled: listed || isSwitchedOff(client, file.pointer, value),
      needs_approval: client.approval_scopes?.includes(scope) ?? false,
    },
  ];
}

function ownerOf(file: SeenFile, name: string, rows: readonly DeploymentRow[]): FoundEntry['deployed_by'] {
  const row = rows.find(
    ({ pointer, config_path, target_path, ledger }) =>
      pointer === file.pointer &&
      (config_path === file.path || target_path === file.target_path) &&
      (ledger as Ledger).entries.some(([owned]) => owned === name),
  );
  return row ? { client_id: row.client_id, profile_id: row.profile_id, sequence: row.sequence } : null;
}
