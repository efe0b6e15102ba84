import { z } from 'zod';
import { invalidInput } from '../core/errors.ts';
import { ClientId, ProfileId, Timestamp } from '../core/ids.ts';
import { ConfigPath, deployedText } from './deployments.ts';
import { type Context, defineOperation, type Watch } from './operation.ts';
import { acceptLatest } from './pull/accept.ts';
import { watchRemote } from './pull/watch.ts';
import { DEPLOY_ERRORS, DeployChoices, DeployOutput, deployHere } from './rollout/deploy.ts';
import { findClient, findTarget, ServerFields, TargetInput } from './shapes.ts';

const PullInput = TargetInput.extend({
  ...ServerFields,
  ...DeployChoices,
  dry_run: z.boolean().default(false).meta({
    description: 'Show what would be written, and leave the file as it is. The release is accepted all the same.',
  }),
  config_path: ConfigPath,
  watch: z
    .boolean()
    .default(false)
    .meta({ description: 'Go on until it is stopped: follow what is published. Without it, one pull.' }),
  once: z.boolean().default(false).meta({ description: 'One pull; the same as without --watch.' }),
});

async function watchFor(input: unknown, context: Context, signal: AbortSignal): Promise<Watch> {
  const { server, allow_http, ...target } = PullInput.parse(input);
  const remote = await context.services.remote(server, allow_http);
  return watchRemote({ remote, target, pause: context.services.pause, signal });
}

export const pullConfig = defineOperation({
  id: 'deployments.pull',
  summary: 'Fetch the latest release from a server, verify it with the keys trusted here, and merge it into the file',
  description:
    'Only what a key signed that `trust-key` has named is accepted, and nothing older than what was accepted before. The token comes from MCP_ORCHESTRATION_TOKEN; it needs config:read, and events:read to follow at once.',
  effect: 'write',
  transaction: 'own',
  idempotent: true,
  input: PullInput,
  output: DeployOutput.extend({
    server: z.string(),
    valid_until: Timestamp.meta({ description: 'Until then the server has signed that this release is the latest.' }),
  }),
  errors: [...DEPLOY_ERRORS, 'PROFILE_HAS_RELEASES', 'PROFILE_LINKED', 'VALIDATION_FAILED', 'UNAVAILABLE'],
  permission: { needs: 'config:deploy', agents: false, installation: true },
  cli: {
    verb: 'pull',
    flags: { client_id: 'client', profile_id: 'profile', inputs: 'input' },
    paths: ['project', 'config_path'],
    text: deployedText,
    watch: watchFor,
  },
  async run(context, input) {
    if (input.watch && input.once) throw invalidInput('once', 'say either --watch or --once');
    const client = await findClient(context, input.client_id);
    const remote = await context.services.remote(input.server, input.allow_http);
    context.progress?.(`Asking ${remote.url} ...`);
    const { expires_at } = await acceptLatest(context, input, remote);
    return { ...(await deployHere(context, client, input)), server: remote.url, valid_until: expires_at };
  },
});

export const unpullConfig = defineOperation({
  id: 'deployments.unpull',
  summary: 'Let a profile that was pulled stand on its own again; its releases, and what is deployed, stay',
  description:
    'What is published here next has the next number. Until then `pull` takes it up again, and nothing older than before. Stop first what pulls all the time.',
  effect: 'delete',
  input: TargetInput,
  output: z.object({
    status: z.literal('unpulled'),
    client_id: ClientId,
    profile_id: ProfileId,
    server: z.string().meta({ description: 'Whence it was pulled.' }),
  }),
  errors: ['CLIENT_NOT_FOUND', 'PROFILE_NOT_FOUND'],
  permission: { needs: 'config:deploy', agents: false, installation: true },
  cli: {
    verb: 'unpull',
    flags: { client_id: 'client', profile_id: 'profile' },
    text: ({ client_id, profile_id, server }, style) => ({
      out: `${style.good('Ended')}: ${client_id}/${profile_id} follows ${server} no more`,
      note: `Its releases, and what is deployed, stay. Next: mcp-orchestration view-draft --client ${client_id} --profile ${profile_id}`,
    }),
  },
  async run(context, input) {
    const { client_id, profile_id } = input;
    await findTarget(context, input);
    const { store, workspace } = context;
    const pulled = await store.pulls.get(workspace, client_id, profile_id);
    if (pulled === undefined) throw invalidInput('profile_id', 'this profile is not pulled from a server');
    await store.pulls.remove(workspace, client_id, profile_id);
    return { status: 'unpulled' as const, client_id, profile_id, server: pulled.server };
  },
});
