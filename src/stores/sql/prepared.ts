import type { Compilable, CompiledQuery, Kysely } from 'kysely';
import type { Tables } from './schema.ts';

/** Stands for a value while a query is written. */
class Blank {
  readonly name: string;
  constructor(name: string) {
    this.name = name;
  }
}

/**
 * A query that is put together and written as SQL once for each database, and then only filled in: for those that every
 * change makes, where building them costs more than SQLite takes to carry them out. `build` must not look at a value.
 */
export function prepared<Values extends object, Row>(
  names: readonly (keyof Values & string)[],
  build: (db: Kysely<Tables>, blank: Values) => Compilable<Row>,
): (db: Kysely<Tables>, values: Values) => Promise<Row[]> {
  const blank = Object.fromEntries(names.map((name) => [name, new Blank(name)])) as Values;
  /** By what is the same for a database and its transactions. */
  const known = new WeakMap<object, CompiledQuery<Row>>();
  return async (db, values) => {
    const { adapter } = db.getExecutor();
    const query = known.get(adapter) ?? build(db, blank).compile();
    known.set(adapter, query);
    const given = values as Readonly<Record<string, unknown>>;
    const parameters = query.parameters.map((it) => (it instanceof Blank ? given[it.name] : it));
    const { rows } = await db.executeQuery<Row>({ ...query, parameters });
    return rows;
  };
}
