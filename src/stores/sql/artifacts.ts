import type { Insertable } from 'kysely';
import type { Store } from '../store.ts';
import type { Databases } from './databases.ts';
import { prepared, preparedChange } from './prepared.ts';
import type { Tables } from './schema.ts';

const insert = preparedChange(
  ['workspace', 'artifact_id', 'canonical', 'created_at'],
  (db, blank: Insertable<Tables['artifacts']>) =>
    db
      .insertInto('artifacts')
      .values(blank)
      .onConflict((conflict) => conflict.columns(['workspace', 'artifact_id']).doNothing()),
);

const byId = prepared(
  ['workspace', 'artifact_id'],
  (db, { workspace, artifact_id }: Record<'workspace' | 'artifact_id', string>) =>
    db
      .selectFrom('artifacts')
      .select(['artifact_id', 'canonical'])
      .where('workspace', '=', workspace)
      .where('artifact_id', '=', artifact_id),
);

export function artifactQueries({ read, write }: Databases): Store['artifacts'] {
  return {
    async put(workspace, row) {
      await insert(write, { ...row, workspace });
    },

    async get(workspace, artifact_id) {
      const [row] = await byId(read, { workspace, artifact_id });
      return row && { ...row };
    },
  };
}
