import { randomBytes } from 'node:crypto';
import { closeSync, fsync, openSync, readdirSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

/**
 * The disk is waited for beside the event loop, so that others are served meanwhile. What only looks at names and numbers is
 * done at once: it takes a few microseconds, and the way to another thread and back takes many.
 */
export const fsyncAside = promisify(fsync);

/** The end of every temporary name of ours: the process that made it, and something random. */
const STALE = /^\..*\.mcpo-(\d+)-[0-9a-f]{16}\.tmp$/;

/**
 * A hidden name beside `name` that nobody else uses, and that tells whose it was should its maker be killed. Long names
 * are cut, because a file name has at most 255 bytes.
 */
export function temporaryBeside(directory: string, name: string): string {
  return join(directory, `.${name.slice(0, 40)}.mcpo-${process.pid}-${randomBytes(8).toString('hex')}.tmp`);
}

/** Takes away what processes of ours left in a directory when they were killed. A failure here stops nothing. */
export function removeStaleIn(directory: string): void {
  for (const name of namesIn(directory)) {
    const pid = STALE.exec(name)?.[1];
    if (pid === undefined || isAlive(Number(pid))) continue;
    try {
      unlinkSync(join(directory, name));
    } catch {}
  }
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
