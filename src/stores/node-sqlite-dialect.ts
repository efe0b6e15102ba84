import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite';
import { setTimeout as sleep, setImmediate as turnOfTheLoop } from 'node:timers/promises';
import {
  type CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  type QueryResult,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from 'kysely';
import { AppError } from '../core/errors.ts';
import type { Around } from './store.ts';

/** Primary result codes of SQLite that a caller can cause or must hear about: name, and what it means at night. */
const RESULT_CODES: Record<number, readonly [name: string, message: string]> = {
  3: ['SQLITE_PERM', 'The database file may not be opened by this user.'],
  5: ['SQLITE_BUSY', 'Another process kept the database locked for too long.'],
  6: ['SQLITE_LOCKED', 'Another connection kept a table of the database locked.'],
  8: ['SQLITE_READONLY', 'The database file is read-only.'],
  10: ['SQLITE_IOERR', 'The disk refused to read or write the database file.'],
  11: ['SQLITE_CORRUPT', 'The database file is damaged. Restore it from a backup.'],
  13: ['SQLITE_FULL', 'The disk that holds the database is full.'],
  14: ['SQLITE_CANTOPEN', 'The database file cannot be opened.'],
  26: ['SQLITE_NOTADB', 'The database file is not an SQLite database. Restore it from a backup.'],
};
const BUSY = 5;
const LOCKED = 6;
const ROLLED_BACK = 'SQLite gave up this transaction after an earlier failure; nothing of it was kept.';

const closedError = () => new AppError('UNAVAILABLE', 'The database is closed: this process is stopping.');

/** The primary result code of an error of node:sqlite; the bits above the lowest eight refine it. */
function resultCode(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('errcode' in error) || typeof error.errcode !== 'number') return undefined;
  return error.errcode & 0xff;
}

/** Turns a failure of SQLite or of the file system into the error a caller sees; anything else is a bug and stays as it is. */
export function storeError(error: unknown): unknown {
  const code = resultCode(error);
  const known = code === undefined ? undefined : RESULT_CODES[code];
  if (known) {
    const failure = code === BUSY || code === LOCKED ? 'UNAVAILABLE' : 'WRITE_FAILED';
    return new AppError(failure, known[1], { reason: known[0] }, { cause: error });
  }
  if (error instanceof Error && 'syscall' in error && 'code' in error) {
    return new AppError('WRITE_FAILED', 'The database file cannot be made.', { reason: error.code }, { cause: error });
  }
  return error;
}

/**
 * Repeats `attempt` while another process holds the lock, at most `patienceMs` long. SQLite's own busy handler would
 * block the whole thread: every read of this process, and a transaction of this process that holds the very lock. `waits` is
 * called before each repetition.
 */
export async function patiently<T>(
  patienceMs: number,
  attempt: () => T,
  waits: () => void = () => undefined,
): Promise<T> {
  let deadline: number | undefined; // the clock is looked at where there is something to wait for: it costs 2 ms to load
  for (let pause = 1; ; pause = Math.min(pause * 2, 25)) {
    try {
      return attempt();
    } catch (error) {
      if (resultCode(error) !== BUSY) throw storeError(error);
      deadline ??= performance.now() + patienceMs;
      if (performance.now() >= deadline) throw storeError(error);
      waits();
    }
    await sleep(pause);
  }
}

/** Milliseconds. Two or three transactions, whose events are then told of together. */
const LONGEST_TURN_MS = 5;

/**
 * First come, first served: unlike the mutex in Kysely, nobody overtakes a waiter.
 *
 * A transaction waits for nothing while it runs, so a row of them would be one long turn of the event loop. Of connections,
 * libuv accepts one in each turn (`uv__server_io`): with long turns, clients that come anew would wait for seconds. So the
 * loop goes round before a transaction, and those that have queued up follow in the same turn for a short while.
 */
class Turnstile {
  #last: Promise<void> = Promise.resolve();
  #open: () => void = () => {};
  #users = 0;
  #until = 0;

  async enter(): Promise<void> {
    const before = this.#last;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#last = promise;
    const follows = this.#users > 0;
    this.#users += 1;
    await before;
    if (!follows || performance.now() >= this.#until) {
      await turnOfTheLoop();
      this.#until = performance.now() + LONGEST_TURN_MS;
    }
    this.#open = resolve;
  }

  leave(): void {
    this.#users -= 1;
    this.#open();
  }
}

interface CachedStatement {
  statement: StatementSync;
  returnsRows: boolean;
}
/** Far above the number of different SQL texts in the store; only a guard against growth without bound. */
const MAX_STATEMENTS = 500;

interface ConnectionOptions {
  exclusive: boolean;
  patienceMs: number;
  around?: Around | undefined;
}

/**
 * One open database as Kysely sees it. With `exclusive`, one user at a time: a statement from outside a transaction waits
 * until the transaction is over. `patienceMs` is how long to wait for a lock of another process.
 */
export class NodeSqliteConnection implements DatabaseConnection {
  readonly #database: DatabaseSync;
  readonly #patienceMs: number;
  readonly #turnstile: Turnstile | undefined;
  readonly #statements = new Map<string, CachedStatement>();
  #inTransaction = false;
  #closed = false;
  #writes = 0;
  #retries = 0;
  readonly #around: Around | undefined;

