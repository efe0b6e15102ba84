import { randomBytes } from 'node:crypto';
import { closeSync, fstatSync, linkSync, openSync, realpathSync, renameSync, unlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { AppError } from '../../core/errors.ts';
import { failpoint } from '../failpoint.ts';
import { temporaryBeside } from '../temporary.ts';
import { codeOf } from './faults.ts';
import { isSame, isSameFile, READ_ONLY, read, readWhole, type Shown, statsOf } from './look.ts';
import { swap } from './swap.ts';

/**
 * The client itself may write at this very moment. So a name is never just given another file: what it led to until the
 * very step is kept under another name and looked at afterwards. If it is not what was expected, it gets its name back.
 *
 * All functions are synchronous, and throw what the system throws.
 */

/** A name, and the bytes of the file that it should lead to. */
export interface Named {
  name: string;
  bytes: Buffer;
}

/**
 * Gives the name of `expected` to the file `ours`, which takes after it in mode and owner. False: somebody else wrote, and
 * what they wrote has the name again. The name that `ours` had is free afterwards.
 */
export function putInPlaceOf(expected: Named, ours: Named, points: string): boolean {
  const shown = { stats: statsOf(ours.name), bytes: ours.bytes };
  let swapped = false;
  try {
    const done = whileOpen(expected, (old) => {
      if (!hasRightsOf(old, ours.name)) return false;
      if (!staysAsItIs(old, expected.name)) return false;
      swapped = swap(ours.name, expected.name);
      if (!swapped) return renameOver(expected, old, ours.name);
      failpoint(`${points}.after-exchange`);
      const untouched = isUntouched(expected, old, ours.name) && hasRightsOf(old, expected.name);
      if (!untouched) giveBack(expected.name, ours.name, shown);
      return untouched;
    });
    removeIfThere(ours.name);
    return done;
  } catch (error) {
    if (swapped) undo(expected.name, ours.name, shown);
    removeIfThere(ours.name);
    throw error;
  }
}

/** Takes the file away; `aside` is a free name beside it. False: somebody else wrote, and what they wrote has the name again. */
export function takeAway(expected: Named, aside: string, points: string): boolean {
  return whileOpen(expected, (old) => {
    renameSync(expected.name, aside);
    try {
      failpoint(`${points}.after-set-aside`);
      const untouched = isUntouched(expected, old, aside);
      if (!untouched) giveUnlessTaken(aside, expected.name);
      removeIfThere(aside);
      return untouched;
    } catch (error) {
      restore(aside, expected.name);
      throw error;
    }
  });
}

/** After a fault behind the exchange: what was taken out may be the only copy of what somebody wrote. */
function undo(name: string, temporary: string, ours: Shown): void {
  const now = statsOf(name);
  // Else it was given back or kept already, or somebody wrote or removed something newer.
  if (now === null || ours.stats === null || !isSameFile(now, ours.stats) || statsOf(temporary) === null) return;
  try {
    exchange(temporary, name);
  } catch (cause) {
    throw keep(temporary, name, cause);
  }
}

function restore(aside: string, name: string): void {
  if (statsOf(aside) === null) return;
  try {
    if (statsOf(name) === null) renameSync(aside, name);
    else removeIfThere(aside);
  } catch (cause) {
    throw keep(aside, name, cause);
  }
}

/** It gets a name that nothing of ours ever removes. */
function keep(taken: string, name: string, cause: unknown): AppError {
  const ending = `.mcpo-kept-${randomBytes(8).toString('hex')}`;
  renameSync(taken, name + ending);
  const reason = codeOf(cause);
  // The directory may be reached by a number of this process.
  const file = path.join(realpathSync(path.dirname(name)), path.basename(name));
  const kept = file + ending;
  const message = `${file} was changed, and its earlier file could not be given back (${reason}). It is kept as ${kept}.`;
  const hint =
    'Compare the two files. What is in the kept one and missing in the other was written by another program.';
  const details = { reason, step: 'give_back', path: file, kept_path: kept, replaced: true };
  return new AppError('WRITE_FAILED', message, details, { cause, hint });
}

/** What cannot be removed now is removed by a later command: the name says that it is temporary. */
export function removeIfThere(name: string): void {
  try {
    unlinkSync(name);
  } catch {}
}

/**
 * The file is held open, so that its number cannot be given to another one. False when it is not the expected one already,
 * or is taken away at this moment.
 */
function whileOpen(expected: Named, work: (old: number) => boolean): boolean {
  let old: number | undefined;
  try {
    old = openSync(expected.name, READ_ONLY);
    return isUntouched(expected, old, expected.name) && work(old);
  } catch (error) {
    if (codeOf(error) === 'ENOENT' && statsOf(expected.name) === null) return false;
    throw error;
  } finally {
    if (old !== undefined) closeSync(old);
  }
}

/** Does this name lead to the open file, and does that still hold what was expected? */
function isUntouched({ bytes }: Named, old: number, name: string): boolean {
  const named = statsOf(name);
  return named !== null && isSameFile(named, fstatSync(old, { bigint: true })) && holds(old, bytes);
}

/**
 * A look that takes as long as two calls of the system, at the begin of a time slice. Whoever wrote between the look at the
 * whole content and the exchange would see an older version for an instant, until the names are exchanged back.
 */
function staysAsItIs(old: number, name: string): boolean {
  const before = fstatSync(old, { bigint: true });
  freshTimeSlice();
  const named = statsOf(name);
  return named !== null && isSameFile(named, before) && named.size === before.size && named.mtimeNs === before.mtimeNs;
}

/** A file of another size is not read: it may be of any size. */
const holds = (file: number, bytes: Buffer): boolean =>
  fstatSync(file).size === bytes.length && readWhole(file).equals(bytes);

/** Somebody may change mode or owner of the old file as well: ours has what it had before. Windows has no such bits. */
function hasRightsOf(old: number, name: string): boolean {
  const [one, other] = [fstatSync(old, { bigint: true }), statsOf(name)];
  if (process.platform === 'win32' || other === null) return true;
  return one.mode === other.mode && one.uid === other.uid && one.gid === other.gid;
}

/** Nobody writes that often by accident. */
const MOST_EXCHANGES = 1000;

/**
 * `temporary` leads to a file of somebody else, which had the name until ours got it: it gets it back. If what comes out
 * then is not the file that we had given the name, somebody wrote once more: that is the newest file, and so on.
 */
function giveBack(name: string, temporary: string, ours: Shown): void {
  let shown = ours;
  for (let exchanges = 0; exchanges < MOST_EXCHANGES; exchanges += 1) {
    const theirs = read(temporary);
    try {
      exchange(temporary, name);
    } catch (error) {
      // They removed the file after that: what they wrote before is not wanted any more.
      if (codeOf(error) === 'ENOENT') return;
      throw error;
    }
    if (isSame(read(temporary), shown)) return;
    shown = theirs;
  }
  throw keep(temporary, name, Object.assign(new Error('too many exchanges'), { code: 'EBUSY' }));
}

/** Behind the first exchange there must be a second one: that the system does not know it any more is a fault. */
function exchange(temporary: string, name: string): void {
  if (!swap(temporary, name)) throw Object.assign(new Error('no exchange of names'), { code: 'ENOTSUP' });
}

/** File systems without hard links. */
const NO_LINKS = new Set(['EPERM', 'ENOSYS', 'ENOTSUP', 'EOPNOTSUPP']);

function linked(from: string, to: string): 'linked' | 'taken' | 'unsupported' {
  try {
    linkSync(from, to);
    return 'linked';
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return 'taken';
    if (NO_LINKS.has(codeOf(error))) return 'unsupported';
    throw error;
  }
}

/** Gives a name that was free to a new file. False: somebody has made one meanwhile. `ours` is free afterwards. */
export function putInFreePlace(ours: string, name: string, points: string): boolean {
  try {
    const given = giveUnlessTaken(ours, name);
    failpoint(`${points}.after-link`);
    return given;
  } finally {
    removeIfThere(ours);
  }
}

/** A hard link never takes a name that is in use: whoever has it now is newer. */
function giveUnlessTaken(from: string, to: string): boolean {
  const outcome = linked(from, to);
  // There the name was just seen to be free, and the gap is a few microseconds.
  if (outcome === 'unsupported') renameSync(from, to);
  return outcome !== 'taken';
}

/**
 * Where names cannot be exchanged. A write into the old file is still seen, and given back. A file that gets the name
 * from somebody else between the last look and the rename, some microseconds, is lost.
 */
function renameOver(expected: Named, old: number, ours: string): boolean {
  const kept = temporaryBeside(path.dirname(expected.name), path.basename(expected.name));
  const isLinked = linked(expected.name, kept) === 'linked';
  try {
    freshTimeSlice();
    if (!isUntouched(expected, old, expected.name)) return false;
    renameSync(ours, expected.name);
    try {
      if (isLinked ? isUntouched(expected, old, kept) : holds(old, expected.bytes)) return true;
      if (!isLinked) writeFileSync(kept, readWhole(old), { flag: 'wx', mode: fstatSync(old).mode & 0o7777 });
      renameSync(kept, expected.name);
      return false;
    } catch (cause) {
      throw statsOf(kept) === null ? cause : keep(kept, expected.name, cause);
    }
  } finally {
    removeIfThere(kept);
  }
}

const nothing = new Int32Array(new SharedArrayBuffer(4));

/** Milliseconds: enough for the system to take the processor away. The new slice does not depend on how long it was gone. */
const NAP_MS = 0.1;

/** A program that has just slept is hardly ever interrupted in its next microseconds, one that has worked for long is. */
function freshTimeSlice(): void {
  Atomics.wait(nothing, 0, 0, NAP_MS);
}
