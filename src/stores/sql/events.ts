import type { Insertable } from 'kysely';
import type { EventRow } from '../rows.ts';
import type { Store } from '../store.ts';
import { atomically, type Databases, nextNumber, numberGiven, ONE } from './databases.ts';
import { prepared } from './prepared.ts';
import type { Tables } from './schema.ts';
import { EVENT, handOut, removeFinished, subscriptions } from './webhooks.ts';

const [, ...GIVEN] = EVENT;

const insert = prepared(['workspace', ...GIVEN], (db, blank: Omit<Insertable<Tables['events']>, 'number'>) =>
  db.insertInto('events').values({ ...blank, number: numberGiven(db, blank.workspace, 'events') }),
);

interface Since {
  workspace: string;
  number: number;
  limit: number;
}

const since = prepared(['workspace', 'number', 'limit'], (db, { workspace, number, limit }: Since) =>
  db
    .selectFrom('events')
    .select(EVENT)
    .where('workspace', '=', workspace)
    .where('number', '>', number)
    .orderBy('number')
    .limit(limit),
);

const range = prepared(['workspace'], (db, { workspace }: { workspace: string }) =>
  db
    .selectFrom('events')
    .select(({ fn }) => [fn.min('number').as('oldest'), fn.max('number').as('newest')])
    .where('workspace', '=', workspace),
);

/** How often old events are looked for: not with every new one. */
const PRUNE_EVERY = 256;

export function eventQueries({ read, write }: Databases): Store['events'] {
  return {
    append: (workspace, row, keep) =>
      atomically(write, async (trx) => {
        const [number, , subscribed] = await Promise.all([
          nextNumber(trx, workspace, 'events'),
          insert(trx, { ...row, workspace, data: JSON.stringify(row.data) }),
          subscriptions(trx, { workspace }),
        ]);
        await handOut(trx, workspace, { ...row, number }, subscribed);
        if (number % PRUNE_EVERY === 0) {
          const last = number - keep;
          await trx.deleteFrom('events').where('workspace', '=', workspace).where('number', '<=', last).execute();
          await removeFinished(trx, workspace, last);
        }
        return number;
      }),

    async since(workspace, number, limit) {
      const rows = await since(read, { workspace, number, limit });
      return rows.map((row) => ({ ...row, data: JSON.parse(row.data) }) as EventRow);
    },

    async range(workspace) {
      const [row] = await range(read, { workspace });
      return { oldest: Number(row?.oldest ?? 1), newest: Number(row?.newest ?? 0) };
    },

    async newest() {
      const rows = await read
        .selectFrom('counters')
        .select(['workspace', 'value'])
        .where('counter', '=', 'events')
        .orderBy('workspace')
        .execute();
      return rows.map(({ workspace, value }) => ({ workspace, number: Number(value) }));
    },

    async latest(workspace, type, client_id, profile_id) {
      const row = await read
        .selectFrom('events')
        .select(EVENT)
        .where('workspace', '=', workspace)
        .where('type', '=', type)
        .where('client_id', '=', client_id)
        .where('profile_id', '=', profile_id)
        .orderBy('number', 'desc')
        .limit(ONE)
        .executeTakeFirst();
      return row && ({ ...row, data: JSON.parse(row.data) } as EventRow);
    },
  };
}
