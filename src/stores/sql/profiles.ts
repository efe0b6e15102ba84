import type { Store } from '../store.ts';
import type { Databases } from './databases.ts';

const COLUMNS = ['client_id', 'profile_id', 'display_name', 'description', 'created_at'] as const;

export function profileQueries({ read, write }: Databases): Store['profiles'] {
  return {
    async list(workspace, client_id) {
      const rows = await read
        .selectFrom('profiles')
        .select(COLUMNS)
        .where('workspace', '=', workspace)
        .$if(client_id !== undefined, (query) => query.where('client_id', '=', String(client_id)))
        .orderBy('client_id')
        .orderBy('profile_id')
        .execute();
      return rows.map((row) => ({ ...row }));
    },

    async get(workspace, client_id, profile_id) {
      const row = await read
        .selectFrom('profiles')
        .select(COLUMNS)
        .where('workspace', '=', workspace)
        .where('client_id', '=', client_id)
        .where('profile_id', '=', profile_id)
        .executeTakeFirst();
      return row && { ...row };
    },

    async create(workspace, row) {
      const inserted = await write
        .insertInto('profiles')
        .values({ ...row, workspace })
        .onConflict((conflict) => conflict.columns(['workspace', 'client_id', 'profile_id']).doNothing())
        .executeTakeFirst();
      return inserted.numInsertedOrUpdatedRows === 1n;
    },

    async remove(workspace, client_id, profile_id) {
      const removed = await write
        .deleteFrom('profiles')
        .where('workspace', '=', workspace)
        .where('client_id', '=', client_id)
        .where('profile_id', '=', profile_id)
        .executeTakeFirst();
      return removed.numDeletedRows === 1n;
    },
  };
}
