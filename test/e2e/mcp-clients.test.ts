import { join } from 'node:path';
import { Client, type ClientOptions } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { AjvJsonSchemaValidator } from '@modelcontextprotocol/client/validators/ajv';
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport as StdioClientTransportV1 } from '@modelcontextprotocol/sdk/client/stdio.js';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { BIN, cli, cliJson, run } from '../support/process.ts';
import { makeWorkspace, ROOT, testWorkspace, type Workspace } from '../support/workspace.ts';

/** Real clients of the protocol, each with its own implementation, against the server as they start it. */

const READ = { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false };
const WRITE = { readOnlyHint: false, destructiveHint: false, idempotentHint: false, openWorldHint: false };

const TOOLS = {
  add_server_to_config: WRITE,
  clear_draft_config: { ...WRITE, destructiveHint: true, idempotentHint: true },
  create_profile: WRITE,
  deploy_config: { ...WRITE, destructiveHint: true, idempotentHint: true },
  describe_server: READ,
  diff_config: READ,
  get_config: READ,
  get_deployed: READ,
  get_latest: READ,
  initialize_keys: { ...WRITE, destructiveHint: true },
  list_available_servers: READ,
  list_clients: READ,
  list_profiles: READ,
  publish_config: { ...WRITE, idempotentHint: true },
  remove_server_from_config: { ...WRITE, destructiveHint: true },
  set_draft_config: { ...WRITE, idempotentHint: true },
  validate_config: READ,
  view_draft_config: READ,
};

const RESOURCES = ['capabilities://clients', 'capabilities://server', 'server://registry'];
const TEMPLATES = [
  'config://{client_id}/{profile_id}/deployed',
  'config://{client_id}/{profile_id}/draft',
  'config://{client_id}/{profile_id}/latest',
  'server://{server_id}',
];

interface Tool {
  name: string;
  annotations?: unknown;
  outputSchema?: Record<string, unknown>;
}
interface ToolResult {
  isError?: boolean;
  structuredContent?: Record<string, unknown>;
  content: { type: string; text: string }[];
}

/** What all clients can do, whatever their types are called. */
interface Session {
  /** The protocol revision that was agreed on; undefined where the client does not tell. */
  revision: string | undefined;
  tools(): Promise<Tool[]>;
  call(name: string, args?: Record<string, unknown>): Promise<ToolResult>;
  resources(): Promise<string[]>;
  templates(): Promise<string[]>;
  read(uri: string): Promise<Record<string, unknown>>;
  complete(uri: string, name: string, value: string, given?: Record<string, string>): Promise<string[]>;
}

type Connect = (workspace: Workspace, args: string[]) => Promise<Session>;

const reference = (uri: string, name: string, value: string, given: Record<string, string> = {}) => ({
  ref: { type: 'ref/resource' as const, uri },
  argument: { name, value },
  context: { arguments: given },
});
const firstText = (contents: readonly unknown[]) => JSON.parse((contents[0] as { text: string }).text);

/** What the classes of both SDKs have in common; their types do not fit each other. */
interface SdkClient {
  listTools(): Promise<{ tools: Tool[] }>;
  callTool(params: { name: string; arguments: Record<string, unknown> }): Promise<ToolResult>;
  listResources(): Promise<{ resources: { uri: string }[] }>;
  listResourceTemplates(): Promise<{ resourceTemplates: { uriTemplate: string }[] }>;
  readResource(params: { uri: string }): Promise<{ contents: unknown[] }>;
  complete(params: ReturnType<typeof reference>): Promise<{ completion: { values: string[] } }>;
}

const sessionOf = (client: SdkClient, revision: string | undefined): Session => ({
  revision,
  tools: async () => (await client.listTools()).tools,
  call: (name, args = {}) => client.callTool({ name, arguments: args }),
  resources: async () => (await client.listResources()).resources.map(({ uri }) => uri),
  templates: async () => (await client.listResourceTemplates()).resourceTemplates.map(({ uriTemplate }) => uriTemplate),
  read: async (uri) => firstText((await client.readResource({ uri })).contents),
  complete: async (...asked) => (await client.complete(reference(...asked))).completion.values,
});

const serverOf = ({ env }: Workspace, args: string[]) => ({
  command: process.execPath,
  args: [BIN, ...args],
  env,
  stderr: 'ignore' as const,
});

const connectV2 =
  (options: ClientOptions): Connect =>
  async (workspace, args) => {
    const client = new Client({ name: 'test', version: '1.0.0' }, options);
    await client.connect(new StdioClientTransport(serverOf(workspace, args)));
    onTestFinished(() => client.close());
    return sessionOf(client as unknown as SdkClient, client.getNegotiatedProtocolVersion());
  };

const connectV1: Connect = async (workspace, args) => {
  const client = new ClientV1({ name: 'test', version: '1.0.0' });
  await client.connect(new StdioClientTransportV1(serverOf(workspace, args)));
  onTestFinished(() => client.close());
  return sessionOf(client as unknown as SdkClient, undefined);
};

