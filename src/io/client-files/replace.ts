import { constants, fstatSync, lstatSync, readFileSync, readSync, renameSync, unlinkSync } from 'node:fs';
import { type FileHandle, link, lstat, mkdir, open, realpath, rename, unlink } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { AppError } from '../../core/errors.ts';
import { failpoint } from '../failpoint.ts';
import { removeStaleIn, syncDirectory, temporaryBeside } from '../temporary.ts';
import { codeOf, step, writeFailed } from './faults.ts';
import { type FileBytes, readBytes, SETTLING_MS, sha256Of } from './read.ts';
import type { Target } from './target.ts';

export interface ReplaceOptions {
  /** The digest of the file that the new text was made from; null: there was none, and there still must be none. */
  expected_sha256: string | null;
  /** Of a file that is new; an old file keeps its mode and owner. Default 0600. */
  mode?: number;
  /** Prefix of the failpoints' names. Default `file`. */
  failpoint?: string;
}

/**
 * Puts new content in the place of a file so that every reader, at every instant and after any crash, finds the whole
 * old or the whole new one: temporary file in the same directory, fsync, comparison, rename, fsync of the directory.
 */
export async function replaceDurably(
  target: Target,
  content: string | Uint8Array,
  options: ReplaceOptions,
): Promise<{ sha256: string }> {
  const bytes = typeof content === 'string' ? Buffer.from(content) : content;
  const directory = path.dirname(target.path);
  await makeDirectories(directory);
  await removeStaleIn(directory);
  // Long names are cut, because a file name has at most 255 bytes.
  const temporary = temporaryBeside(directory, path.basename(target.path).slice(0, 40));
  try {
    await writeTemporary(temporary, bytes, target, options);
    await moveIntoPlace(temporary, target, options);
  } catch (error) {
    await unlink(temporary).catch(() => undefined);
    throw writeFailed('write', target.path, error);
  }
  await finish(target.path, options);
  return { sha256: sha256Of(bytes) };
}

/**
 * Takes a file away, with the same care: only when it still is the expected one, and so that it outlives a power cut.
 * What somebody still writes into it at that moment is given back.
 */
export async function removeDurably(target: Target, options: ReplaceOptions): Promise<void> {
  await removeStaleIn(path.dirname(target.path));
  try {
    const now = await readBytes(target);
    if (now === null || now.sha256 !== options.expected_sha256) throw changed(target);
    if (!(await isWhereItWas(path.dirname(target.path)))) throw changed(target);
    failpoint(`${options.failpoint ?? 'file'}.before-remove`);
    await exchange(now.bytes, null, () => unlinkSync(target.path), target, { ...options, mode: now.mode });
  } catch (error) {
    throw writeFailed('remove', target.path, error);
  }
  await finish(target.path, options);
}

/** Missing ones are private; each is made durable in its parent before the next is made. */
async function makeDirectories(directory: string): Promise<void> {
  const parent = path.dirname(directory);
  const there = await step('mkdir', directory, () => lstatOrNull(directory));
  if (there !== null || parent === directory) return;
  await makeDirectories(parent);
  await step('mkdir', directory, async () => {
    await mkdir(directory, { mode: 0o700 }).catch((error: unknown) => {
      if (codeOf(error) !== 'EEXIST') throw error;
    });
    await syncDirectory(parent);
  });
}

const lstatOrNull = (name: string) =>
  lstat(name).catch((error: unknown) => {
    if (codeOf(error) === 'ENOENT') return null;
    throw error;
  });

async function writeTemporary(name: string, bytes: Uint8Array, target: Target, options: ReplaceOptions): Promise<void> {
  const old = await readBytes(target);
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | (constants.O_NOFOLLOW ?? 0);
  const handle = await step('create', name, () => open(name, flags, 0o600));
  try {
    await step('write', name, () => handle.writeFile(bytes));
    failpoint(`${options.failpoint ?? 'file'}.after-temp`);
    await step('chmod', name, () => takeOver(handle, old, options.mode ?? 0o600));
    await step('fsync', name, () => handle.sync());
  } finally {
    await handle.close();
  }
  failpoint(`${options.failpoint ?? 'file'}.after-fsync`);
}

/** Owner before mode: a change of owner clears bits of the mode. */
async function takeOver(handle: FileHandle, old: FileBytes | null, mode: number): Promise<void> {
  const mine = await handle.stat();
  if (old !== null && (old.uid !== mine.uid || old.gid !== mine.gid)) await handle.chown(old.uid, old.gid);
  await handle.chmod(old?.mode ?? mode);
}

async function moveIntoPlace(temporary: string, target: Target, options: ReplaceOptions): Promise<void> {
  const now = await readBytes(target);
  if ((now?.sha256 ?? null) !== options.expected_sha256) throw changed(target);
  if (!(await isWhereItWas(path.dirname(target.path)))) throw changed(target);
  failpoint(`${options.failpoint ?? 'file'}.before-rename`);
  if (now === null) await createExclusively(temporary, target);
  else {
    const ours = readFileSync(temporary);
    await exchange(now.bytes, ours, () => renameSync(temporary, target.path), target, options);
  }
}

