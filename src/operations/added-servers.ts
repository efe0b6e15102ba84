import { CATALOG, serverById } from '../catalog/index.ts';
import { compareVersions, type Versioned } from '../catalog/registry/versions.ts';
import type { CatalogServer } from '../catalog/server.ts';
import { isId } from '../core/id-rules.ts';
import type { CatalogRow } from '../stores/rows.ts';
import type { Context } from './operation.ts';

/** The servers that somebody put into the catalog of a workspace, beside the ones that are known out of the box. */

/** What a document that was handed in has in the place of a registry. */
export const FROM_FILE = 'file';

/** What a registry says about a version; all of it may be missing. */
export interface RegistryStatus {
  status: 'active' | 'deprecated' | 'deleted';
  message: string | undefined;
  published_at: string;
}

type Kept = Pick<Context, 'store' | 'workspace'>;

export function statusOfRow({ registry_meta, first_seen_at }: CatalogRow): RegistryStatus {
  const meta = (registry_meta ?? {}) as Readonly<Record<string, unknown>>;
  const { status, statusMessage, publishedAt } = meta;
  return {
    status: status === 'deprecated' || status === 'deleted' ? status : 'active',
    message: typeof statusMessage === 'string' ? statusMessage : undefined,
    published_at: typeof publishedAt === 'string' ? publishedAt : first_seen_at,
  };
}

const versioned = (row: CatalogRow): Versioned => ({
  version: row.version,
  published_at: statusOfRow(row).published_at,
});

/** The last version of each name, in the order of the names. Withdrawn ones do not count. */
export function latestOf(rows: readonly CatalogRow[]): CatalogRow[] {
  const latest = new Map<string, CatalogRow>();
  for (const row of rows) {
    if (statusOfRow(row).status === 'deleted') continue;
    const known = latest.get(row.name);
    if (known === undefined || compareVersions(versioned(row), versioned(known)) > 0) latest.set(row.name, row);
  }
  return [...latest.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

/** Newest first, as a registry lists the versions of one name. */
export const newestFirst = (rows: readonly CatalogRow[]): CatalogRow[] =>
  rows.toSorted((a, b) => compareVersions(versioned(b), versioned(a)));

function serverOf(row: CatalogRow): CatalogServer {
  const definition = row.definition as Omit<CatalogServer, 'server_id'>;
  const { status, message } = statusOfRow(row);
  return {
    server_id: row.server_id,
    ...definition,
    ...(status === 'deprecated' && { status }),
    warnings: [...definition.warnings, ...(message === undefined ? [] : [message])],
  };
}

/** The versions that are offered: of each name the last one that can be started or connected to. */
export async function offeredRows({ store, workspace }: Kept): Promise<CatalogRow[]> {
  const rows = await store.catalog.list(workspace);
  return latestOf(rows.filter(({ definition }) => definition !== null));
}

/** Every server that can be added to a draft. */
export async function catalogOf(kept: Kept): Promise<readonly CatalogServer[]> {
  const added = (await offeredRows(kept)).map(serverOf);
  if (added.length === 0) return CATALOG;
  // A later version of this program may know a server by an id that was free when somebody gave it to another one.
  const ids = new Set(added.map(({ server_id }) => server_id));
  return [...CATALOG.filter(({ server_id }) => !ids.has(server_id)), ...added];
}

export async function findServer(kept: Kept, server_id: string): Promise<CatalogServer | undefined> {
  return (await catalogOf(kept)).find((server) => server.server_id === server_id);
}

const slug = (text: string) =>
  text
    .toLowerCase()
    .replaceAll(/[^a-z0-9._-]+/g, '-')
    .replace(/^[^a-z0-9]+/, '')
    .slice(0, 56)
    .replace(/[.-]+$/, '');

/** The id under which a name is known here: the one that it has, else the shortest that is free. */
export function idFor(name: string, rows: readonly CatalogRow[]): string {
  const known = rows.find((row) => row.name === name);
  if (known !== undefined) return known.server_id;
  const short = slug(name.split('/').at(-1) ?? '');
  const long = slug(name.replace('/', '.').split('.').slice(1).join('-'));
  const numbered = Array.from({ length: rows.length + 2 }, (_, index) => `${short || 'server'}-${index + 2}`);
  const free = [short, long, ...numbered].find((id) => isId(id) && isFree(id, rows));
  if (free === undefined) throw new Error('there is always one more number');
  return free;
}

export const isFree = (server_id: string, rows: readonly CatalogRow[]): boolean =>
  serverById(server_id) === undefined && rows.every((row) => row.server_id !== server_id);
