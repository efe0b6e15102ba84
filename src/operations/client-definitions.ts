import { z } from 'zod';
import { ClientDefinition } from '../clients/client.ts';
import { contradictionsIn } from '../clients/definition.ts';
import { AppError, type Issue } from '../core/errors.ts';
import { ClientId } from '../core/ids.ts';
import { nearest } from '../core/nearest.ts';
import { AnyJson, type JsonValue } from '../core/payload.ts';
import { safeParse } from '../core/safe-parse.ts';
import { assertNoSecret } from '../core/secrets/detector.ts';
import { hiddenCharacter } from '../core/validation/invisible.ts';
import { knownClient } from './added-clients.ts';
import { type Context, defineOperation } from './operation.ts';

/** Client applications that this version does not know, described in the same form as the ones that it does. */

const EXAMPLE = {
  client_id: 'lantern',
  display_name: 'Lantern',
  vendor: 'Lanternworks',
  docs_url: 'https://lanternworks.example/docs/mcp',
  status: 'active',
  scopes: [
    {
      scope: 'user',
      paths: {
        macos: '~/.lantern/servers.jsonc',
        linux: '~/.lantern/servers.jsonc',
        windows: '%USERPROFILE%\\.lantern\\servers.jsonc',
      },
      format: 'jsonc',
      pointer: '/tools/servers',
      shared: true,
    },
  ],
  deployable_scopes: ['user'],
  entry: {
    stdio: {
      type: { field: 'kind', value: 'process', required: true },
      command_shape: 'string',
      command_field: 'run',
      args_field: 'with',
      env_field: 'environment',
      cwd_field: null,
      required: ['kind', 'run'],
      optional: ['with', 'environment'],
    },
    http: null,
    sse: null,
    disabled: null,
    tools: { allow: null, deny: null, auto_approve: null },
    timeouts: [],
  },
  references: null,
  limits: { servers: null, tools: null },
  reload_behaviour: 'at the next start',
  detect: { macos: ['~/.lantern'], linux: ['~/.lantern'], windows: ['%USERPROFILE%\\.lantern'], binaries: ['lantern'] },
  notes: [],
  limitations: [],
  state_fields: [],
  confidence: 'unverified',
  sources: ['https://lanternworks.example/docs/mcp'],
  dialect: {
    write_type: ['stdio'],
    bridged: ['http', 'sse'],
    timeout_field: null,
    references: [],
    windows_shell_for: [],
    server_names: null,
  },
};

function invalid(issues: Issue[]): AppError {
  const text = issues.slice(0, 5).map(({ path, message }) => `${path}: ${message}`);
  const [first] = issues;
  return new AppError('INVALID_INPUT', text.join('; '), { field: first?.path, reason: first?.message, issues });
}

/** Prose may hold line ends, and what joins letters in some languages; everything else is a name or decides what is written. */
const PROSE = new Set(['notes', 'limitations', 'trust_steps', 'note']);

/** Names are shown on terminals of others, and paths and fields go into their files. */
function hiddenIn(value: JsonValue, path: readonly string[]): Issue[] {
  if (typeof value === 'string') {
    const hidden = hiddenCharacter(value, !path.some((key) => PROSE.has(key)));
    return hidden === undefined ? [] : [{ path: path.join('.'), message: `has the hidden character ${hidden}` }];
  }
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, one]) => hiddenIn(one as JsonValue, [...path, key]));
}

/** Throws INVALID_INPUT with everything that is wrong with it. */
function readDefinition(given: unknown): ClientDefinition {
  const parsed = safeParse(ClientDefinition, given);
  const placed = (path: readonly PropertyKey[]) => ['definition', ...path.map(String)].join('.');
  if (!parsed.success) {
    const issues = parsed.error.issues.map((issue) => ({
      path: placed(issue.code === 'unrecognized_keys' ? [...issue.path, issue.keys[0] ?? ''] : issue.path),
      message: issue.message,
    }));
    throw invalid(issues);
  }
  const issues = [...hiddenIn(given as JsonValue, []), ...contradictionsIn(parsed.data)];
  if (issues.length === 0) return parsed.data;
  throw invalid(issues.map(({ path, message }) => ({ path: placed([path]), message })));
}

