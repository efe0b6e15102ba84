import { rename, rm, rmdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { AppError, invalidInput } from '../../core/errors.ts';
import { codeOf, step } from '../../io/client-files/faults.ts';
import { swap } from '../../io/client-files/swap.ts';
import { failpoint } from '../../io/failpoint.ts';
import { machineId } from '../../io/machine.ts';
import { syncDirectory, temporaryBeside } from '../../io/temporary.ts';
import { pathExists } from '../../io/which.ts';
import type { Inspection } from '../../stores/inspect/inspect.ts';
import { inspectCopy, lockOut } from '../../stores/sqlite-copy.ts';
import { copyDurably, namesIn, STATE, syncTree, withStaging } from './files.ts';
import { damaged, type Manifest, readBackup } from './manifest.ts';

export interface RestoreSettings {
  directory: string;
  /** The data directory that is to be as the backup is. */
  home: string;
  /** Whether one that is not empty may be put aside. */
  replace: boolean;
  /** Whether this is to be another machine than the one of the backup. */
  new_machine: boolean;
  /** Whether a store may be restored that had problems already when it was backed up. */
  allow_problems: boolean;
  dry_run: boolean;
  now: Date;
  /** Writes the launcher of `home` into a directory that is to become it. */
  makeLauncher: (directory: string) => Promise<void>;
  outlast: (ms: number) => Promise<unknown>;
  progress: (doing: string) => void;
}

/** `kept`: the data directory that is replaced has one, which goes on. */
type MachineId = 'kept' | 'restored' | 'new';

export interface RestoreResult {
  status: 'restored' | 'would_restore';
  home: string;
  backup: Pick<Manifest, 'created_at' | 'product_version' | 'with_keys'>;
  machine_id: MachineId;
  /** Where the data directory is now that was there before; null: there was none. */
  previous: string | null;
  tables: Inspection['tables'];
  problems: Inspection['problems'];
}

/**
 * Whoever has opened the old store meanwhile waits for its lock, five seconds at most. Let in, they would write the log of
 * the old store beside the new one, under the name that both have.
 */
const PATIENCE_OF_OTHERS_MS = 6_000;

/** What Node keeps of the program, and nobody misses. */
const DISPENSABLE = new Set(['cache']);

/**
 * Puts a backup in the place of a data directory. All of it is looked at before anything is written, and written beside
 * before anything is moved: at every instant the data directory is the whole old or the whole new one.
 */
export async function restoreBackup(settings: RestoreSettings): Promise<RestoreResult> {
  const { directory, home, progress } = settings;
  const manifest = await readBackup(directory, progress);
  const inspection = await looked(settings, manifest);
  const occupied = (await namesIn(home)).some((name) => !DISPENSABLE.has(name));
  if (occupied && !settings.replace) throw notEmpty(home);
  const unlock = lockOut(join(home, STATE));
  if (unlock === undefined) throw inUse(home);
  try {
    const previous = occupied ? asideOf(home, settings.now) : null;
    const machine_id = machineOf(settings, manifest);
    const { created_at, product_version, with_keys } = manifest;
    const backup = { created_at, product_version, with_keys };
    const told = { home, backup, machine_id, previous, tables: inspection.tables, problems: inspection.problems };
    if (settings.dry_run) return { status: 'would_restore', ...told };
    await withStaging(home, async (staging) => {
      await fill(staging, settings, manifest, machine_id);
      failpoint('restore.after-stage');
      await step('rename', home, () => place(staging, home, previous));
      failpoint('restore.after-place');
    });
    if (occupied) await settings.outlast(PATIENCE_OF_OTHERS_MS);
    return { status: 'restored', ...told };
  } finally {
    unlock();
  }
}

/** Throws for a store that cannot be, although every byte is as the manifest says. */
async function looked(settings: RestoreSettings, manifest: Manifest): Promise<Inspection> {
  const { directory, home, progress } = settings;
  // Only a store of an older version needs it.
  const scratch = temporaryBeside(dirname(home), 'scratch');
  try {
    const { inspection } = await inspectCopy(join(directory, STATE), join(scratch, STATE), progress);
    assertAsNoted(inspection, manifest, settings.allow_problems);
    return inspection;
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

function assertAsNoted({ problems, tables }: Inspection, manifest: Manifest, allowed: boolean): void {
  const counted = new Map(manifest.tables.map(({ table, rows }) => [table, rows]));
  const other = tables.find(({ table, rows }) => (counted.get(table) ?? 0) !== rows);
  if (other !== undefined) throw damaged(STATE, `has ${other.rows} ${other.table}, and not as many as were noted`);
  const noted = new Set(manifest.problems.map(nameOf));
  const errors = problems.filter(({ severity }) => severity === 'error');
  const news = errors.find((problem) => !noted.has(nameOf(problem)));
  if (news !== undefined) throw damaged(STATE, `has a problem that was not there (${news.code}: ${news.message})`);
  if (errors.length === 0 || allowed) return;
  throw new AppError(
    'BACKUP_DAMAGED',
    `The store had ${errors.length} problems already when it was backed up; the first: ${errors[0]?.message}`,
    {
      file: STATE,
      reason: 'problems of the store',
      problems: errors.map(({ code, table, key }) => ({ code, table, key })),
    },
    { hint: 'Use an older backup, or restore it as it is with --allow-problems.' },
  );
}

const nameOf = ({ code, table, key }: { code: string; table: string | null; key: string | null }) =>
  `${code} ${table} ${key}`;

const notEmpty = (home: string) =>
  invalidInput('home', `the data directory ${home} is not empty`, {
    hint: 'Say --replace to put it aside under a dated name, or --to DIRECTORY to restore somewhere else.',
  });

const inUse = (home: string) =>
  new AppError(
    'UNAVAILABLE',
    `Another process has the store in ${home} open.`,
    { reason: 'store_in_use', path: join(home, STATE) },
    { hint: 'Stop serve-http, and the AI clients that start `serve`; `fuser state.db` names the processes.' },
  );

const asideOf = (home: string, now: Date) => `${home}.before-${now.toISOString().replaceAll(/[-:.]/g, '')}`;

/** A machine that has an id keeps it: what the ledger says of another one is never applied here. */
function machineOf({ home, new_machine }: RestoreSettings, { files }: Manifest): MachineId {
  if (pathExists(join(home, 'machine-id'))) return 'kept';
  return new_machine || !files.some(({ path }) => path === 'machine-id') ? 'new' : 'restored';
}

async function fill(
  staging: string,
  { directory, home, makeLauncher, progress }: RestoreSettings,
  { files, launcher }: Manifest,
  machine_id: MachineId,
): Promise<void> {
  for (const file of files) {
    if (file.path === 'machine-id' && machine_id !== 'restored') continue;
    progress(`Copying ${file.path}`);
    const copied = await copyDurably(join(directory, file.path), join(staging, file.path));
    if (copied.sha256 !== file.sha256) throw damaged(file.path, 'changed while it was read');
  }
  if (machine_id === 'kept') await copyDurably(join(home, 'machine-id'), join(staging, 'machine-id'));
  if (machine_id === 'new') await machineId(staging);
  if (launcher) await makeLauncher(staging);
  await syncTree(staging);
}

/** With `previous` the old directory gets that name: both exchange their names in one step, where the system can. */
async function place(staging: string, home: string, previous: string | null): Promise<void> {
  if (previous === null) {
    await removeEmpty(home);
    await rename(staging, home);
  } else {
    // From here on no clearing up takes it for something that was left behind: in a moment it is the old directory.
    await rename(staging, previous);
    failpoint('restore.before-exchange');
    try {
      if (!swap(previous, home)) await takeTurns(previous, home);
    } catch (error) {
      // The old directory is where it was (a mount point cannot change its name): that one is the copy of the backup.
      if (pathExists(home)) await rename(previous, staging);
      throw error;
    }
  }
  await syncDirectory(dirname(home));
}

async function removeEmpty(home: string): Promise<void> {
  for (const name of DISPENSABLE) await rm(join(home, name), { recursive: true, force: true });
  await rmdir(home).catch((error: unknown) => {
    if (codeOf(error) !== 'ENOENT') throw error;
  });
}

/** For a moment there is no data directory; there never is a half one. */
async function takeTurns(previous: string, home: string): Promise<void> {
  const old = `${previous}.old`;
  await rename(home, old);
  try {
    await rename(previous, home);
  } catch (error) {
    await rename(old, home);
    throw error;
  }
  await rename(old, previous);
}
