import type { ClientDefinition, ConfigScope } from '../../clients/client.ts';
import { codecOf } from '../../clients/codecs/codec-of.ts';
import { type ConfigTarget, locateConfig, pointerIn } from '../../clients/paths.ts';
import { AppError } from '../../core/errors.ts';
import { pointerKeys } from '../../core/json-value.ts';
import { readEntries } from '../../core/splice/entries.ts';
import { spliceEntries } from '../../core/splice/splice.ts';
import type { Codec } from '../../core/splice/types.ts';
import { readClientFile } from '../../io/client-files/read.ts';
import { resolveTarget } from '../../io/client-files/target.ts';
import { pathExists } from '../../io/which.ts';
import { placesIn, pointerFor } from '../rollout/place.ts';
import type { Machine } from '../services.ts';

/** One file that a client may read, as it is now. */
export interface FileReport {
  config_scope: string;
  path: string;
  exists: boolean;
  /** The one of several places of a scope that the client reads. */
  wins: boolean;
  /** Null: there is none, or this version does not read its format. */
  parses: boolean | null;
  servers: string[];
  detail?: string;
}

/** The files of a client on this machine, one scope after the other; patterns and places without a project are left out. */
export async function filesOf(
  client: ClientDefinition,
  machine: Machine,
  project: string | undefined,
): Promise<FileReport[]> {
  const reports: FileReport[] = [];
  for (const scope of client.scopes) {
    const located = locatedOf(client, scope, machine, project);
    if (located === undefined) continue;
    const there = placesIn(located, machine);
    const left = isLeft(client, scope, machine, project);
    for (const path of there.length > 0 ? there : [located.path]) {
      reports.push(await lookAt({ client, scope, project }, path, located.roots, machine, path === there[0] && !left));
    }
  }
  return reports;
}

/**
 * The files with servers in them that the client passes over for the one at `place`: the same scope under another name,
 * and where earlier versions kept it.
 */
export async function unreadBeside(
  client: ClientDefinition,
  place: { scope: Pick<ConfigScope, 'scope' | 'paths'>; config_path: string },
  machine: Machine,
  project: string | undefined,
): Promise<FileReport[]> {
  const reports: FileReport[] = [];
  for (const scope of client.scopes) {
    const isSame = scope.scope === place.scope.scope;
    if (!isSame && !(scope.former === true && isInProject(scope) === isInProject(place.scope))) continue;
    const located = locatedOf(client, scope, machine, project);
    const others = located === undefined ? [] : placesIn(located, machine).filter((path) => path !== place.config_path);
    for (const path of others) {
      reports.push(await lookAt({ client, scope, project }, path, located?.roots ?? [], machine, false));
    }
  }
  return reports.filter(({ servers }) => servers.length > 0);
}

/** Is this where earlier versions kept a file that is now elsewhere? Without the new one, an old version may be in use. */
function isLeft(client: ClientDefinition, scope: ConfigScope, machine: Machine, project: string | undefined): boolean {
  if (scope.former !== true) return false;
  const present = client.scopes.filter((other) => other.former !== true && isInProject(other) === isInProject(scope));
  return present.some((other) => {
    const located = locatedOf(client, other, machine, project);
    return located !== undefined && placesIn(located, machine).some(pathExists);
  });
}

const isInProject = ({ paths }: Pick<ConfigScope, 'paths'>) =>
  Object.values(paths).some((path) => path?.startsWith('${workspace}') === true);

/** Undefined: there is no such file here, no project was named, or the place is a pattern. */
export function locatedOf(
  client: ClientDefinition,
  scope: ConfigScope,
  machine: Machine,
  project: string | undefined,
): ConfigTarget | undefined {
  try {
    return locateConfig(client, scope, { ...machine, project });
  } catch (error) {
    // No file on this system, no project given, or a pattern: nothing that could be looked at.
    if (error instanceof AppError) return undefined;
    throw error;
  }
}

async function lookAt(
  { client, scope, project }: { client: ClientDefinition; scope: ConfigScope; project: string | undefined },
  path: string,
  roots: string[],
  machine: Machine,
  wins: boolean,
): Promise<FileReport> {
  const report: FileReport = {
    config_scope: scope.scope,
    path,
    exists: pathExists(path),
    wins,
    parses: null,
    servers: [],
  };
  const codec = await codecOf(scope);
  if (!report.exists || codec === undefined || scope.pointer === null) return report;
  try {
    const target = await resolveTarget({ path, uid: machine.uid ?? -1, allowed_roots: [...roots, machine.home] });
    const file = await readClientFile(target);
    const pointer = pointerFor(client, pointerIn(scope.pointer, project), { codec, text: file?.text ?? null });
    const entries = readEntries(codec, file?.text ?? null, pointerKeys(pointer));
    const servers = [...entries.keys()];
    const detail = whyUnchangeable(codec, file?.text ?? null, pointerKeys(pointer), servers);
    return { ...report, parses: true, servers, ...(detail !== undefined && { detail }) };
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return { ...report, parses: false, detail: error.message };
  }
}

/** A deployment refuses some files that their application reads, TOML without tables for one: it would have to guess. */
function whyUnchangeable(
  codec: Codec,
  text: string | null,
  pointer: string[],
  servers: readonly string[],
): string | undefined {
  const name = servers.reduce((free, taken) => (taken.length >= free.length ? `${taken}-` : free), 'probe');
  try {
    spliceEntries(codec, text, pointer, { set: [{ name, value: { command: 'node' } }], remove: [] }, null);
    return undefined;
  } catch (error) {
    if (error instanceof AppError) return error.message;
    throw error;
  }
}
