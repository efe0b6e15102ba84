import { stat, statfs } from 'node:fs/promises';
import type { Config } from '../config.ts';
import { storeDirectory } from '../readiness.ts';

/** In bytes. */
export interface DiskFigures {
  free: number;
  size: number;
  /** Of SQLite: the database, and what was written to its log and not folded into it yet. */
  files?: { database: number; log: number };
}

/** The disk that holds the store, or the data directory where the store is elsewhere, as this user may use it. */
export async function diskFigures(config: Pick<Config, 'database' | 'home'>): Promise<DiskFigures> {
  const { bavail, blocks, bsize } = await statfs(storeDirectory(config));
  const disk = { free: bavail * bsize, size: blocks * bsize };
  if (config.database.kind !== 'sqlite') return disk;
  const { path } = config.database;
  const [database, log] = await Promise.all([sizeOf(path), sizeOf(`${path}-wal`)]);
  return { ...disk, files: { database, log } };
}

/** A log that is not there is empty; so is a database in memory. */
async function sizeOf(path: string): Promise<number> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 0;
    throw error;
  }
}
