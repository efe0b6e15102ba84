import { z } from 'zod';
import { AppError } from '../core/errors.ts';
import { ServerId } from '../core/ids.ts';
import { nearest } from '../core/nearest.ts';
import type { CatalogRow } from '../stores/rows.ts';
import { statusOfRow } from './added-servers.ts';
import { defineOperation } from './operation.ts';
import { counted } from './words.ts';

/** Taking out of the catalog what was put in. A version is never forgotten: what it was must not become something else. */

const nothingThere = (server_id: string, version: string | undefined, near: string | undefined) =>
  new AppError(
    'SERVER_NOT_FOUND',
    `Nobody has put "${server_id}"${version === undefined ? '' : ` ${version}`} into the catalog, or it was taken out already.${near === undefined ? '' : ` Did you mean "${near}"?`}`,
    { server_id, ...(version !== undefined && { version }) },
    {
      hint: 'Servers that are known out of the box cannot be taken out. `list-servers imported` names the others.',
    },
  );

const withdrawn = (row: CatalogRow) => ({ ...(row.registry_meta as object | null), status: 'deleted' });

export const removeCatalogServer = defineOperation({
  id: 'catalog.removeServer',
  summary: 'Take a server that was put into the catalog out of it',
  description:
    'All of its versions, or one. They stay on record as deleted, so that whoever follows the list hears of it; drafts and releases stay as they are. Adding or fetching a version again brings it back.',
  effect: 'delete',
  input: z.strictObject({
    server_id: ServerId.meta({ description: 'The id in the catalog.' }),
    version: z.string().min(1).max(255).optional().meta({ description: 'Only this version; all when left out.' }),
  }),
  example: { server_id: 'weather' },
  output: z.object({
    status: z.literal('removed'),
    server_id: z.string(),
    versions: z.array(z.string()).meta({ description: 'What was taken out.' }),
  }),
  errors: ['SERVER_NOT_FOUND'],
  permission: { needs: 'catalog:write', agents: false, bound: 'never' },
  rest: { method: 'DELETE', path: '/v1/catalog/servers/{server_id}' },
  mcp: { tool: 'remove_catalog_server', toolset: 'governance' },
  cli: {
    verb: 'remove-catalog-server',
    positional: ['server_id'],
    text: ({ server_id, versions }, style) => ({
      out: `${style.good('Removed')} ${style.bold(server_id)}: ${counted(versions.length, 'version')}.`,
      note: 'Drafts and releases that have it stay as they are.',
    }),
  },
  async run({ store, workspace, now }, { server_id, version }) {
    const there = (await store.catalog.list(workspace)).filter((row) => statusOfRow(row).status !== 'deleted');
    const rows = there.filter(
      (row) => row.server_id === server_id && (version === undefined || row.version === version),
    );
    if (rows.length === 0) {
      const others = there.map((row) => row.server_id).filter((id) => id !== server_id);
      throw nothingThere(server_id, version, nearest(server_id, others)[0]);
    }
    const last_seen_at = now().toISOString();
    for (const row of rows) {
      const { registry, name, version } = row;
      await store.catalog.see(workspace, { registry, name, version, registry_meta: withdrawn(row), last_seen_at });
    }
    return { status: 'removed' as const, server_id, versions: [...new Set(rows.map((row) => row.version))] };
  },
});
