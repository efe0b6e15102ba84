import type { ClientDefinition, ConfigScope } from '../../clients/client.ts';
import { locateConfig, pointerIn } from '../../clients/paths.ts';
import { AppError } from '../../core/errors.ts';
import { pointerKeys } from '../../core/json-value.ts';
import { readEntries } from '../../core/splice/entries.ts';
import { spliceEntries } from '../../core/splice/splice.ts';
import type { Codec } from '../../core/splice/types.ts';
import { readClientFile } from '../../io/client-files/read.ts';
import { resolveTarget } from '../../io/client-files/target.ts';
import { pathExists } from '../../io/which.ts';
import { codecOf, pointerFor } from '../rollout/place.ts';
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
    const located = placesOf(client, scope, machine, project);
    if (located === undefined) continue;
    const [usual, ...alternates] = located.places;
    const there = [usual, ...alternates].filter(pathExists);
    for (const path of there.length > 0 ? there : [usual]) {
      reports.push(await lookAt({ client, scope, project }, path, located.roots, machine, path === there[0]));
    }
  }
  return reports;
}

interface Located {
  /** The usual place first; the first that exists is read. */
  places: [string, ...string[]];
  roots: string[];
}

function placesOf(
  client: ClientDefinition,
  scope: ConfigScope,
  machine: Machine,
  project: string | undefined,
): Located | undefined {
  try {
    const { path, roots, alternates } = locateConfig(client, scope, { ...machine, project });
    return { places: [path, ...alternates], roots };
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
