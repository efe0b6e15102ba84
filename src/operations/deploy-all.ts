import { z } from 'zod';
import type { ClientDefinition } from '../clients/client.ts';
import { detectInstalled } from '../clients/paths.ts';
import { invalidInput } from '../core/errors.ts';
import { ClientId, ProfileId } from '../core/ids.ts';
import { isOnPath, pathExists } from '../io/which.ts';
import { clientsOf } from './added-clients.ts';
import { colouredDiff } from './deployments.ts';
import { type Context, defineOperation, type RunContext, refusal, type TextStyle } from './operation.ts';
import { DeployChoices, DeployOutput, deployHere, deployLocked } from './rollout/deploy.ts';
import { underWriterLock } from './rollout/ledger.ts';
import { assertMayWriteHere } from './rollout/write.ts';
import { findClient, findTarget, TargetInput } from './shapes.ts';

const DeployAllInput = z.strictObject({
  clients: z
    .array(ClientId)
    .min(1)
    .max(100)
    .optional()
    .meta({ description: 'These clients. On the command line also as one word: a,b,c.' }),
  installed: z
    .boolean()
    .default(false)
    .meta({ description: 'Every client on this machine that this version can write, instead of a list.' }),
  profile_id: TargetInput.shape.profile_id,
  ...DeployChoices,
});
type DeployAllInput = z.output<typeof DeployAllInput>;

const Outcome = z.object({
  client_id: ClientId,
  profile_id: ProfileId,
  status: z.enum(['deployed', 'unchanged', 'planned', 'skipped', 'failed']),
  /** As `deploy_config` answers; null when it was skipped or failed. */
  result: DeployOutput.nullable(),
  error: z
    .object({ code: z.string(), message: z.string(), hint: z.string(), details: z.record(z.string(), z.unknown()) })
    .nullable(),
});
type Outcome = z.input<typeof Outcome>;

/** The clients that are meant, each once. Throws INVALID_INPUT and CLIENT_NOT_FOUND before anything is looked at. */
async function wantedClients(context: Context, { clients, installed }: DeployAllInput): Promise<ClientDefinition[]> {
  if ((clients === undefined) !== installed) {
    throw invalidInput('clients', 'name the clients, or say `installed`: one of the two');
  }
  if (clients !== undefined)
    return Promise.all([...new Set(clients)].map((client_id) => findClient(context, client_id)));
  const machine = await context.services.machine();
  const there = (client: ClientDefinition) =>
    detectInstalled(client, machine, pathExists, (binary) => isOnPath(binary, machine.env));
  return (await clientsOf(context)).filter((client) => client.dialect !== null && there(client));
}

/** One client, on its own: what goes wrong is told in its row, and the others go on. */
async function outcomeOf(
  context: RunContext,
  client: ClientDefinition,
  input: DeployAllInput,
  deploy = deployHere,
): Promise<Outcome> {
  const { client_id } = client;
  const { profile_id } = input;
  try {
    await findTarget(context, { client_id, profile_id });
    const result = await deploy(context, client, { ...input, client_id, shared_inputs: true });
    return { client_id, profile_id, status: result.status, result, error: null };
  } catch (error) {
    const { code, message, hint, details } = refusal(error, context).problem;
    // A client that happens to be installed, and for which nobody ever published, is no failure.
    const status = input.installed && code === 'CONFIG_NOT_FOUND' ? 'skipped' : 'failed';
    return { client_id, profile_id, status, result: null, error: { code, message, hint, details } };
  }
}

/** What would be written. The plans are made side by side and under one lock: they mostly wait for the disk. */
function plansOf(context: RunContext, clients: readonly ClientDefinition[], input: DeployAllInput): Promise<Outcome[]> {
  let made = 0;
  const plan = async (client: ClientDefinition) => {
    const outcome = await outcomeOf(context, client, { ...input, dry_run: true }, deployLocked);
    made += 1;
    context.progress?.(`Planned ${client.client_id} (${made} of ${clients.length})`);
    return outcome;
  };
  return underWriterLock(context, () => Promise.all(clients.map(plan)));
}

