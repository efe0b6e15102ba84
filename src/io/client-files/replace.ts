import {
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  fstatSync,
  lstatSync,
  mkdirSync,
  openSync,
  type Stats,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { AppError } from '../../core/errors.ts';
import { failpoint, holdpoint } from '../failpoint.ts';
import { sideBySide } from '../side-by-side.ts';
import { fsyncAside, removeStaleIn, syncDirectory, temporaryBeside } from '../temporary.ts';
import { type Named, putInFreePlace, putInPlaceOf, removeIfThere, takeAway } from './exchange.ts';
import { codeOf, step, writeFailed } from './faults.ts';
import { isWhereItWas, type Pinned, whilePinned, within } from './pin.ts';
import { type FileBytes, readBytes, statOwnFile } from './read.ts';
import type { Target } from './target.ts';

export interface ReplaceOptions {
  /** The digest of the file that the new text was made from; null: there was none, and there still must be none. */
  expected_sha256: string | null;
  /** Of a file that is new; an old file keeps its mode and owner. Default 0600. */
  mode?: number;
  /** Prefix of the failpoints' names. Default `file`. */
  failpoint?: string;
  /** What must be done as well before the file changes. It goes on while the disk takes the new text. */
  beside?: () => Promise<unknown>;
}

type Reached = Target & { at: string };

/**
 * Puts new content in the place of a file so that every reader, at every instant and after any crash, finds the whole
 * old or the whole new one: temporary file in the same directory, fsync, comparison, rename, fsync of the directory.
 */
export async function replaceDurably(
  target: Target,
  content: string | Uint8Array,
  options: ReplaceOptions,
): Promise<void> {
  const bytes =
    typeof content === 'string'
      ? Buffer.from(content)
      : Buffer.from(content.buffer, content.byteOffset, content.byteLength);
  const directory = path.dirname(target.path);
  await makeDirectories(directory);
  await whilePinned(directory, (pinned) => replaceIn(pinned, bytes, target, options));
}

/** Takes away what killed writers left beside a file that needs no writing now. A failure here stops nothing. */
export async function removeStaleBeside(target: Target): Promise<void> {
  try {
    await whilePinned(path.dirname(target.path), async ({ at }) => removeStaleIn(at));
  } catch {}
}

async function replaceIn(pinned: Pinned, bytes: Buffer, target: Target, options: ReplaceOptions): Promise<void> {
  removeStaleIn(pinned.at);
  const temporary = temporaryBeside(pinned.at, path.basename(target.path));
  const reached = { ...target, at: within(pinned, target.path) };
  try {
    const now = await prepared(temporary, bytes, { target: reached, pinned }, options);
    await step('rename', target.path, async () => {
      if (!place({ name: temporary, bytes }, now, reached, options)) throw changed(target);
    });
  } catch (error) {
    throw writeFailed('write', target.path, error);
  }
  await finish(pinned, target, options);
}

/**
 * Takes a file away, with the same care: only when it still is the expected one, and so that it outlives a power cut.
 * What somebody still writes into it at that moment is given back.
 */
export const removeDurably = (target: Target, options: ReplaceOptions): Promise<void> =>
  whilePinned(path.dirname(target.path), (pinned) => removeIn(pinned, target, options));

async function removeIn(pinned: Pinned, target: Target, options: ReplaceOptions): Promise<void> {
  removeStaleIn(pinned.at);
  const at = within(pinned, target.path);
  try {
    await options.beside?.();
    const now = await readBytes({ ...target, at });
    if (now === null || now.sha256 !== options.expected_sha256) throw changed(target);
    if (!(await isWhereItWas(pinned))) throw changed(target);
    const points = options.failpoint ?? 'file';
    failpoint(`${points}.before-remove`);
    const aside = temporaryBeside(pinned.at, path.basename(target.path));
    if (!takeAway({ name: at, bytes: now.bytes }, aside, points)) throw changed(target);
  } catch (error) {
    throw writeFailed('remove', target.path, error);
  }
  await finish(pinned, target, options);
}

/** Missing ones are private; each is made durable in its parent before the next is made. */
export async function makeDirectories(directory: string): Promise<void> {
  const parent = path.dirname(directory);
  const there = await step('mkdir', directory, async () => lstatSync(directory, { throwIfNoEntry: false }));
  if (there !== undefined || parent === directory) return;
  await makeDirectories(parent);
  await step('mkdir', directory, async () => {
    try {
      mkdirSync(directory, { mode: 0o700 });
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw error;
    }
    await syncDirectory(parent);
  });
}

async function writeTemporary(
  temporary: string,
  bytes: Uint8Array,
  target: Target,
  options: ReplaceOptions,
): Promise<void> {
  const name = path.join(path.dirname(target.path), path.basename(temporary));
  const old = await statOwnFile(target);
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | (constants.O_NOFOLLOW ?? 0);
  const file = await step('create', name, async () => openSync(temporary, flags, 0o600));
  try {
    await step('write', name, async () => writeFileSync(file, bytes));
    failpoint(`${options.failpoint ?? 'file'}.after-temp`);
    await step('chmod', name, async () => takeOver(file, old, options.mode ?? 0o600));
    await sideBySide(flush(file, name, options), options.beside?.());
  } finally {
    closeSync(file);
  }
}

async function flush(file: number, name: string, options: ReplaceOptions): Promise<void> {
  await holdpoint(`${options.failpoint ?? 'file'}.before-fsync`);
  await step('fsync', name, () => fsyncAside(file));
  failpoint(`${options.failpoint ?? 'file'}.after-fsync`);
}

/** Owner before mode: a change of owner clears bits of the mode. */
function takeOver(file: number, old: Stats | null, mode: number): void {
  const mine = fstatSync(file);
  if (old !== null && (old.uid !== mine.uid || old.gid !== mine.gid)) fchownSync(file, old.uid, old.gid);
  fchmodSync(file, old ? old.mode & 0o7777 : mode);
}

/** The temporary file is on the disk, what goes beside it is done, and the old one, which is returned, still is the expected one. Else nothing is left. */
async function prepared(
  temporary: string,
  bytes: Buffer,
  { target, pinned }: { target: Reached; pinned: Pinned },
  options: ReplaceOptions,
): Promise<FileBytes | null> {
  try {
    if (!(await isWhereItWas(pinned))) throw changed(target);
    await writeTemporary(temporary, bytes, target, options);
    const now = await readBytes(target);
    if ((now?.sha256 ?? null) !== options.expected_sha256) throw changed(target);
    if (!(await isWhereItWas(pinned))) throw changed(target);
    failpoint(`${options.failpoint ?? 'file'}.before-rename`);
    return now;
  } catch (error) {
    removeIfThere(temporary);
    throw error;
  }
}

/** From here on the temporary name may lead to what somebody else wrote: nobody but `putInPlaceOf` removes it. */
function place(ours: Named, now: FileBytes | null, { at }: Reached, options: ReplaceOptions): boolean {
  const points = options.failpoint ?? 'file';
  if (now !== null) return putInPlaceOf({ name: at, bytes: now.bytes }, ours, points);
  return putInFreePlace(ours.name, at, points);
}

async function finish({ at }: Pinned, { path: file }: Target, options: ReplaceOptions): Promise<void> {
  try {
    failpoint(`${options.failpoint ?? 'file'}.after-rename`);
    await syncDirectory(at);
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
