import { randomBytes } from 'node:crypto';
import { open, readdir, unlink } from 'node:fs/promises';
import { join } from 'node:path';

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
export async function removeStaleIn(directory: string): Promise<void> {
  const names = await readdir(directory).catch(() => []);
  for (const name of names) {
    const pid = STALE.exec(name)?.[1];
    if (pid !== undefined && !isAlive(Number(pid))) await unlink(join(directory, name)).catch(() => undefined);
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
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } catch (error) {
    if (!['EINVAL', 'ENOTSUP'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
  } finally {
    await directory.close();
  }
}
