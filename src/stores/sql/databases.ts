import { type Dialect, DummyDriver, type Kysely, sql, Transaction } from 'kysely';
import { prepared } from './prepared.ts';
import type { Tables } from './schema.ts';

/**
 * Where queries go. Inside a transaction both are that transaction; outside, a store may keep a connection of its own
 * for reads, which never waits for a writer and sees only what is committed.
 */
export interface Databases {
  read: Kysely<Tables>;
  write: Kysely<Tables>;
}

/**
 * A limit that is written into the SQL text: PostgreSQL takes one that it does not know for a tenth of the table, and would
 * plan anew for every call once the table is large.
 */
export const ONE = sql.lit(1);

/** For a write of several statements: joins the running transaction, or opens one. */
export function atomically<T>(write: Kysely<Tables>, work: (trx: Kysely<Tables>) => Promise<T>): Promise<T> {
  return write.isTransaction ? work(write) : write.transaction().execute(work);
}

/**
 * The same transaction, in which statements go to the connection in the order in which they are asked, and none waits for the
 * answer to another. Kysely lets them in one by one, and who comes just between two of them overtakes those that wait.
 */
export async function inOrder<T>(trx: Transaction<T>, dialect: Dialect): Promise<Transaction<T>> {
  const serial = trx.getExecutor();
  const connection = await serial.provideConnection(async (it) => it);
  const executor = serial.withConnectionProvider({ provideConnection: (consumer) => consumer(connection) });
  return new Transaction<T>({ config: { dialect }, dialect, driver: new DummyDriver(), executor });
}

type Counter = 'audit' | 'catalog' | 'deployments' | 'events' | 'tokens' | 'webhooks' | 'workspaces';

const countOn = prepared(['workspace', 'counter'], (db, blank: { workspace: string; counter: Counter }) =>
  db
    .insertInto('counters')
    .values({ ...blank, value: 1 })
    .onConflict((conflict) =>
      conflict.columns(['workspace', 'counter']).doUpdateSet((eb) => ({ value: eb('counters.value', '+', 1) })),
    )
    .returning('value'),
);

/**
 * The number that `nextNumber` has just given, for a statement that is sent right behind it without waiting for it. In a
 * transaction with several things under way, only `inOrder` keeps others from coming between.
 */
export const numberGiven = (db: Kysely<Tables>, workspace: string, counter: Counter) =>
  db.selectFrom('counters').select('value').where('workspace', '=', workspace).where('counter', '=', counter);

/**
 * The next number of a list. It orders rows by insertion and may leave gaps after failures. The row of the counter stays
 * locked until the transaction ends, so numbers become visible in their order.
 */
export async function nextNumber(trx: Kysely<Tables>, workspace: string, counter: Counter): Promise<number> {
  const [row] = await countOn(trx, { workspace, counter });
  if (row === undefined) throw new Error(`the counter ${counter} gave no number`);
  return row.value;
}
