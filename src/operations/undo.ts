import { z } from 'zod';
import { AppError, invalidInput } from '../core/errors.ts';
import { ArtifactId, ClientId, ProfileId } from '../core/ids.ts';
import type { DeploymentRow } from '../stores/rows.ts';
import { named } from './current.ts';
import { settleOpenIntents } from './drift.ts';
import { type Context, defineOperation, type RunContext } from './operation.ts';
import { ledgerOf, underWriterLock } from './rollout/ledger.ts';
import { namingFile, type Place, placeOf } from './rollout/place.ts';
import { applyUndo, planUndo, type UndoPlan } from './rollout/undoing.ts';
import { assertMayWriteHere } from './rollout/write.ts';
import { findTarget, TargetInput } from './shapes.ts';

const UndoInput = TargetInput.extend({
  deployment_id: z
    .string()
    .regex(/^dep_[0-9a-f-]{36}$/, 'deployment_id is dep_ and a UUID')
    .optional()
    .meta({ description: 'The deployment to take back; the newest of this profile when left out.' }),
});
type UndoInput = z.output<typeof UndoInput>;

const UndoOutput = z.object({
  status: z.literal('undone'),
  client_id: ClientId,
  profile_id: ProfileId,
  deployment_id: z.string(),
  config_path: z.string(),
  restored_artifact_id: ArtifactId.nullable(),
  backup_path: z.string().nullable(),
  changes: z.object({
    added: z.array(z.string()),
    updated: z.array(z.string()),
    removed: z.array(z.string()),
    kept_foreign: z.array(z.string()),
  }),
  restart_hint: z.string(),
});

/** The deployment that a caller means, whatever became of it. */
async function meantDeployment(context: Context, input: UndoInput): Promise<DeploymentRow | undefined> {
  const { store, workspace, services } = context;
  const { machine_id } = await services.machine();
  const { client_id, profile_id, deployment_id } = input;
  if (deployment_id === undefined) return store.deployments.latestOf(workspace, machine_id, client_id, profile_id);
  const row = await store.deployments.get(workspace, deployment_id);
  const isIts = row?.machine_id === machine_id && row.client_id === client_id && row.profile_id === profile_id;
  return isIts && (row.status === 'done' || row.status === 'undone' || row.status === 'intent') ? row : undefined;
}

function requireDone(row: DeploymentRow | undefined, input: UndoInput): DeploymentRow {
  const target = named(input);
  if (row === undefined || row.status === 'intent') {
    const which = input.deployment_id === undefined ? 'no deployment' : `no deployment ${input.deployment_id}`;
    throw new AppError(
      'DEPLOYMENT_NOT_FOUND',
      `Profile ${target.profile_id} of ${target.client_id} has ${which} on this machine.`,
      target,
      { hint: 'List what was deployed with `deployment-history`.' },
    );
  }
  if (row.status === 'undone') throw invalidInput('deployment_id', 'this deployment was undone already');
  return row;
}

/** Only what is in force in a file can be undone: what came later was made on top of it. */
async function assertInForce(context: Context, place: Place, row: DeploymentRow): Promise<void> {
  const { row: later } = await ledgerOf(context, place);
  if (later === undefined || later.deployment_id === row.deployment_id) return;
  const { client_id, profile_id, deployment_id, sequence } = later;
  throw invalidInput(
    'deployment_id',
    `release ${sequence} of ${client_id}/${profile_id} was deployed into ${row.config_path} later (${deployment_id})`,
    { hint: 'Undo that one first, or deploy the release that you want with `deploy-config --artifact`.' },
  );
}

/** A link that was bent since would carry the earlier content into a file that it never was in. */
function assertSameFile({ target }: Place, { config_path, target_path }: DeploymentRow): void {
  if (target.path === target_path) return;
  throw new AppError(
    'CLIENT_FILE_CHANGED',
    `${config_path} leads to another file than when it was deployed.`,
    { config_path, expected: target_path, found: target.path },
    { hint: 'Nothing was written. Put the link back, or go on with `deploy-config`.' },
  );
}

const NO_CHANGES: UndoPlan['changes'] = { added: [], updated: [], removed: [], kept_foreign: [] };

async function undo(context: RunContext, input: UndoInput): Promise<z.input<typeof UndoOutput>> {
  const { store, workspace } = context;
  const client = await findTarget(context, input);
  const asked = await meantDeployment(context, input);
  await settleOpenIntents(context, () => true);
  const settled = asked && (await store.deployments.get(workspace, asked.deployment_id));
  // An undo that was killed and just finished is the one that is asked for again; the one before it is not.
  const finished = asked?.status === 'done' && settled?.status === 'undone' ? settled : undefined;
  const row = finished ?? requireDone(await meantDeployment(context, input), input);
  const place = await placeOf(context, client, row);
  if (!finished) {
    await assertInForce(context, place, row);
    assertSameFile(place, row);
  }
  const plan = finished ? undefined : await namingFile(place.config_path, () => planUndo(client, place, row));
  const backup_path = plan ? await applyUndo(context, plan) : null;
  const { row: restored } = await ledgerOf(context, place);
  return {
    status: 'undone',
    ...named(input),
    deployment_id: row.deployment_id,
    config_path: row.config_path,
    restored_artifact_id: restored?.artifact_id ?? null,
    backup_path,
    changes: plan?.changes ?? NO_CHANGES,
    restart_hint: client.reload_behaviour,
  };
}

export const undoDeployment = defineOperation({
  id: 'deployments.undo',
  summary: 'Give a client file back as it was before the last deployment into it',
  description:
    'The whole earlier file when nobody changed it since; else our entries as they were, and the changes of others stay. Refused when our entries were changed. What was deployed before is in force again.',
  effect: 'delete',
  transaction: 'own',
  input: UndoInput,
  output: UndoOutput,
  errors: [
    'CLIENT_NOT_FOUND',
    'PROFILE_NOT_FOUND',
    'DEPLOYMENT_NOT_FOUND',
    'CLIENT_FILE_UNPARSABLE',
    'CLIENT_FILE_CHANGED',
    'DRIFT_DETECTED',
    'WRITE_FAILED',
  ],
  permission: { needs: 'config:deploy', agents: false, installation: true },
  rest: { method: 'POST', path: '/v1/config/{client_id}/{profile_id}/undo' },
  mcp: { tool: 'undo_deployment', toolset: 'machine' },
  cli: {
    verb: 'undo-deployment',
    flags: { client_id: 'client', profile_id: 'profile', deployment_id: 'deployment' },
    text: ({ config_path, changes, restored_artifact_id, restart_hint, backup_path }, style) => {
      const { added, updated, removed } = changes;
      const before = restored_artifact_id
        ? `artifact ${restored_artifact_id.slice(0, 12)} is in force again`
        : 'nothing of ours is in force there now';
      return {
        out: `${style.good('Undone')} in ${config_path}: ${added.length} added, ${updated.length} updated, ${removed.length} removed; ${before}`,
        note: `To take effect: ${restart_hint}.${backup_path ? ` The file as it was just now is kept at ${backup_path}` : ''}`,
      };
    },
  },
  async run(context, input) {
    assertMayWriteHere(context, 'undo-deployment');
    return underWriterLock(context, () => undo(context, input));
  },
});
