import type { Insertable } from 'kysely';
import type { Store } from '../store.ts';
import { type Databases, ONE } from './databases.ts';
import { PROFILE_KEY, type ProfileKey, prepared, preparedChange } from './prepared.ts';
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

const ofProfile = prepared(PROFILE_KEY, (db, { workspace, client_id, profile_id }: ProfileKey) =>
  db
    .selectFrom('pointers')
    .select(COLUMNS)
    .where('workspace', '=', workspace)
    .where('client_id', '=', client_id)
    .where('profile_id', '=', profile_id),
);

const anyIn = prepared(['workspace'], (db, { workspace }: { workspace: string }) =>
  db.selectFrom('pointers').select('number').where('workspace', '=', workspace).limit(ONE),
);

type StoredPointer = Insertable<Tables['pointers']>;

const insert = preparedChange(['workspace', ...COLUMNS], (db, blank: StoredPointer) =>
  db
    .insertInto('pointers')
    .values(blank)
    .onConflict((conflict) => conflict.columns(['workspace', 'client_id', 'profile_id']).doNothing()),
);

const update = preparedChange(
  ['workspace', ...COLUMNS, 'before'],
  (db, { workspace, client_id, profile_id, before, ...changed }: StoredPointer & { before: number }) =>
    db
      .updateTable('pointers')
      .set(changed)
      .where('workspace', '=', workspace)
      .where('client_id', '=', client_id)
      .where('profile_id', '=', profile_id)
      .where('number', '=', before),
);

export function pointerQueries({ read, write }: Databases): Store['pointers'] {
  return {
    async get(workspace, client_id, profile_id) {
      const [row] = await ofProfile(read, { workspace, client_id, profile_id });
      return row && { ...row };
    },

    async any(workspace) {
      return (await anyIn(read, { workspace })).length > 0;
    },

    /** The number is what lets a verifier refuse an earlier pointer, so it never stands still and never leaps. */
    async put(workspace, row) {
      const stored = { ...row, workspace };
      return row.number === 1 ? insert(write, stored) : update(write, { ...stored, before: row.number - 1 });
    },

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
