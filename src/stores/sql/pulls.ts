import type { Store } from '../store.ts';
import type { Databases } from './databases.ts';
import { PROFILE_KEY, type ProfileKey, prepared } from './prepared.ts';

const PIN_COLUMNS = ['key_id', 'public_key_pem', 'pinned_at'] as const;
const COLUMNS = ['client_id', 'profile_id', 'server', 'sequence', 'number', 'pulled_at'] as const;

const ofProfile = prepared(PROFILE_KEY, (db, { workspace, client_id, profile_id }: ProfileKey) =>
  db
    .selectFrom('pulls')
    .select(COLUMNS)
    .where('workspace', '=', workspace)
    .where('client_id', '=', client_id)
    .where('profile_id', '=', profile_id),
);

export function pinQueries({ read, write }: Databases): Store['pins'] {
  return {
    async list(workspace) {
      const rows = await read
        .selectFrom('pins')
        .select(PIN_COLUMNS)
        .where('workspace', '=', workspace)
        .orderBy('pinned_at')
        .orderBy('key_id')
        .execute();
      return rows.map((row) => ({ ...row }));
    },

    async put(workspace, row) {
      await write
        .insertInto('pins')
        .values({ ...row, workspace })
        .onConflict((conflict) =>
          conflict.columns(['workspace', 'key_id']).doUpdateSet({ public_key_pem: row.public_key_pem }),
        )
        .execute();
    },

    async remove(workspace, key_id) {
      const removed = await write
        .deleteFrom('pins')
        .where('workspace', '=', workspace)
        .where('key_id', '=', key_id)
        .executeTakeFirst();
      return removed.numDeletedRows > 0n;
    },
  };
}

export function pullQueries({ read, write }: Databases): Store['pulls'] {
  return {
    async get(workspace, client_id, profile_id) {
      const [row] = await ofProfile(read, { workspace, client_id, profile_id });
      return row && { ...row };
    },

    // Neither number goes back, whatever is put.
    async put(workspace, row) {
      const { server, sequence, number, pulled_at } = row;
      const put = await write
        .insertInto('pulls')
        .values({ ...row, workspace })
        .onConflict((conflict) =>
          conflict
            .columns(['workspace', 'client_id', 'profile_id'])
            .doUpdateSet({ server, sequence, number, pulled_at })
            .where('pulls.sequence', '<=', sequence)
            .where('pulls.number', '<=', number),
        )
        .executeTakeFirst();
      return put.numInsertedOrUpdatedRows === 1n;
    },

    async remove(workspace, client_id, profile_id) {
      const removed = await write
        .deleteFrom('pulls')
        .where('workspace', '=', workspace)
        .where('client_id', '=', client_id)
        .where('profile_id', '=', profile_id)
        .executeTakeFirst();
      return removed.numDeletedRows > 0n;
    },
  };
}
