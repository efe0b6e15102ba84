import { z } from 'zod';
import { canonicalJson } from '../core/canonical-json.ts';
import { AppError, invalidInput } from '../core/errors.ts';
import { gatewayEntry, moveBehind } from '../core/gateway.ts';
import { ClientId, ProfileId } from '../core/ids.ts';
import { DraftPayload, ServerName } from '../core/payload.ts';
import { assertNoSecret } from '../core/secrets/detector.ts';
import { assertRevision, type CurrentDraft, currentDraft, named, saveDraft } from './current.ts';
import { assertNotLinked } from './links.ts';
import { type Context, defineOperation, type RunContext, type Target } from './operation.ts';
import { findTarget, IfRevision, TargetInput } from './shapes.ts';
import { counted } from './words.ts';

const REFERENCE = /^\$\{(?:env:[A-Za-z_][A-Za-z0-9_]{0,127}|secret:[A-Za-z0-9][A-Za-z0-9._-]{0,127})\}$/;

const UseGatewayInput = TargetInput.extend({
  gateway: z.enum(['url', 'toolhive', 'docker-mcp']).default('url').meta({
    description:
      '`url`: any gateway that is reached at an address; `toolhive`: the same, at the address of `thv vmcp serve`; `docker-mcp`: the client starts `docker mcp gateway run`.',
  }),
  url: z
    .url({ protocol: /^https?$/, error: 'an http or https address' })
    .max(2048)
    .optional()
    .meta({ description: 'Where clients reach the gateway. `toolhive`: http://127.0.0.1:4483/mcp when left out.' }),
  transport: z
    .enum(['http', 'sse'])
    .optional()
    .meta({ description: 'What the gateway speaks to clients; `http` when left out. mcp-hub speaks `sse`.' }),
  bearer: z
    .string()
    .max(140)
    .regex(REFERENCE, 'a reference such as ${env:GATEWAY_TOKEN} or ${secret:gateway}, never the token itself')
    .optional()
    .meta({ description: 'The token for the gateway, as a reference: ${env:NAME} or ${secret:NAME}.' }),
  docker_profile: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, 'letters, digits, dots, hyphens and underscores')
    .optional()
    .meta({ description: 'The profile of `docker-mcp`; its default one when left out.' }),
  server_name: ServerName.default('gateway').meta({ description: 'Name of the one entry.' }),
  servers_to: ClientId.meta({
    description: "The client that stands for the gateway's own file: the servers go there.",
  }),
  dry_run: z.boolean().default(false).meta({ description: 'Show both drafts as they would be, and change nothing.' }),
  if_revision: IfRevision,
  if_servers_to_revision: z.int().min(0).optional().meta({
    description: "Only when the gateway's draft still has this revision; else DRAFT_CHANGED.",
  }),
});
type UseGatewayInput = z.output<typeof UseGatewayInput>;

const ChangedDraft = z.object({
  client_id: ClientId,
  profile_id: ProfileId,
  revision: z.int(),
  before: DraftPayload,
  after: DraftPayload,
});

const UseGatewayOutput = z.object({
  status: z.enum(['moved', 'unchanged', 'planned']),
  server_name: z.string(),
  moved: z.array(z.string()),
  client: ChangedDraft,
  gateway: ChangedDraft,
});
type UseGatewayOutput = z.output<typeof UseGatewayOutput>;

const gatewayOf = ({ servers_to, profile_id }: UseGatewayInput): Target => ({ client_id: servers_to, profile_id });

/** Throws CLIENT_NOT_FOUND with what to do about it: gateways are not among the clients that are known out of the box. */
async function findGateway(context: Context, gateway: Target): Promise<void> {
  try {
    await findTarget(context, gateway);
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'CLIENT_NOT_FOUND') throw error;
    const hint = 'Make the gateway known with `add-client`; definitions are in the folder integrations/gateways.';
    throw new AppError(error.code, error.message, error.details, { hint });
  }
}

async function editable(context: Context, target: Target, if_revision: number | undefined): Promise<CurrentDraft> {
  await assertNotLinked(context, target);
  const draft = await currentDraft(context, target);
  assertRevision(draft, if_revision);
  return draft;
}

