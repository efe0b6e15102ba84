import type { Insertable } from 'kysely';
import type { Store } from '../store.ts';
import { atomically, type Databases, nextNumber, numberGiven } from './databases.ts';
import { beforeNumber, pageOf } from './pages.ts';
import { prepared } from './prepared.ts';
import type { Tables } from './schema.ts';

const COLUMNS = [
  'number',
  'at',
  'operation',
  'effect',
  'actor',
  'door',
  'client_id',
  'profile_id',
  'request_id',
  'facts',
] as const;

const [, ...GIVEN] = COLUMNS;

const insert = prepared(['workspace', ...GIVEN], (db, blank: Omit<Insertable<Tables['audit']>, 'number'>) =>
  db.insertInto('audit').values({ ...blank, number: numberGiven(db, blank.workspace, 'audit') }),
);

export function auditQueries({ read, write }: Databases): Store['audit'] {
  return {
    append: (workspace, row) =>
      atomically(write, async (trx) => {
        const values = { ...row, workspace, facts: JSON.stringify(row.facts) };
        await Promise.all([nextNumber(trx, workspace, 'audit'), insert(trx, values)]);
      }),

    async list(workspace, page) {
      const rows = await read
        .selectFrom('audit')
        .select(COLUMNS)
        .where('workspace', '=', workspace)
        .where('number', '<', beforeNumber('audit', page.cursor))
        .orderBy('number', 'desc')
        .limit(page.limit + 1)
        .execute();
      return pageOf('audit', rows, page, ({ number, facts, ...row }) => ({ ...row, facts: JSON.parse(facts) }));
    },
  };
}
