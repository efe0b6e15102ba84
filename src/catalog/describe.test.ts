import { expect, test } from 'vitest';
import { AppError } from '../core/errors.ts';
import { describeServer, unknownServer } from './describe.ts';
import { expand } from './expand.ts';
import { CATALOG, serverById } from './index.ts';
import { listServers, ServerList } from './listed.ts';
import { ServerDescription } from './shapes.ts';

const ids = (input: Parameters<typeof listServers>[0]) => listServers(input).servers.map((server) => server.server_id);

test('the list has all servers and counts who offers which transport', () => {
  const all = listServers({});
  expect(ServerList.parse(all)).toEqual(all);
  expect(all.count).toBe(80);
  expect(all.transport_counts).toEqual({ stdio: 60, http: 39, sse: 2 });
  expect(all.available_transports).toEqual(['stdio', 'http', 'sse']);
  expect(all.servers.find((server) => server.server_id === 'filesystem')).toEqual({
    server_id: 'filesystem',
    display_name: 'Filesystem',
    description: 'Read, write, search and edit files inside the directories you allow.',
    transport: 'stdio',
    transports: ['stdio'],
    npm_package: '@modelcontextprotocol/server-filesystem',
    tags: ['files', 'local', 'reference', 'offline'],
    has_parameters: true,
    requires_env: [],
    status: 'active',
  });
  expect(all.servers.find((server) => server.server_id === 'github')).toMatchObject({
    transport: 'http',
    transports: ['http', 'stdio'],
    npm_package: null,
    requires_env: [],
  });
  expect(all.servers.find((server) => server.server_id === 'slack-legacy')).toMatchObject({
    requires_env: ['SLACK_BOT_TOKEN', 'SLACK_TEAM_ID'],
    has_parameters: false,
    status: 'archived',
  });
});

test('the list can be narrowed to a transport, under either of its words', () => {
  expect(ids({ transport_filter: 'sse' })).toEqual(['square', 'custom-sse']);
  expect(ids({ transport_filter: 'streamable-http' })).toEqual(ids({ transport_filter: 'http' }));
  expect(ids({ transport_filter: 'http' })).toHaveLength(39);
  expect(listServers({ transport_filter: 'sse' }).transport_counts.stdio).toBe(60);
});

test('a search finds every word in id, names, description, tags or package, whatever the case', () => {
  expect(ids({ search_query: 'KNOWLEDGE graph' })).toEqual(['memory']);
  expect(ids({ search_query: '@upstash/context7' })).toEqual(['context7']);
  expect(ids({ search_query: 'io.github.brave/brave' })).toEqual(['brave-search']);
  expect(ids({ search_query: '  github  ', transport_filter: 'http' })).toEqual(['github']);
  expect(ids({ search_query: 'github nonsense-word' })).toEqual([]);
  expect(ids({ search_query: '' })).toHaveLength(80);
});

test('a description unites the transports and says which of them takes what', () => {
  const github = describeServer('github');
  expect(github).toMatchObject({
    server_id: 'github',
    transport: 'http',
    installation:
      'nothing to install: the client connects to https://api.githubcopilot.com/mcp/; or ' +
      'docker run -i --rm -e GITHUB_PERSONAL_ACCESS_TOKEN ghcr.io/github/github-mcp-server',
    usage_example: 'mcp-orchestration add-server github',
    replaced_by: null,
  });
  expect(github.transports.map((transport) => transport.type)).toEqual(['http', 'stdio']);
  expect(github.parameters.map((parameter) => parameter.name)).toEqual(['token', 'toolsets', 'readonly']);
  expect(github.parameters[0]).toEqual({
    name: 'token',
    type: 'string',
    description: expect.any(String),
    required: false,
    secret: true,
    repeated: false,
    example: 'github_pat_...',
    transports: ['http'],
  });
  expect(github.env_vars.required).toEqual([
    {
      name: 'GITHUB_PERSONAL_ACCESS_TOKEN',
      type: 'string',
      description: expect.any(String),
      required: true,
      secret: true,
      aliases: ['GITHUB_TOKEN'],
      transports: ['stdio'],
    },
  ]);
  expect(github.transports[1]?.env_vars.optional.map((variable) => variable.name)).toEqual([
    'GITHUB_TOOLSETS',
    'GITHUB_READ_ONLY',
    'GITHUB_HOST',
  ]);
});

