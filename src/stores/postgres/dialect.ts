import {
  type CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  type QueryResult,
} from 'kysely';
import type { PoolClient } from 'pg';
import type { Around } from '../opened-store.ts';
import type { Connections, Lent } from './connections.ts';
import { isBroken, postgresError } from './errors.ts';

/** Stands for every workspace, where a question is about more than one. No workspace has such a name. */
export const EVERY_WORKSPACE = '*';

/** What the policies of the tables compare with. */
export const WALL = 'mcp_orchestration.workspace';
const ENTER = `select set_config('${WALL}', $1, false)`;
const ENTER_IN_TRANSACTION = `select set_config('${WALL}', $1, true)`;
const ENTER_ALONE = `${ENTER_IN_TRANSACTION}, pg_advisory_xact_lock(hashtext(current_schema::text), hashtext($1))`;

/** Far above the number of different SQL texts in the store; only a guard against growth without bound. */
const MAX_STATEMENTS = 500;

/**
 * PostgreSQL plans a text once for each connection and name. The same text has the same name everywhere, so that a
 * connection knows all that it has seen.
 */
const names = new Map<string, string>();
function nameOf(text: string): string | undefined {
  const known = names.get(text);
  if (known !== undefined || names.size >= MAX_STATEMENTS) return known;
  const name = `mcpo_${names.size + 1}`;
  names.set(text, name);
  return name;
}

/** The workspace that a connection is in outside transactions. */
const entered = new WeakMap<PoolClient, string>();

/** What a store counts, and what its statements run inside. */
export interface Watching {
  committed(): void;
  around?: Around | undefined;
}

class Connection implements DatabaseConnection {
  readonly #lent: Lent;
  readonly #watching: Watching;
  #inTransaction = false;
  #broken = false;
  /** The driver takes one statement at a time. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(lent: Lent, watching: Watching) {
    this.#lent = lent;
    this.#watching = watching;
  }

  executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
    const { around } = this.#watching;
    if (around === undefined) return this.#execute(query);
    return around(/^\w+/.exec(query.sql)?.[0] ?? '', () => this.#execute(query));
  }

  async #execute<R>({ sql, parameters, query }: CompiledQuery): Promise<QueryResult<R>> {
    try {
      const { rows, rowCount } = await this.#query(sql, parameters);
      return { rows: rows as R[], numAffectedRows: BigInt(rowCount ?? 0) };
    } finally {
      // Also after a failure: the connection may have been lost after the change was made.
      if (!this.#inTransaction && query.kind !== 'SelectQueryNode') this.#watching.committed();
    }
  }

  #query(text: string, values: readonly unknown[] = []) {
    const work = this.#last.then(async () => {
      try {
        return await this.#lent.client.query({ name: nameOf(text), text, values: [...values] });
      } catch (error) {
        if (isBroken(error)) this.#broken = true;
        throw postgresError(error);
      }
    });
    this.#last = work.catch(() => undefined);
    return work;
  }

  streamQuery<R>(): AsyncIterableIterator<QueryResult<R>> {
    throw new Error('read in pages instead of streaming');
  }

  /** Outside a transaction: what follows sees this workspace only. */
  async enter(workspace: string): Promise<void> {
    const { client } = this.#lent;
    if (entered.get(client) === workspace) return;
    await this.#query(ENTER, [workspace]);
    entered.set(client, workspace);
  }

  /** With a workspace: as `entrance` has it. */
  async begin(workspace: string | undefined): Promise<void> {
    await this.#query('begin');
    this.#inTransaction = true;
    if (workspace === undefined) return;
    try {
      await this.#query(entrance(workspace), [workspace]);
    } catch (error) {
      await this.rollback();
      throw error;
    }
  }

  async commit(): Promise<void> {
    this.#inTransaction = false;
    try {
      await this.#query('commit');
    } finally {
      this.#watching.committed();
    }
  }

  /** Never fails: what ended the transaction is what the caller hears of, and a lost connection has rolled back by itself. */
  async rollback(): Promise<void> {
    this.#inTransaction = false;
    if (this.#broken) return;
    await this.#query('rollback').catch(() => {
      this.#broken = true;
    });
  }

  release(): void {
    this.#lent.release(this.#broken);
  }
}

/**
 * Inside a transaction: what follows sees this workspace only, and of the transactions in one workspace one runs after
 * the other. So each finds what those before it have left, as on SQLite, whatever it reads before it writes.
 */
export const entrance = (workspace: string): string =>
  workspace === EVERY_WORKSPACE ? ENTER_IN_TRANSACTION : ENTER_ALONE;

export interface DialectSettings {
  connections: Connections;
  purpose: 'read' | 'write';
  /** Where statements go outside of transactions of the store; undefined: those transactions say it themselves. */
  workspace: string | undefined;
  watching: Watching;
}

class PostgresDriver implements Driver {
  readonly #settings: DialectSettings;

  constructor(settings: DialectSettings) {
    this.#settings = settings;
  }

  async init(): Promise<void> {}

  async acquireConnection(): Promise<Connection> {
    const { connections, purpose, workspace, watching } = this.#settings;
    const connection = new Connection(await connections.lend(purpose), watching);
    if (workspace === undefined) return connection;
    try {
      await connection.enter(workspace);
      return connection;
    } catch (error) {
      connection.release();
      throw error;
    }
  }

  beginTransaction(connection: Connection): Promise<void> {
    return connection.begin(this.#settings.workspace);
  }

  commitTransaction(connection: Connection): Promise<void> {
    return connection.commit();
  }

  rollbackTransaction(connection: Connection): Promise<void> {
    return connection.rollback();
  }

  async releaseConnection(connection: Connection): Promise<void> {
    connection.release();
  }

  /** Nothing: the connections belong to who opened them. */
  async destroy(): Promise<void> {}
}

/** Kysely over the connections of one store. */
export function postgresDialect(settings: DialectSettings): Dialect {
  return {
    createAdapter: () => new PostgresAdapter(),
    createDriver: () => new PostgresDriver(settings),
    createIntrospector: (db) => new PostgresIntrospector(db),
    createQueryCompiler: () => new PostgresQueryCompiler(),
  };
}
