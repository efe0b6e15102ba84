import { readdir, rename, rm, rmdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { AppError, invalidInput } from '../../core/errors.ts';
import { codeOf, step } from '../../io/client-files/faults.ts';
import { failpoint } from '../../io/failpoint.ts';
import { syncDirectory } from '../../io/temporary.ts';
import { pathExists } from '../../io/which.ts';
import type { Inspection } from '../../stores/inspect/inspect.ts';
import { copyDatabase, inspectCopy } from '../../stores/sqlite-copy.ts';
import {
  copyDurably,
  type FileRecord,
  filesIn,
  measured,
  STATE,
  syncFile,
  syncTree,
  type Wanted,
  withStaging,
} from './files.ts';
import { writeManifest } from './manifest.ts';

export interface BackupSettings extends Wanted {
  home: string;
  database: string;
  /** Where the backup is to be; must not be there, or be empty. */
  directory: string;
  version: string;
  launcher: string;
  now: Date;
  progress: (doing: string) => void;
}

export interface BackupResult extends Pick<Inspection, 'tables' | 'problems'> {
  directory: string;
  created_at: string;
  with_keys: boolean;
  files: FileRecord[];
}

/**
 * Makes a whole copy of a store that others may be using: written under a hidden name, looked at row by row, and given
 * its own name at the very end. A problem that the store itself has does not prevent a backup; it is told and noted.
 */
export async function createBackup(settings: BackupSettings): Promise<BackupResult> {
  const { directory } = settings;
  await assertFree(directory);
  return withStaging(directory, async (staging) => {
    const result = await fill(staging, settings);
    failpoint('snapshot.before-rename');
    await giveName(staging, directory);
    failpoint('snapshot.after-rename');
    return result;
  });
}

async function assertFree(directory: string): Promise<void> {
  const names = await readdir(directory).catch((error: unknown) => {
    if (codeOf(error) === 'ENOENT') return [];
    if (codeOf(error) === 'ENOTDIR') throw invalidInput('directory', 'there is a file of that name');
    throw new AppError(
      'WRITE_FAILED',
      `${directory} cannot be looked at.`,
      { reason: codeOf(error) },
      { cause: error },
    );
  });
  if (names.length === 0) return;
  throw invalidInput('directory', 'it is not empty', { hint: 'Name a directory that is not there yet.' });
}

async function fill(staging: string, settings: BackupSettings): Promise<BackupResult> {
  const { home, database, version, progress, with_keys } = settings;
  const created_at = settings.now.toISOString();
  await copyDatabase(database, join(staging, STATE), progress);
  await syncFile(join(staging, STATE));
  failpoint('snapshot.after-store');
  const files: FileRecord[] = [{ path: STATE, ...(await measured(join(staging, STATE))) }];
  for (const path of await filesIn(home, settings)) {
    progress(`Copying ${path}`);
    files.push({ path, ...(await copyDurably(join(home, path), join(staging, path))) });
  }
  const scratch = join(staging, 'scratch');
  const { inspection, facts } = await inspectCopy(join(staging, STATE), join(scratch, STATE), progress);
  await rm(scratch, { recursive: true, force: true });
  const { tables, problems } = inspection;
  await writeManifest(staging, {
    product_version: version,
    created_at,
    with_keys,
    launcher: pathExists(settings.launcher),
    files,
    tables,
    ...facts,
    problems: problems.map(({ code, table, key }) => ({ code, table, key })),
  });
  await syncTree(staging);
  return { directory: settings.directory, created_at, with_keys, files, tables, problems };
}

/** Somebody may have put something there meanwhile: then the name is not taken. */
const giveName = (staging: string, directory: string): Promise<void> =>
  step('rename', directory, async () => {
    // An empty directory is in the way of the new one on some systems.
    await rmdir(directory).catch((error: unknown) => {
      if (codeOf(error) !== 'ENOENT') throw error;
    });
    await rename(staging, directory);
    await syncDirectory(dirname(directory));
  });
