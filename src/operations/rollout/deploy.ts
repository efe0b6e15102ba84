import { z } from 'zod';
import type { ClientDefinition } from '../../clients/client.ts';
import { RENDERER_VERSION } from '../../clients/render.ts';
import { AppError } from '../../core/errors.ts';
import { Finding } from '../../core/finding.ts';
import { ArtifactId, ClientId, ProfileId, Timestamp } from '../../core/ids.ts';
import type { DeploymentRow } from '../../stores/rows.ts';
import type { RunContext } from '../operation.ts';
import { applyPlan } from './apply.ts';
import { isSameTarget, settleIntents, underWriterLock } from './ledger.ts';
import { findingsBeside } from './neighbours.ts';
import { findPlace, namingFile, type Wanted } from './place.ts';
import { diffOf, isUnchanged, type Plan, type PlanInput, planDeployment } from './plan.ts';
import { removeLeftovers } from './write.ts';

/** What every deployment may be told, whether it is one or several at once. */
export const DeployChoices = {
  config_scope: z
    .string()
    .max(64)
    .optional()
    .meta({ description: 'Which of the files of the client: user, project, ...' }),
  project: z.string().max(4096).optional().meta({ description: 'Project directory, for scopes inside a project.' }),
  dry_run: z.boolean().default(false).meta({ description: 'Show what would be written, and write nothing.' }),
  on_drift: z
    .enum(['fail', 'overwrite', 'keep'])
    .default('fail')
    .meta({ description: 'What to do with our entries that somebody changed.' }),
  adopt: z
    .union([z.literal(true), z.array(z.string()).min(1)])
    .optional()
    .meta({
      description: 'Take over foreign entries of the same name: all of them (true), or those named.',
    }),
  inputs: z
    .record(z.string(), z.string())
    .optional()
    .meta({ description: 'Values of declared inputs, kept on this machine.' }),
};

export const DeployOutput = z.object({
  status: z.enum(['deployed', 'unchanged', 'planned']),
  client_id: ClientId,
  profile_id: ProfileId,
  config_path: z.string(),
  artifact_id: ArtifactId,
  sequence: z.int(),
  pinned: z.boolean(),
  deployed_at: Timestamp.nullable(),
  backup_path: z.string().nullable(),
  changes: z.object({
    added: z.array(z.string()),
    updated: z.array(z.string()),
    removed: z.array(z.string()),
    kept_foreign: z.array(z.string()),
  }),
  adopted: z.array(z.string()),
  inputs: z.array(z.string()).meta({ description: 'Declared inputs that were given a value on this machine.' }),
  asked: z.array(z.string()).meta({
    description: 'Declared inputs that the client asks its user for, with a definition of ours in its file.',
  }),
  target: z.object({ machine_id: z.string(), os: z.string(), config_scope: z.string() }),
  renderer_version: z.string(),
  native_sha256: z.string(),
  profile_switch: z.object({ from: ProfileId, to: ProfileId }).optional(),
  findings: z.array(Finding),
  restart_hint: z.string(),
  plan: z.object({ file_sha256: z.string().nullable(), diff: z.string() }).optional(),
});

/** What keeps a release from a file of this machine. */
export const DEPLOY_ERRORS = [
  'CLIENT_NOT_FOUND',
  'PROFILE_NOT_FOUND',
  'CONFIG_NOT_FOUND',
  'CLIENT_NOT_WRITABLE',
  'CLIENT_FILE_UNPARSABLE',
  'CLIENT_FILE_CHANGED',
  'DRIFT_DETECTED',
  'SECRET_NOT_RENDERABLE',
  'SECRET_IN_CONFIG',
  'SIGNATURE_INVALID',
  'WRITE_FAILED',
] as const;

type DeployOutput = z.input<typeof DeployOutput>;

function outputOf(
  plan: Plan,
  status: 'deployed' | 'unchanged' | 'planned',
  row: Pick<DeploymentRow, 'deployed_at' | 'backup_path'> | undefined,
  beside: readonly Finding[],
): DeployOutput {
  const { place, release, rendering, merge, previous, client } = plan;
  const switched = previous !== undefined && !isSameTarget(previous, release);
  return {
    status,
    client_id: release.client_id,
    profile_id: release.profile_id,
    config_path: place.config_path,
    artifact_id: release.artifact_id,
    sequence: release.sequence,
    pinned: plan.pinned,
    deployed_at: row?.deployed_at ?? null,
    backup_path: status === 'deployed' ? (row?.backup_path ?? null) : null,
    changes: merge.changes,
    adopted: merge.adopted,
    inputs: Object.keys(plan.ledger.inputs ?? {}),
    asked: (plan.ledger.asked?.entries ?? []).map(([name]) => name),
    target: { machine_id: place.machine.machine_id, os: place.machine.os, config_scope: place.scope.scope },
    renderer_version: RENDERER_VERSION,
    native_sha256: rendering.native_sha256,
    ...(switched && { profile_switch: { from: previous.profile_id, to: release.profile_id } }),
    findings: [...rendering.findings, ...beside],
    restart_hint: client.reload_behaviour,
    ...(status === 'planned' && { plan: { file_sha256: plan.disk.file?.sha256 ?? null, diff: diffOf(plan) } }),
  };
}

/** A client that writes its own file all the time leaves gaps; five tries find one. */
const TRIES = 5;

type DeployInput = PlanInput & Wanted & { dry_run: boolean };

/** Deploys one client's release into its file, or only plans it, under the lock of the writer. */
export const deployHere = (context: RunContext, client: ClientDefinition, input: DeployInput): Promise<DeployOutput> =>
  underWriterLock(context, () => deployLocked(context, client, input));

/**
 * As `deployHere`, for who holds the lock. The plan is made again when the file changed while it was carried out, unless
 * the caller bound it to one state of the file.
 */
export async function deployLocked(
  context: RunContext,
  client: ClientDefinition,
  input: DeployInput,
): Promise<DeployOutput> {
  const place = await findPlace(context, client, input);
  await settleIntents(context, place, client.state_fields);
  const beside = await findingsBeside(client, place);
  for (let tries = 1; ; tries += 1) {
    const plan = await namingFile(place.config_path, () => planDeployment(context, input, client, place));
    if (input.dry_run) return outputOf(plan, 'planned', undefined, beside);
    if (isUnchanged(plan)) {
      // The file is as it should be; what it calls may have been taken away, or may name a Node that has moved.
      await context.services.launcher.ensure();
      await removeLeftovers(context, place);
      return outputOf(plan, 'unchanged', plan.previous, beside);
    }
    try {
      return outputOf(plan, 'deployed', await applyPlan(context, plan), beside);
    } catch (error) {
      const changed = error instanceof AppError && error.code === 'CLIENT_FILE_CHANGED';
      if (!changed || input.expect_file_sha256 !== undefined || tries === TRIES) throw error;
    }
  }
}
