import { z } from 'zod';
import { removeEntry, serverNames } from '../core/draft.ts';
import { invalidInput } from '../core/errors.ts';
import { type DraftPayload, EMPTY_PAYLOAD } from '../core/payload.ts';
import { assertNoSecret } from '../core/secrets/detector.ts';
import { assertDraftShape } from '../core/validation/shape.ts';
import { AddServerInput, absolutePaths, plannedServer } from './add-server.ts';
import { addServerDialogue } from './add-server-dialogue.ts';
import { allDone } from './all-done.ts';
import { assertRevision, currentDraft, currentRevision, latestPayload, saveDraft } from './current.ts';
import { assertNotLinked } from './links.ts';
import { defineOperation, type TextStyle } from './operation.ts';
import { releasedTargets } from './released.ts';
import { DraftOutput, findTarget, IfRevision, PayloadInput, TargetInput } from './shapes.ts';
import { counted } from './words.ts';

const draftOutput = (payload: DraftPayload, revision: number) => ({
  draft: payload,
  server_count: serverNames(payload).length,
  revision,
});

const nextSteps = (revision: number, target: string) =>
  `Draft revision ${revision}. Next: mcp-orchestration validate-config${target}, then publish-config and deploy-config.`;

const changedText =
  (verb: string) =>
  (
    { server_name, server_count, revision }: { server_name: string; server_count: number; revision: number },
    style: TextStyle,
    target: string,
  ) => ({
    out: `${style.good(verb)} ${style.bold(server_name)}; the draft has ${counted(server_count, 'server')}.`,
    note: nextSteps(revision, target),
  });

export const addServer = defineOperation({
  id: 'drafts.addServer',
  summary: 'Add one MCP server of the catalog to a draft',
  description:
    'Parameters and environment variables as `describe_server` lists them. Secrets are given as references such as ${env:NAME}, never as values.',
  effect: 'write',
  input: AddServerInput,
  output: DraftOutput.extend({ status: z.enum(['added', 'replaced']), server_name: z.string() }),
  errors: [
    'CLIENT_NOT_FOUND',
    'PROFILE_NOT_FOUND',
    'SERVER_NOT_FOUND',
    'SERVER_ALREADY_IN_DRAFT',
    'SECRET_IN_CONFIG',
    'DRAFT_CHANGED',
    'PROFILE_LINKED',
    'SIGNATURE_INVALID',
  ],
  permission: { needs: 'config:write' },
  rest: { method: 'POST', path: '/v1/config/{client_id}/{profile_id}/draft/add' },
  mcp: { tool: 'add_server_to_config' },
  cli: {
    verb: 'add-server',
    positional: ['server_id'],
    flags: {
      client_id: 'client',
      profile_id: 'profile',
      server_id: 'server',
      server_name: 'name',
      params: 'param',
      env_vars: 'env',
    },
    prepare: (input, absolute) => absolutePaths(input, absolute),
    interact: addServerDialogue,
    yes: 'ask nothing; store a secret that was given on this machine, and write a reference to it',
    text: (output, style, target) =>
      changedText(output.status === 'added' ? 'Added' : 'Replaced')(output, style, target),
  },
  async run(context, input) {
    const { draft, payload, server_name } = await plannedServer(context, input);
    const taken = serverNames(draft.payload).includes(server_name);
    const revision = await saveDraft(context, input, draft, payload);
    return {
      status: taken ? ('replaced' as const) : ('added' as const),
      server_name,
      ...draftOutput(payload, revision),
    };
  },
});

export const removeServer = defineOperation({
  id: 'drafts.removeServer',
  summary: 'Remove one server from a draft',
  effect: 'delete',
  input: TargetInput.extend({
    server_name: z.string().min(1).max(128).optional().meta({ description: 'Name of the entry in the draft.' }),
    server_id: z.string().min(1).max(128).optional().meta({ description: 'Another word for `server_name`.' }),
    if_revision: IfRevision,
  }),
  example: { client_id: 'cursor', profile_id: 'default', server_name: 'memory' },
  output: DraftOutput.extend({ status: z.literal('removed'), server_name: z.string() }),
  errors: [
    'CLIENT_NOT_FOUND',
    'PROFILE_NOT_FOUND',
    'SERVER_NOT_IN_DRAFT',
    'DRAFT_CHANGED',
    'PROFILE_LINKED',
    'SIGNATURE_INVALID',
  ],
  permission: { needs: 'config:write' },
  rest: { method: 'POST', path: '/v1/config/{client_id}/{profile_id}/draft/remove' },
  mcp: { tool: 'remove_server_from_config' },
  cli: {
    verb: 'remove-server',
    positional: ['server_name'],
    flags: { client_id: 'client', profile_id: 'profile', server_name: 'name' },
    text: changedText('Removed'),
  },
  async run(context, input) {
    await findTarget(context, input);
    await assertNotLinked(context, input);
    const server_name = input.server_name ?? input.server_id;
    if (server_name === undefined) throw invalidInput('server_name', 'give the name of the server to remove');
    if (input.server_id !== undefined && input.server_id !== server_name) {
      throw invalidInput('server_id', 'it is another word for server_name, and the two differ');
    }
    const draft = await currentDraft(context, input);
    assertRevision(draft, input.if_revision);
    const payload = removeEntry(draft.payload, server_name);
    const revision = await saveDraft(context, input, draft, payload);
    return { status: 'removed' as const, server_name, ...draftOutput(payload, revision) };
  },
});

