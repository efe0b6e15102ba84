import { AppError } from '../../core/errors.ts';
import { backUp } from '../../io/client-files/backup.ts';
import type { ClientFile } from '../../io/client-files/read.ts';
import { removeDurably, replaceDurably } from '../../io/client-files/replace.ts';
import { failpoint } from '../../io/failpoint.ts';
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

/** Backups without which what is in force now, on this machine or in one file, could not be undone. */
export async function neededBackups(
  { store, workspace }: Context,
  machine_id: string,
  file?: Pick<DeploymentRow, 'config_path' | 'target_path'>,
): Promise<Set<string>> {
  const rows = await store.deployments.currents(workspace, machine_id, file);
  return new Set(rows.flatMap(({ backup_path }) => backup_path ?? []));
}

/**
 * A copy of a file that is about to change; null when there is none. `restores` is the deployment that will be in force
 * again after an undo: it needs its own copy.
 */
export async function keepCopy(
  context: Context,
  { place, file, at, restores }: { place: Place; file: ClientFile | null; at: string; restores?: string | null },
): Promise<string | null> {
  const directory = context.services.backups_dir;
  removeStaleIn(directory);
  if (file === null) return null;
  const paths = { config_path: place.config_path, target_path: place.target.path };
  const needed = await neededBackups(context, place.machine.machine_id, paths);
  const restored = restores ? await context.store.deployments.get(context.workspace, restores) : undefined;
  if (restored?.backup_path) needed.add(restored.backup_path);
  return backUp({ content: file.bytes, directory, file: place.target.path, at, needed });
}

/**
 * Intent, then file: a kill at any point can be judged afterwards, and a fault of the disk gives the intent up at once.
 * `content` null takes the file away. The caller commits the outcome.
 */
export async function writeUnderIntent(
  { store, workspace }: Context,
  what: 'deploy' | 'undo',
  row: DeploymentRow,
  { place, content }: { place: Place; content: string | Uint8Array | null },
): Promise<void> {
  failpoint(`${what}.before-intent`);
  await store.deployments.insert(workspace, row);
  failpoint(`${what}.after-intent`);
  try {
    const options = { expected_sha256: row.before_sha256 };
    if (content === null) await removeDurably(place.target, options);
    else await replaceDurably(place.target, content, options);
  } catch (error) {
    const replaced = error instanceof AppError && error.details['replaced'] === true;
    if (!replaced) await store.deployments.setStatus(workspace, row.deployment_id, 'abandoned');
    throw error;
  }
  failpoint(`${what}.after-write`);
}
