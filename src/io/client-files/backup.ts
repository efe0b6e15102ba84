import { createHash } from 'node:crypto';
import { chmodSync, lstatSync, readdirSync, realpathSync, unlinkSync } from 'node:fs';
import { lstat, readdir, readFile, realpath, unlink } from 'node:fs/promises';
import path from 'node:path';
import { AppError } from '../../core/errors.ts';
import { failpoint } from '../failpoint.ts';
import { syncDirectory } from '../temporary.ts';
import { codeOf, step, writeFailed } from './faults.ts';
import { sha256Of } from './read.ts';
import { makeDirectories, replaceDurably } from './replace.ts';

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
  /** Paths of backups that stay in any case, because what is in force was made from them. */
  needed?: ReadonlySet<string>;
}

/** One backup as it lies there. Those of one file share their `of`. */
export interface StoredBackup {
  path: string;
  of: string;
  created_at: string;
  size: number;
  sha256: string;
}

const NAME = /^([0-9a-f]{16})-(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)(\d{3})Z-\d{3}\.bak$/;

/** A copy that is to be made. Its path is known before, so that it can be recorded while it is being made. */
export interface Copy {
  path: string;
  /** Writes it, durable and private, and takes away the oldest ones of the same file. */
  make: () => Promise<void>;
}

/** Only under the writer's lock: the name is free as long as nobody else makes a copy. */
export async function planBackup({
  content,
  directory,
  file,
  at,
  keep = 5,
  needed = new Set(),
}: Backup): Promise<Copy> {
  await makeDirectories(directory);
  const real = await step('backup', directory, async () => {
    chmodSync(directory, 0o700);
    return realpathSync.native(directory);
  });
  const prefix = `${createHash('sha256').update(file).digest('hex').slice(0, 16)}-`;
  const stamp = at.replaceAll(/[^0-9TZ]/g, '');
  const copy = await step('backup', real, async () => freeName(path.join(real, prefix + stamp)));
  const target = { path: copy, requested_path: copy, exists: false, uid: null };
  const make = async () => {
    await replaceDurably(target, content, { expected_sha256: null, failpoint: 'backup' }).catch((error) => {
      throw isInPlace(error) ? writeFailed('backup', copy, error.cause) : error;
    });
    failpoint('file.after-backup');
    // By its name it is the oldest one where the clock went back.
    await step('prune', real, async () => prune(real, prefix, keep, new Set([...needed, copy])));
  };
  return { path: copy, make };
}

/** A change that is in place is told as that: of a copy it would sound as if the file itself had changed. */
const isInPlace = (error: unknown): error is AppError =>
  error instanceof AppError && error.details['replaced'] === true;

/** Two backups of one millisecond get a number each, which sorts them. */
function freeName(base: string): string {
  for (let number = 0; ; number += 1) {
    const name = `${base}-${String(number).padStart(3, '0')}.bak`;
    if (lstatSync(name, { throwIfNoEntry: false }) === undefined) return name;
  }
}

function prune(directory: string, prefix: string, keep: number, needed: ReadonlySet<string>): void {
  const names = readdirSync(directory)
    .filter((name) => name.startsWith(prefix) && name.endsWith('.bak'))
    .toSorted();
  const old = names.slice(0, Math.max(0, names.length - keep)).map((name) => path.join(directory, name));
  for (const copy of old) if (!needed.has(copy)) unlinkSync(copy);
}

/** Everything in the directory that has the name of a backup, oldest first. No directory: none. */
export async function storedBackups(directory: string): Promise<StoredBackup[]> {
  return step('list', directory, async () => {
    const real = await realpath(directory).catch(nothingThere);
    if (real === null) return [];
    const found: StoredBackup[] = [];
    for (const name of (await readdir(real)).toSorted()) {
      const [, of, year, month, day, hour, minute, second, milliseconds] = NAME.exec(name) ?? [];
      if (of === undefined) continue;
      const bytes = await contentOf(path.join(real, name));
      if (bytes === null) continue;
      const created_at = `${year}-${month}-${day}T${hour}:${minute}:${second}.${milliseconds}Z`;
      found.push({ path: path.join(real, name), of, created_at, size: bytes.length, sha256: sha256Of(bytes) });
    }
    return found.toSorted((a, b) => a.created_at.localeCompare(b.created_at));
  });
}

/** Null when there is no such file, or something else than a file. */
async function contentOf(name: string): Promise<Buffer | null> {
  const stats = await lstat(name).catch(nothingThere);
  return stats?.isFile() ? readFile(name).catch(nothingThere) : null;
}

/** The content of a backup, when it is there and still has its digest. */
export async function readBackup(name: string, sha256: string): Promise<Buffer | 'missing' | 'damaged'> {
  const bytes = await step('read_backup', name, () => contentOf(name));
  if (bytes === null) return 'missing';
  return sha256Of(bytes) === sha256 ? bytes : 'damaged';
}

/** Takes them away for good. */
export async function removeBackups(paths: readonly string[]): Promise<void> {
  for (const name of paths) await step('prune', name, () => unlink(name));
  const [first] = paths;
  if (first !== undefined) await step('prune', first, () => syncDirectory(path.dirname(first)));
}

function nothingThere(error: unknown): null {
  if (codeOf(error) === 'ENOENT') return null;
  throw error;
}
