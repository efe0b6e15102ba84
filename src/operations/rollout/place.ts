import { readdirSync, realpathSync } from 'node:fs';
import { dirname, sep } from 'node:path';
import type { ClientDefinition, ConfigScope } from '../../clients/client.ts';
import { codecOf } from '../../clients/codecs/codec-of.ts';
import { jsonListCodec } from '../../clients/codecs/json-list.ts';
import {
  type ConfigTarget,
  deployableScope,
  locateConfig,
  pointerIn,
  preferredPlaces,
  projectOf,
} from '../../clients/paths.ts';
import { AppError, invalidInput } from '../../core/errors.ts';
import { pointerKeys } from '../../core/json-value.ts';
import type { Entries } from '../../core/merge.ts';
import { entriesOf, openDocument, readEntries } from '../../core/splice/entries.ts';
import { isObject } from '../../core/splice/equality.ts';
import type { Codec, Document } from '../../core/splice/types.ts';
import { type ClientFile, readClientFile } from '../../io/client-files/read.ts';
import { type Target as FileTarget, resolveTarget } from '../../io/client-files/target.ts';
import { pathExists } from '../../io/which.ts';
import type { DeploymentRow } from '../../stores/rows.ts';
import type { Context } from '../operation.ts';
import type { Machine } from '../services.ts';

/** The file of one client and config scope on this machine, as it stands. */
export interface Place {
  machine: Machine;
  /** With the pointer that holds in the file at hand. */
  scope: ConfigScope & { pointer: string };
  /** As the person knows it; links are resolved in `target`. */
  config_path: string;
  target: FileTarget;
  codec: Codec;
  pointer: string[];
  /** The list of what the client asks its user for, in the same file; null where it asks for nothing. */
  asks: { codec: Codec; pointer: string[] } | null;
  /** The project directory of a scope inside a project; null elsewhere. */
  project: string | null;
  /** The caller named the file. */
  explicit_path: boolean;
}

/** Which file a caller means; the usual one of the client when nothing is said. */
export interface Wanted {
  config_scope?: string | undefined;
  project?: string | undefined;
  config_path?: string | undefined;
  /** Where the servers are in the file; looked up when absent. */
  pointer?: string | undefined;
}

/**
 * Where a deployment goes. Throws CLIENT_NOT_WRITABLE for clients and scopes that this version cannot write, and
 * INVALID_INPUT for a path that the caller chose and that may not be written. `roots` are directories that are allowed
 * besides those of the client.
 */
export async function findPlace(
  context: Context,
  client: ClientDefinition,
  wanted: Wanted,
  roots: readonly string[] = [],
): Promise<Place> {
  const scope = deployableScope(client, wanted.config_scope);
  const machine = await context.services.machine();
  // A pointer from the ledger says all that the project was needed for.
  const free = wanted.pointer !== undefined && wanted.project === undefined;
  const project = (free ? undefined : projectOf(scope, { ...machine, project: wanted.project })) ?? wanted.project;
  const located = locate(client, scope, machine, { ...wanted, project });
  const config_path = wanted.config_path ?? placesIn(located, machine)[0] ?? located.path;
  const codec = await codecOf(scope);
  if (!codec || scope.pointer === null) {
    throw new AppError('CLIENT_NOT_WRITABLE', `This version cannot write the file of ${client.display_name}.`, {
      client_id: client.client_id,
      format: scope.format,
    });
  }
  const allowed_roots = [...located.roots, ...roots];
  const target = await resolveTarget({ path: config_path, uid: machine.uid ?? -1, allowed_roots }).catch((error) => {
    // One from the ledger was not chosen by this caller.
    throw wanted.config_path === undefined || wanted.pointer !== undefined ? error : unusablePath(error);
  });
  if (isInside(target.path, realpathSync.native(context.services.data_dir))) {
    throw invalidInput('config_path', 'the data directory of this program is no place for a client file');
  }
  const usual = pointerIn(scope.pointer, project);
  const pointer =
    wanted.pointer ??
    (await namingFile(config_path, async () =>
      pointerFor(client, usual, { codec, text: await textAt(client, target) }),
    ));
  return {
    machine,
    scope: { ...scope, pointer },
    config_path,
    target,
    codec,
    pointer: pointerKeys(pointer),
    asks: askedAt(client, scope),
    project: project ?? null,
    explicit_path: wanted.config_path !== undefined,
  };
}

