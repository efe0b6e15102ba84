import type { Kysely } from 'kysely';
import type { Store } from '../store.ts';
import type { Databases } from './databases.ts';
import { PROFILE_KEY, type ProfileKey, prepared } from './prepared.ts';
import type { Tables } from './schema.ts';

const COLUMNS = ['client_id', 'profile_id', 'source_client_id', 'source_profile_id', 'created_at'] as const;

const linksIn = (read: Kysely<Tables>, workspace: string) =>
  read
    .selectFrom('links')
    .select(COLUMNS)
    .where('workspace', '=', workspace)
    .orderBy('client_id')
    .orderBy('profile_id');

const ofProfile = prepared(PROFILE_KEY, (db, { workspace, client_id, profile_id }: ProfileKey) =>
  linksIn(db, workspace).where('client_id', '=', client_id).where('profile_id', '=', profile_id),
);

const ofSource = prepared(PROFILE_KEY, (db, { workspace, client_id, profile_id }: ProfileKey) =>
  linksIn(db, workspace).where('source_client_id', '=', client_id).where('source_profile_id', '=', profile_id),
);

export function linkQueries({ read, write }: Databases): Store['links'] {
  return {
    async get(workspace, client_id, profile_id) {
      const [row] = await ofProfile(read, { workspace, client_id, profile_id });
      return row && { ...row };
    },

    async followers(workspace, client_id, profile_id) {
      const rows = await ofSource(read, { workspace, client_id, profile_id });
      return rows.map((row) => ({ ...row }));
    },

    async list(workspace, client_id) {
      const all = linksIn(read, workspace);
      const rows = await (client_id === undefined ? all : all.where('client_id', '=', client_id)).execute();
      return rows.map((row) => ({ ...row }));
    },

    async put(workspace, row) {
      const { source_client_id, source_profile_id, created_at } = row;
      await write
        .insertInto('links')
        .values({ ...row, workspace })
        .onConflict((conflict) =>
          conflict
            .columns(['workspace', 'client_id', 'profile_id'])
            .doUpdateSet({ source_client_id, source_profile_id, created_at }),
        )
        .execute();
    },

    async remove(workspace, client_id, profile_id) {
      const removed = await write
        .deleteFrom('links')
        .where('workspace', '=', workspace)
        .where('client_id', '=', client_id)
        .where('profile_id', '=', profile_id)
        .executeTakeFirst();
      return removed.numDeletedRows > 0n;
    },
  };
}
