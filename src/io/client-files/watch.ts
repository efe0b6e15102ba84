import { type FSWatcher, type Stats, statSync, watch } from 'node:fs';
import { basename, dirname, relative, sep } from 'node:path';

/**
 * Tells when files may have changed: it listens to their directories, because a file that is replaced by a rename is
 * another one. Where a directory is missing, it listens to the nearest one above. Not every file system tells of every
 * change, so whoever uses this looks from time to time as well.
 */
export class FileWatch {
  readonly #ring: () => void;
  readonly #open = new Map<string, { identity: string; names: Set<string>; watcher: FSWatcher }>();
  readonly #seen = new Map<string, string>();

  /** `ring` is called for every event that may concern one of the files. */
  constructor(ring: () => void) {
    this.#ring = ring;
  }

  /** From now on these files, and no others. */
  follow(files: readonly string[]): void {
    const wanted = new Map<string, Set<string>>();
    for (const file of files) {
      const directory = nearest(dirname(file));
      const [name = basename(file)] = relative(directory, file).split(sep);
      wanted.set(directory, (wanted.get(directory) ?? new Set()).add(name));
    }
    for (const [directory, { identity, watcher }] of this.#open) {
      if (wanted.has(directory) && identityOf(directory) === identity) continue;
      watcher.close();
      this.#open.delete(directory);
    }
    for (const [directory, names] of wanted) this.#listen(directory, names);
    for (const file of this.#seen.keys()) if (!files.includes(file)) this.#seen.delete(file);
  }

  /** The followed files that are not as they were at the last call; a file that is new here counts as changed. */
  changes(files: readonly string[]): { file: string; first: boolean }[] {
    return files.flatMap((file) => {
      const before = this.#seen.get(file);
      const now = signOf(file);
      this.#seen.set(file, now);
      return before === now ? [] : [{ file, first: before === undefined }];
    });
  }

  close(): void {
    for (const { watcher } of this.#open.values()) watcher.close();
    this.#open.clear();
  }

  #listen(directory: string, names: Set<string>): void {
    const listening = this.#open.get(directory);
    if (listening !== undefined) {
      listening.names = names;
      return;
    }
    const identity = identityOf(directory);
    if (identity === undefined) return;
    try {
      const watcher = watch(directory, { persistent: false }, (_event, name) => {
        // Of a directory that is itself moved or removed, its own name comes.
        const concerns = name === null || name === basename(directory);
        if (concerns || this.#open.get(directory)?.names.has(name) === true) this.#ring();
      });
      watcher.on('error', () => {
        watcher.close();
        this.#open.delete(directory);
        this.#ring();
      });
      this.#open.set(directory, { identity, names, watcher });
    } catch {
      // No more watches are left, or the file system has none: looking from time to time goes on.
    }
  }
}

function statOf(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}

/** A directory that is made anew often gets the number of the one that went: the time of birth tells them apart. */
function identityOf(directory: string): string | undefined {
  const stats = statOf(directory);
  return stats && `${stats.dev} ${stats.ino} ${stats.birthtimeMs}`;
}

/** The directory, or the nearest one above that is there. */
function nearest(directory: string): string {
  const above = dirname(directory);
  return above === directory || statOf(directory)?.isDirectory() === true ? directory : nearest(above);
}

function signOf(file: string): string {
  const stats = statOf(file);
  return stats === undefined ? 'none' : `${stats.ino} ${stats.size} ${stats.mtimeMs} ${stats.ctimeMs}`;
}
