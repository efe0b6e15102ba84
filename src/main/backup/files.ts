import { createHash } from 'node:crypto';
import { constants, type Stats } from 'node:fs';
import { type FileHandle, lstat, mkdir, open, readdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { codeOf, step } from '../../io/client-files/faults.ts';
import { isLeftBehind, syncDirectory, temporaryBeside } from '../../io/temporary.ts';

/** What of a data directory goes into a backup besides the store, and how files get there and back. */

export interface FileRecord {
  /** Relative, with slashes. */
  path: string;
  size: number;
  sha256: string;
}

/** The database in a backup and in a data directory. */
export const STATE = 'state.db';
/** Without these nobody can sign, or open a secret. */
const PRIVATE = ['keys/signing.key', 'keys/secrets.key', 'pull.env'];
/** Secrets before the key that they are locked with: it is made first and never replaced. */
const OTHERS = ['secrets.json', 'machine-id', 'keys/signing.pub'];
const COPIES = /^[0-9a-f]{16}-\d{8}T\d{9}Z-\d{3}\.bak$/;

/** Every path that a backup can have. One that is made by somebody else must not name any other. */
export const isOfBackup = (path: string): boolean =>
  [STATE, ...PRIVATE, ...OTHERS].includes(path) ||
  (path.startsWith('backups/') && COPIES.test(path.slice('backups/'.length)));

export interface Wanted {
  with_keys: boolean;
  with_client_backups: boolean;
}

/** Those that are there, in the order in which they are to be copied. */
export async function filesIn(home: string, { with_keys, with_client_backups }: Wanted): Promise<string[]> {
  const copies = with_client_backups ? await namesIn(join(home, 'backups')) : [];
  const wanted = [
    ...OTHERS,
    ...(with_keys ? PRIVATE : []),
    ...copies.filter((name) => COPIES.test(name)).map((name) => `backups/${name}`),
  ];
  const there = await Promise.all(wanted.map((path) => isFile(join(home, path))));
  return wanted.filter((_path, index) => there[index]);
}

export const namesIn = (directory: string): Promise<string[]> =>
  readdir(directory).catch((error: unknown) => {
    if (codeOf(error) === 'ENOENT') return [];
    throw error;
  });

/** Undefined: there is nothing. */
const whatIs = (path: string): Promise<Stats | undefined> =>
  lstat(path).catch((error: unknown) => {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  });

const isFile = async (path: string): Promise<boolean> => (await whatIs(path))?.isFile() ?? false;

/** Large enough that a gigabyte is read in a thousand steps. */
const CHUNK = 1024 * 1024;

/** What was read goes to `take`, piece by piece. A link is followed by nobody. */
async function readThrough(path: string, take: (bytes: Buffer) => Promise<void>): Promise<Omit<FileRecord, 'path'>> {
  const file = await open(path, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0));
  try {
    const hash = createHash('sha256');
    const chunk = Buffer.allocUnsafe(CHUNK);
    for (let size = 0; ; ) {
      const { bytesRead } = await file.read(chunk, 0, CHUNK, size);
      if (bytesRead === 0) return { size, sha256: hash.digest('hex') };
      const bytes = chunk.subarray(0, bytesRead);
      hash.update(bytes);
      await take(bytes);
      size += bytesRead;
    }
  } finally {
    await file.close();
  }
}

/** Size and digest of a file. */
export const measured = (path: string): Promise<Omit<FileRecord, 'path'>> => readThrough(path, async () => undefined);

/** A new private file with the content of another one, on the disk for good. */
export async function copyDurably(from: string, to: string): Promise<Omit<FileRecord, 'path'>> {
  await mkdir(dirname(to), { recursive: true, mode: 0o700 });
  return writeNew(to, (file) =>
    readThrough(from, async (bytes) => {
      await file.writeFile(bytes);
    }),
  );
}

/** A new private file, on the disk for good. */
export const writeDurably = (path: string, content: string): Promise<void> =>
  writeNew(path, (file) => file.writeFile(content));

async function writeNew<T>(path: string, fill: (file: FileHandle) => Promise<T>): Promise<T> {
  return step('write', path, async () => {
    const file = await open(path, 'wx', 0o600);
    try {
      const result = await fill(file);
      await file.sync();
      return result;
    } finally {
      await file.close();
    }
  });
}

export async function syncFile(path: string): Promise<void> {
  const file = await open(path, 'r+');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

/** So that the names in it outlive a power cut, those of directories in it too. */
export async function syncTree(directory: string): Promise<void> {
  for (const entry of await readdir(directory, { withFileTypes: true })) {
    if (entry.isDirectory()) await syncTree(join(directory, entry.name));
  }
  await syncDirectory(directory);
}

/** A private directory beside `path`, hidden, that goes when `work` fails. Work that gives it another name keeps it. */
export async function withStaging<T>(path: string, work: (staging: string) => Promise<T>): Promise<T> {
  const parent = dirname(path);
  const staging = temporaryBeside(parent, path.slice(parent.length).replace(/^[/\\]+/, ''));
  await step('mkdir', staging, async () => {
    await mkdir(parent, { recursive: true, mode: 0o700 });
    await removeAbandoned(parent);
    await mkdir(staging, { mode: 0o700 });
  });
  try {
    return await work(staging);
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
}

/** What a process left behind that was killed: never whole, and never anybody's only copy. */
async function removeAbandoned(parent: string): Promise<void> {
  for (const name of await namesIn(parent)) {
    const path = join(parent, name);
    // Another backup may be faster.
    if (!isLeftBehind(parent, name) || !(await whatIs(path))?.isDirectory()) continue;
    await rm(path, { recursive: true, force: true });
  }
}
