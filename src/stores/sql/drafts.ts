import type { Store } from '../store.ts';
import type { Databases } from './databases.ts';

export function draftQueries({ read, write }: Databases): Store['drafts'] {
  return {
    async get(workspace, client_id, profile_id) {
      const row = await read
        .selectFrom('drafts')
        .select(['client_id', 'profile_id', 'revision', 'payload', 'updated_at'])
        .where('workspace', '=', workspace)
        .where('client_id', '=', client_id)
        .where('profile_id', '=', profile_id)
        .executeTakeFirst();
      return row && { ...row, payload: JSON.parse(row.payload) };
    },

    async save(workspace, row) {
      const payload = JSON.stringify(row.payload);
      if (row.revision === 1) {
        const inserted = await write
          .insertInto('drafts')
          .values({ ...row, workspace, payload })
          .onConflict((conflict) => conflict.columns(['workspace', 'client_id', 'profile_id']).doNothing())
          .executeTakeFirst();
        return inserted.numInsertedOrUpdatedRows === 1n;
      }
      const updated = await write
        .updateTable('drafts')
        .set({ revision: row.revision, payload, updated_at: row.updated_at })
        .where('workspace', '=', workspace)
        .where('client_id', '=', row.client_id)
        .where('profile_id', '=', row.profile_id)
        .where('revision', '=', row.revision - 1)
        .executeTakeFirst();
      return updated.numUpdatedRows === 1n;
    },
  };
}
