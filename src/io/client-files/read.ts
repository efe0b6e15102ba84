import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { AppError } from '../../core/errors.ts';
import { MAX_FILE_BYTES } from '../../core/splice/entries.ts';
import { codeOf, step, writeFailed } from './faults.ts';
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
}

export type FileBytes = Omit<ClientFile, 'text'>;

export const sha256Of = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** Null when there is no file. A file that is not UTF-8 is refused, because it could not be given back byte for byte. */
export async function readClientFile(target: Target): Promise<ClientFile | null> {
  const file = await readBytes(target);
  return file === null ? null : { ...file, text: decode(file.bytes) };
}

/** Never follows a link and never waits for a pipe, should one have taken the place of the file. */
export async function readBytes(target: Target): Promise<FileBytes | null> {
  const flags = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);
  let handle: FileHandle;
  try {
    handle = await open(target.path, flags);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return null;
    throw writeFailed('read', target.path, error);
  }
  try {
    return await step('read', target.path, () => readOpen(handle, target));
  } finally {
    await handle.close();
  }
}

async function readOpen(handle: FileHandle, target: Target): Promise<FileBytes> {
  const stats = await handle.stat();
  requireOwnFile(target.path, stats, target.uid);
  if (stats.size > MAX_FILE_BYTES) throw unreadable('too_large', 'it is larger than 16 MiB');
  const bytes = await handle.readFile();
  return { bytes, sha256: sha256Of(bytes), mode: stats.mode & 0o7777, uid: stats.uid, gid: stats.gid };
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
