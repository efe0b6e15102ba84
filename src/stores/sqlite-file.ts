import {
  closeSync,
  constants,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  realpathSync,
  rmSync,
  statSync,
} from 'node:fs';
import { dirname, resolve } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

/** The file of a database as a file: how it is made, and how it was left. */

/** FULL survives a power cut, also on macOS, where only F_FULLFSYNC reaches the disk. */
export const SETTINGS = `
  pragma trusted_schema = off;
  pragma synchronous = full;
  pragma fullfsync = on;
  pragma checkpoint_fullfsync = on;
`;

const hasCode = (error: unknown, codes: readonly string[]) =>
  error instanceof Error && 'code' in error && codes.includes(String(error.code));

/**
 * Without this a power cut can take the name of a new file or directory away. Best effort where directories cannot be
 * opened (Windows, a parent without read permission) or synced (some network file systems).
 */
function syncDirectory(directory: string): void {
  try {
    const handle = openSync(directory, constants.O_RDONLY);
    try {
      fsyncSync(handle);
    } finally {
      closeSync(handle);
    }
  } catch (error) {
    if (!hasCode(error, ['EACCES', 'EPERM', 'EISDIR', 'EINVAL'])) throw error;
  }
}

/** False when it is there already. */
function makeEmpty(path: string): boolean {
  try {
    closeSync(openSync(path, constants.O_CREAT | constants.O_EXCL | constants.O_RDWR, 0o600));
    return true;
  } catch (error) {
    if (hasCode(error, ['EEXIST'])) return false;
    throw error;
  }
}

/** Missing ones are private, and are there after a power cut. Those that exist stay as they are. */
export function makeDirectory(directory: string): void {
  const firstMade = mkdirSync(directory, { recursive: true, mode: 0o700 });
  if (firstMade === undefined) return;
  for (let made = directory; made.length >= firstMade.length; made = dirname(made)) syncDirectory(dirname(made));
}

/**
 * Makes the file with its final mode before SQLite sees it; SQLite gives its -wal and -shm the same one. A file that exists
 * is not opened here: closing any handle of it would drop the POSIX locks that SQLite holds in this process.
 */
export function prepareFile(path: string): void {
  const directory = dirname(resolve(path));
  makeDirectory(directory);
  if (makeEmpty(path)) syncDirectory(directory);
}

/** Lies beside a file that was left open, until somebody has looked at it: whoever opens it next leaves no other trace of that. */
const markOf = (file: string) => `${file}.unclean`;

/** SQLite keeps its log beside the file itself, also where a link leads to that. */
function behindLinks(path: string): string {
  try {
    return realpathSync.native(path);
  } catch (error) {
    if (hasCode(error, ['ENOENT'])) return path;
    throw error;
  }
}

/**
 * Whether the file was not closed when it was last used, and nobody has looked at it since. Asked before this process
 * opens it: SQLite then folds the log in that was left.
 */
export function findUnclean(path: string): boolean {
  const file = behindLinks(path);
  return wasLeftOpen(file) || existsSync(markOf(file));
}

export const forgetUnclean = (path: string): void => rmSync(markOf(behindLinks(path)), { force: true });

/** Whoever closes a file last takes its log away: one that nobody has open, and that has a log, was not closed. */
function wasLeftOpen(file: string): boolean {
  if (!statSync(`${file}-wal`, { throwIfNoEntry: false })?.size) return false;
  const database = new DatabaseSync(file, { timeout: 0 });
  let left = false;
  try {
    // Set before the first look: then that look takes the file for itself alone, and fails where somebody has it open.
    database.exec(`pragma locking_mode = exclusive; ${SETTINGS} begin immediate; rollback`);
    left = true;
    // Before the end of this connection, which is the one that takes the log away.
    if (makeEmpty(markOf(file))) syncDirectory(dirname(file));
  } catch {
    // Somebody has it open. What else is wrong with it is told by the opening that comes next.
  } finally {
    database.close();
  }
  return left;
}
