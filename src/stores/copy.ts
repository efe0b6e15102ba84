import { createHash } from 'node:crypto';
import { type Kysely, sql } from 'kysely';
import { AppError } from '../core/errors.ts';
import { pagesOf } from './inspect/pages.ts';
import { TABLES, type TableName } from './inspect/tables.ts';
import type { Tables } from './sql/schema.ts';

/** From one database into another, whichever two of those that the product knows. */

export interface CopyOptions {
  /** All of what is copied, at one instant. */
  from: Kysely<Tables>;
  /** Up to date, and used by nobody else. */
  to: Kysely<Tables>;
  progress?: (doing: string) => void;
}

/** What the two sides have in common when nothing is missing and nothing is more. */
export interface CopiedTable {
  table: TableName;
  rows: number;
  /** Over all rows in the order of their keys, lowercase hex. */
  sha256: string;
}

/**
 * Copies every row and proves it: counts and digests of each table, computed on both sides. May be called again after it
 * was broken off, as long as nothing was written on the first side: rows that are there already stay. Throws UNAVAILABLE when the other side has something else in the end.
 *
 * What the first migrations put into a new database (the workspace `default`) is there already, and has to be the same.
 */
export async function copyStore({ from, to, progress = () => undefined }: CopyOptions): Promise<CopiedTable[]> {
  for (const table of TABLES) await copyTable(from, to, table, progress);
  const copied: CopiedTable[] = [];
  for (const table of TABLES) {
    progress(`Comparing ${table}`);
    const [before, after] = [await digestOf(from, table), await digestOf(to, table)];
    if (before.sha256 !== after.sha256) throw differs(table, before.rows, after.rows);
    copied.push({ table, ...before });
  }
  return copied;
}

/**
 * Throws UNAVAILABLE when the other side has a key or an audit row that this one has not: it is the store of somebody else, or
 * a copy that was written into since. It stays as it is: what was deleted there would come back.
 */
export async function assertFor(from: Kysely<Tables>, to: Kysely<Tables>): Promise<void> {
  const keysOf = async (db: Kysely<Tables>) => {
    const keys = await db.selectFrom('keys').select(['workspace', 'key_id']).execute();
    return new Set(keys.map(({ workspace, key_id }) => `${workspace}/${key_id}`));
  };
  let foreign = !(await keysOf(to)).isSubsetOf(await keysOf(from));
  for (const { workspace, newest } of await newestAudits(to)) {
    const rowOf = (db: Kysely<Tables>) =>
      db
        .selectFrom('audit')
        .select(['at', 'request_id'])
        .where('workspace', '=', workspace)
        .where('number', '=', newest)
        .executeTakeFirst();
    const [ours, theirs] = [await rowOf(from), await rowOf(to)];
    foreign ||= ours?.request_id !== theirs?.request_id || ours?.at !== theirs?.at;
  }
  if (!foreign) return;
  const message = 'The new store holds something else already. Nothing was changed.';
  throw new AppError('UNAVAILABLE', message, { reason: 'store_in_use' }, { hint: 'Name an empty database.' });
}

/** The number of the newest audit row of each workspace: every change by an operation has one. */
const newestAudits = (db: Kysely<Tables>) =>
  db
    .selectFrom('audit')
    .select(['workspace', ({ fn }) => fn.max('number').as('newest')])
    .groupBy('workspace')
    .execute();

/** PostgreSQL takes at most 65,535 values in one statement. */
const MOST_VALUES = 30_000;

async function copyTable(
  from: Kysely<Tables>,
  to: Kysely<Tables>,
  table: TableName,
  progress: (doing: string) => void,
): Promise<void> {
  let count = 0;
  for await (const rows of pagesOf(from, table)) {
    const columns = Object.keys(rows[0] ?? {}).length;
    const most = Math.max(1, Math.floor(MOST_VALUES / columns));
    // One transaction for each page: it is there or not, and the next call goes on behind it.
    await to.transaction().execute(async (trx) => {
      for (let at = 0; at < rows.length; at += most) await insert(trx, table, rows.slice(at, at + most));
    });
    count += rows.length;
    progress(`Copying ${table}: ${count} rows`);
  }
}

function insert(trx: Kysely<Tables>, table: TableName, rows: readonly object[]): Promise<unknown> {
  const columns = Object.keys(rows[0] ?? {}).toSorted();
  const values = rows.map((row) => sql`(${sql.join(columns.map((column) => Reflect.get(row, column) as unknown))})`);
  return sql`insert into ${sql.table(table)} (${sql.join(columns.map((column) => sql.ref(column)))})
    values ${sql.join(values)} on conflict do nothing`.execute(trx);
}

/** The same for the same rows, whatever the database calls a number and in which order it has its columns. */
export async function digestOf(db: Kysely<Tables>, table: TableName): Promise<Omit<CopiedTable, 'table'>> {
  const hash = createHash('sha256');
  let rows = 0;
  for await (const page of pagesOf(db, table)) {
    for (const row of page) hash.update(`${JSON.stringify(inOrder(row))}\n`);
    rows += page.length;
  }
  return { rows, sha256: hash.digest('hex') };
}

const inOrder = (row: object): [column: string, value: unknown][] =>
  Object.entries(row).toSorted(([a], [b]) => (a < b ? -1 : 1));

function differs(table: TableName, expected: number, found: number): AppError {
  const message =
    expected === found
      ? `Rows of ${table} are others than those that were copied.`
      : `There are ${found} ${table}, and not ${expected}.`;
  const hint = 'Copy into an empty database that nobody else uses.';
  return new AppError('UNAVAILABLE', message, { reason: 'copy_differs', table, expected, found }, { hint });
}
