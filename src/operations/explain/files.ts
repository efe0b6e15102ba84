import { realpath } from 'node:fs/promises';
import type { ClientDefinition, ConfigScope } from '../../clients/client.ts';
import { codecOf } from '../../clients/codecs/codec-of.ts';
import { movedBy, pointerIn } from '../../clients/paths.ts';
import { AppError } from '../../core/errors.ts';
import { pointerKeys } from '../../core/json-value.ts';
import type { JsonValue } from '../../core/payload.ts';
import { readEntries } from '../../core/splice/entries.ts';
import { readClientFile } from '../../io/client-files/read.ts';
import { resolveTarget, type Target } from '../../io/client-files/target.ts';
import { pathExists } from '../../io/which.ts';
import { locatedOf } from '../doctor/files.ts';
import { placesIn, pointerFor } from '../rollout/place.ts';
import type { Machine } from '../services.ts';

/** `stale`: the client reads another file in its place. `legacy`: where an earlier version kept its servers. */
export type Role = 'read' | 'managed' | 'stale' | 'legacy';

/** A file that a client reads or once read, with what stands in it. */
export interface SeenFile {
  scope: ConfigScope;
  path: string;
  target_path: string;
  exists: boolean;
  role: Role;
  /** The variable that moved it here. */
  moved_by: string | null;
  /** Null: there is none, or this version does not read its format. */
  readable: boolean | null;
  detail: string | null;
  pointer: string;
  entries: ReadonlyMap<string, JsonValue>;
  /** Names of servers that a list in this file switches off, and the scopes for which it does; null: for all. */
  switched_off: { names: readonly string[]; of: readonly string[] | null }[];
}

/** All files of a client on this machine that have a fixed place, the scopes in the order of the definition. */
export async function seenFiles(
  client: ClientDefinition,
  machine: Machine,
  project: string | undefined,
): Promise<SeenFile[]> {
  const seen: SeenFile[] = [];
  for (const scope of client.scopes) {
    const located = locatedOf(client, scope, machine, project);
    if (located === undefined || scope.pointer === null) continue;
    const there = placesIn(located, machine);
    for (const path of there.length > 0 ? there : [located.path]) {
      const role = path === (there[0] ?? path) ? roleOf(scope) : 'stale';
      const moved_by = movedBy(scope, { ...machine, project }) ?? null;
      seen.push(await lookInto({ client, project, machine }, scope, { path, role, moved_by, roots: located.roots }));
    }
  }
  return seen;
}

const roleOf = ({ former, managed }: ConfigScope): Role =>
  managed === true ? 'managed' : former === true ? 'legacy' : 'read';

interface Found {
  path: string;
  role: Role;
  moved_by: string | null;
  roots: string[];
}

async function lookInto(
  { client, project, machine }: { client: ClientDefinition; project: string | undefined; machine: Machine },
  scope: ConfigScope,
  { path, role, moved_by, roots }: Found,
): Promise<SeenFile> {
  const pointer = pointerIn(scope.pointer ?? '', project);
  const exists = pathExists(path);
  const file: SeenFile = {
    scope,
    path,
    target_path: path,
    exists,
    role,
    moved_by,
    readable: null,
    detail: null,
    pointer,
    entries: new Map(),
    switched_off: [],
  };
  const codec = await codecOf(scope);
  if (!exists || codec === undefined) return file;
  try {
    const target = await targetOf(path, role, { uid: machine.uid ?? -1, roots: [...roots, machine.home] });
    const text = (await readClientFile(target))?.text ?? null;
    const actual = pointerFor(client, pointer, { codec, text });
    const entries = readEntries(codec, text, pointerKeys(actual));
    const listAt = (keys: string[]) => readEntries(codec, text, keys.slice(0, -1)).get(keys.at(-1) ?? '')?.value;
    return {
      ...file,
      target_path: target.path,
      readable: true,
      pointer: actual,
      entries: new Map([...entries].map(([name, { value }]) => [name, value])),
      switched_off: (client.switched_off ?? [])
        .filter((list) => list.scope === scope.scope && (project !== undefined || !list.pointer.includes('${')))
        .map((list) => ({
          names: textsIn(listAt(pointerKeys(pointerIn(list.pointer, project)))),
          of: list.of ?? null,
        })),
    };
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return { ...file, readable: false, detail: error.message };
  }
}

/** The file of an administrator is only read, so that it may belong to somebody else. */
async function targetOf(path: string, role: Role, { uid, roots }: { uid: number; roots: string[] }): Promise<Target> {
  if (role !== 'managed') return resolveTarget({ path, uid, allowed_roots: roots });
  return { path: await realpath(path), requested_path: path, exists: true, uid: null };
}

const textsIn = (value: JsonValue | undefined): string[] =>
  Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
