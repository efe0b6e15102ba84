import { AppError } from '../../core/errors.ts';
import { pointerKeys } from '../../core/json-value.ts';
import { driftOf, type Entries } from '../../core/merge.ts';
import type { JsonValue } from '../../core/payload.ts';
import type { Glue } from '../../core/splice/types.ts';
import { readBackup } from '../../io/client-files/backup.ts';
import { withWriterLock } from '../../io/client-files/lock.ts';
import { readClientFile } from '../../io/client-files/read.ts';
import type { AuditRow, DeploymentRow } from '../../stores/rows.ts';
import type { Store } from '../../stores/store.ts';
import type { Context, Happening, RunContext, Target } from '../operation.ts';
import { askedDrift } from './asked.ts';
import { diskOf, type Place } from './place.ts';

/** Shorter than the time limit of a request, so that a caller over HTTP is told why. */
const LOCK_WAIT_MS = 8_000;

/** Does work during which no other deployment or undo of this data directory runs. Not re-entrant. */
export const underWriterLock = <T>({ services }: Context, work: () => Promise<T>): Promise<T> =>
  withWriterLock(services.writer_lock, LOCK_WAIT_MS, work);

/** The entries of one container that we own, in order, and how to give back the original bytes. */
export interface Owned {
  entries: [name: string, value: JsonValue][];
  glue: Glue | null;
  /** Names of the entries that were others' at that moment: a new one is news. */
  foreign: string[];
}

/** What the ledger keeps of one deployment. */
export interface Ledger extends Owned {
  /** Definitions of inputs that the client asks for itself; absent when there neither are nor were any of ours. */
  asked?: Owned;
  /** Values of declared inputs that were given on this machine. */
  inputs?: Readonly<Record<string, string>>;
  /** Only in the intent of an undo: the deployment that it takes back, and the names that are gone afterwards. */
  undoes?: string;
  gone?: string[];
}

/** The current owner of the file and pointer on this machine, and what it says we own. */
export async function ledgerOf(
  context: Context,
  place: Place,
): Promise<{ row: DeploymentRow | undefined; ledger: Ledger }> {
  const { machine_id } = place.machine;
  const row = await context.store.deployments.current(
    context.workspace,
    machine_id,
    { config_path: place.config_path, target_path: place.target.path },
    place.scope.pointer,
  );
  return { row, ledger: row ? (row.ledger as Ledger) : { entries: [], glue: null, foreign: [] } };
}

/**
 * Finishes or gives up what a killed process left behind: an intent whose file content arrived is a deployment, one
 * whose content did not is none. Called under the writer's lock, so that no intent of a living process is judged; of
 * several plans that are made side by side under it, one settles an intent.
 */
export async function settleIntents(context: RunContext, place: Place, state_fields: readonly string[]): Promise<void> {
  const { workspace, store } = context;
  for (const row of await store.deployments.unsettled(workspace, place.machine.machine_id)) {
    if (row.config_path !== place.config_path) continue;
    // Another client may have written there, under its own key.
    const arrived = await hasArrived(row, { ...place, pointer: pointerKeys(row.pointer) }, state_fields);
    await store.transaction(async (transaction) => {
      const now = await transaction.deployments.get(workspace, row.deployment_id);
      if (now?.status !== 'intent') return;
      await conclude(transaction, workspace, row, arrived);
      if (!arrived) return;
      await context.emit(transaction, deployedEvent(row));
      const { actor } = context.principal;
      const { door, request_id } = context;
      await transaction.audit.append(workspace, {
        at: context.now().toISOString(),
        operation: 'deployments.settle',
        effect: 'write',
        actor,
        door,
        client_id: row.client_id,
        profile_id: row.profile_id,
        request_id,
        facts: factsOfDeployment(row),
      });
    });
  }
}

/** What an intent becomes. That of an undo takes back the deployment that it names. */
export async function conclude(store: Store, workspace: string, row: DeploymentRow, arrived: boolean): Promise<void> {
  const { undoes } = row.ledger as Ledger;
  const outcome = undoes === undefined ? 'done' : 'closed';
  await store.deployments.setStatus(workspace, row.deployment_id, arrived ? outcome : 'abandoned');
  if (arrived && undoes !== undefined) await store.deployments.setStatus(workspace, undoes, 'undone');
}

async function hasArrived(row: DeploymentRow, place: Place, state_fields: readonly string[]): Promise<boolean> {
  const file = await readClientFile(place.target);
  // No file has no digest: an undo may take the file away.
  if ((file?.sha256 ?? '') === row.after_sha256) return true;
  if ((file?.sha256 ?? null) === row.before_sha256) return false;
  // Nothing is put in place before its copy is there: then entries that say the same are somebody else's, without an undo.
  if (await isCopyMissing(row)) return false;
  const { entries: left, gone = [] } = row.ledger as Ledger;
  const owned: Entries = new Map(left);
  try {
    const { entries } = await diskOf(place, [...owned.keys(), ...gone]);
    const drift = [
      ...driftOf(owned, entries, state_fields),
      ...askedDrift(place, row.ledger as Ledger, file?.text ?? null),
    ];
    return drift.length === 0 && !gone.some((name) => entries.has(name));
  } catch (error) {
    if (error instanceof AppError && error.code === 'CLIENT_FILE_UNPARSABLE') return false;
    throw error;
  }
}

const isCopyMissing = async ({ backup_path, before_sha256 }: DeploymentRow): Promise<boolean> =>
  backup_path !== null && before_sha256 !== null && (await readBackup(backup_path, before_sha256)) === 'missing';

export function factsOfDeployment(row: DeploymentRow): AuditRow['facts'] {
  const { artifact_id, sequence, config_scope, config_path, pinned, renderer_version, native_sha256 } = row;
  const { undoes } = row.ledger as Ledger;
  const status = undoes === undefined ? 'deployed' : 'undone';
  const deployment_id = undoes ?? row.deployment_id;
  return {
    status,
    deployment_id,
    artifact_id,
    sequence,
    config_scope,
    config_path,
    pinned,
    renderer_version,
    native_sha256,
  };
}

/** Whether two things are about the same client and profile. */
export const isSameTarget = (a: Target, b: Target): boolean =>
  a.client_id === b.client_id && a.profile_id === b.profile_id;

/** An undo is a deployment as well: it puts an earlier artifact in force, or none. */
export function deployedEvent(row: DeploymentRow): Happening {
  const { client_id, profile_id, artifact_id, sequence, deployment_id, machine_id, config_scope, pinned } = row;
  const undone = (row.ledger as Ledger).undoes !== undefined;
  return {
    type: 'config.deployed',
    target: { client_id, profile_id },
    artifact_id,
    sequence,
    data: { status: undone ? 'undone' : 'deployed', deployment_id, machine_id, config_scope, pinned },
  };
}
