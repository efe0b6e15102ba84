import { z } from 'zod';
import { AppError, invalidInput } from '../core/errors.ts';
import type { CatalogRow } from '../stores/rows.ts';
import { FROM_FILE, latestOf, newestFirst, statusOfRow } from './added-servers.ts';
import { type Context, defineOperation } from './operation.ts';

/**
 * The servers that somebody put into the catalog, as the registry protocol has them (`/v0.1/servers`): programs that can be
 * pointed at a private registry read there what may be used. Names of fields are those of the protocol.
 */

const OFFICIAL = 'io.modelcontextprotocol.registry/official';
const OURS = 'io.github.liminalcommons.mcp-orchestration/catalog';

const Version = z.object({
  server: z.record(z.string(), z.unknown()).meta({ description: 'The server.json, as it was received.' }),
  _meta: z.object({
    [OFFICIAL]: z.object({
      status: z.enum(['active', 'deprecated', 'deleted']),
      statusMessage: z.string().optional(),
      publishedAt: z.string(),
      updatedAt: z.string(),
      isLatest: z.boolean(),
    }),
    [OURS]: z.object({
      server_id: z.string(),
      source: z.enum(['file', 'registry']),
      registry_url: z.string().nullable(),
      raw_sha256: z.string(),
      added_at: z.string(),
      finding_count: z.int(),
    }),
  }),
});
const VersionList = z.object({
  servers: z.array(Version),
  metadata: z.object({ count: z.int(), nextCursor: z.string().optional() }),
});

const name = z.string().min(1).max(200).meta({ description: 'The name, with its slash as %2F.' });
const include_deleted = z.boolean().default(false).meta({ description: 'Also what a registry has withdrawn.' });
const permission = { needs: 'config:read', bound: 'open' } as const;
const isWithdrawn = (row: CatalogRow) => statusOfRow(row).status === 'deleted';

function shown(row: CatalogRow, latest: ReadonlySet<CatalogRow>): z.input<typeof Version> {
  const { status, message, published_at } = statusOfRow(row);
  const { server_id, registry, raw, raw_sha256, first_seen_at, last_seen_at, findings } = row;
  const isFile = registry === FROM_FILE;
  return {
    server: raw as Record<string, unknown>,
    _meta: {
      [OFFICIAL]: {
        status,
        ...(message !== undefined && { statusMessage: message }),
        publishedAt: published_at,
        updatedAt: last_seen_at,
        isLatest: latest.has(row),
      },
      [OURS]: {
        server_id,
        source: isFile ? ('file' as const) : ('registry' as const),
        registry_url: isFile ? null : registry,
        raw_sha256,
        added_at: first_seen_at,
        finding_count: (findings as unknown[]).length,
      },
    },
  };
}

/** A name and version can be here twice, from a file and from a registry: shown is the one that came first. */
async function versionsIn({ store, workspace }: Context): Promise<{ rows: CatalogRow[]; latest: Set<CatalogRow> }> {
  const first = new Map<string, CatalogRow>();
  for (const row of await store.catalog.list(workspace)) {
    const key = keyOf(row);
    if (!first.has(key)) first.set(key, row);
  }
  const rows = [...first.values()];
  return { rows, latest: new Set(latestOf(rows)) };
}

const keyOf = (row: Pick<CatalogRow, 'name' | 'version'>) => JSON.stringify([row.name, row.version]);
const cursorOf = (row: CatalogRow) => Buffer.from(keyOf(row)).toString('base64url');

/** The rows after the one that a cursor names. A version is never taken away, so it is there. */
function after(rows: CatalogRow[], cursor: string | undefined): CatalogRow[] {
  if (!cursor) return rows;
  const at = rows.findIndex((row) => cursorOf(row) === cursor);
  if (at < 0) throw invalidInput('cursor', 'is not one that this list gave out');
  return rows.slice(at + 1);
}