  constructor(database: DatabaseSync, options: ConnectionOptions) {
    this.#database = database;
    this.#around = options.around;
    this.#patienceMs = options.patienceMs;
    this.#turnstile = options.exclusive ? new Turnstile() : undefined;
  }

  async acquire(): Promise<void> {
    await this.#turnstile?.enter();
    if (!this.#closed) return;
    this.release();
    throw closedError();
  }

  release(): void {
    this.#turnstile?.leave();
  }

  executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
    if (this.#around === undefined) return this.#execute(query);
    return this.#around(/^\w+/.exec(query.sql)?.[0] ?? '', () => this.#execute(query));
  }

  async #execute<R>(query: CompiledQuery): Promise<QueryResult<R>> {
    if (!this.#inTransaction) return this.#patiently(() => this.#run<R>(query));
    // Some failures (disk full, I/O) end the transaction inside SQLite: what follows must not be committed one by one.
    if (!this.#database.isTransaction) throw new AppError('WRITE_FAILED', ROLLED_BACK, { reason: 'SQLITE_ABORT' });
    try {
      return this.#run<R>(query);
    } catch (error) {
      throw storeError(error);
    }
  }

  streamQuery<R>(): AsyncIterableIterator<QueryResult<R>> {
    throw new Error('node:sqlite is synchronous: read in pages instead of streaming');
  }

  async begin(): Promise<void> {
    await this.#patiently(() => this.#database.exec('begin immediate'));
    this.#inTransaction = true;
  }

  async commit(): Promise<void> {
    if (!this.#database.isTransaction) throw new AppError('WRITE_FAILED', ROLLED_BACK, { reason: 'SQLITE_ABORT' });
    try {
      this.#database.exec('commit');
    } catch (error) {
      throw storeError(error);
    }
    this.#inTransaction = false;
    this.#writes += 1;
  }

  async rollback(): Promise<void> {
    this.#inTransaction = false;
    if (this.#database.isTransaction) this.#database.exec('rollback');
  }

  #patiently<T>(attempt: () => T): Promise<T> {
    return patiently(this.#patienceMs, attempt, () => {
      this.#retries += 1;
    });
  }

  /** How often another process held the lock and the attempt was repeated. */
  get retries(): number {
    return this.#retries;
  }

  /** Grows with every commit of this connection. */
  get commits(): number {
    if (this.#closed) throw closedError();
    return this.#writes;
  }

  /** Differs whenever another connection has committed, of this process or another one. Looks into the file. */
  foreignVersion(): number {
    if (this.#closed) throw closedError();
    return Number(this.#prepare('pragma data_version').statement.get()?.data_version);
  }

  /** Lets a running transaction end first. Closing again does nothing. */
  async close(): Promise<void> {
    await this.#turnstile?.enter();
    try {
      if (!this.#closed) this.#database.close();
    } finally {
      this.#closed = true;
      this.release();
    }
  }

  #run<R>({ sql, parameters, query }: CompiledQuery): QueryResult<R> {
    const { statement, returnsRows } = this.#prepare(sql);
    const values = parameters as SQLInputValue[];
    if (!this.#inTransaction && query.kind !== 'SelectQueryNode') this.#writes += 1;
    if (returnsRows) return { rows: statement.all(...values) as R[] };
    const { changes, lastInsertRowid } = statement.run(...values);
    return { rows: [], numAffectedRows: BigInt(changes), insertId: BigInt(lastInsertRowid) };
  }

  #prepare(sql: string): CachedStatement {
    const cached = this.#statements.get(sql);
    if (cached) return cached;
    const statement = this.#database.prepare(sql);
    const prepared = { statement, returnsRows: statement.columns().length > 0 };
    if (this.#statements.size >= MAX_STATEMENTS) this.#statements.clear();
    this.#statements.set(sql, prepared);
    return prepared;
  }
}

class NodeSqliteDriver implements Driver {
  readonly #connection: NodeSqliteConnection;

  constructor(connection: NodeSqliteConnection) {
    this.#connection = connection;
  }

  async init(): Promise<void> {}

  async acquireConnection(): Promise<NodeSqliteConnection> {
    await this.#connection.acquire();
    return this.#connection;
  }

  beginTransaction(connection: NodeSqliteConnection): Promise<void> {
    return connection.begin();
  }

  commitTransaction(connection: NodeSqliteConnection): Promise<void> {
    return connection.commit();
  }

  rollbackTransaction(connection: NodeSqliteConnection): Promise<void> {
    return connection.rollback();
  }

  async releaseConnection(connection: NodeSqliteConnection): Promise<void> {
    connection.release();
  }

  /** Nothing: the connection belongs to who opened it. */
  async destroy(): Promise<void> {}
}

class NodeSqliteAdapter extends SqliteAdapter {
  /** Keeps Kysely's own mutex out of the way: the connection has a fair one. */
  override get supportsMultipleConnections(): true {
    return true;
  }
  /** Lets all of a migration happen in one transaction, which SQLite can. */
  override get supportsTransactionalDdl(): true {
    return true;
  }
}

/** Kysely over one connection of node:sqlite. The connection is opened and closed by the caller. */
export function nodeSqliteDialect(connection: NodeSqliteConnection): Dialect {
  return {
    createAdapter: () => new NodeSqliteAdapter(),
    createDriver: () => new NodeSqliteDriver(connection),
    createIntrospector: (db) => new SqliteIntrospector(db),
    createQueryCompiler: () => new SqliteQueryCompiler(),
  };
}
