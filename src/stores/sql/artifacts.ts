import type { Store } from '../store.ts';
import type { Databases } from './databases.ts';

export function artifactQueries({ read, write }: Databases): Store['artifacts'] {
  return {
    async put(workspace, row) {
      await write
        .insertInto('artifacts')
        .values({ ...row, workspace })
        .onConflict((conflict) => conflict.columns(['workspace', 'artifact_id']).doNothing())
        .execute();
    },

    async get(workspace, artifact_id) {
      const row = await read
        .selectFrom('artifacts')
        .select(['artifact_id', 'canonical'])
        .where('workspace', '=', workspace)
        .where('artifact_id', '=', artifact_id)
        .executeTakeFirst();
      return row && { ...row };
    },
  };
}
