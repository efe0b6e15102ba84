import { z } from 'zod';
import { ClientId, ProfileId } from '../core/ids.ts';
import { DeploymentState, driftStatus, putBackCommand, sentenceOf } from './drift.ts';
import { type Context, defineOperation, invoke, type TextStyle, type Watch } from './operation.ts';
import { findClient } from './shapes.ts';
import { watchFiles } from './watch/due.ts';
import { heal } from './watch/heal.ts';

const WatchInput = z.strictObject({
  clients: z.array(ClientId).min(1).max(100).optional().meta({ description: 'Only these clients; all when left out.' }),
  heal: z.boolean().default(false).meta({
    description:
      'Put our entries back when they were changed or taken out: at most 3 times in ten minutes for each file.',
  }),
  once: z.boolean().default(false).meta({ description: 'Look once, instead of going on until it is stopped.' }),
  check: z.boolean().default(false).meta({ description: 'With --once: end with 7 when there is drift.' }),
});

const WatchOutput = z.object({
  deployments: z.array(DeploymentState),
  drift_count: z.int(),
  healed: z.array(
    z.object({
      client_id: ClientId,
      profile_id: ProfileId,
      config_path: z.string(),
      status: z.enum(['put_back', 'held_back', 'failed']).meta({
        description: 'held_back: it was put back too often within ten minutes, and is left as it is for now.',
      }),
      detail: z.string(),
    }),
  ),
  check: z.boolean(),
});
type WatchOutput = z.output<typeof WatchOutput>;

/** The files that are deployed to on this machine, as they are named and as they are behind links. */
async function deployedFiles(
  { store, workspace, services }: Context,
  clients: readonly string[] | undefined,
): Promise<string[]> {
  const { machine_id } = await services.machine();
  const rows = await store.deployments.currents(workspace, machine_id);
  const wanted = rows.filter(({ client_id }) => clients === undefined || clients.includes(client_id));
  return [...new Set(wanted.flatMap(({ config_path, target_path }) => [config_path, target_path]))];
}

async function watchFor(input: unknown, context: Context, signal: AbortSignal): Promise<Watch> {
  const { clients } = WatchInput.parse(input);
  const { now, services } = context;
  return watchFiles({
    files: () => deployedFiles(context, clients),
    now,
    pause: services.pause,
    signal,
    gist: (output) => gistOf(output as WatchOutput),
  });
}

/** Counts of repairs are no news by themselves. */
const gistOf = ({ deployments, healed }: WatchOutput): string =>
  JSON.stringify([
    deployments.map(({ client_id, profile_id, config_path, changes }) => [client_id, profile_id, config_path, changes]),
    healed.map(({ config_path, status }) => [config_path, status]),
  ]);

const HEALED = { put_back: 'put back', held_back: 'not put back', failed: 'could not be put back' } as const;

/** One line for each file that is not as it was left, and for what was done about it. */
function noteOf({ deployments, healed }: WatchOutput, style: TextStyle): string {
  const drifted = deployments.filter(({ drift }) => drift);
  if (drifted.length === 0)
    return style.good(`No drift in ${deployments.length} deployment${deployments.length === 1 ? '' : 's'}.`);
  const lines = drifted.flatMap((state) => {
    const { client_id, profile_id, config_path, changes } = state;
    const about = healed.find((one) => one.config_path === config_path && one.client_id === client_id);
    const line = `${style.bad('drift')} ${client_id}/${profile_id} ${config_path}: ${changes.map(sentenceOf).join('; ')}`;
    if (about === undefined) return [line];
    const told = `  ${HEALED[about.status]}: ${about.detail}`;
    return about.status === 'put_back' ? [line, told] : [line, told, `  Put it back with: ${putBackCommand(state)}`];
  });
  return lines.join('\n');
}

export const watchDrift = defineOperation({
  id: 'deployments.watch',
  summary: 'Tell at once when somebody changes a file that was deployed to on this machine',
  description:
    'Goes on until it is stopped. Tells of drift on stderr and as the event config.drift_detected, and of programs that write a file again and again. With --heal it puts our entries back, at most 3 times in ten minutes for each file.',
  effect: 'write',
  transaction: 'own',
  delegates: true,
  idempotent: true,
  input: WatchInput,
  output: WatchOutput,
  errors: ['CLIENT_NOT_FOUND'],
  permission: { needs: 'config:deploy', agents: false, bound: 'never', installation: true },
  cli: {
    verb: 'watch',
    flags: { clients: 'client' },
    text: (output, style) => ({ out: '', note: noteOf(output, style) }),
    exit: ({ check, drift_count }) => (check && drift_count > 0 ? 7 : 0),
    watch: watchFor,
  },
  async run(context, { clients, heal: heals, check }) {
    for (const client_id of clients ?? []) await findClient(context, client_id);
    const deployments: DeploymentState[] = [];
    const asked = clients?.map((client_id) => ({ client_id })) ?? [{}];
    for (const input of asked) {
      const seen = (await invoke(driftStatus, context, input)) as { deployments: DeploymentState[] };
      deployments.push(...seen.deployments);
    }
    const healed = heals ? await heal(context, deployments) : [];
    const put_back = healed.filter(({ status }) => status === 'put_back').length;
    const drift_count = deployments.filter(({ drift }) => drift).length - put_back;
    return { deployments, drift_count, healed, check };
  },
});