/** Throws INVALID_INPUT for an input that none of the planned releases declares, before anything is written. */
function assertInputsMeant({ inputs = {} }: DeployAllInput, plans: readonly Outcome[]): void {
  const planned = plans.flatMap(({ result }) => result ?? []);
  const declared = new Set(planned.flatMap((result) => result.inputs));
  const unknown = Object.keys(inputs).find((name) => !declared.has(name));
  if (planned.length > 0 && unknown !== undefined) {
    throw invalidInput(`inputs.${unknown}`, 'none of these releases declares such an input');
  }
}

function rowOf({ client_id, status, result, error }: Outcome, style: TextStyle): string[] {
  const tone = {
    deployed: style.good,
    planned: style.warn,
    failed: style.bad,
    unchanged: style.dim,
    skipped: style.dim,
  };
  const { added, updated, removed } = result?.changes ?? { added: [], updated: [], removed: [] };
  const counts = result === null ? '' : `+${added.length} ~${updated.length} -${removed.length}`;
  const what = error === null ? (result?.findings ?? []).map(({ message }) => message).join('\n') : error.message;
  return [style.bold(client_id), tone[status](status), counts, result?.config_path ?? '', what];
}

function textOf(deployments: Outcome[], style: TextStyle): { out: string; note: string } {
  if (deployments.length === 0) return { out: 'No client that can be written is installed here.', note: '' };
  const table = style.table(
    ['client', 'status', 'changes', 'file', 'what'],
    deployments.map((outcome) => rowOf(outcome, style)),
  );
  const diffs = deployments.flatMap(({ client_id, result }) =>
    result?.plan?.diff ? [`${style.bold(client_id)}\n${colouredDiff(result.plan.diff, style)}`] : [],
  );
  const planned = deployments.some(({ status }) => status === 'planned');
  const failed = deployments.filter(({ status }) => status === 'failed');
  const hints = failed.map(({ client_id, error }) => `${client_id}: ${error?.hint}`);
  const last = planned ? ['Nothing was written. Leave out --dry-run to write it.'] : [];
  return { out: [table, ...diffs].join('\n'), note: [...hints, ...last].join('\n') };
}

export const deployConfigs = defineOperation({
  id: 'deployments.deployAll',
  summary: 'Deploy a profile into several clients on this machine, each on its own',
  description:
    'First every plan is made, then every client is written by itself: what fails for one is told in its row, and the others go on.',
  effect: 'write',
  transaction: 'own',
  idempotent: true,
  input: DeployAllInput,
  example: { clients: ['cursor'] },
  output: z.object({
    deployments: z.array(Outcome),
    changed_count: z.int(),
    failed_count: z.int(),
  }),
  errors: ['CLIENT_NOT_FOUND'],
  permission: { needs: 'config:deploy', agents: false, bound: 'never', installation: true },
  rest: { method: 'POST', path: '/v1/deploy' },
  mcp: { tool: 'deploy_configs', toolset: 'machine' },
  cli: {
    verb: 'deploy-all',
    flags: { profile_id: 'profile', inputs: 'input' },
    paths: ['project'],
    prepare: (input) => {
      const { clients } = input;
      return Array.isArray(clients) ? { ...input, clients: clients.flatMap((some) => String(some).split(',')) } : input;
    },
    text: ({ deployments }, style) => textOf(deployments, style),
    exit: ({ failed_count }) => (failed_count > 0 ? 1 : 0),
  },
  async run(context, input) {
    assertMayWriteHere(context, 'deploy-all');
    const clients = await wantedClients(context, input);
    const plans = await plansOf(context, clients, input);
    assertInputsMeant(input, plans);
    const deployments: Outcome[] = [];
    for (const [index, plan] of plans.entries()) {
      const client = clients[index];
      const goes = client !== undefined && plan.status === 'planned' && !input.dry_run;
      if (goes) context.progress?.(`Deploying to ${client.client_id} (${index + 1} of ${clients.length})`);
      deployments.push(goes ? await outcomeOf(context, client, input) : plan);
    }
    const count = (status: Outcome['status']) => deployments.filter((one) => one.status === status).length;
    return { deployments, changed_count: count('deployed'), failed_count: count('failed') };
  },
});
