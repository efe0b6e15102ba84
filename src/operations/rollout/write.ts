import { AppError } from '../../core/errors.ts';
import { type Copy, planBackup } from '../../io/client-files/backup.ts';
import type { ClientFile } from '../../io/client-files/read.ts';
import { removeDurably, removeStaleBeside, replaceDurably } from '../../io/client-files/replace.ts';
import { failpoint, holdpoint } from '../../io/failpoint.ts';
import { sideBySide } from '../../io/side-by-side.ts';
import { removeStaleIn } from '../../io/temporary.ts';
import type { DeploymentRow } from '../../stores/rows.ts';
import type { Context } from '../operation.ts';
import type { Place } from './place.ts';

/** Throws FORBIDDEN over HTTP unless the server was started to write: the files would be those of the server machine. */
export function assertMayWriteHere({ services, door }: Context, verb: string): void {
  // MCP comes over HTTP as well.
  if (door === 'cli' || services.allow_http_deploy) return;
  throw new AppError(
    'FORBIDDEN',
    'This server does not write files on its own machine for callers over HTTP.',
    { needs: 'config:deploy' },
    { hint: `Start it with --allow-deploy, or run \`mcp-orchestration ${verb}\` on the machine of the client.` },
  );
}

/** Throws FORBIDDEN over HTTP where nothing may be written either: what stands in files of that machine is nobody's business there. */
export function assertMayLookHere({ services, door }: Context, verb: string): void {
  if (door === 'cli' || services.allow_http_deploy) return;
  throw new AppError(
    'FORBIDDEN',
    'This server does not look into files of its own machine for callers over HTTP.',
    { needs: 'config:deploy' },
    { hint: `Start it with --allow-deploy, or run \`mcp-orchestration ${verb}\` on the machine of the client.` },
  );
}

/**
 * Backups without which what is in force now, on this machine or in one file, could not be undone. On the whole machine
 * also those of intents that a killed process left: its file may have arrived.
 */
export async function neededBackups(
  { store, workspace }: Context,
  machine_id: string,
  file?: Pick<DeploymentRow, 'config_path' | 'target_path'>,
): Promise<Set<string>> {
  const rows = await store.deployments.currents(workspace, machine_id, file);
  if (file === undefined) rows.push(...(await store.deployments.unsettled(workspace, machine_id)));
  return new Set(rows.flatMap(({ backup_path }) => backup_path ?? []));
}

/**
 * The copy of a file that is about to change; null when there is none. `restores` is the deployment that will be in force
 * again after an undo: it needs its own copy.
 */
export async function planCopy(
  context: Context,
  { place, file, at, restores }: { place: Place; file: ClientFile | null; at: string; restores?: string | null },
): Promise<Copy | null> {
  const directory = context.services.backups_dir;
  removeStaleIn(directory);
  if (file === null) return null;
  const paths = { config_path: place.config_path, target_path: place.target.path };
  const needed = await neededBackups(context, place.machine.machine_id, paths);
  const restored = restores ? await context.store.deployments.get(context.workspace, restores) : undefined;
  if (restored?.backup_path) needed.add(restored.backup_path);
  return planBackup({ content: file.bytes, directory, file: place.target.path, at, needed });
}

/** What killed processes left, where nothing is to be written: else it goes with the copy and the new text. */
export async function removeLeftovers({ services }: Context, { target }: Place): Promise<void> {
  removeStaleIn(services.backups_dir);
  await removeStaleBeside(target);
}

/**
 * Copy, intent and new text go to the disk side by side, because each would be waited for alone; nothing is put in place
 * before all of them are there. So a kill at any point can be judged afterwards, and an undo has the old bytes. A fault
 * of the disk gives the intent up at once. `content` null takes the file away. The caller commits the outcome.
 */
export async function writeUnderIntent(
  { store, workspace }: Context,
  what: 'deploy' | 'undo',
  row: DeploymentRow,
  { place, content, copy }: { place: Place; content: string | Uint8Array | null; copy: Copy | null },
): Promise<void> {
  let isRecorded = false;
  const record = async () => {
    await holdpoint(`${what}.before-intent`);
    await store.deployments.insert(workspace, row);
    failpoint(`${what}.after-intent`);
    isRecorded = true;
  };
  let fault: { error: unknown } | undefined;
  const beside = () =>
    sideBySide(copy?.make(), record()).catch((error) => {
      fault = { error };
      throw error;
    });
  try {
    const options = { expected_sha256: row.before_sha256, beside };
    if (content === null) await removeDurably(place.target, options);
    else await replaceDurably(place.target, content, options);
  } catch (error) {
    const replaced = error instanceof AppError && error.details['replaced'] === true;
    if (isRecorded && !replaced) await store.deployments.setStatus(workspace, row.deployment_id, 'abandoned');
    // What the store says is no fault of the client file.
    throw fault ? fault.error : error;
  }
  failpoint(`${what}.after-write`);
}