const CLIENTS: { name: string; connect: Connect; args: string[]; revision: string | undefined }[] = [
  { name: 'SDK v2, 2025 era', connect: connectV2({}), args: ['serve'], revision: '2025-11-25' },
  {
    name: 'SDK v2, pinned to 2026-07-28',
    connect: connectV2({ versionNegotiation: { mode: { pin: '2026-07-28' } } }),
    args: ['serve'],
    revision: '2026-07-28',
  },
  {
    name: 'SDK v2, choosing the era, no verb',
    connect: connectV2({ versionNegotiation: { mode: 'auto' } }),
    args: [],
    revision: '2026-07-28',
  },
  { name: 'SDK v1, no verb', connect: connectV1, args: [], revision: undefined },
];

const PAYLOADS = {
  config_a: { mcpServers: { one: { command: 'one', args: ['x'] } } },
  config_b: { mcpServers: { one: { command: 'one', args: ['y'] }, two: { command: 'two', args: [] } } },
};

/** Tool, its input, and the command line that says the same. */
const READS: [tool: string, input: Record<string, unknown>, line: string[]][] = [
  ['list_clients', {}, ['list-clients', '--no-detect']],
  ['list_profiles', { client_id: 'claude-desktop' }, ['list-profiles', 'claude-desktop']],
  ['list_available_servers', { search_query: 'git' }, ['list-servers', '--search', 'git']],
  ['describe_server', { server_id: 'filesystem' }, ['describe-server', 'filesystem']],
  ['view_draft_config', {}, ['view-draft']],
  ['validate_config', {}, ['validate-config']],
  ['get_config', {}, ['get-config']],
  ['get_latest', {}, ['get-latest']],
  ['get_deployed', {}, ['get-deployed']],
  [
    'diff_config',
    PAYLOADS,
    ['diff-config', '--config-a', JSON.stringify(PAYLOADS.config_a), '--config-b', JSON.stringify(PAYLOADS.config_b)],
  ],
];

/** The moment of validation is the one thing that two calls may not share. */
const withoutMoment = ({ validated_at: _, ...rest }: Record<string, unknown>) => rest;

/** Holds a release, its deployment and a draft that is ahead of it; the tests that share it only read. */
let published: Workspace;
const printed = new Map<string, Record<string, unknown>>();

beforeAll(async () => {
  published = await makeWorkspace();
  await cliJson(published, 'initialize-keys');
  await cliJson(published, 'add-server', 'memory', '--env', 'MEMORY_FILE_PATH=/tmp/memory.json');
  await cliJson(published, 'publish-config', '--changelog', 'first');
  await cliJson(published, 'deploy-config');
  await cliJson(published, 'add-server', 'fetch');
  await cliJson(published, 'create-profile', 'demo', '--client', 'vscode');
  for (const [tool, , line] of READS) printed.set(tool, withoutMoment(await cliJson(published, ...line)));
}, 60_000);

afterAll(() => published.remove());