export const addClient = defineOperation({
  id: 'clients.add',
  summary: 'Make a client application known that this version does not know',
  description:
    'The definition has the form of the known ones: where the files are, in which format, and what an entry looks like. From then on it is published for and deployed to like any other.',
  effect: 'write',
  input: z.strictObject({
    definition: AnyJson.meta({ description: 'A definition; the page about clients says what is in one.' }),
  }),
  example: { definition: EXAMPLE },
  output: z.object({
    status: z.literal('added'),
    client_id: ClientId,
    display_name: z.string(),
    writable: z.boolean().meta({ description: 'Whether its files can be written.' }),
  }),
  errors: ['CLIENT_ALREADY_EXISTS', 'SECRET_IN_CONFIG'],
  permission: { needs: 'catalog:write', agents: false, bound: 'never' },
  rest: { method: 'POST', path: '/v1/clients', statuses: [201] },
  mcp: { tool: 'add_client', toolset: 'governance' },
  cli: {
    verb: 'add-client',
    positional: ['definition'],
    flags: { definition: 'file' },
    text: ({ client_id, display_name }, style) => ({
      out: `${style.good('Added')} ${style.bold(client_id)} (${display_name}).`,
      note: `Next: mcp-orchestration add-server SERVER --client ${client_id}`,
    }),
  },
  async run(context, { definition: given }) {
    const definition = readDefinition(given);
    assertNoSecret({ mcpServers: {}, definition });
    const { client_id, display_name, dialect } = definition;
    const row = { client_id, definition, added_at: context.now().toISOString() };
    const isKnown = (await knownClient(context, client_id)) !== undefined;
    if (isKnown || !(await context.store.clients.add(context.workspace, row)))
      throw new AppError('CLIENT_ALREADY_EXISTS', `There is a client "${client_id}" already.`, { client_id });
    return { status: 'added' as const, client_id, display_name, writable: dialect !== null };
  },
});

async function assertUnused({ store, workspace }: Context, client_id: string): Promise<void> {
  const [release] = await store.releases.latestOfClient(workspace, client_id);
  if (release !== undefined) {
    const { profile_id, sequence } = release;
    const message = `Profile ${profile_id} of ${client_id} has releases, which are kept for ever.`;
    const hint = 'Describe the client under another id. What was published and deployed needs this description.';
    throw new AppError('PROFILE_HAS_RELEASES', message, { client_id, profile_id, sequence }, { hint });
  }
  const link = (await store.links.list(workspace)).find((one) =>
    [one.client_id, one.source_client_id].includes(client_id),
  );
  if (link === undefined) return;
  const follower = { client_id: link.client_id, profile_id: link.profile_id };
  const message = `${follower.client_id}/${follower.profile_id} follows ${link.source_client_id}/${link.source_profile_id}.`;
  const hint = `End that link: mcp-orchestration unlink-profile --client ${follower.client_id} --profile ${follower.profile_id}`;
  throw new AppError('PROFILE_LINKED', message, follower, { hint });
}

function notAdded(client_id: string, added: readonly string[]): AppError {
  const [near] = nearest(client_id, added);
  const advice = near === undefined ? '' : ` Did you mean "${near}"?`;
  const hint = 'A client that is known out of the box cannot be removed.';
  return new AppError(
    'CLIENT_NOT_FOUND',
    `Nobody has added a client "${client_id}".${advice}`,
    { client_id },
    { hint },
  );
}

export const removeClient = defineOperation({
  id: 'clients.remove',
  summary: 'Forget a client application that was added, for which nothing was published',
  description: 'For a description that has to be corrected: remove it, and add the right one. Drafts stay.',
  effect: 'delete',
  input: z.strictObject({ client_id: ClientId }),
  example: { client_id: 'lantern' },
  output: z.object({ status: z.literal('removed'), client_id: ClientId }),
  errors: ['CLIENT_NOT_FOUND', 'PROFILE_HAS_RELEASES', 'PROFILE_LINKED'],
  permission: { needs: 'catalog:write', agents: false, bound: 'never' },
  rest: { method: 'DELETE', path: '/v1/clients/{client_id}' },
  mcp: { tool: 'remove_client', toolset: 'governance' },
  cli: {
    verb: 'remove-client',
    positional: ['client_id'],
    text: ({ client_id }, style) => ({ out: `${style.good('Removed')} ${style.bold(client_id)}.` }),
  },
  async run(context, { client_id }) {
    const { store, workspace } = context;
    const added = (await store.clients.list(workspace)).map((row) => row.client_id);
    if (!added.includes(client_id)) throw notAdded(client_id, added);
    await assertUnused(context, client_id);
    await store.clients.remove(workspace, client_id);
    return { status: 'removed' as const, client_id };
  },
});
