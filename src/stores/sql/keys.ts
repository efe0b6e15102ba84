import type { Store } from '../store.ts';
import type { Databases } from './databases.ts';
import { prepared } from './prepared.ts';

const COLUMNS = ['key_id', 'algorithm', 'public_key_pem', 'status', 'created_at'] as const;

const listed = prepared(['workspace'], (db, { workspace }: { workspace: string }) =>
  db.selectFrom('keys').select(COLUMNS).where('workspace', '=', workspace).orderBy('created_at').orderBy('key_id'),
);

export function keyQueries({ read, write }: Databases): Store['keys'] {
  return {
    async list(workspace) {
      const rows = await listed(read, { workspace });
      return rows.map((row) => ({ ...row }));
    },

    async get(workspace, key_id) {
      const row = await read
        .selectFrom('keys')
        .select(COLUMNS)
        .where('workspace', '=', workspace)
        .where('key_id', '=', key_id)
        .executeTakeFirst();
      return row && { ...row };
    },

    async put(workspace, row) {
      await write
        .insertInto('keys')
        .values({ ...row, workspace })
        .onConflict((conflict) => conflict.columns(['workspace', 'key_id']).doUpdateSet({ status: row.status }))
        .execute();
    },
  };
}
