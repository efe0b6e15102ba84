import { z } from 'zod';
import type { ClientDefinition } from '../clients/client.ts';
import { AppError } from '../core/errors.ts';
import { ArtifactId, ClientId, ProfileId, Timestamp } from '../core/ids.ts';
import type { DeploymentRow } from '../stores/rows.ts';
import { named } from './current.ts';
import { DriftChange, diffLines, freshnessOf, sentenceOf, stateOf, whileNobodyWrites } from './drift.ts';
import { type Context, defineOperation, type Target } from './operation.ts';
import { isSameTarget, ledgerOf } from './rollout/ledger.ts';
import { placeOf } from './rollout/place.ts';
import { findTarget, PageInput, TargetInput } from './shapes.ts';

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

/** What is in force where a deployment went; the deployment itself where that cannot be reached now: it is told as drift. */
async function inForceAt(context: Context, client: ClientDefinition, row: DeploymentRow) {
  try {
    const place = await placeOf(context, client, row);
    return (await ledgerOf(context, place)).row;
  } catch (error) {
    if (error instanceof AppError) return row;
    throw error;
  }
}

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
      `Profile ${profile_id} of ${client_id} is not deployed on this machine.`,
      named(input),
    );
  }
  const current = await inForceAt(context, client, row);
  const superseded = current !== undefined && !isSameTarget(current, row);
  const { changes, drift, up_to_date, latest_artifact_id } = superseded
    ? { ...(await freshnessOf(context, row)), changes: [], drift: false }
    : await stateOf(context, row);
  const { artifact_id, sequence, deployed_at, config_path, pinned } = row;
  return {
    client_id,
    profile_id,
    artifact_id,
    sequence,
    deployed_at,
    config_path,
    pinned,
    drift,
    up_to_date,
    latest_artifact_id,
    changes,
    ...(superseded && {
      superseded_by: { client_id: current.client_id, profile_id: current.profile_id, sequence: current.sequence },
    }),
  };
}

export const getDeployed = defineOperation({
  id: 'deployments.get',
  summary: 'Say what is deployed on this machine, and whether the file still is as it was left',
  description: 'Drift: the file differs from what was deployed. Up to date: what is deployed is the latest release.',
  effect: 'read',
  // It may settle what a killed deployment left behind, and waits for the writer's lock to do so.
  transaction: 'own',
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
        ...deployed.changes.map((change) => `  ${sentenceOf(change)}`),
        ...diffLines(deployed.changes, style),
      ].join('\n'),
    }),
  },
  async run(context, input) {
    const client = await findTarget(context, input);
    const isOfClient = (row: DeploymentRow) => row.client_id === client.client_id;
    return whileNobodyWrites(
      context,
      isOfClient,
      () => compareWithDisk(context, input, client),
      ({ drift }) => drift,
    );
  },
});

export const deploymentHistory = defineOperation({
  id: 'deployments.history',
  summary: 'List what was deployed of a profile on this machine, the newest first',
  effect: 'read',
  input: TargetInput.extend(PageInput),
  output: z.object({
    deployments: z.array(
      z.object({
        deployment_id: z.string(),
        artifact_id: ArtifactId,
        sequence: z.int(),
        deployed_at: Timestamp,
        config_path: z.string(),
        backup_path: z.string().nullable(),
        undone: z.boolean(),
      }),
    ),
    next_cursor: z.string().nullable(),
  }),
  errors: ['CLIENT_NOT_FOUND', 'PROFILE_NOT_FOUND'],
  permission: { needs: 'config:read' },
  rest: { method: 'GET', path: '/v1/config/{client_id}/{profile_id}/deployments' },
  mcp: { tool: 'deployment_history', toolset: 'machine' },
  cli: {
    verb: 'deployment-history',
    flags: { client_id: 'client', profile_id: 'profile' },
    text: ({ deployments, next_cursor }, style) => ({
      out:
        deployments.length === 0
          ? 'Nothing was deployed on this machine.'
          : style.table(
              ['deployment', 'release', 'deployed', 'file', ''],
              deployments.map((row) => [
                row.deployment_id,
                style.bold(String(row.sequence)),
                row.deployed_at,
                row.config_path,
                row.undone ? style.dim('undone') : '',
              ]),
            ),
      note: next_cursor === null ? '' : `There are more: --cursor ${next_cursor}`,
    }),
  },
  async run(context, { limit, cursor, ...target }) {
    await findTarget(context, target);
    const { store, workspace, services } = context;
    const { machine_id } = await services.machine();
    const page = await store.deployments.list(workspace, machine_id, target, { limit, cursor });
    const deployments = page.rows.map(
      ({ deployment_id, artifact_id, sequence, deployed_at, config_path, backup_path, status }) => ({
        deployment_id,
        artifact_id,
        sequence,
        deployed_at,
        config_path,
        backup_path,
        undone: status === 'undone',
      }),
    );
    return { deployments, next_cursor: page.next_cursor };
  },
});