export const viewDraft = defineOperation({
  id: 'drafts.view',
  summary: 'Show the draft of a client and profile',
  description: 'A draft that does not exist starts from the latest release.',
  effect: 'read',
  input: TargetInput,
  output: DraftOutput.extend({ servers: z.array(z.string()) }),
  errors: ['CLIENT_NOT_FOUND', 'PROFILE_NOT_FOUND', 'SIGNATURE_INVALID'],
  permission: { needs: 'config:read' },
  rest: {
    method: 'GET',
    path: '/v1/config/{client_id}/{profile_id}/draft',
    etag: ({ revision }) => String(revision),
    // A draft that nobody has written is the latest release, which changes without it.
    revalidates: ({ revision }) => revision > 0,
  },
  mcp: {
    tool: 'view_draft_config',
    resource: { name: 'draft', uri: 'config://{client_id}/{profile_id}/draft', existing: releasedTargets },
  },
  cli: {
    verb: 'view-draft',
    flags: { client_id: 'client', profile_id: 'profile' },
    text: ({ draft, server_count, revision }, _style, target) => ({
      out: JSON.stringify(draft, null, 2),
      note:
        server_count === 0
          ? `The draft is empty. Add a server with: mcp-orchestration add-server SERVER${target}`
          : nextSteps(revision, target),
    }),
  },
  async run(context, input) {
    await findTarget(context, input);
    const { payload, revision } = await currentDraft(context, input);
    return { ...draftOutput(payload, revision), servers: serverNames(payload) };
  },
});

export const setDraft = defineOperation({
  id: 'drafts.set',
  summary: 'Replace the whole draft by a payload',
  effect: 'write',
  idempotent: true,
  input: TargetInput.extend({ payload: PayloadInput, if_revision: IfRevision }),
  output: DraftOutput.extend({ status: z.literal('set') }),
  errors: ['CLIENT_NOT_FOUND', 'PROFILE_NOT_FOUND', 'SECRET_IN_CONFIG', 'DRAFT_CHANGED', 'PROFILE_LINKED'],
  permission: { needs: 'config:write' },
  rest: { method: 'PUT', path: '/v1/config/{client_id}/{profile_id}/draft' },
  mcp: { tool: 'set_draft_config' },
  cli: {
    verb: 'set-draft',
    flags: { client_id: 'client', profile_id: 'profile', payload: 'file' },
    text: ({ server_count, revision }, style, target) => ({
      out: `${style.good('Set')} the draft; it has ${counted(server_count, 'server')}.`,
      note: nextSteps(revision, target),
    }),
  },
  async run(context, input) {
    await findTarget(context, input);
    const [, draft] = await allDone([assertNotLinked(context, input), currentRevision(context, input)]);
    const payload = assertDraftShape(input.payload);
    assertNoSecret(payload);
    assertRevision(draft, input.if_revision);
    const revision = await saveDraft(context, input, draft, payload);
    return { status: 'set' as const, ...draftOutput(payload, revision) };
  },
});

export const clearDraft = defineOperation({
  id: 'drafts.clear',
  summary: 'Empty a draft, or set it back to the latest release',
  effect: 'delete',
  idempotent: true,
  input: TargetInput.extend({
    to: z
      .enum(['empty', 'latest'])
      .default('empty')
      .meta({ description: '`empty`: no servers; `latest`: those of the latest release.' }),
    if_revision: IfRevision,
  }),
  output: z.object({ status: z.literal('cleared'), previous_count: z.int(), revision: z.int() }),
  errors: ['CLIENT_NOT_FOUND', 'PROFILE_NOT_FOUND', 'DRAFT_CHANGED', 'PROFILE_LINKED', 'SIGNATURE_INVALID'],
  permission: { needs: 'config:write' },
  rest: { method: 'DELETE', path: '/v1/config/{client_id}/{profile_id}/draft' },
  mcp: { tool: 'clear_draft_config' },
  cli: {
    verb: 'clear-draft',
    flags: { client_id: 'client', profile_id: 'profile' },
    text: ({ previous_count }, style) => ({
      out: `${style.good('Cleared')} the draft; it had ${counted(previous_count, 'server')}.`,
    }),
  },
  async run(context, input) {
    await findTarget(context, input);
    await assertNotLinked(context, input);
    const draft = await currentDraft(context, input);
    assertRevision(draft, input.if_revision);
    const payload = input.to === 'latest' ? ((await latestPayload(context, input)) ?? EMPTY_PAYLOAD) : EMPTY_PAYLOAD;
    const revision = await saveDraft(context, input, draft, payload);
    return { status: 'cleared' as const, previous_count: serverNames(draft.payload).length, revision };
  },
});
