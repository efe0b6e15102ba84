import { closeSync, constants, copyFileSync, existsSync, mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { backup, DatabaseSync } from 'node:sqlite';
import { pathToFileURL } from 'node:url';
import { Kysely } from 'kysely';
import { AppError } from '../core/errors.ts';
import { type Inspection, inspect } from './inspect/inspect.ts';
import { isCurrent } from './migrations/index.ts';
import { NodeSqliteConnection, nodeSqliteDialect, patiently, storeError } from './node-sqlite-dialect.ts';
import type { Tables } from './sql/schema.ts';
import { damageOf, migrationsDone, openSqlite } from './sqlite.ts';
import { findUnclean } from './sqlite-file.ts';

/** Databases as files: whole copies of one that is in use, and looks at one that nobody uses. */

const PATIENCE_MS = 5_000;
/** Pages copied in one step, outside the thread of the program: a few milliseconds each. */
const PAGES_AT_ONCE = 2_000;

type Progress = (doing: string) => void;

/**
 * Copies a database that others may be writing into a new file, as it is at one instant. The snapshot is held by a read
 * transaction: without it SQLite would begin anew after every commit of another process, and under load never end.
 */
export async function copyDatabase(from: string, to: string, progress: Progress): Promise<void> {
  if (!existsSync(from)) {
    const hint = 'Nothing was stored on this machine yet, or MCP_ORCHESTRATION_HOME names another place.';
    throw new AppError('UNAVAILABLE', `There is no store at ${from}.`, { reason: 'no_store', path: from }, { hint });
  }
  try {
    const database = new DatabaseSync(from, { readOnly: true, timeout: 0 });
    try {
      database.exec('begin');
      await patiently(PATIENCE_MS, () => database.exec('select 1 from sqlite_schema'));
      closeSync(openSync(to, constants.O_CREAT | constants.O_EXCL | constants.O_RDWR, 0o600));
      await backup(database, to, {
        rate: PAGES_AT_ONCE,
        progress: ({ totalPages, remainingPages }) =>
          progress(`Copying the store: ${Math.floor((1 - remainingPages / totalPages) * 100)} %`),
      });
    } finally {
      database.close();
    }
  } catch (error) {
    const failed = storeError(error);
    if (!(failed instanceof AppError) || failed.details['reason'] !== 'SQLITE_FULL') throw failed;
    // Only the copy is written.
    throw new AppError('WRITE_FAILED', 'The disk of the backup is full.', failed.details, { cause: error });
  }
}

/** What a copy holds besides its rows. */
export interface CopyFacts {
  migrations: string[];
  /** The highest number that each counter has given out, by `<workspace>/<counter>`. */
  counters: Record<string, number>;
  /** The highest sequence of a release in each workspace. */
  highest_sequence: Record<string, number>;
}

/**
 * Looks at every row of a file that nobody uses, and leaves no trace beside it. One of an older version has fewer tables: a
 * copy of it is brought up to date at `scratch`, whose directory is made then; the caller removes it. Throws UNAVAILABLE for one of a newer version.
 */
export async function inspectCopy(
  path: string,
  scratch: string,
  progress: Progress,
): Promise<{ inspection: Inspection; facts: CopyFacts }> {
  try {
    const database = openUntouched(path);
    try {
      const facts = factsOf(database);
      if (!isCurrent(facts.migrations)) return { facts, inspection: await inspectMigrated(path, scratch, progress) };
      const connection = new NodeSqliteConnection(database, { exclusive: false, patienceMs: 0 });
      const tables = new Kysely<Tables>({ dialect: nodeSqliteDialect(connection) });
      return { facts, inspection: await inspect({ tables, damage: async () => damageOf(database) }, progress) };
    } finally {
      database.close();
    }
  } catch (error) {
    throw storeError(error);
  }
}

/** `immutable`: no lock, no log and no index of a log beside it, also where nothing may be written. */
const openUntouched = (path: string) => new DatabaseSync(`${pathToFileURL(path).href}?immutable=1`, { readOnly: true });

async function inspectMigrated(path: string, scratch: string, progress: Progress): Promise<Inspection> {
  mkdirSync(dirname(scratch), { recursive: true, mode: 0o700 });
  copyFileSync(path, scratch, constants.COPYFILE_EXCL);
  const store = await openSqlite(scratch);
  try {
    return await store.snapshot((snapshot) => inspect(snapshot, progress));
  } finally {
    await store.close();
  }
}

function factsOf(database: DatabaseSync): CopyFacts {
  const all = (sql: string) => database.prepare(sql).all();
  const numbers = (sql: string) => Object.fromEntries(all(sql).map(({ key, value }) => [String(key), Number(value)]));
  return {
    migrations: migrationsDone(database).toSorted(),
    counters: numbers("select workspace || '/' || counter as key, value from counters order by 1"),
    highest_sequence: numbers('select workspace as key, max(sequence) as value from releases group by 1 order by 1'),
  };
}

/**
 * Keeps everybody else out of a database that nobody has open, until the returned function is called; the file may be moved
 * meanwhile. Undefined: somebody has it open. A file that is no database any more cannot be locked, and keeps nobody.
 */
export function lockOut(path: string): (() => void) | undefined {
  if (!existsSync(path)) return () => undefined;
  // What is folded in below shows that it was not closed; it may stay where it is, after a plan or a failure.
  findUnclean(path);
  const database = new DatabaseSync(path, { timeout: 0 });
  try {
    // Set before the first look: then that look takes the file for itself alone, log included.
    database.exec('pragma locking_mode = exclusive; begin immediate; rollback');
    // The log is folded in and given up: at the end it would be removed by its name, and that may be another's by then.
    database.exec('pragma journal_mode = delete; begin exclusive');
    return () => database.close();
  } catch (error) {
    database.close();
    const failure = storeError(error);
    if (!(failure instanceof AppError)) throw error;
    const { reason } = failure.details;
    if (reason === 'SQLITE_BUSY' || reason === 'SQLITE_LOCKED') return undefined;
    if (reason === 'SQLITE_NOTADB' || reason === 'SQLITE_CORRUPT') return () => undefined;
    throw failure;
  }
}
