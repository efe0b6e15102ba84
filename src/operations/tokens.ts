import { randomBytes, randomUUID } from 'node:crypto';
import { z } from 'zod';
import { type Binding, DEFAULT_WORKSPACE, reaches } from '../core/binding.ts';
import { parseDuration } from '../core/duration.ts';
import { AppError, invalidInput } from '../core/errors.ts';
import { ClientId, ProfileId, Timestamp, WorkspaceId } from '../core/ids.ts';
import { AGENT_SCOPES, ROLES, SCOPES, type Scope } from '../core/scopes.ts';
import { assertNoSecretText } from '../core/secrets/detector.ts';
import { formatToken, tokenDigest } from '../core/token.ts';
import { type Context, defineOperation } from './operation.ts';
import { findClient, findTarget, PageInput } from './shapes.ts';
import { workspaceOf } from './workspaces.ts';

const Role = z.enum(Object.keys(ROLES) as [keyof typeof ROLES, ...(keyof typeof ROLES)[]]);
const Kind = z.enum(['user', 'agent']);

function scopesFor(
  context: Context,
  input: { role?: keyof typeof ROLES | undefined; scopes?: Scope[] | undefined; kind: 'user' | 'agent' },
): Scope[] {
  const { role, scopes, kind } = input;
  if (role && scopes) throw invalidInput('role', 'give a role or scopes, not both');
  if (!role && !scopes && context.services.mode === 'server') {
    throw invalidInput('role', 'say what the token may do: --role or --scope (there is no default in server mode)');
  }
  const wanted = scopes ?? ROLES[role ?? (kind === 'agent' ? 'editor' : 'admin')];
  const granted = [...new Set(wanted)].filter((scope) => kind === 'user' || AGENT_SCOPES.has(scope));
  const beyond = granted.find((scope) => !context.principal.scopes.has(scope));
  if (beyond)
    throw new AppError('FORBIDDEN', `A token cannot get the scope ${beyond}, which you do not have.`, {
      needs: beyond,
    });
  if (granted.length === 0) throw invalidInput('scopes', 'nothing is left of these scopes for a token of kind agent');
  return granted;
}

/** Where other workspaces are governed from, their tokens are made, listed and revoked too. */
const Workspace = WorkspaceId.optional().meta({
  description: 'Another workspace than your own: for callers of `default` with workspaces:admin.',
});

interface Bound {
  client_id: string | null;
  profile_id: string | null;
}

/** `cursor/dev`, with a star for all; empty for a token that is not bound. */
const placeOf = ({ client_id, profile_id }: Bound): string =>
  client_id === null && profile_id === null ? '' : `${client_id ?? '*'}/${profile_id ?? '*'}`;

const boundTo = (made: Bound & { workspace: string }): string => {
  const place = placeOf(made);
  const inside = made.workspace === DEFAULT_WORKSPACE ? '' : ` in the workspace ${made.workspace}`;
  return `${place === '' ? '' : ` for ${place} only`}${inside}`;
};

/** A typing error would bind a token to nothing that there is. */
async function assertThere(context: Context, { client_id, profile_id }: Binding): Promise<void> {
  if (client_id === undefined) return;
  if (profile_id === undefined) await findClient(context, client_id);
  else await findTarget(context, { client_id, profile_id });
}

export const generateToken = defineOperation({
  id: 'tokens.create',
  summary: 'Make an API token; it is shown once',
  description:
    'It is sent as a bearer token or in X-API-Key. It can do no more than you, and reaches no further. With a client or a profile it is bound to them, for ever.',
  effect: 'write',
  input: z.strictObject({
    name: z.string().min(1).max(128).default('token').meta({
      description: 'By what you know it again in lists and audit rows.',
    }),
    role: Role.optional().meta({
      description:
        'Scopes that belong together. Without it and without scopes: admin (agents: editor); a server for others asks for one of them.',
    }),
    scopes: z.array(z.enum(SCOPES)).min(1).optional().meta({ description: 'Single scopes instead of a role.' }),
    kind: Kind.default('user').meta({
      description: 'An agent can read, draft, validate and diff, whatever its scopes say.',
    }),
    client_id: ClientId.optional().meta({ description: 'Bind it to this client: nothing else is shown or changed.' }),
    profile_id: ProfileId.optional().meta({ description: 'Bind it to profiles of this name.' }),
    workspace: Workspace,
    expires: z
      .string()
      .default('90d')
      .meta({ description: 'A number with s, m, h or d, or `never`; 90d unless you say otherwise.' }),
  }),
  example: { name: 'ci', role: 'publisher', expires: '30d' },
  output: z.object({
    token: z.string(),
    token_id: z.string(),
    name: z.string(),
    kind: Kind,
    scopes: z.array(z.string()),
    client_id: ClientId.nullable(),
    profile_id: ProfileId.nullable(),
    workspace: WorkspaceId,
    expires_at: Timestamp.nullable(),
    created_at: Timestamp,
  }),
  errors: ['SECRET_IN_CONFIG', 'CLIENT_NOT_FOUND', 'PROFILE_NOT_FOUND', 'WORKSPACE_NOT_FOUND'],
  permission: { needs: 'tokens:admin', agents: false, bound: 'narrowed' },
  rest: { method: 'POST', path: '/v1/tokens', statuses: [201], showsSecret: () => true },
  cli: {
    verb: 'generate-token',
    flags: { scopes: 'scope', client_id: 'client', profile_id: 'profile' },
    text: ({ token, scopes, expires_at, ...made }, style) => ({
      out: token,
      note: `${style.good('Made a token')} with the scopes ${scopes.join(' ')}${boundTo(made)}, ${expires_at ? `valid until ${expires_at}` : 'valid for ever'}.\nIt is shown only now. Send it as: Authorization: Bearer <token>, or: X-API-Key: <token>`,
    }),
  },
  async run(context, input) {
    const lifetime = parseDuration(input.expires);
    if (lifetime === undefined)
      throw invalidInput('expires', 'give a number with s, m, h or d (for example 90d; at most 3650d), or never');
    assertNoSecretText({ name: input.name });
    const scopes = scopesFor(context, input);
    const workspace = await workspaceOf(context, input.workspace);
    await assertThere({ ...context, workspace }, input);
    const now = context.now();
    const token = formatToken(input.kind, randomBytes(32));
    const row = {
      token_id: `tok_${randomUUID()}`,
      name: input.name,
      kind: input.kind,
      scopes,
      client_id: input.client_id ?? null,
      profile_id: input.profile_id ?? null,
      created_at: now.toISOString(),
      expires_at: lifetime === null ? null : new Date(now.getTime() + lifetime).toISOString(),
    };
    await context.store.tokens.insert(workspace, {
      ...row,
      digest: tokenDigest(token),
      last_used_at: null,
      use_count: 0,
      revoked_at: null,
    });
    const { token_id, kind } = row;
    await context.emit(context.store, { type: 'token.created', workspace, data: { token_id, kind } });
    return { token, ...row, workspace };
  },
});

