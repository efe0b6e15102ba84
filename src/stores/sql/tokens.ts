import type { Selectable } from 'kysely';
import type { TokenRow } from '../rows.ts';
import type { Store } from '../store.ts';
import { atomically, type Databases, nextNumber } from './databases.ts';
import { beforeNumber, pageOf } from './pages.ts';
import { prepared } from './prepared.ts';
import type { Tables } from './schema.ts';

const COLUMNS = [
  'token_id',
  'digest',
  'name',
  'kind',
  'scopes',
  'client_id',
  'profile_id',
  'created_at',
  'expires_at',
  'last_used_at',
  'use_count',
  'revoked_at',
] as const;

type StoredToken = Pick<Selectable<Tables['tokens']>, (typeof COLUMNS)[number]>;

function toToken({ scopes, ...row }: StoredToken): TokenRow {
  return { ...row, scopes: JSON.parse(scopes) };
}

const ofDigest = prepared(['digest'], (db, { digest }: { digest: string }) =>
  db.selectFrom('tokens').select('workspace').select(COLUMNS).where('digest', '=', digest),
);

export function tokenQueries({ read, write }: Databases): Store['tokens'] {
  return {
    insert: (workspace, row) =>
      atomically(write, async (trx) => {
        const number = await nextNumber(trx, workspace, 'tokens');
        const values = { ...row, workspace, number, scopes: JSON.stringify(row.scopes) };
        await trx.insertInto('tokens').values(values).execute();
      }),

    async byDigest(digest) {
      const [row] = await ofDigest(read, { digest });
      if (!row) return undefined;
      const { workspace, ...token } = row;
      return { workspace, token: toToken(token) };
    },

    async list(workspace, page, { client_id, profile_id } = {}) {
      const rows = await read
        .selectFrom('tokens')
        .select('number')
        .select(COLUMNS)
        .where('workspace', '=', workspace)
        .where('number', '<', beforeNumber('tokens', page.cursor))
        .$if(client_id !== undefined, (query) => query.where('client_id', '=', client_id ?? ''))
        .$if(profile_id !== undefined, (query) => query.where('profile_id', '=', profile_id ?? ''))
        .orderBy('number', 'desc')
        .limit(page.limit + 1)
        .execute();
      return pageOf('tokens', rows, page, ({ number, ...row }) => toToken(row));
    },

    async get(workspace, token_id) {
      const row = await read
        .selectFrom('tokens')
        .select(COLUMNS)
        .where('workspace', '=', workspace)
        .where('token_id', '=', token_id)
        .executeTakeFirst();
      return row && toToken(row);
    },

    async revoke(workspace, token_id, at) {
      const updated = await write
        .updateTable('tokens')
        .set((eb) => ({ revoked_at: eb.fn.coalesce('revoked_at', eb.val(at)) }))
        .where('workspace', '=', workspace)
        .where('token_id', '=', token_id)
        .executeTakeFirst();
      return updated.numUpdatedRows === 1n;
    },

    async addUses(workspace, token_id, uses, last_used_at) {
      await write
        .updateTable('tokens')
        .set((eb) => ({
          use_count: eb('use_count', '+', uses),
          last_used_at: eb
            .case()
            .when('last_used_at', '>', last_used_at)
            .then(eb.ref('last_used_at'))
            .else(last_used_at)
            .end(),
        }))
        .where('workspace', '=', workspace)
        .where('token_id', '=', token_id)
        .execute();
    },

    async count() {
      const { tokens } = await read
        .selectFrom('tokens')
        .select((eb) => eb.fn.countAll().as('tokens'))
        .executeTakeFirstOrThrow();
      return Number(tokens);
    },
  };
}
