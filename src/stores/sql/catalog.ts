import type { Kysely, Selectable } from 'kysely';
import type { CatalogRow } from '../rows.ts';
import type { Store } from '../store.ts';
import { atomically, type Databases, nextNumber } from './databases.ts';
import type { Tables } from './schema.ts';

const COLUMNS = [
  'registry',
  'name',
  'version',
  'server_id',
  'raw',
  'raw_sha256',
  'definition',
  'findings',
  'registry_meta',
  'first_seen_at',
  'last_seen_at',
] as const;

const toRow = (stored: Pick<Selectable<Tables['catalog']>, (typeof COLUMNS)[number]>): CatalogRow => ({
  ...stored,
  raw: JSON.parse(stored.raw),
  definition: JSON.parse(stored.definition),
  findings: JSON.parse(stored.findings),
  registry_meta: JSON.parse(stored.registry_meta),
});

const rowsIn = (read: Kysely<Tables>, workspace: string) =>
  read.selectFrom('catalog').select(COLUMNS).where('workspace', '=', workspace);

export function catalogQueries({ read, write }: Databases): Store['catalog'] {
  return {
    add: (workspace, row) =>
      atomically(write, async (trx) => {
        const number = await nextNumber(trx, workspace, 'catalog');
        const json = {
          raw: JSON.stringify(row.raw),
          definition: JSON.stringify(row.definition),
          findings: JSON.stringify(row.findings),
          registry_meta: JSON.stringify(row.registry_meta),
        };
        const inserted = await trx
          .insertInto('catalog')
          .values({ ...row, ...json, workspace, number })
          .onConflict((conflict) => conflict.columns(['workspace', 'registry', 'name', 'version']).doNothing())
          .executeTakeFirst();
        return inserted.numInsertedOrUpdatedRows === 1n;
      }),

    async get(workspace, { registry, name, version }) {
      const stored = await rowsIn(read, workspace)
        .where('registry', '=', registry)
        .where('name', '=', name)
        .where('version', '=', version)
        .executeTakeFirst();
      return stored && toRow(stored);
    },

    async list(workspace) {
      const stored = await rowsIn(read, workspace).orderBy('number').execute();
      return stored.map(toRow);
    },

    async see(workspace, { registry, name, version, registry_meta, last_seen_at }) {
      const updated = await write
        .updateTable('catalog')
        .set({ registry_meta: JSON.stringify(registry_meta), last_seen_at })
        .where('workspace', '=', workspace)
        .where('registry', '=', registry)
        .where('name', '=', name)
        .where('version', '=', version)
        .executeTakeFirst();
      return updated.numUpdatedRows === 1n;
    },
  };
}
