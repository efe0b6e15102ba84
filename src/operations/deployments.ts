import { z } from 'zod';
import type { ClientDefinition } from '../clients/client.ts';
import { RENDERER_VERSION } from '../clients/render.ts';
import { AppError } from '../core/errors.ts';
import { Finding } from '../core/finding.ts';
import { ArtifactId, ClientId, ProfileId, Timestamp } from '../core/ids.ts';
import { driftOf, type Entries } from '../core/merge.ts';
import { withWriterLock } from '../io/client-files/lock.ts';
import type { DeploymentRow } from '../stores/store.ts';
import { named } from './current.ts';
import { type Context, defineOperation, type Target } from './operation.ts';
import { applyPlan } from './rollout/apply.ts';
import { type Ledger, ledgerOf, settleIntents } from './rollout/ledger.ts';
import { diskOf, findPlace, type Place, placeOf } from './rollout/place.ts';
import { diffOf, isUnchanged, type Plan, planDeployment } from './rollout/plan.ts';
import { findTarget, TargetInput } from './shapes.ts';

/** Shorter than the time limit of a request, so that a caller over HTTP is told why. */
const LOCK_WAIT_MS = 8_000;

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

const isSameTarget = (a: Target, b: Target) => a.client_id === b.client_id && a.profile_id === b.profile_id;

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
    const { services, door } = context;
    if (door === 'rest' && !services.allow_http_deploy) {
      throw new AppError(
        'FORBIDDEN',
        'This server does not write files on its own machine for callers over HTTP.',
        { needs: 'config:deploy' },
        {
          hint: 'Start it with --allow-deploy, or run `mcp-orchestration deploy-config` on the machine of the client.',
        },
      );
    }
    const client = await findTarget(context, input);
    const place = await findPlace(context, client, input);
    return withWriterLock(services.writer_lock, LOCK_WAIT_MS, async () => {
      await settleIntents(context, place, client.state_fields);
      const plan = await planDeployment(context, input, client, place);
      if (input.dry_run) return outputOf(plan, 'planned', undefined);
      if (isUnchanged(plan)) return outputOf(plan, 'unchanged', plan.previous);
      return outputOf(plan, 'deployed', await applyPlan(context, plan));
    });
  },
});

const DriftChange = z.object({
  server: z.string().nullable(),
  kind: z.enum(['changed', 'missing', 'foreign_new', 'file_gone', 'unparsable']),
  detail: z.string().optional(),
});
type DriftChange = z.infer<typeof DriftChange>;

/** How the file differs from what was deployed. A file that cannot be read is a finding here, not a failure. */
async function changesOnDisk(place: Place, ledger: Ledger, state_fields: readonly string[]): Promise<DriftChange[]> {
  const owned: Entries = new Map(ledger.entries);
  try {
    const { file, entries } = await diskOf(place, owned.keys());
    if (file === null) return [{ server: null, kind: 'file_gone' }];
    const known = new Set([...owned.keys(), ...ledger.foreign]);
    const news = [...entries.keys()].filter((name) => !known.has(name));
    return [
      ...driftOf(owned, entries, state_fields),
      ...news.map((server) => ({ server, kind: 'foreign_new' as const })),
    ];
  } catch (error) {
    if (error instanceof AppError && error.code === 'CLIENT_FILE_UNPARSABLE') {
      return [{ server: null, kind: 'unparsable', detail: error.message }];
    }
    throw error;
  }
}

const DeployedOutput = z.object({
  client_id: ClientId,
  profile_id: ProfileId,
  artifact_id: ArtifactId,
  sequence: z.int(),
  deployed_at: Timestamp,
  config_path: z.string(),
  pinned: z.boolean(),
  drift: z.boolean(),
  up_to_date: z.boolean(),
  latest_artifact_id: ArtifactId.nullable(),
  changes: z.array(DriftChange),
  superseded_by: z.object({ client_id: ClientId, profile_id: ProfileId, sequence: z.int() }).optional(),
});