/** The revision that the draft has afterwards: one that stays as it is keeps its own. */
async function keep(context: RunContext, target: Target, from: CurrentDraft, payload: DraftPayload): Promise<number> {
  if (canonicalJson(payload) === canonicalJson(from.payload)) return from.revision;
  return saveDraft(context, target, from, payload);
}

function textOf({ status, server_name, moved, client, gateway }: UseGatewayOutput): { out: string; note?: string } {
  if (status === 'unchanged') {
    return { out: `Unchanged: ${client.client_id} has one entry already, ${server_name}, and no server to move.` };
  }
  const names = moved.length === 0 ? '' : `: ${moved.join(', ')}`;
  const did = status === 'planned' ? 'would go' : 'went';
  const target = `--profile ${client.profile_id}`;
  const next = [gateway, client].map(
    ({ client_id }) => `mcp-orchestration publish-config --client ${client_id} ${target}`,
  );
  return {
    out: `${counted(moved.length, 'server')} ${did} from ${client.client_id} to ${gateway.client_id}${names}. ${client.client_id} has one entry: ${server_name}.`,
    note:
      status === 'planned'
        ? 'Nothing was changed. Leave out --dry-run to do it.'
        : `Next, the gateway first:\n  ${next.join('\n  ')}\nthen deploy-config for each that can be written.`,
  };
}

export const useGateway = defineOperation({
  id: 'drafts.useGateway',
  summary: 'Let a client use one gateway: its servers go to the draft of the gateway, and one entry takes their place',
  description:
    'Both drafts change together or not at all. Afterwards each is validated, published and deployed like any other. A server of the same name with other content in the draft of the gateway is a refusal, never overwritten.',
  effect: 'write',
  idempotent: true,
  input: UseGatewayInput,
  example: { client_id: 'cursor', profile_id: 'default', url: 'http://127.0.0.1:3000/mcp', servers_to: 'claude-code' },
  output: UseGatewayOutput,
  errors: [
    'CLIENT_NOT_FOUND',
    'PROFILE_NOT_FOUND',
    'SERVER_ALREADY_IN_DRAFT',
    'SECRET_IN_CONFIG',
    'DRAFT_CHANGED',
    'PROFILE_LINKED',
    'SIGNATURE_INVALID',
  ],
  permission: { needs: 'config:write', targets: (input) => [input, gatewayOf(input)] },
  rest: { method: 'POST', path: '/v1/config/{client_id}/{profile_id}/draft/gateway' },
  mcp: { tool: 'use_gateway', toolset: 'releases' },
  cli: {
    verb: 'use-gateway',
    flags: { client_id: 'client', profile_id: 'profile', server_name: 'name' },
    text: textOf,
  },
  async run(context, input) {
    const [target, behind] = [named(input), gatewayOf(input)];
    await findTarget(context, target);
    if (target.client_id === behind.client_id) {
      throw invalidInput('servers_to', 'the servers of a client cannot go to the client itself');
    }
    const entry = gatewayEntry(input);
    await findGateway(context, behind);
    const from = await editable(context, target, input.if_revision);
    const to = await editable(context, behind, input.if_servers_to_revision);
    const [here, there] = [
      { ...target, ...from },
      { ...behind, ...to },
    ];
    const { client, gateway, moved } = moveBehind(here, there, input.server_name, entry);
    assertNoSecret(client);
    assertNoSecret(gateway);
    const drafts = (revisions: [number, number]) => ({
      server_name: input.server_name,
      moved,
      client: { ...target, revision: revisions[0], before: from.payload, after: client },
      gateway: { ...behind, revision: revisions[1], before: to.payload, after: gateway },
    });
    if (input.dry_run) return { status: 'planned' as const, ...drafts([from.revision, to.revision]) };
    const revisions: [number, number] = [
      await keep(context, target, from, client),
      await keep(context, behind, to, gateway),
    ];
    const isSame = revisions[0] === from.revision && revisions[1] === to.revision;
    const status = isSame ? ('unchanged' as const) : ('moved' as const);
    await context.store.audit.append(context.workspace, context.auditRow({ status, revision: revisions[1] }, behind));
    return { status, ...drafts(revisions) };
  },
});
