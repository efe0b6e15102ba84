import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
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
import { type Around, closedError } from './opened-store.ts';
import { milliseconds, Turnstile } from './turnstile.ts';

const DAMAGED = 'The database file is damaged. Restore it from a backup.';

/** Primary result codes of SQLite that a caller can cause or must hear about: name, and what it means at night. */
const RESULT_CODES: Record<number, readonly [name: string, message: string]> = {
  3: ['SQLITE_PERM', 'The database file may not be opened by this user.'],
  5: ['SQLITE_BUSY', 'Another process kept the database locked for too long.'],
  6: ['SQLITE_LOCKED', 'Another connection kept a table of the database locked.'],
  8: ['SQLITE_READONLY', 'The database file is read-only.'],
  10: ['SQLITE_IOERR', 'The disk refused to read or write the database file.'],
  11: ['SQLITE_CORRUPT', DAMAGED],
  13: ['SQLITE_FULL', 'The disk that holds the database is full.'],
  14: ['SQLITE_CANTOPEN', 'The database file cannot be opened.'],
  26: ['SQLITE_NOTADB', 'The database file is not an SQLite database. Restore it from a backup.'],
};
const BUSY = 5;
const LOCKED = 6;
const ROLLED_BACK = 'SQLite gave up this transaction after an earlier failure; nothing of it was kept.';

const rolledBack = () => new AppError('WRITE_FAILED', ROLLED_BACK, { reason: 'SQLITE_ABORT' });

export const damagedError = () => new AppError('WRITE_FAILED', DAMAGED, { reason: 'SQLITE_CORRUPT' });

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
  let deadline: number | undefined;
  for (let pause = 1; ; pause = Math.min(pause * 2, 25)) {
    try {
      return attempt();
    } catch (error) {
      if (resultCode(error) !== BUSY) throw storeError(error);
      deadline ??= milliseconds() + patienceMs;
      if (milliseconds() >= deadline) throw storeError(error);
      waits();
    }
    await sleep(pause);
  }
}

/** Milliseconds. Some of them are left to others: the loop goes round in between. */
const LONGEST_GROUP_MS = 20;

/**
 * Transactions that follow each other without a gap are one transaction of SQLite, each a savepoint in it, so that the disk
 * is waited for once. None of their callers hears of success before all of it is on the disk; one that fails is undone
 * alone. Should the commit fail, it fails for all of them.
 */
class Group {
  readonly #until = milliseconds() + LONGEST_GROUP_MS;
  readonly #outcome = Promise.withResolvers<void>();
  readonly settled = this.#outcome.promise;
  /** Other processes wait for the lock meanwhile, and the first of the group for its answer. */
  get isFull(): boolean {
    return milliseconds() >= this.#until;
  }
  succeed = () => this.#outcome.resolve();
  fail = (error: unknown) => this.#outcome.reject(error);
}

/** What Kysely holds between asking for the connection and giving it back. */
class Turn implements DatabaseConnection {
  readonly #connection: NodeSqliteConnection;
  /** The next one is let in as soon as this one only waits for the disk. */
  isOver = false;

  constructor(connection: NodeSqliteConnection) {
    this.#connection = connection;
  }

  executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
    return this.#connection.executeQuery<R>(query);
  }

  streamQuery<R>(): AsyncIterableIterator<QueryResult<R>> {
    throw new Error('node:sqlite is synchronous: read in pages instead of streaming');
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
export class NodeSqliteConnection {
  readonly #database: DatabaseSync;
  readonly #patienceMs: number;
  readonly #turnstile: Turnstile | undefined;
  readonly #statements = new Map<string, CachedStatement>();
  #inTransaction = false;
  /** Those of the open transaction that are done, and wait for its commit. */
  #group: Group | undefined;
  #closed = false;
  #refusal: (() => AppError) | undefined;
  #writes = 0;
  #retries = 0;
  readonly #around: Around | undefined;

  constructor(database: DatabaseSync, options: ConnectionOptions) {
    this.#database = database;
    this.#around = options.around;
    this.#patienceMs = options.patienceMs;
    this.#turnstile = options.exclusive ? new Turnstile(() => this.#group?.isFull && this.#commitGroup()) : undefined;
  }

  async acquire(): Promise<Turn> {
    await this.#turnstile?.enter();
    const turn = new Turn(this);
    const refusal = this.#closed ? closedError : this.#refusal;
    if (refusal === undefined) return turn;
    this.release(turn);
    throw refusal();
  }

  /** From now on everybody who asks for the connection is refused; who has it may end. */
  refuse(refusal: () => AppError): void {
    this.#refusal = refusal;
  }

  release(turn: Turn): void {
    if (turn.isOver) return;
    turn.isOver = true;
    if (!this.#turnstile?.isWaitedFor) this.#commitGroup();
    this.#turnstile?.leave();
  }

  executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
    if (this.#around === undefined) return this.#execute(query);
    return this.#around(/^\w+/.exec(query.sql)?.[0] ?? '', () => this.#execute(query));
  }

  async #execute<R>(query: CompiledQuery): Promise<QueryResult<R>> {
    if (!this.#inTransaction) {
      this.#commitGroup();
      return this.#patiently(() => this.#run<R>(query));
    }
    // Some failures (disk full, I/O) end the transaction inside SQLite: what follows must not be committed one by one.
    if (!this.#database.isTransaction) throw rolledBack();
    try {
      return this.#run<R>(query);
    } catch (error) {
      throw storeError(error);
    }
  }

  async begin(): Promise<void> {
    if (this.#group) this.#database.exec('savepoint member');
    else await this.#patiently(() => this.#database.exec('begin immediate'));
    this.#inTransaction = true;
  }

  /** Resolves when it is on the disk. Whoever waits behind is let in before, and is committed together with it. */
  async commit(turn: Turn): Promise<void> {
    if (!this.#database.isTransaction) throw rolledBack();
    if (!this.#turnstile?.isWaitedFor) {
      const before = this.#group?.settled;
      this.#commitAll();
      this.#inTransaction = false;
      // Those before hear of it first, as they would one by one.
      return before;
    }
    if (this.#group) this.#database.exec('release member');
    this.#inTransaction = false;
    this.#group ??= new Group();
    const { settled } = this.#group;
    this.release(turn);
    await settled;
  }

  /**
   * After a failed commit as well. What others of the group have done stays, unless SQLite itself gave up all of it. It may
   * have been the reason: so that, too, is told when it is on the disk.
   */
  async rollback(turn: Turn): Promise<void> {
    if (turn.isOver) return;
    this.#inTransaction = false;
    const group = this.#group;
    if (!this.#database.isTransaction) {
      this.#group = undefined;
      group?.fail(rolledBack());
    } else if (group === undefined) {
      this.#database.exec('rollback');
    } else {
      this.#database.exec('rollback to member; release member');
      this.release(turn);
      await group.settled.catch(() => undefined);
    }
  }

  /** Before what is no transaction, when nobody follows, and when those who are done have waited for long enough. */
  #commitGroup(): void {
    if (this.#group === undefined) return;
    try {
      this.#commitAll();
    } catch {
      // Each of the group is told, and nobody else has to do with it.
    }
  }

  /** Throws when nothing was kept; then nothing is open any more, and the group was told. */
  #commitAll(): void {
    const group = this.#group;
    this.#group = undefined;
    try {
      this.#database.exec('commit');
    } catch (cause) {
      const error = storeError(cause);
      group?.fail(error);
      if (this.#database.isTransaction) this.#database.exec('rollback');
      throw error;
    }
    this.#writes += 1;
    group?.succeed();
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
      this.#commitGroup();
      if (!this.#closed) this.#database.close();
    } finally {
      this.#closed = true;
      this.#turnstile?.leave();
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

  acquireConnection(): Promise<Turn> {
    return this.#connection.acquire();
  }

  beginTransaction(): Promise<void> {
    return this.#connection.begin();
  }

  commitTransaction(turn: Turn): Promise<void> {
    return this.#connection.commit(turn);
  }

  rollbackTransaction(turn: Turn): Promise<void> {
    return this.#connection.rollback(turn);
  }

  async releaseConnection(turn: Turn): Promise<void> {
    this.#connection.release(turn);
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
