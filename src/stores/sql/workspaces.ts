import { DEFAULT_WORKSPACE } from '../../core/binding.ts';
import type { Store } from '../store.ts';
import { atomically, type Databases, nextNumber } from './databases.ts';
import { beforeNumber, pageOf } from './pages.ts';

const COLUMNS = ['workspace', 'display_name', 'created_at'] as const;

export function workspaceQueries({ read, write }: Databases): Store['workspaces'] {
  return {
    create: (row) =>
      atomically(write, async (trx) => {
        // They are one list of the whole installation, so their numbers are counted in one place.
        const number = await nextNumber(trx, DEFAULT_WORKSPACE, 'workspaces');
        const inserted = await trx
          .insertInto('workspaces')
          .values({ ...row, number })
          .onConflict((conflict) => conflict.doNothing())
          .executeTakeFirst();
        return inserted.numInsertedOrUpdatedRows === 1n;
      }),

    async get(workspace) {
      const row = await read
        .selectFrom('workspaces')
        .select(COLUMNS)
        .where('workspace', '=', workspace)
        .executeTakeFirst();
      return row && { ...row };
    },

    async list(page) {
      const rows = await read
        .selectFrom('workspaces')
        .select('number')
        .select(COLUMNS)
        .where('number', '<', beforeNumber('workspaces', page.cursor))
        .orderBy('number', 'desc')
        .limit(page.limit + 1)
        .execute();
      return pageOf('workspaces', rows, page, ({ number: _, ...row }) => row);
    },
  };
}
