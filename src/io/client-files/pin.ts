import { closeSync, constants, existsSync, openSync, realpathSync, statSync } from 'node:fs';
import path from 'node:path';
import { step } from './faults.ts';

/** A directory in which files are made and renamed. */
export interface Pinned {
  /** As people know it, behind all links. */
  directory: string;
  /** By which it is reached: names below this stay in the same directory, whatever its path leads to by then. */
  at: string;
}

/**
 * Holds a directory open meanwhile. Should it be swapped for another one, or for a link, in the middle of the work, what
 * was made in it is still found in it, and nothing is touched where the path leads now. Linux only: elsewhere there is
 * no path to what is held open, and `at` is the directory's own.
 */
export async function whilePinned<T>(directory: string, work: (pinned: Pinned) => Promise<T>): Promise<T> {
  if (process.platform !== 'linux') return work({ directory, at: directory });
  const flags = constants.O_RDONLY | constants.O_DIRECTORY;
  const held = await step('resolve', directory, async () => openSync(directory, flags));
  try {
    const at = `/proc/self/fd/${held}`;
    return await work({ directory, at: existsSync(at) ? at : directory });
  } finally {
    closeSync(held);
  }
}

/** The name of a file in it, or of one beside it, by which it is reached. */
export const within = ({ at }: Pinned, name: string): string => path.join(at, path.basename(name));

/** A directory on the way that became a link since the path was resolved would carry the file elsewhere. */
export async function isWhereItWas({ directory, at }: Pinned): Promise<boolean> {
  if (process.platform === 'win32') return true;
  return step('resolve', directory, async () => {
    const real = realpathSync.native(directory);
    // macOS gives names back in the letter case and Unicode form that the disk has.
    const fold = (name: string) => (process.platform === 'darwin' ? name.normalize('NFC').toLowerCase() : name);
    if (fold(real) !== fold(directory)) return false;
    const [held, named] = [statSync(at), statSync(directory)];
    return held.ino === named.ino && held.dev === named.dev;
  });
}
