import { statSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { Kysely } from 'kysely';
import { AppError } from '../core/errors.ts';
import type { Snapshot } from './inspect/inspect.ts';
import { SQLITE } from './migrations/0001-initial.ts';
import { foreignDatabase, MIGRATION_TABLE, migrate, newerSchema, schemaOf } from './migrations/index.ts';
import { damagedError, NodeSqliteConnection, nodeSqliteDialect, patiently, storeError } from './node-sqlite-dialect.ts';
import type { OpenedStore, Surroundings, UncleanStop } from './opened-store.ts';
import { sqlStore } from './sql/index.ts';
import type { Tables } from './sql/schema.ts';
import { findUnclean, forgetUnclean, prepareFile, SETTINGS } from './sqlite-file.ts';
import type { Store } from './store.ts';

export interface SqliteOptions {
  /** How long to wait for another process that holds the write lock, in milliseconds. */
  busyTimeoutMs?: number;
  around?: Surroundings;
}

/** Already the settings look into the file, which another process may be making or closing. */
function connect(path: string, patienceMs: number, readOnly = false): Promise<DatabaseSync> {
  return patiently(patienceMs, () => {
    const database = new DatabaseSync(path, {
      readOnly,
      enableForeignKeyConstraints: true,
      enableDoubleQuotedStringLiterals: false,
      // Waiting is done by `patiently`, which does not block the thread.
      timeout: 0,
    });
    try {
      database.exec(SETTINGS);
    } catch (error) {
      database.close();
      throw error;
    }
    return database;
  });
}

function useWriteAheadLog(database: DatabaseSync): void {
  const row = database.prepare('pragma journal_mode = wal').get();
  if (row?.journal_mode === 'wal') return;
  const message = 'The file system of the data directory cannot hold a shared database (no write-ahead log).';
  throw new AppError('UNAVAILABLE', message, { reason: 'no_wal' }, { hint: 'Use a data directory on a local disk.' });
}

/** Names of the migrations that were done, without the machinery of the migrator: every start of the CLI asks. */
export function migrationsDone(database: DatabaseSync): string[] {
  const tables = database.prepare("select name from sqlite_schema where type = 'table'").all();
  if (tables.length === 0) return [];
  if (!tables.some(({ name }) => name === MIGRATION_TABLE)) throw foreignDatabase();
  return database
    .prepare(`select name from ${MIGRATION_TABLE}`)
    .all()
    .map(({ name }) => String(name));
}

/** Gives what changes are to be refused with where a newer program has added to the tables. */
async function bringUpToDate(database: DatabaseSync, write: Kysely<Tables>, patienceMs: number): Promise<Refusal> {
  let done = await patiently(patienceMs, () => migrationsDone(database));
  if (schemaOf(done) === 'older') {
    done = await write.transaction().execute(async (trx) => {
      // Asked again under the write lock: several processes may have come here at once.
      if (schemaOf(migrationsDone(database)) === 'older') await migrate(trx, SQLITE);
      return migrationsDone(database);
    });
  }
  return schemaOf(done) === 'added-to' ? () => newerSchema(done) : undefined;
}

type Refusal = OpenedStore['refusal'];

const kyselyOver = (connection: NodeSqliteConnection) => new Kysely<Tables>({ dialect: nodeSqliteDialect(connection) });

/**
 * Looking into the file costs more than many an answer does, so all requests of one turn of the event loop share a look.
 * The immediate is not unreferenced: for such a one the loop does not wake, and a look after the poll phase would still be
 * believed by the request that wakes it a minute later.
 */
function oncePerTurn<T>(look: () => T): () => T {
  let seen: { value: T } | undefined;
  return () => {
    if (seen === undefined) {
      seen = { value: look() };
      setImmediate(() => {
        seen = undefined;
      });
    }
    return seen.value;
  };
}

const watched = (store: Store, around: Surroundings | undefined): Store =>
  around ? { ...store, transaction: (work) => around.transaction(() => store.transaction(work)) } : store;

const PROBE_PATIENCE_MS = 1_000;

/**
 * Opens the file as a new process would and takes its write lock for a moment; not where this process only `reads`. Waits a
 * second for the lock. What is open stays usable for this process under another name, or none: the next start would find something else.
 */
async function probe(path: string, opened: number, reads: boolean): Promise<void> {
  const found = statSync(path, { throwIfNoEntry: false });
  const reason = found === undefined ? 'database_gone' : found.ino === opened ? undefined : 'database_replaced';
  if (reason) throw new AppError('UNAVAILABLE', 'The database file is not the one that was opened.', { reason });
  try {
    const database = await connect(path, PROBE_PATIENCE_MS);
    try {
      const done = migrationsDone(database);
      const schema = schemaOf(done);
      if (reads) return;
      if (schema === 'added-to') throw newerSchema(done);
      await patiently(PROBE_PATIENCE_MS, () => database.exec('begin immediate'));
      database.exec('rollback');
    } finally {
      database.close();
    }
  } catch (error) {
    throw storeError(error);
  }
}

/** Enough to say what is wrong; SQLite would list a hundred. */
export const damageOf = (database: DatabaseSync): string[] =>
  database
    .prepare('pragma integrity_check(20)')
    .all()
    .map(({ integrity_check }) => String(integrity_check))
    .filter((line) => line !== 'ok');

/** What is read first holds the instant until the end. The log cannot be folded into the file meanwhile, and grows. */
async function snapshotOf<T>(path: string, patienceMs: number, work: (snapshot: Snapshot) => Promise<T>): Promise<T> {
  const database = await connect(path, patienceMs, true);
  const connection = new NodeSqliteConnection(database, { exclusive: false, patienceMs });
  try {
    database.exec('begin');
    await patiently(patienceMs, () => database.exec('select 1 from sqlite_schema'));
    return await work({ tables: kyselyOver(connection), damage: async () => damageOf(database) });
  } finally {
    await connection.close();
  }
}

async function openMemory(patienceMs: number, around: Surroundings | undefined): Promise<OpenedStore> {
  const database = await connect(':memory:', patienceMs);
  const connection = new NodeSqliteConnection(database, { exclusive: true, patienceMs, around: around?.statement });
  const dialect = nodeSqliteDialect(connection);
  const both = new Kysely<Tables>({ dialect });
  await bringUpToDate(database, both, patienceMs);
  const store = sqlStore({ read: both, write: both }, dialect, () => connection.close());
  return {
    ...watched(store, around),
    dataVersion: () => String(connection.commits),
    remarks: async () => [],
    statistics: () => ({ commits: connection.commits, busy_retries: connection.retries }),
    probe: async () => undefined,
    // Nothing is written meanwhile: there is one connection, and it has one user at a time.
    snapshot: (work) =>
      both.transaction().execute((tables) => work({ tables, damage: async () => damageOf(database) })),
  };
}

async function openFile(path: string, patienceMs: number, around: Surroundings | undefined): Promise<OpenedStore> {
  const options = { patienceMs, around: around?.statement };
  prepareFile(path);
  const isUnclean = findUnclean(path);
  const database = await connect(path, patienceMs);
  const writer = new NodeSqliteConnection(database, { ...options, exclusive: true });
  try {
    await patiently(patienceMs, () => useWriteAheadLog(database));
    const dialect = nodeSqliteDialect(writer);
    const write = new Kysely<Tables>({ dialect });
    const refusal = await bringUpToDate(database, write, patienceMs);
    if (refusal) writer.refuse(refusal);
    const reader = new NodeSqliteConnection(await connect(path, patienceMs, true), { ...options, exclusive: false });
    const store = sqlStore({ read: kyselyOver(reader), write }, dialect, async () => {
      // The writer last: whoever closes a database last folds the log into the file, and a reader may not.
      await reader.close();
      await writer.close();
    });
    const foreignVersion = oncePerTurn(() => reader.foreignVersion());
    const opened = statSync(path).ino;
    let damaged = false;
    const unclean: UncleanStop = {
      file: path,
      passed: () => forgetUnclean(path),
      failed() {
        damaged = true;
        writer.refuse(damagedError);
      },
    };
    return {
      ...watched(store, around),
      dataVersion: () => `${writer.commits}/${foreignVersion()}`,
      remarks: async () => [],
      statistics: () => ({ commits: writer.commits, busy_retries: writer.retries + reader.retries }),
      async probe() {
        if (damaged) throw damagedError();
        await probe(path, opened, refusal !== undefined);
      },
      ...(refusal && { refusal }),
      ...(isUnclean && { unclean }),
      snapshot: (work) => snapshotOf(path, patienceMs, work),
    };
  } catch (error) {
    await writer.close();
    throw error;
  }
}

/**
 * The store on SQLite: one connection that writes, one thing after another, and one that reads what is committed. With
 * `:memory:` there is one connection for both and nothing outlives `close`. Several processes may open the same file.
 */
export async function openSqlite(path: string, options: SqliteOptions = {}): Promise<OpenedStore> {
  const patienceMs = options.busyTimeoutMs ?? 5000;
  try {
    return await (path === ':memory:'
      ? openMemory(patienceMs, options.around)
      : openFile(path, patienceMs, options.around));
  } catch (error) {
    throw storeError(error);
  }
}

/** Brings the tables up to date and lets the work write into them, past the store. */
export async function fillSqlite<T>(path: string, work: (tables: Kysely<Tables>) => Promise<T>): Promise<T> {
  const store = await openSqlite(path);
  await store.close();
  if (store.refusal) throw store.refusal();
  const patienceMs = 5000;
  const connection = new NodeSqliteConnection(await connect(path, patienceMs), { exclusive: true, patienceMs });
  try {
    return await work(kyselyOver(connection));
  } finally {
    await connection.close();
  }
}
