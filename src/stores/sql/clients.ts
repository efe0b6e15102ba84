import type { Store } from '../store.ts';
import type { Databases } from './databases.ts';

export function clientQueries({ read, write }: Databases): Store['clients'] {
  return {
    async add(workspace, row) {
      const inserted = await write
        .insertInto('clients')
        .values({ ...row, definition: JSON.stringify(row.definition), workspace })
        .onConflict((conflict) => conflict.columns(['workspace', 'client_id']).doNothing())
        .executeTakeFirst();
      return inserted.numInsertedOrUpdatedRows === 1n;
    },

    async list(workspace) {
      const rows = await read
        .selectFrom('clients')
        .select(['client_id', 'definition', 'added_at'])
        .where('workspace', '=', workspace)
        .orderBy('client_id')
        .execute();
      return rows.map((row) => ({ ...row, definition: JSON.parse(row.definition) }));
    },

    async remove(workspace, client_id) {
      const removed = await write
        .deleteFrom('clients')
        .where('workspace', '=', workspace)
        .where('client_id', '=', client_id)
        .executeTakeFirst();
      return removed.numDeletedRows === 1n;
    },
  };
}
