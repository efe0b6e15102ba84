import { createHash } from 'node:crypto';
import { closeSync, constants, fstatSync, openSync, type Stats } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { AppError } from '../../core/errors.ts';
import { MAX_FILE_BYTES } from '../../core/splice/entries.ts';
import { codeOf, step, writeFailed } from './faults.ts';
import { readWhole } from './look.ts';
import { requireOwnFile, type Target } from './target.ts';

export interface ClientFile {
  /** With its byte-order mark, when it has one. */
  text: string;
  bytes: Buffer;
  /** Of the bytes, lowercase hex. */
  sha256: string;
  /** Permission bits only. */
  mode: number;
  uid: number;
  gid: number;
  /** When it was last written, by the clock of the system. */
  modified_ms: number;
}

export type FileBytes = Omit<ClientFile, 'text'>;

export const sha256Of = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** Null when there is no file. A file that is not UTF-8 is refused, because it could not be given back byte for byte. */
export async function readClientFile(target: Target): Promise<ClientFile | null> {
  const file = await readSettled(target);
  return file === null ? null : { ...file, text: decode(file.bytes) };
}

/** A write in place begins by emptying the file; the content follows within this time, or the writer died. */
const SETTLING_MS = 500;

/**
 * A file that was emptied a moment ago is somebody's who is writing it: taken for an empty one, it would get our entries,
 * and what the writer still puts into the old file would be lost.
 */
async function readSettled(target: Target): Promise<FileBytes | null> {
  const until = performance.now() + SETTLING_MS;
  for (;;) {
    const file = await readBytes(target);
    const settled = file === null || file.bytes.length > 0 || Date.now() - file.modified_ms >= SETTLING_MS;
    if (settled || performance.now() >= until) return file;
    await sleep(5);
  }
}

export const readBytes = (target: Target): Promise<FileBytes | null> => whileOpen(target, readOpen);

/** Permissions and owner alone; null when there is no file. */
export const statOwnFile = (target: Target): Promise<Stats | null> => whileOpen(target, (_file, stats) => stats);

/** Never follows a link and never waits for a pipe, should one have taken the place of the file. */
async function whileOpen<T>(target: Target, work: (file: number, stats: Stats) => T): Promise<T | null> {
  const flags = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);
  let file: number;
  try {
    file = openSync(target.at ?? target.path, flags);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return null;
    throw writeFailed('read', target.path, error);
  }
  try {
    return await step('read', target.path, async () => {
      const stats = fstatSync(file);
      requireOwnFile(target.path, stats, target.uid);
      return work(file, stats);
    });
  } finally {
    closeSync(file);
  }
}

function readOpen(file: number, stats: Stats): FileBytes {
  if (stats.size > MAX_FILE_BYTES) throw unreadable('too_large', 'it is larger than 16 MiB');
  const bytes = readWhole(file);
  return {
    bytes,
    sha256: sha256Of(bytes),
    mode: stats.mode & 0o7777,
    uid: stats.uid,
    gid: stats.gid,
    modified_ms: stats.mtimeMs,
  };
}

function decode(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw unreadable('not_utf8', 'it is not UTF-8 text', cause);
  }
}

function unreadable(reason: string, what: string, cause?: unknown): AppError {
  return new AppError(
    'CLIENT_FILE_UNPARSABLE',
    `The client file cannot be changed safely: ${what}.`,
    { reason },
    { cause },
  );
}