export const listRegistryServers = defineOperation({
  id: 'registry.listServers',
  summary: 'List the servers that were put into the catalog, in the form of the registry protocol',
  effect: 'read',
  input: z.strictObject({
    cursor: z.string().max(1000).optional().meta({ description: '`nextCursor` of the page before.' }),
    limit: z.int().min(1).max(100).default(30).meta({ description: 'So many of them at most, from 1 to 100.' }),
    search: z.string().max(200).optional().meta({ description: 'Part of the name or the description.' }),
    updated_since: z.iso.datetime({ offset: true }).optional().meta({ description: 'Only what was seen since then.' }),
    version: z.string().max(255).optional().meta({ description: '`latest`, or an exact version.' }),
    include_deleted,
  }),
  output: VersionList,
  errors: [],
  permission,
  rest: { method: 'GET', path: '/v0.1/servers' },
  holdsUntil: () => null,
  async run(context, { cursor, limit, search, updated_since, version, include_deleted }) {
    const { rows, latest } = await versionsIn(context);
    const words = search?.toLowerCase();
    const isAsked = (row: CatalogRow) =>
      (version === 'latest' ? latest.has(row) : version === undefined || row.version === version) &&
      (words === undefined || `${row.name}\n${descriptionOf(row)}`.toLowerCase().includes(words)) &&
      (updated_since === undefined || Date.parse(row.last_seen_at) >= Date.parse(updated_since)) &&
      // Who asks for changes has to hear of what was withdrawn.
      (include_deleted || updated_since !== undefined || !isWithdrawn(row));
    const ordered = rows.toSorted((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
    const found = after(ordered, cursor).filter(isAsked);
    const page = found.slice(0, limit);
    const last = page.at(-1);
    const more = found.length > page.length && last !== undefined;
    return {
      servers: page.map((row) => shown(row, latest)),
      metadata: { count: page.length, ...(more && { nextCursor: cursorOf(last) }) },
    };
  },
});

function descriptionOf({ raw }: CatalogRow): string {
  const { description } = raw as Record<string, unknown>;
  return typeof description === 'string' ? description : '';
}

const noServer = (server: string, version?: string) =>
  new AppError('SERVER_NOT_FOUND', `Nobody has put ${server}${version ? ` ${version}` : ''} into the catalog.`, {
    registry_name: server,
    ...(version !== undefined && { version }),
  });

export const listRegistryVersions = defineOperation({
  id: 'registry.listVersions',
  summary: 'List the versions of a server that was put into the catalog, newest first',
  effect: 'read',
  input: z.strictObject({ name, include_deleted }),
  example: { name: 'com.example/weather' },
  output: VersionList,
  errors: ['SERVER_NOT_FOUND'],
  permission,
  rest: { method: 'GET', path: '/v0.1/servers/{name}/versions' },
  holdsUntil: () => null,
  async run(context, input) {
    const { rows, latest } = await versionsIn(context);
    const found = rows.filter((row) => row.name === input.name && (input.include_deleted || !isWithdrawn(row)));
    if (found.length === 0) throw noServer(input.name);
    const servers = newestFirst(found).map((row) => shown(row, latest));
    return { servers, metadata: { count: servers.length } };
  },
});

export const getRegistryVersion = defineOperation({
  id: 'registry.getVersion',
  summary: 'Give one version of a server that was put into the catalog, with its document as it was received',
  effect: 'read',
  input: z.strictObject({
    name,
    version: z.string().min(1).max(255).meta({ description: 'An exact version, or `latest`.' }),
    include_deleted,
  }),
  example: { name: 'com.example/weather', version: 'latest' },
  output: Version,
  errors: ['SERVER_NOT_FOUND'],
  permission,
  rest: { method: 'GET', path: '/v0.1/servers/{name}/versions/{version}' },
  holdsUntil: () => null,
  async run(context, input) {
    const { rows, latest } = await versionsIn(context);
    const of = rows.filter((row) => row.name === input.name && (input.include_deleted || !isWithdrawn(row)));
    const found = of.find((row) => (input.version === 'latest' ? latest.has(row) : row.version === input.version));
    if (found === undefined) throw noServer(input.name, input.version);
    return shown(found, latest);
  },
});