function askedAt({ dialect }: ClientDefinition, { format }: ConfigScope): Place['asks'] {
  if (dialect?.inputs_at === undefined || (format !== 'json' && format !== 'jsonc')) return null;
  const pointer = pointerKeys(dialect.inputs_at);
  return { codec: jsonListCodec(format, pointer), pointer };
}

/** A file that the caller names needs no usual place: the client may have none on this system, or none that can be found. */
function locate(client: ClientDefinition, scope: ConfigScope, machine: Machine, wanted: Wanted): ConfigTarget {
  const { config_path, project } = wanted;
  const here = { ...machine, project };
  try {
    return locateConfig(client, scope, here);
  } catch (error) {
    if (!(error instanceof AppError) || config_path === undefined) throw error;
    const inside = projectOf(scope, here);
    const roots = inside === undefined ? [machine.home] : [inside];
    return { path: config_path, roots, preferred: [], alternates: [] };
  }
}

/** The places of a scope at which something is, the one that the client reads first. */
export function placesIn(located: ConfigTarget, { os }: Pick<Machine, 'os'>): string[] {
  return [...preferredPlaces(located, os, namesIn), ...[located.path, ...located.alternates].filter(pathExists)];
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

/** Says which file it is that cannot be changed: whoever looks into one does not know what a person calls it. */
export async function namingFile<T>(config_path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (!(cause instanceof AppError) || cause.code !== 'CLIENT_FILE_UNPARSABLE') throw cause;
    const { code, message, details, hint } = cause;
    throw new AppError(code, `${config_path}: ${message}`, { ...details, config_path }, { cause, hint });
  }
}

/** Only a client with two layouts has to be looked at. */
const textAt = async ({ dialect }: ClientDefinition, target: FileTarget): Promise<string | null> =>
  dialect?.alternate_layout === undefined ? null : ((await readClientFile(target))?.text ?? null);

/**
 * The pointer of the layout that a file has. The other layout is told by a map of objects at its pointer: a server of
 * that name would have fields that are texts or lists. Throws CLIENT_FILE_UNPARSABLE.
 */
export function pointerFor(
  { dialect }: ClientDefinition,
  usual: string,
  { codec, text }: { codec: Codec; text: string | null },
): string {
  const other = dialect?.alternate_layout?.pointer;
  if (other === undefined || text === null) return usual;
  const keys = pointerKeys(other);
  const found = readEntries(codec, text, keys.slice(0, -1)).get(keys.at(-1) ?? '')?.value;
  return isObject(found) && Object.values(found).every(isObject) ? other : usual;
}

/** A path that the caller chose and that cannot be written is the caller's mistake, not a fault of this machine. */
function unusablePath(error: unknown): unknown {
  if (!(error instanceof AppError) || error.details['step'] !== 'resolve') return error;
  return invalidInput('config_path', error.message, { hint: error.hint });
}

const isInside = (path: string, directory: string) => path.startsWith(`${directory}${sep}`);

/** The place of a deployment that the ledger knows, also when a variable that named its directory is not set any more. */
export const placeOf = (context: Context, client: ClientDefinition, row: DeploymentRow): Promise<Place> =>
  findPlace(
    context,
    client,
    {
      config_scope: row.config_scope,
      config_path: row.config_path,
      project: row.project ?? undefined,
      pointer: row.pointer,
    },
    [dirname(row.config_path), dirname(row.target_path)],
  ).then((place) => ({ ...place, explicit_path: row.explicit_path }));

/** A client file, as it was read and parsed. */
export interface Disk {
  file: ClientFile | null;
  document: Document | null;
  entries: Entries;
}

/** What is on disk now. `asked` are the names that will be decided about. */
export async function diskOf(place: Place, asked: Iterable<string>): Promise<Disk> {
  const file = await readClientFile(place.target);
  const document = openDocument(place.codec, file?.text ?? null);
  const read = entriesOf(place.codec, document, place.pointer, asked);
  return { file, document, entries: new Map([...read].map(([name, entry]) => [name, entry.value])) };
}