describe.each(CLIENTS)('$name', ({ connect, args, revision }) => {
  test('sees the eighteen tools with their annotations, and the seven resources', async () => {
    const session = await connect(await testWorkspace(), args);
    expect(session.revision).toBe(revision);
    const tools = await session.tools();
    expect(Object.fromEntries(tools.map((tool) => [tool.name, tool.annotations]))).toEqual(TOOLS);
    expect(tools).toHaveLength(18);
    expect((await session.resources()).toSorted()).toEqual(RESOURCES);
    expect((await session.templates()).toSorted()).toEqual(TEMPLATES);
  });

  test('adds, publishes and reads back a server, and a refusal is an error text with its code', async () => {
    const workspace = await testWorkspace();
    const session = await connect(workspace, args);
    const early = await session.call('get_config');
    expect(early.isError).toBe(true);
    expect(early.structuredContent).toBeUndefined();
    expect(JSON.parse(early.content[0]?.text ?? '')).toEqual({
      error: {
        code: 'CONFIG_NOT_FOUND',
        message: expect.any(String),
        details: expect.any(Object),
        hint: expect.any(String),
        timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
        request_id: expect.stringMatching(/^req_/),
      },
    });
    await session.call('initialize_keys');
    const added = await session.call('add_server_to_config', { server_id: 'memory' });
    expect(added.structuredContent).toMatchObject({
      status: 'added',
      server_name: 'memory',
      server_count: 1,
      revision: 1,
    });
    expect(JSON.parse(added.content[0]?.text ?? '')).toEqual(added.structuredContent);
    const published = await session.call('publish_config', { changelog: 'by a client' });
    expect(published.structuredContent).toMatchObject({ status: 'published', sequence: 1, version: '1.0.0' });
    expect(await cliJson(workspace, 'get-latest')).toMatchObject({
      artifact_id: published.structuredContent?.['artifact_id'],
      sequence: 1,
    });
  });

  test('gets the objects that the command line prints, and they keep to the advertised schemas', async () => {
    const session = await connect(published, args);
    const schemas = new Map((await session.tools()).map((tool) => [tool.name, tool.outputSchema]));
    for (const [tool, input] of READS) {
      const { structuredContent = {} } = await session.call(tool, input);
      expect(withoutMoment(structuredContent), tool).toEqual(printed.get(tool));
      const validate = new AjvJsonSchemaValidator().getValidator(schemas.get(tool) ?? {});
      expect(validate(structuredContent), tool).toMatchObject({ valid: true });
    }
  });

  test('reads every resource as the object of its operation, and completes the variables of the templates', async () => {
    const session = await connect(published, args);
    const same = async (uri: string, tool: string, input: Record<string, unknown> = {}) =>
      expect(await session.read(uri), uri).toEqual((await session.call(tool, input)).structuredContent);
    expect(await session.read('capabilities://server')).toMatchObject({
      name: 'mcp-orchestration',
      mode: 'local',
      tools: expect.any(Array),
    });
    await same('capabilities://clients', 'list_clients');
    await same('server://registry', 'list_available_servers');
    await same('server://filesystem', 'describe_server', { server_id: 'filesystem' });
    await same('config://claude-desktop/default/draft', 'view_draft_config');
    await same('config://claude-desktop/default/latest', 'get_latest');
    await same('config://claude-desktop/default/deployed', 'get_deployed');
    await expect(session.read('config://vscode/dev/latest')).rejects.toMatchObject({ code: -32602 });

    const draft = 'config://{client_id}/{profile_id}/draft';
    expect(await session.complete(draft, 'client_id', 'claude')).toEqual(['claude-desktop', 'claude-code']);
    expect(await session.complete(draft, 'profile_id', 'de', { client_id: 'vscode' })).toEqual([
      'default',
      'dev',
      'demo',
    ]);
    expect(await session.complete('server://{server_id}', 'server_id', 'filesys')).toEqual(['filesystem']);
  });

  test('reads a draft that somebody else has changed as it is now', async () => {
    const workspace = await testWorkspace();
    const session = await connect(workspace, args);
    const uri = 'config://claude-desktop/default/draft';
    expect(await session.read(uri)).toMatchObject({ server_count: 0, revision: 0 });
    await cliJson(workspace, 'add-server', 'memory');
    expect(await session.read(uri)).toMatchObject({ server_count: 1, revision: 1 });
  });
});

test.each(CLIENTS.slice(0, 2))(
  'an agent ($name) may draft and validate, and neither publish, deploy nor make keys or profiles',
  async ({ connect }) => {
    const workspace = await testWorkspace();
    await cliJson(workspace, 'initialize-keys');
    const session = await connect(workspace, ['serve', '--kind', 'agent']);
    expect((await session.call('add_server_to_config', { server_id: 'memory' })).isError).not.toBe(true);
    expect((await session.call('validate_config')).structuredContent).toMatchObject({ valid: true });
    for (const [tool, input] of Object.entries({
      publish_config: {},
      deploy_config: {},
      initialize_keys: {},
      create_profile: { profile_id: 'mine' },
    })) {
      const refused = await session.call(tool, input);
      expect(refused.isError, tool).toBe(true);
      expect(JSON.parse(refused.content[0]?.text ?? ''), tool).toMatchObject({ error: { code: 'FORBIDDEN' } });
    }
    const { code } = await cli(workspace, 'get-config', '--json');
    expect(code).toBe(4);
  },
);

describe('inspector CLI', () => {
  /** One call of the inspector, which starts the server, asks and ends. Returns `result` of its answer. */
  async function inspect(workspace: Workspace, era: string, ...args: string[]): Promise<Record<string, unknown>> {
    const inspector = join(ROOT, 'node_modules/.bin/mcp-inspector');
    const line = ['--cli', process.execPath, BIN, 'serve', '--protocol-era', era, ...args, '--format', 'json', '-q'];
    const { code, stdout, stderr } = await run(inspector, line, { env: workspace.env, cwd: workspace.home });
    expect(code, `${stdout}${stderr}`).toBe(0);
    return JSON.parse(stdout).result;
  }

  test.each(['legacy', 'modern'])(
    'in the %s era it lists the tools, calls one and reads a resource',
    async (era) => {
      const workspace = await testWorkspace();
      const { tools } = (await inspect(workspace, era, '--method', 'tools/list', '--strict')) as { tools: Tool[] };
      expect(tools.map(({ name }) => name).toSorted()).toEqual(Object.keys(TOOLS));
      const call = [
        '--method',
        'tools/call',
        '--tool-name',
        'add_server_to_config',
        '--tool-args-json',
        '{"server_id":"memory"}',
      ];
      expect(await inspect(workspace, era, ...call)).toMatchObject({
        structuredContent: { status: 'added', revision: 1 },
      });
      const { contents } = await inspect(
        workspace,
        era,
        '--method',
        'resources/read',
        '--uri',
        'config://claude-desktop/default/draft',
      );
      expect(firstText(contents as unknown[])).toMatchObject({ server_count: 1, revision: 1 });
    },
    60_000,
  );
});
