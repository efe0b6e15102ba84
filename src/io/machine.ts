import { randomUUID } from 'node:crypto';
import { link, open, readFile, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '../core/errors.ts';

/**
 * The id under which this data directory keeps its ledger of deployments. Made on first use and never changed; the
 * first of several processes wins. It is random on purpose: host names and hardware ids change or repeat in images.
 */
export async function machineId(home: string): Promise<string> {
  const path = join(home, 'machine-id');
  const known = await readId(path);
  if (known) return known;
  const temporary = join(home, `.machine-id.${randomUUID()}.tmp`);
  const file = await open(temporary, 'wx', 0o600);
  try {
    await file.writeFile(`${randomUUID()}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
  await link(temporary, path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
  });
  await unlink(temporary);
  const id = await readId(path);
  if (!id) throw new AppError('UNAVAILABLE', 'The machine id of the data directory cannot be read.', { path });
  return id;
}

async function readId(path: string): Promise<string | undefined> {
  try {
    const text = (await readFile(path, 'utf8')).trim();
    return /^[0-9a-f-]{36}$/.test(text) ? text : undefined;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