test('a description shows how the server is started and added', () => {
  const filesystem = describeServer('filesystem');
  expect(filesystem.transports[0]?.installation).toBe(
    'npx -y @modelcontextprotocol/server-filesystem@2026.8.31 <allowed_directories>',
  );
  expect(filesystem.usage_example).toBe(
    'mcp-orchestration add-server filesystem --param allowed_directories=/home/me/projects',
  );
  expect(filesystem.parameters[0]).toMatchObject({
    required: true,
    repeated: true,
    aliases: ['path', 'directory', 'directories'],
  });
  expect(describeServer('brave-search').usage_example).toBe(
    "mcp-orchestration add-server brave-search --env 'BRAVE_API_KEY=${env:BRAVE_API_KEY}'",
  );
});

test('a value with a default need not be given', () => {
  expect(describeServer('postgres').parameters).toMatchObject([
    { name: 'access_mode', required: false, default: 'restricted', choices: ['restricted', 'unrestricted'] },
  ]);
  expect(describeServer('n8n-mcp').env_vars.required).toEqual([]);
});

test('a server that was given up says so first', () => {
  expect(describeServer('sqlite-legacy')).toMatchObject({ status: 'archived', replaced_by: 'dbhub' });
  expect(describeServer('sqlite-legacy').warnings[0]).toBe('"sqlite-legacy" is archived: use "dbhub" instead');
});

/** Splits a command line as a POSIX shell does; enough for words and single quotes. */
const words = (line: string): string[] =>
  [...line.matchAll(/(?:'[^']*'|\\.|[^\s'\\])+/g)].map(([word]) => word.replace(/'([^']*)'|\\(.)/g, '$1$2'));

test.each(CATALOG.map((server) => [server.server_id, server] as const))(
  '%s: its description is complete and its example works',
  (id, server) => {
    const description = describeServer(id);
    expect(ServerDescription.parse(description)).toEqual(description);
    const [program, verb, named, ...flags] = words(description.usage_example);
    expect([program, verb, named]).toEqual(['mcp-orchestration', 'add-server', id]);
    const pairs = (flag: string) =>
      Object.fromEntries(
        flags.flatMap((word, index) => {
          const at = word.indexOf('=');
          return flags[index - 1] === flag ? [[word.slice(0, at), word.slice(at + 1)]] : [];
        }),
      );
    const { transport } = expand(server, { params: pairs('--param'), env: pairs('--env') });
    expect(transport).toBe(description.transport);
  },
);

test('an unknown id names what is near, and an id of the past its successor', () => {
  const wrong = (id: string) => {
    try {
      describeServer(id);
    } catch (error) {
      if (error instanceof AppError) return { code: error.code, message: error.message, details: error.details };
      throw error;
    }
    return undefined;
  };
  expect(wrong('filesytem')).toEqual({
    code: 'SERVER_NOT_FOUND',
    message: 'There is no server "filesytem" in the catalog. Did you mean "filesystem"?',
    details: { server_id: 'filesytem', nearest: ['filesystem'] },
  });
  expect(wrong('todoist-ai')).toMatchObject({
    message: 'There is no server "todoist-ai" in the catalog. It is called "todoist" now.',
    details: { successor: 'todoist' },
  });
  expect(wrong('zzzzzzzz')?.message).toBe('There is no server "zzzzzzzz" in the catalog.');
  expect(unknownServer('mine', [{ server_id: 'mime' }]).details.nearest).toEqual(['mime']);
  expect(serverById('zzzzzzzz')).toBeUndefined();
});
