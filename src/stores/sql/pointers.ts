import type { Kysely } from 'kysely';
import type { PointerRow } from '../rows.ts';
import type { Store } from '../store.ts';
import type { Databases } from './databases.ts';
import type { Tables } from './schema.ts';

const COLUMNS = [
  'client_id',
  'profile_id',
  'number',
  'sequence',
  'artifact_id',
  'signing_key_id',
  'issued_at',
  'expires_at',
  'envelope',
] as const;

export function pointerQueries({ read, write }: Databases): Store['pointers'] {
  return {
    async get(workspace, client_id, profile_id) {
      const row = await read
        .selectFrom('pointers')
        .select(COLUMNS)
        .where('workspace', '=', workspace)
        .where('client_id', '=', client_id)
        .where('profile_id', '=', profile_id)
        .executeTakeFirst();
      return row && { ...row };
    },

    async any(workspace) {
      const row = await read
        .selectFrom('pointers')
        .select('number')
        .where('workspace', '=', workspace)
        .limit(1)
        .executeTakeFirst();
      return row !== undefined;
    },

    put: (workspace, row) => put(write, workspace, row),

    async due({ issued_before, issued_after, other_than_key }, limit) {
      const latest = read
        .selectFrom('releases')
        .select(({ fn }) => ['workspace', 'client_id', 'profile_id', fn.max('sequence').as('sequence')])
        .groupBy(['workspace', 'client_id', 'profile_id'])
        .as('latest');
      const rows = await read
        .selectFrom(latest)
        .leftJoin('pointers', (join) =>
          join
            .onRef('pointers.workspace', '=', 'latest.workspace')
            .onRef('pointers.client_id', '=', 'latest.client_id')
            .onRef('pointers.profile_id', '=', 'latest.profile_id'),
        )
        .select(['latest.workspace', 'latest.client_id', 'latest.profile_id'])
        .where((eb) =>
          eb.or([
            eb('pointers.number', 'is', null),
            eb('pointers.sequence', '<', eb.ref('latest.sequence')),
            eb('pointers.issued_at', '<', issued_before),
            eb('pointers.issued_at', '>', issued_after),
            eb('pointers.signing_key_id', '!=', other_than_key),
          ]),
        )
        .orderBy('latest.workspace')
        .orderBy('latest.client_id')
        .orderBy('latest.profile_id')
        .limit(limit)
        .execute();
      return rows.map((row) => ({ ...row }));
    },

    async overview() {
      const row = await read
        .selectFrom('pointers')
        .select(({ fn }) => [fn.countAll<number>().as('count'), fn.min('expires_at').as('soonest')])
        .executeTakeFirst();
      return { count: Number(row?.count ?? 0), soonest: row?.soonest ?? null };
    },
  };
}

/** The number is what lets a verifier refuse an earlier pointer, so it never stands still and never leaps. */
async function put(write: Kysely<Tables>, workspace: string, row: PointerRow): Promise<boolean> {
  if (row.number === 1) {
    const inserted = await write
      .insertInto('pointers')
      .values({ ...row, workspace })
      .onConflict((conflict) => conflict.columns(['workspace', 'client_id', 'profile_id']).doNothing())
      .executeTakeFirst();
    return inserted.numInsertedOrUpdatedRows === 1n;
  }
  const updated = await write
    .updateTable('pointers')
    .set(row)
    .where('workspace', '=', workspace)
    .where('client_id', '=', row.client_id)
    .where('profile_id', '=', row.profile_id)
    .where('number', '=', row.number - 1)
    .executeTakeFirst();
  return updated.numUpdatedRows === 1n;
}
