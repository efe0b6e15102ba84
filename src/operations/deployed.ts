import { z } from 'zod';
import type { ClientDefinition } from '../clients/client.ts';
import { AppError } from '../core/errors.ts';
import { ArtifactId, ClientId, ProfileId, Timestamp } from '../core/ids.ts';
import { driftOf, type Entries } from '../core/merge.ts';
import { withWriterLock } from '../io/client-files/lock.ts';
import { named } from './current.ts';
import { type Context, defineOperation, type Target } from './operation.ts';
import { isSameTarget, type Ledger, LOCK_WAIT_MS, ledgerOf, settleIntents } from './rollout/ledger.ts';
import { diskOf, type Place, placeOf } from './rollout/place.ts';
import { findTarget, TargetInput } from './shapes.ts';

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