const TokenSummary = z.object({
  token_id: z.string(),
  name: z.string(),
  kind: Kind,
  scopes: z.array(z.string()),
  client_id: ClientId.nullable(),
  profile_id: ProfileId.nullable(),
  created_at: Timestamp,
  expires_at: Timestamp.nullable(),
  last_used_at: Timestamp.nullable(),
  use_count: z.int(),
  revoked_at: Timestamp.nullable(),
});

export const listTokens = defineOperation({
  id: 'tokens.list',
  summary: 'List the API tokens, newest first',
  effect: 'read',
  input: z.strictObject({ ...PageInput, workspace: Workspace }),
  output: z.object({ tokens: z.array(TokenSummary), next_cursor: z.string().nullable() }),
  errors: ['WORKSPACE_NOT_FOUND'],
  permission: { needs: 'tokens:admin', agents: false, bound: 'narrowed' },
  rest: { method: 'GET', path: '/v1/tokens' },
  cli: {
    verb: 'list-tokens',
    text: ({ tokens, next_cursor }, style) => ({
      out: style.table(
        ['token', 'name', 'kind', 'bound to', 'made', 'expires', 'last used', 'uses', 'state'],
        tokens.map((token) => [
          token.token_id,
          token.name,
          token.kind,
          placeOf(token),
          token.created_at,
          token.expires_at ?? 'never',
          token.last_used_at ?? style.dim('never'),
          String(token.use_count),
          token.revoked_at ? style.bad('revoked') : style.good('active'),
        ]),
      ),
      ...(next_cursor && { note: `More: mcp-orchestration list-tokens --cursor ${next_cursor}` }),
    }),
  },
  async run(context, { limit, cursor, workspace: asked }) {
    const workspace = await workspaceOf(context, asked);
    const { rows, next_cursor } = await context.store.tokens.list(
      workspace,
      { limit, cursor },
      context.principal.binding,
    );
    return { tokens: rows, next_cursor };
  },
});

export const revokeToken = defineOperation({
  id: 'tokens.revoke',
  summary: 'Revoke an API token at once',
  effect: 'delete',
  idempotent: true,
  input: z.strictObject({
    token_id: z
      .string()
      .min(1)
      .max(100)
      .meta({ description: 'The id that `list-tokens` shows, not the token itself.' }),
    workspace: Workspace,
  }),
  output: z.object({ status: z.literal('revoked'), token_id: z.string() }),
  errors: ['TOKEN_NOT_FOUND', 'WORKSPACE_NOT_FOUND'],
  permission: { needs: 'tokens:admin', agents: false, bound: 'narrowed' },
  rest: { method: 'DELETE', path: '/v1/tokens/{token_id}' },
  cli: {
    verb: 'revoke-token',
    positional: ['token_id'],
    text: ({ token_id }, style) => ({ out: `${style.good('Revoked')} ${token_id}.` }),
  },
  async run(context, { token_id, workspace: asked }) {
    const { store, now, emit, principal } = context;
    const workspace = await workspaceOf(context, asked);
    const row = await store.tokens.get(workspace, token_id);
    if (row && reaches(principal.binding, row)) {
      await store.tokens.revoke(workspace, token_id, now().toISOString());
      // Whoever asks again gets the same answer, and nothing has happened.
      if (row.revoked_at === null) await emit(store, { type: 'token.revoked', workspace, data: { token_id } });
      return { status: 'revoked' as const, token_id };
    }
    throw new AppError('TOKEN_NOT_FOUND', `There is no token ${token_id}.`, { token_id });
  },
});