/**
 * The client itself may write at this moment. The last look and the act (a rename, or taking the file away) are
 * neighbouring system calls, and the old file is held open meanwhile: what somebody still wrote into it is seen
 * afterwards, and given back. `ours` is what the name leads to after the act; null: nothing. Only a rename of the client
 * between these two calls, some microseconds, would go unseen: Node has no call that exchanges two names.
 */
async function exchange(
  expected: Buffer,
  ours: Buffer | null,
  act: () => void,
  target: Target,
  options: ReplaceOptions,
): Promise<void> {
  const old = await step('read', target.path, () => open(target.path, READ_ONLY));
  try {
    freshTimeSlice();
    if (!readWhole(old.fd).equals(expected) || !isStill(old.fd, target.path)) throw changed(target);
    await step(ours === null ? 'remove' : 'rename', target.path, async () => act());
    if (!readWhole(old.fd).equals(expected)) await giveBack(old.fd, ours, target, options);
  } finally {
    await old.close();
  }
}

const nothing = new Int32Array(new SharedArrayBuffer(4));

/** A program that has just slept is hardly ever interrupted in its next microseconds, one that has worked for long is. */
function freshTimeSlice(): void {
  Atomics.wait(nothing, 0, 0, 1);
}

const READ_ONLY = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);

function readWhole(fd: number): Buffer {
  const bytes = Buffer.alloc(fstatSync(fd).size);
  let at = 0;
  while (at < bytes.length) {
    const read = readSync(fd, bytes, at, bytes.length - at, at);
    if (read === 0) break;
    at += read;
  }
  return bytes.subarray(0, at);
}

/** Does the name still lead to the open file? */
function isStill(fd: number, name: string): boolean {
  const [open, named] = [fstatSync(fd, { bigint: true }), lstatSync(name, { bigint: true })];
  return open.ino === named.ino && open.dev === named.dev;
}

/** Somebody wrote into the old file just before it was replaced: their content becomes the file again, ours is withdrawn. */
async function giveBack(fd: number, ours: Buffer | null, target: Target, options: ReplaceOptions): Promise<never> {
  const until = performance.now() + SETTLING_MS;
  let shown = ours;
  while (performance.now() < until) {
    const theirs = readWhole(fd);
    if (
      theirs.length > 0 &&
      (shown === null || !theirs.equals(shown)) &&
      (await putBack(theirs, shown, target, options))
    )
      shown = theirs;
    await sleep(1);
  }
  if (shown === ours) await putBack(readWhole(fd), shown, target, options);
  throw changed(target);
}

/** False when the file is not what we left there: then its writer has moved on, and the file is theirs already. */
async function putBack(
  theirs: Buffer,
  shown: Buffer | null,
  target: Target,
  options: ReplaceOptions,
): Promise<boolean> {
  const temporary = temporaryBeside(path.dirname(target.path), path.basename(target.path).slice(0, 40));
  try {
    await writeTemporary(temporary, theirs, target, options);
    const now = await readBytes(target);
    if (shown === null ? now !== null : !now?.bytes.equals(shown)) return false;
    if (now === null) await createExclusively(temporary, target);
    else await step('rename', target.path, () => rename(temporary, target.path));
  } finally {
    await unlink(temporary).catch(() => undefined);
  }
  await finish(target.path, options);
  return true;
}

/** A directory on the way that became a link since the path was resolved would carry the file elsewhere. */
async function isWhereItWas(directory: string): Promise<boolean> {
  if (process.platform === 'win32') return true;
  const real = await step('resolve', directory, () => realpath(directory));
  // macOS gives names back in the letter case and Unicode form that the disk has.
  const fold = (name: string) => (process.platform === 'darwin' ? name.normalize('NFC').toLowerCase() : name);
  return fold(real) === fold(directory);
}

/** A rename would overwrite a file that somebody made meanwhile; a hard link cannot. */
async function createExclusively(temporary: string, target: Target): Promise<void> {
  try {
    await link(temporary, target.path);
  } catch (error) {
    if (codeOf(error) === 'EEXIST') throw changed(target);
    if (!NO_LINKS.has(codeOf(error))) throw writeFailed('link', target.path, error);
    await step('rename', target.path, () => rename(temporary, target.path));
    return;
  }
  await unlink(temporary).catch(() => undefined);
}

/** File systems without hard links: there the file was just seen to be missing, and the gap is a few microseconds. */
const NO_LINKS = new Set(['EPERM', 'ENOSYS', 'ENOTSUP', 'EOPNOTSUPP']);

async function finish(file: string, options: ReplaceOptions): Promise<void> {
  try {
    failpoint(`${options.failpoint ?? 'file'}.after-rename`);
    await syncDirectory(path.dirname(file));
  } catch (cause) {
    const reason = codeOf(cause);
    const message = `${file} was changed, but it is not certain that this outlives a power cut (${reason}).`;
    const hint = 'The change is in place. Mend the disk, then run the same command again.';
    const details = { reason, step: 'fsync_directory', path: file, replaced: true };
    throw new AppError('WRITE_FAILED', message, details, { cause, hint });
  }
}

function changed({ path: file }: Target): AppError {
  return new AppError('CLIENT_FILE_CHANGED', `${file} changed since it was read.`, { path: file });
}
