import { type BigIntStats, closeSync, constants, fstatSync, lstatSync, openSync, readSync } from 'node:fs';
import { MAX_FILE_BYTES } from '../../core/splice/entries.ts';

/** Looks at files that somebody else may exchange or write at this very moment. All of them are synchronous. */

/** Never follows a link and never waits for a pipe. */
export const READ_ONLY = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);

/** Of the name itself, should it be a link; null when there is none. */
export const statsOf = (name: string): BigIntStats | null =>
  lstatSync(name, { bigint: true, throwIfNoEntry: false }) ?? null;

/** The number of a file that is gone may be given to the next one: the time of birth tells them apart. */
export const isSameFile = (one: BigIntStats, other: BigIntStats): boolean =>
  one.ino === other.ino && one.dev === other.dev && one.birthtimeNs === other.birthtimeNs;

export function readWhole(file: number): Buffer {
  const bytes = Buffer.allocUnsafe(fstatSync(file).size);
  let at = 0;
  while (at < bytes.length) {
    const read = readSync(file, bytes, at, bytes.length - at, at);
    if (read === 0) break;
    at += read;
  }
  return bytes.subarray(0, at);
}

/** A file as it was when it got the name. */
export interface Shown {
  stats: BigIntStats | null;
  /** Null: a link, a directory, a file that we may not read or that is larger than any of ours. Its number tells it apart. */
  bytes: Buffer | null;
}

export function read(name: string): Shown {
  const stats = statsOf(name);
  if (!stats?.isFile() || stats.size > MAX_FILE_BYTES) return { stats, bytes: null };
  let file: number | undefined;
  try {
    file = openSync(name, READ_ONLY);
    return { stats, bytes: readWhole(file) };
  } catch {
    return { stats, bytes: null };
  } finally {
    if (file !== undefined) closeSync(file);
  }
}

export const isSame = (one: Shown, other: Shown): boolean =>
  one.stats !== null &&
  other.stats !== null &&
  isSameFile(one.stats, other.stats) &&
  (one.bytes === null ? other.bytes === null : other.bytes !== null && one.bytes.equals(other.bytes));
