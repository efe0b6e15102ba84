import { createHash } from 'node:crypto';
import { chmod, mkdir, readdir, realpath, unlink } from 'node:fs/promises';
import path from 'node:path';
import { AppError } from '../../core/errors.ts';
import { failpoint } from '../failpoint.ts';
import { step } from './faults.ts';
import { replaceDurably } from './replace.ts';

export interface Backup {
  content: string | Uint8Array;
  /** The directory of all backups; made private when it is missing. */
  directory: string;
  /** The resolved path of the file that is backed up. */
  file: string;
  /** RFC 3339 in UTC with milliseconds. */
  at: string;
  /** How many backups of this file stay. Default 5. */
  keep?: number;
}

/** Writes a durable, private copy and takes away the oldest ones of the same file. Gives the path of the copy. */
export async function backUp({ content, directory, file, at, keep = 5 }: Backup): Promise<string> {
  const real = await step('backup', directory, async () => {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    await chmod(directory, 0o700);
    return realpath(directory);
  });
  const prefix = `${createHash('sha256').update(file).digest('hex').slice(0, 16)}-`;
  const stamp = at.replaceAll(/[^0-9TZ]/g, '');
  const copy = await writeCopy(content, path.join(real, prefix + stamp));
  failpoint('file.after-backup');
  await step('prune', real, () => prune(real, prefix, keep));
  return copy;
}

/** Two backups of one millisecond get a number each, which sorts them. */
async function writeCopy(content: string | Uint8Array, base: string): Promise<string> {
  for (let number = 0; ; number += 1) {
    const name = `${base}-${String(number).padStart(3, '0')}.bak`;
    const target = { path: name, requested_path: name, exists: false, uid: null };
    try {
      await replaceDurably(target, content, { expected_sha256: null, failpoint: 'backup' });
      return name;
    } catch (error) {
      if (!(error instanceof AppError && error.code === 'CLIENT_FILE_CHANGED') || number >= 999) throw error;
    }
  }
}

async function prune(directory: string, prefix: string, keep: number): Promise<void> {
  const names = (await readdir(directory))
    .filter((name) => name.startsWith(prefix) && name.endsWith('.bak'))
    .toSorted();
  for (const name of names.slice(0, Math.max(0, names.length - keep))) await unlink(path.join(directory, name));
}