/** What the ledger says of the last deployment, against what is on disk at this moment. */
async function compareWithDisk(
  context: Context,
  input: Target,
  client: ClientDefinition,
): Promise<z.input<typeof DeployedOutput>> {
  const { store, workspace, services } = context;
  const { machine_id } = await services.machine();
  const { client_id, profile_id } = input;
  const row = await store.deployments.latestOf(workspace, machine_id, client_id, profile_id);
  if (!row) {
    throw new AppError(
      'DEPLOYMENT_NOT_FOUND',
      `Profile ${profile_id} of ${client_id} was never deployed on this machine.`,
      named(input),
    );
  }
  const place = await placeOf(context, client, row);
  const { row: current } = await ledgerOf(context, place);
  const superseded = current !== undefined && !isSameTarget(current, row);
  const changes = superseded ? [] : await changesOnDisk(place, row.ledger as Ledger, client.state_fields);
  const latest = await store.releases.latest(workspace, client_id, profile_id);
  const { artifact_id, sequence, deployed_at, config_path, pinned } = row;
  return {
    client_id,
    profile_id,
    artifact_id,
    sequence,
    deployed_at,
    config_path,
    pinned,
    drift: changes.length > 0,
    up_to_date: latest?.sequence === sequence,
    latest_artifact_id: latest?.artifact_id ?? null,
    changes,
    ...(superseded && {
      superseded_by: { client_id: current.client_id, profile_id: current.profile_id, sequence: current.sequence },
    }),
  };
}

/** What killed processes left behind for this client. Also what a living one is doing: it holds the writer's lock. */
async function openIntents({ services, store, workspace }: Context, { client_id }: ClientDefinition) {
  const { machine_id } = await services.machine();
  const rows = await store.deployments.unsettled(workspace, machine_id);
  return rows.filter((row) => row.client_id === client_id);
}

export const getDeployed = defineOperation({
  id: 'deployments.get',
  summary: 'Say what is deployed on this machine, and whether the file still is as it was left',
  description: 'Drift: the file differs from what was deployed. Up to date: what is deployed is the latest release.',
  effect: 'read',
  input: TargetInput,
  output: DeployedOutput,
  errors: ['CLIENT_NOT_FOUND', 'PROFILE_NOT_FOUND', 'DEPLOYMENT_NOT_FOUND'],
  permission: { needs: 'config:read' },
  rest: { method: 'GET', path: '/v1/config/{client_id}/{profile_id}/deployed' },
  mcp: { tool: 'get_deployed', resource: { name: 'deployed', uri: 'config://{client_id}/{profile_id}/deployed' } },
  cli: {
    verb: 'get-deployed',
    flags: { client_id: 'client', profile_id: 'profile' },
    text: (deployed, style) => ({
      out: [
        `Release ${style.bold(String(deployed.sequence))} in ${deployed.config_path} since ${deployed.deployed_at}`,
        deployed.up_to_date ? style.good('up to date') : style.warn('not the latest release'),
        deployed.superseded_by
          ? style.warn(
              `replaced there by release ${deployed.superseded_by.sequence} of ${deployed.superseded_by.client_id}/${deployed.superseded_by.profile_id}`,
            )
          : deployed.drift
            ? style.bad('drift')
            : style.good('no drift'),
        ...deployed.changes.map(
          (change) => `  ${change.server ?? 'file'}: ${change.kind}${change.detail ? ` (${change.detail})` : ''}`,
        ),
      ].join('\n'),
    }),
  },
  async run(context, input) {
    const client = await findTarget(context, input);
    const seen =
      (await openIntents(context, client)).length === 0 ? await compareWithDisk(context, input, client) : null;
    if (seen?.drift === false) return seen;
    // Between the file and its outcome in the ledger the two differ: only what is seen while nobody writes is drift.
    return withWriterLock(context.services.writer_lock, LOCK_WAIT_MS, async () => {
      for (const row of await openIntents(context, client)) {
        await settleIntents(context, await placeOf(context, client, row), client.state_fields);
      }
      return compareWithDisk(context, input, client);
    });
  },
});
