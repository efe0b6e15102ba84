import type { Compilable, CompiledQuery, Kysely, QueryResult } from 'kysely';
import type { Tables } from './schema.ts';

/** Stands for a value while a query is written. */
class Blank {
  readonly name: string;
  constructor(name: string) {
    this.name = name;
  }
}

type Build<Values, Row> = (db: Kysely<Tables>, blank: Values) => Compilable<Row>;

function filledIn<Values extends object, Row>(
  names: readonly (keyof Values & string)[],
  build: Build<Values, Row>,
): (db: Kysely<Tables>, values: Values) => Promise<QueryResult<Row>> {
  const blank = Object.fromEntries(names.map((name) => [name, new Blank(name)])) as Values;
  /** By what is the same for a database and its transactions. */
  const known = new WeakMap<object, CompiledQuery<Row>>();
  return async (db, values) => {
    const { adapter } = db.getExecutor();
    const query = known.get(adapter) ?? build(db, blank).compile();
    known.set(adapter, query);
    const given = values as Readonly<Record<string, unknown>>;
    const parameters = query.parameters.map((it) => (it instanceof Blank ? given[it.name] : it));
    return db.executeQuery<Row>({ ...query, parameters });
  };
}

/**
 * A query that is put together and written as SQL once for each database, and then only filled in: for those that every
 * change makes, where building them costs more than SQLite takes to carry them out. `build` must not look at a value.
 */
export function prepared<Values extends object, Row>(
  names: readonly (keyof Values & string)[],
  build: Build<Values, Row>,
): (db: Kysely<Tables>, values: Values) => Promise<Row[]> {
  const ask = filledIn(names, build);
  return async (db, values) => (await ask(db, values)).rows;
}

/** The same for a change that gives no rows back; says whether it changed one. */
export function preparedChange<Values extends object>(
  names: readonly (keyof Values & string)[],
  build: Build<Values, unknown>,
): (db: Kysely<Tables>, values: Values) => Promise<boolean> {
  const ask = filledIn(names, build);
  return async (db, values) => (await ask(db, values)).numAffectedRows === 1n;
}

/** What names a profile, in most tables. */
export type ProfileKey = Record<'workspace' | 'client_id' | 'profile_id', string>;
export const PROFILE_KEY = ['workspace', 'client_id', 'profile_id'] as const;
