import { setImmediate as turnOfTheLoop } from 'node:timers/promises';
import { type Kysely, type RawBuilder, sql } from 'kysely';
import type { Tables } from '../sql/schema.ts';
import { HEAVY, KEYS, type TableName } from './tables.ts';

/** Rows of a page, and characters that all of them may have in their heavy columns. One row may have more. */
const ROWS = 256;
const WEIGHT = 2 * 1024 * 1024;

/** Milliseconds of work between two turns of the event loop. */
const TURN_MS = 20;

type Key = readonly unknown[];

/** Lets others have their turn when the last one was long ago. */
export function pacer(): () => Promise<void> {
  let until = performance.now() + TURN_MS;
  return async () => {
    if (performance.now() < until) return;
    await turnOfTheLoop();
    until = performance.now() + TURN_MS;
  };
}

/**
 * All rows of a table in the order of its primary key, a page at a time: each page begins behind the key of the last row
 * of the one before, so that the cost is that of the rows, and memory holds one page.
 */
export async function* pagesOf<T extends TableName>(db: Kysely<Tables>, table: T): AsyncGenerator<Tables[T][]> {
  const heavy = HEAVY[table];
  for (let last: Key | undefined; ; ) {
    const rows = heavy === undefined ? await lightPage(db, table, last) : await heavyPage(db, table, last, heavy);
    const end = rows.at(-1);
    if (end === undefined) return;
    yield rows;
    last = KEYS[table].map((column) => Reflect.get(end, column));
    await turnOfTheLoop();
  }
}

const columnsOf = (table: TableName) => sql.join(KEYS[table].map((column) => sql.ref(column)));

const behind = (table: TableName, last: Key | undefined): RawBuilder<unknown> =>
  last === undefined ? sql`1 = 1` : sql`(${columnsOf(table)}) > (${sql.join(last)})`;

async function lightPage<T extends TableName>(db: Kysely<Tables>, table: T, last: Key | undefined) {
  const { rows } = await sql<Tables[T]>`select * from ${sql.table(table)} where ${behind(table, last)}
    order by ${columnsOf(table)} limit ${sql.lit(ROWS)}`.execute(db);
  return rows;
}

/** Asks for the sizes first: nobody knows how large the next rows are. */
async function heavyPage<T extends TableName>(
  db: Kysely<Tables>,
  table: T,
  last: Key | undefined,
  heavy: readonly string[],
) {
  const weight = sql.join(
    heavy.map((column) => sql`coalesce(length(${sql.ref(column)}), 0)`),
    sql` + `,
  );
  const { rows: marks } = await sql<{ weight: number }>`select ${columnsOf(table)}, ${weight} as weight
    from ${sql.table(table)} where ${behind(table, last)}
    order by ${columnsOf(table)} limit ${sql.lit(ROWS)}`.execute(db);
  const end = lastThatFits(marks);
  if (end === undefined) return [];
  const upTo = sql.join(KEYS[table].map((column) => Reflect.get(end, column) as unknown));
  const { rows } = await sql<Tables[T]>`select * from ${sql.table(table)}
    where ${behind(table, last)} and (${columnsOf(table)}) <= (${upTo})
    order by ${columnsOf(table)}`.execute(db);
  return rows;
}

/** At least the first one. */
function lastThatFits<Mark extends { weight: number }>(marks: readonly Mark[]): Mark | undefined {
  let sum = 0;
  const tooMany = marks.findIndex(({ weight }, index) => {
    sum += Number(weight);
    return index > 0 && sum > WEIGHT;
  });
  return tooMany === -1 ? marks.at(-1) : marks[tooMany - 1];
}
