import { randomUUID } from 'node:crypto';
import { link, open, readFile, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '../core/errors.ts';
import { failpoint } from './failpoint.ts';
import { removeStaleIn, syncDirectory, temporaryBeside } from './temporary.ts';

/**
 * The id under which this data directory keeps its ledger of deployments. Made on first use and never changed; the
 * first of several processes wins. It is random on purpose: host names and hardware ids change or repeat in images.
 */
export async function machineId(home: string): Promise<string> {
  removeStaleIn(home);
  const path = join(home, 'machine-id');
  const id = (await readId(path)) ?? (await makeId(home, path));
  if (!id) throw new AppError('UNAVAILABLE', 'The machine id of the data directory cannot be read.', { path });
  return id;
}

async function makeId(home: string, path: string): Promise<string | undefined> {
  const temporary = temporaryBeside(home, 'machine-id');
  try {
    const file = await open(temporary, 'wx', 0o600);
    try {
      await file.writeFile(`${randomUUID()}\n`);
      await file.sync();
    } finally {
      await file.close();
    }
    failpoint('machine.after-temp');
    await link(temporary, path).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    });
    failpoint('machine.after-link');
    // Also by who came second: what is recorded under this id must not outlive it.
    await syncDirectory(home);
  } catch (error) {
    throw unusable('WRITE_FAILED', 'written', path, error);
  } finally {
    await unlink(temporary).catch(() => undefined);
  }
  return readId(path);
}

async function readId(path: string): Promise<string | undefined> {
  try {
    const text = (await readFile(path, 'utf8')).trim();
    return /^[0-9a-f-]{36}$/.test(text) ? text : undefined;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw unusable('UNAVAILABLE', 'read', path, error);
  }
}

function unusable(code: 'WRITE_FAILED' | 'UNAVAILABLE', what: string, path: string, cause: unknown): AppError {
  const reason = (cause as NodeJS.ErrnoException).code ?? 'unknown';
  const message = `The machine id of the data directory cannot be ${what} (${reason}).`;
  return new AppError(code, message, { reason, path }, { cause });
}
