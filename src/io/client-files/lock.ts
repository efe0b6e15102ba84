import { closeSync, openSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { AppError } from '../../core/errors.ts';
import { codeOf, step, writeFailed } from './faults.ts';

/** SQLITE_BUSY, the low byte of its extended codes. */
const BUSY = 5;

/**
 * Runs `work` while no other process or caller holds the same lock. SQLite's exclusive transaction is a lock of the
 * kernel: it ends with its holder, however that dies, and leaves nothing stale behind. Not re-entrant.
 */
export async function withWriterLock<T>(lock_path: string, timeout_ms: number, work: () => Promise<T>): Promise<T> {
  const database = await acquire(lock_path, timeout_ms);
  try {
    return await work();
  } finally {
    database.close();
  }
}

async function acquire(lock_path: string, timeout_ms: number): Promise<DatabaseSync> {
  await step('lock', lock_path, () => createPrivate(lock_path));
  const deadline = performance.now() + timeout_ms;
  for (;;) {
    const database = tryOnce(lock_path);
    if (database !== null) return database;
    if (performance.now() >= deadline) {
      const message = 'Another process is writing to this client file and did not finish in time.';
      throw new AppError('UNAVAILABLE', message, { reason: 'locked', path: lock_path, waited_ms: timeout_ms });
    }
    // Random, so that two who wait do not go on meeting each other.
    await sleep(5 + Math.random() * 20);
  }
}

/** The file must not be opened when it exists: closing it would drop the locks that this process holds on it. */
async function createPrivate(lock_path: string): Promise<void> {
  try {
    closeSync(openSync(lock_path, 'wx', 0o600));
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
  }
}

function tryOnce(lock_path: string): DatabaseSync | null {
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(lock_path, { timeout: 0 });
    // Nothing is ever written, so there need be no file for a journal. To have none at all is refused, without a word.
    database.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
    return database;
  } catch (error) {
    database?.close();
    if (error instanceof Error && 'errcode' in error && (Number(error.errcode) & 0xff) === BUSY) return null;
    throw writeFailed('lock', lock_path, error);
  }
}
