import { z } from 'zod';
import { RENDERER_VERSION } from '../clients/render.ts';
import { Finding } from '../core/finding.ts';
import { ArtifactId, ClientId, ProfileId, Timestamp } from '../core/ids.ts';
import { withWriterLock } from '../io/client-files/lock.ts';
import type { DeploymentRow } from '../stores/store.ts';
import { defineOperation } from './operation.ts';
import { applyPlan } from './rollout/apply.ts';
import { isSameTarget, LOCK_WAIT_MS, settleIntents } from './rollout/ledger.ts';
import { findPlace } from './rollout/place.ts';
import { diffOf, isUnchanged, type Plan, planDeployment } from './rollout/plan.ts';
import { assertMayWriteHere } from './rollout/write.ts';
import { findTarget, TargetInput } from './shapes.ts';

const DeployInput = TargetInput.extend({
  artifact_id: ArtifactId.optional().meta({
    description: 'Pin an artifact that was published before; the latest release when left out.',
  }),
  config_scope: z
    .string()
    .max(64)
    .optional()
    .meta({ description: 'Which of the files of the client: user, project, ...' }),
  project: z.string().max(4096).optional().meta({ description: 'Project directory, for scopes inside a project.' }),
  config_path: z
    .string()
    .max(4096)
    .optional()
    .meta({ description: 'Another file than the usual one; inside the home directory.' }),
  dry_run: z.boolean().default(false).meta({ description: 'Show what would be written, and write nothing.' }),
  expect_file_sha256: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .nullable()
    .optional()
    .meta({
      description: 'Only when the file still is the one that was planned on; null: only when there is none.',
    }),
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
});

const DeployOutput = z.object({
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
  target: z.object({ machine_id: z.string(), os: z.string(), config_scope: z.string() }),
  renderer_version: z.string(),
  native_sha256: z.string(),
  profile_switch: z.object({ from: ProfileId, to: ProfileId }).optional(),
  findings: z.array(Finding),
  restart_hint: z.string(),
  plan: z.object({ file_sha256: z.string().nullable(), diff: z.string() }).optional(),
});

function outputOf(
  plan: Plan,
  status: 'deployed' | 'unchanged' | 'planned',
  row: Pick<DeploymentRow, 'deployed_at' | 'backup_path'> | undefined,
): z.input<typeof DeployOutput> {
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
    target: { machine_id: place.machine.machine_id, os: place.machine.os, config_scope: place.scope.scope },
    renderer_version: RENDERER_VERSION,
    native_sha256: rendering.native_sha256,
    ...(switched && { profile_switch: { from: previous.profile_id, to: release.profile_id } }),
    findings: rendering.findings,
    restart_hint: client.reload_behaviour,
    ...(status === 'planned' && { plan: { file_sha256: plan.disk.file?.sha256 ?? null, diff: diffOf(plan) } }),
  };
}

export const deployConfig = defineOperation({
  id: 'deployments.deploy',
  summary: "Merge a release into the client's own file on this machine",
  description: 'Only owned entries change; every other byte stays. `dry_run` shows the plan first. A backup is kept.',
  effect: 'write',
  transaction: 'own',
  idempotent: true,
  input: DeployInput,
  output: DeployOutput,
  errors: [
    'CLIENT_NOT_FOUND',
    'PROFILE_NOT_FOUND',
    'CONFIG_NOT_FOUND',
    'ARTIFACT_NOT_FOUND',
    'CLIENT_NOT_WRITABLE',
    'CLIENT_FILE_UNPARSABLE',
    'CLIENT_FILE_CHANGED',
    'DRIFT_DETECTED',
    'SECRET_NOT_RENDERABLE',
    'SECRET_IN_CONFIG',
    'SIGNATURE_INVALID',
    'WRITE_FAILED',
  ],
  permission: { needs: 'config:deploy', agents: false },
  rest: { method: 'POST', path: '/v1/config/{client_id}/{profile_id}/deploy' },
  mcp: { tool: 'deploy_config' },
  cli: {
    verb: 'deploy-config',
    flags: { client_id: 'client', profile_id: 'profile', artifact_id: 'artifact', inputs: 'input' },
    paths: ['project', 'config_path'],
    text: (output, style) => {
      const { added, updated, removed, kept_foreign } = output.changes;
      const counts = `${added.length} added, ${updated.length} updated, ${removed.length} removed, ${kept_foreign.length} of others kept`;
      const head = {
        planned: `${style.warn('Planned')} for ${output.config_path}: ${counts}`,
        unchanged: `${style.dim('Unchanged')}: ${output.config_path} already has release ${output.sequence}`,
        deployed: `${style.good('Deployed')} release ${output.sequence} to ${output.config_path}: ${counts}`,
      }[output.status];
      const coloured = (output.plan?.diff ?? '')
        .split('\n')
        .map((line) => (line.startsWith('+') ? style.good(line) : line.startsWith('-') ? style.bad(line) : line));
      const warnings = output.findings.map((finding) => style.warn(`! ${finding.message}`));
      return {
        out: [head, ...(output.plan?.diff ? coloured : []), ...warnings].join('\n'),
        note:
          output.status === 'planned'
            ? 'Nothing was written. Leave out --dry-run to write it.'
            : output.status === 'deployed'
              ? `To take effect: ${output.restart_hint}.${output.backup_path ? ` The old file is kept at ${output.backup_path}` : ''}`
              : '',
      };
    },
  },
  async run(context, input) {
    assertMayWriteHere(context, 'deploy-config');
    const client = await findTarget(context, input);
    const place = await findPlace(context, client, input);
    return withWriterLock(context.services.writer_lock, LOCK_WAIT_MS, async () => {
      await settleIntents(context, place, client.state_fields);
      const plan = await planDeployment(context, input, client, place);
      if (input.dry_run) return outputOf(plan, 'planned', undefined);
      if (isUnchanged(plan)) return outputOf(plan, 'unchanged', plan.previous);
      return outputOf(plan, 'deployed', await applyPlan(context, plan));
    });
  },
});
