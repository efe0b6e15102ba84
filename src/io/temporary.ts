import { createHash, randomBytes } from 'node:crypto';
import { closeSync, fsync, lstatSync, openSync, readdirSync, readlinkSync, unlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

/**
 * The disk is waited for beside the event loop, so that others are served meanwhile. What only looks at names and numbers is
 * done at once: it takes a few microseconds, and the way to another thread and back takes many.
 */
export const fsyncAside = promisify(fsync);

/** The end of every temporary name of ours: the process that made it, where that one is known, and something random. */
const TEMPORARY = /^\..*\.mcpo-(\d+)-([0-9a-f]{8})[0-9a-f]{8}\.tmp$/;

let known: string | undefined;
/** Where the number of this process means this process: several machines or containers may share a directory. */
function neighbourhood(): string {
  known ??= createHash('sha256').update(`${hostname()} ${processNamespace()}`).digest('hex').slice(0, 8);
  return known;
}

/** Only Linux has several on one machine. */
function processNamespace(): string {
  try {
    return readlinkSync('/proc/self/ns/pid');
  } catch {
    return '';
  }
}

/**
 * A hidden name beside `name` that nobody else uses, and that tells whose it was should its maker be killed. Long names
 * are cut, because a file name has at most 255 bytes.
 */
export function temporaryBeside(directory: string, name: string): string {
  const end = `${neighbourhood()}${randomBytes(4).toString('hex')}`;
  return join(directory, `.${name.slice(0, 40)}.mcpo-${process.pid}-${end}.tmp`);
}

/** Takes away what processes of ours left in a directory when they were killed. A failure here stops nothing. */
export function removeStaleIn(directory: string): void {
  for (const name of namesIn(directory)) {
    try {
      if (isLeftBehind(directory, name)) unlinkSync(join(directory, name));
    } catch {}
  }
}

/** Milliseconds. Nothing temporary of ours is at work for so long: a process that has its maker's number is another one. */
const LONGEST_WORK = 24 * 60 * 60 * 1_000;

/**
 * Whether it is temporary, and its maker was killed. In a container the next one has the number of its maker each time, and
 * of a process elsewhere nobody knows here whether it lives.
 */
export function isLeftBehind(directory: string, name: string): boolean {
  const [, pid, where] = TEMPORARY.exec(name) ?? [];
  if (pid === undefined) return false;
  if (where === neighbourhood() && !isAlive(Number(pid))) return true;
  // Not when it was written: it may be the old file of somebody, which has this name for a moment.
  const since = lstatSync(join(directory, name), { throwIfNoEntry: false })?.ctimeMs;
  return since !== undefined && Date.now() - since > LONGEST_WORK;
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}

/** Makes a rename in that directory outlive a power cut. Windows and some network file systems know no fsync of a directory. */
export async function syncDirectory(path: string): Promise<void> {
  if (process.platform === 'win32') return;
  const directory = openSync(path, 'r');
  try {
    await fsyncAside(directory);
  } catch (error) {
    if (!['EINVAL', 'ENOTSUP'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
  } finally {
    closeSync(directory);
  }
}
