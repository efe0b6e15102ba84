import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { sql } from './rows-before.ts';
import { CATALOG_SCENARIOS } from './scenarios-catalog.ts';
import { LOCAL_SCENARIOS } from './scenarios-local.ts';
import { PLATFORM_SCENARIOS } from './scenarios-platform.ts';

/** One call: the MCP name of the operation, its input, and `ok` or the error code that must come. */
export interface Step {
  tool: string;
  input?: Record<string, unknown>;
  expect: string;
  /** Fields of the output (or of the error) that are pinned to literals. */
  has?: Record<string, unknown>;
  /** Done to the home directory before the call. */
  before?: (home: string, env: Record<string, string>) => unknown;
}
export interface Scenario {
  title: string;
  /** A registry of MCP servers that is set up: what it answers to which path. */
  registry?: Record<string, unknown>;
  /** Settings besides the usual ones. */
  env?: Record<string, string>;
  steps: Step[];
}

const target = { client_id: 'cursor', profile_id: 'dev' };
const CURSOR = '.cursor/mcp.json';
const file = (path: string, content: string) => (home: string) => {
  mkdirSync(dirname(join(home, path)), { recursive: true });
  writeFileSync(join(home, path), content);
};
const filesystem = { server_id: 'filesystem', params: { allowed_directories: ['/srv/a', '/srv/b'] } };
const entry = { command: 'npx', args: ['-y', '@modelcontextprotocol/server-filesystem@2026.8.31', '/srv/a'] };
const payload = { mcpServers: { filesystem: entry } };
const unknownArtifact = 'f'.repeat(64);
/** Made up, and only shaped like a token. */
const literal = `ghp_${'A1b2'.repeat(9)}`;

/** The three steps before anything can be deployed. */
const published = (more: Record<string, unknown> = {}): Step[] => [
  { tool: 'initialize_keys', expect: 'ok', has: { status: 'initialized' } },
  {
    tool: 'publish_config',
    input: { ...target, payload, ...more },
    expect: 'ok',
    has: { status: 'published', sequence: 1 },
  },
];

const noClient = (tool: string, input: Record<string, unknown> = {}): Step => ({
  tool,
  input: { ...input, client_id: 'cursr' },
  expect: 'CLIENT_NOT_FOUND',
  has: { details: { client_id: 'cursr', nearest: ['cursor'] } },
});
const noProfile = (tool: string, input: Record<string, unknown> = {}): Step => ({
  tool,
  input: { ...input, client_id: 'cursor', profile_id: 'pord' },
  expect: 'PROFILE_NOT_FOUND',
});

const PROFILED: [tool: string, input: Record<string, unknown>][] = [
  ['get_config', {}],
  ['diff_config', { local_payload: payload }],
  ['add_server_to_config', filesystem],
  ['remove_server_from_config', { server_name: 'x' }],
  ['view_draft_config', {}],
  ['set_draft_config', { payload }],
  ['clear_draft_config', {}],
  ['validate_config', {}],
  ['publish_config', {}],
  ['deploy_config', {}],
  ['get_latest', {}],
  ['get_deployed', {}],
  ['history', {}],
  ['revert_config', { sequence: 1 }],
  ['link_profile', { source_client_id: 'vscode' }],
  ['unlink_profile', {}],
];

export const SCENARIOS: Scenario[] = [
  ...LOCAL_SCENARIOS,
  ...PLATFORM_SCENARIOS,
  ...CATALOG_SCENARIOS,
  {
    title: 'clients and profiles are listed and profiles are made once',
    steps: [
      { tool: 'list_clients', input: { detect: false }, expect: 'ok', has: { count: 42 } },
      { tool: 'list_clients', input: { detect: true }, expect: 'ok', has: { count: 42 } },
      { tool: 'list_profiles', input: { client_id: 'cursor' }, expect: 'ok', has: { count: 4 } },
      {
        tool: 'create_profile',
        input: { client_id: 'cursor', profile_id: 'team-a', display_name: 'Team A' },
        expect: 'ok',
      },
      {
        tool: 'create_profile',
        input: { client_id: 'cursor', profile_id: 'team-a' },
        expect: 'PROFILE_ALREADY_EXISTS',
      },
      { tool: 'create_profile', input: { client_id: 'cursor', profile_id: 'prod' }, expect: 'PROFILE_ALREADY_EXISTS' },
      { tool: 'create_profile', input: { profile_id: 'x', description: `for ${literal}` }, expect: 'SECRET_IN_CONFIG' },
      { tool: 'list_profiles', input: { client_id: 'cursor' }, expect: 'ok', has: { count: 5 } },
      noClient('list_profiles'),
      noClient('create_profile', { profile_id: 'x' }),
    ],
  },
  {
    title: 'unknown clients and profiles are named with what is near',
    steps: PROFILED.flatMap(([tool, input]) => [noClient(tool, input), noProfile(tool, input)]),
  },
  {
    title: 'what no operation takes is refused by every operation',
    steps: [
      ...PROFILED,
      ['list_clients', {}] as const,
      ['list_profiles', {}] as const,
      ['create_profile', { profile_id: 'x' }] as const,
      ['list_available_servers', {}] as const,
      ['describe_server', { server_id: 'memory' }] as const,
      ['initialize_keys', {}] as const,
    ].map(([tool, input]) => ({ tool, input: { ...input, bogus: 'x' }, expect: 'INVALID_INPUT' })),
  },
  {
    title: 'the catalog is listed, searched and described',
    steps: [
      {
        tool: 'list_available_servers',
        expect: 'ok',
        has: { count: 80, available_transports: ['stdio', 'http', 'sse'] },
      },
      { tool: 'list_available_servers', input: { search_query: 'brave search' }, expect: 'ok' },
      { tool: 'list_available_servers', input: { transport_filter: 'streamable-http' }, expect: 'ok' },
      { tool: 'list_available_servers', input: { transport_filter: 'carrier-pigeon' }, expect: 'INVALID_INPUT' },
      {
        tool: 'describe_server',
        input: { server_id: 'filesystem' },
        expect: 'ok',
        has: { server_id: 'filesystem', transport: 'stdio' },
      },
      { tool: 'describe_server', input: { server_id: 'filesystm' }, expect: 'SERVER_NOT_FOUND' },
    ],
  },
  {
    title: 'a draft is edited with a revision that only grows',
    steps: [
      {
        tool: 'view_draft_config',
        input: target,
        expect: 'ok',
        has: { draft: { mcpServers: {} }, server_count: 0, servers: [], revision: 0 },
      },
      {
        tool: 'add_server_to_config',
        input: { ...target, ...filesystem },
        expect: 'ok',
        has: { status: 'added', server_name: 'filesystem', revision: 1 },
      },
      { tool: 'add_server_to_config', input: { ...target, ...filesystem }, expect: 'SERVER_ALREADY_IN_DRAFT' },
      {
        tool: 'add_server_to_config',
        input: { ...target, ...filesystem, replace: true, if_revision: 1 },
        expect: 'ok',
        has: { status: 'replaced', revision: 2 },
      },
      {
        tool: 'add_server_to_config',
        input: { ...target, server_id: 'memory', if_revision: 1 },
        expect: 'DRAFT_CHANGED',
      },
      { tool: 'add_server_to_config', input: { ...target, server_id: 'filesytem' }, expect: 'SERVER_NOT_FOUND' },
      {
        tool: 'add_server_to_config',
        input: { ...target, server_id: 'filesystem', server_name: 'other' },
        expect: 'INVALID_INPUT',
        has: { details: { field: 'params.allowed_directories' } },
      },
      {
        tool: 'add_server_to_config',
        input: { ...target, server_id: 'memory', params: '{"a":' },
        expect: 'INVALID_JSON',
      },
      {
        tool: 'add_server_to_config',
        input: {
          ...target,
          server_id: 'github',
          transport: 'stdio',
          env_vars: { GITHUB_PERSONAL_ACCESS_TOKEN: literal },
        },
        expect: 'SECRET_IN_CONFIG',
        has: {
          details: { field: 'env_vars.GITHUB_PERSONAL_ACCESS_TOKEN', reference: '${env:GITHUB_PERSONAL_ACCESS_TOKEN}' },
        },
      },
      {
        tool: 'remove_server_from_config',
        input: { ...target, server_name: 'filesystm' },
        expect: 'SERVER_NOT_IN_DRAFT',
      },
      { tool: 'remove_server_from_config', input: target, expect: 'INVALID_INPUT' },
      {
        tool: 'remove_server_from_config',
        input: { ...target, server_id: 'filesystem', if_revision: 1 },
        expect: 'DRAFT_CHANGED',
      },
      {
        tool: 'remove_server_from_config',
        input: { ...target, server_id: 'filesystem', if_revision: 2 },
        expect: 'ok',
        has: { status: 'removed', server_count: 0, revision: 3 },
      },
      {
        tool: 'set_draft_config',
        input: { ...target, payload },
        expect: 'ok',
        has: { status: 'set', server_count: 1, revision: 4 },
      },
      { tool: 'set_draft_config', input: { ...target, payload, if_revision: 3 }, expect: 'DRAFT_CHANGED' },
      { tool: 'set_draft_config', input: { ...target, payload: [] }, expect: 'INVALID_INPUT' },
      { tool: 'set_draft_config', input: { ...target, payload: { mcpServers: { x: 1 } } }, expect: 'INVALID_INPUT' },
      {
        tool: 'set_draft_config',
        input: { ...target, payload: { mcpServers: { x: { ...entry, env: { API_TOKEN: literal } } } } },
        expect: 'SECRET_IN_CONFIG',
      },
      { tool: 'view_draft_config', input: target, expect: 'ok', has: { servers: ['filesystem'], revision: 4 } },
      { tool: 'clear_draft_config', input: { ...target, if_revision: 3 }, expect: 'DRAFT_CHANGED' },
      {
        tool: 'clear_draft_config',
        input: target,
        expect: 'ok',
        has: { status: 'cleared', previous_count: 1, revision: 5 },
      },
    ],
  },
  {
    title: 'a draft and a payload are validated and nothing is stored',
    steps: [
      { tool: 'validate_config', input: target, expect: 'ok', has: { valid: false, server_count: 0 } },
      { tool: 'validate_config', input: { ...target, payload }, expect: 'ok', has: { valid: true, errors: [] } },
      {
        tool: 'validate_config',
        input: { ...target, payload: { mcpServers: { x: { args: [] } } }, options: { check_security: false } },
        expect: 'ok',
        has: { valid: false },
      },
      { tool: 'validate_config', input: { ...target, payload: 'text' }, expect: 'INVALID_INPUT' },
      { tool: 'view_draft_config', input: target, expect: 'ok', has: { revision: 0 } },
    ],
  },
  {
    title: 'a release is published, fetched and compared',
    steps: [
      { tool: 'get_latest', input: target, expect: 'CONFIG_NOT_FOUND' },
      { tool: 'get_config', input: target, expect: 'CONFIG_NOT_FOUND' },
      {
        tool: 'diff_config',
        input: { ...target, local_payload: payload },
        expect: 'ok',
        has: { status: 'unknown', remote_artifact_id: null },
      },
      { tool: 'publish_config', input: { ...target, payload }, expect: 'KEYS_NOT_INITIALIZED' },
      { tool: 'view_draft_config', input: target, expect: 'ok', has: { revision: 0 } },
      ...published({ changelog: 'first' }),
      {
        tool: 'publish_config',
        input: target,
        expect: 'ok',
        has: { status: 'unchanged', sequence: 1, version: '1.0.0', changelog: 'first' },
      },
      { tool: 'publish_config', input: { ...target, if_revision: 9 }, expect: 'DRAFT_CHANGED' },
      { tool: 'publish_config', input: { ...target, payload: { mcpServers: {} } }, expect: 'VALIDATION_FAILED' },
      {
        tool: 'publish_config',
        input: { ...target, payload: { mcpServers: { x: { args: [] } } } },
        expect: 'VALIDATION_FAILED',
      },
      {
        tool: 'publish_config',
        input: { ...target, payload: { mcpServers: { x: { ...entry, env: { API_TOKEN: literal } } } } },
        expect: 'SECRET_IN_CONFIG',
      },
      { tool: 'publish_config', input: { ...target, version: 'one' }, expect: 'INVALID_INPUT' },
      { tool: 'get_latest', input: target, expect: 'ok', has: { sequence: 1, version: '1.0.0' } },
      {
        tool: 'get_config',
        input: target,
        expect: 'ok',
        has: { payload, sequence: 1, pointer: null, signature_algorithm: 'ed25519' },
      },
      { tool: 'get_config', input: { ...target, artifact_id: unknownArtifact }, expect: 'ARTIFACT_NOT_FOUND' },
      { tool: 'get_config', input: { ...target, artifact_id: 'abc' }, expect: 'INVALID_INPUT' },
      {
        tool: 'diff_config',
        input: { ...target, local_payload: payload },
        expect: 'ok',
        has: { status: 'up-to-date' },
      },
      {
        tool: 'diff_config',
        input: { ...target, local_payload: { mcpServers: {} } },
        expect: 'ok',
        has: { status: 'outdated' },
      },
      {
        tool: 'diff_config',
        input: { ...target, local_payload: { mcpServers: { mine: entry } } },
        expect: 'ok',
        has: { status: 'diverged' },
      },
      { tool: 'diff_config', input: { config_a: payload, config_b: { mcpServers: {} } }, expect: 'ok' },
      {
        tool: 'diff_config',
        input: { ...target, local_artifact_id: unknownArtifact },
        expect: 'ok',
        has: { status: 'unknown' },
      },
      { tool: 'diff_config', input: target, expect: 'INVALID_INPUT' },
      {
        tool: 'publish_config',
        input: { ...target, payload: { mcpServers: {} }, allow_empty: true },
        expect: 'ok',
        has: { sequence: 2, server_count: 0 },
      },
      {
        tool: 'publish_config',
        input: { ...target, payload, version: '2.0.0-rc.1' },
        expect: 'ok',
        has: { sequence: 3, version: '2.0.0-rc.1' },
      },
      { tool: 'clear_draft_config', input: { ...target, to: 'latest' }, expect: 'ok' },
      { tool: 'initialize_keys', expect: 'ok', has: { status: 'already_exists' } },
      {
        tool: 'get_config',
        input: target,
        expect: 'SIGNATURE_INVALID',
        has: { details: { reason: 'digest_mismatch' } },
        before: sql("UPDATE artifacts SET canonical = replace(canonical, '/srv/a', '/srv/b')"),
      },
      { tool: 'deploy_config', input: target, expect: 'SIGNATURE_INVALID' },
    ],
  },
  {
    title: 'a key directory that cannot be written is a failed write',
    steps: [{ tool: 'initialize_keys', expect: 'WRITE_FAILED', before: file('.mcp-orchestration/keys', 'in the way') }],
  },
  {
    title: 'keys are regenerated and old releases stay readable',
    steps: [
      ...published(),
      { tool: 'initialize_keys', input: { regenerate: true }, expect: 'ok', has: { status: 'regenerated' } },
      { tool: 'get_config', input: target, expect: 'ok', has: { sequence: 1 } },
      { tool: 'deploy_config', input: target, expect: 'ok', has: { status: 'deployed' } },
    ],
  },
  {
    title: 'a release is deployed, seen, drifts and is put back',
    steps: [
      { tool: 'get_deployed', input: target, expect: 'DEPLOYMENT_NOT_FOUND' },
      { tool: 'deploy_config', input: target, expect: 'CONFIG_NOT_FOUND' },
      ...published(),
      { tool: 'deploy_config', input: { client_id: 'witsy' }, expect: 'CLIENT_NOT_WRITABLE' },
      { tool: 'deploy_config', input: { ...target, artifact_id: unknownArtifact }, expect: 'ARTIFACT_NOT_FOUND' },
      { tool: 'deploy_config', input: { ...target, config_scope: 'nowhere' }, expect: 'INVALID_INPUT' },
      {
        tool: 'deploy_config',
        input: { ...target, inputs: { NAME: 'x' } },
        expect: 'INVALID_INPUT',
        has: { details: { field: 'inputs.NAME' } },
      },
      {
        tool: 'publish_config',
        input: {
          client_id: 'cursor',
          profile_id: 'staging',
          payload: { ...payload, inputs: { NAME: { description: 'a name', required: true } } },
        },
        expect: 'ok',
      },
      {
        tool: 'deploy_config',
        input: { client_id: 'cursor', profile_id: 'staging', inputs: { NAME: literal } },
        expect: 'SECRET_IN_CONFIG',
      },
      {
        tool: 'deploy_config',
        input: target,
        expect: 'CLIENT_FILE_UNPARSABLE',
        before: file(CURSOR, '{"mcpServers": {'),
      },
      {
        tool: 'deploy_config',
        input: { ...target, expect_file_sha256: null },
        expect: 'CLIENT_FILE_CHANGED',
        before: file(CURSOR, '{"mcpServers":{"filesystem":{"command":"mine"}}}\n'),
      },
      {
        tool: 'deploy_config',
        input: { ...target, expect_file_sha256: unknownArtifact },
        expect: 'CLIENT_FILE_CHANGED',
      },
      { tool: 'deploy_config', input: target, expect: 'DRIFT_DETECTED' },
      {
        tool: 'deploy_config',
        input: { ...target, adopt: ['filesystem'], dry_run: true },
        expect: 'ok',
        has: { status: 'planned' },
      },
      {
        tool: 'deploy_config',
        input: { ...target, adopt: true },
        expect: 'ok',
        has: { status: 'deployed', adopted: ['filesystem'] },
      },
      { tool: 'deploy_config', input: target, expect: 'ok', has: { status: 'unchanged' } },
      { tool: 'get_deployed', input: target, expect: 'ok', has: { drift: false, up_to_date: true, changes: [] } },
      {
        tool: 'deploy_config',
        input: target,
        expect: 'DRIFT_DETECTED',
        before: file(CURSOR, '{"mcpServers":{"filesystem":{"command":"sh"},"new":{"command":"x"}}}\n'),
      },
      { tool: 'get_deployed', input: target, expect: 'ok', has: { drift: true } },
      { tool: 'deploy_config', input: { ...target, on_drift: 'overwrite' }, expect: 'ok', has: { status: 'deployed' } },
    ],
  },
  {
    title: 'a place that cannot be written is a failed write',
    steps: [
      ...published(),
      { tool: 'deploy_config', input: target, expect: 'WRITE_FAILED', before: file('.cursor', 'in the way') },
    ],
  },
  {
    title: 'a reference where nobody can resolve it is not deployed',
    steps: [
      { tool: 'initialize_keys', expect: 'ok' },
      {
        tool: 'publish_config',
        input: {
          payload: { mcpServers: { x: { ...entry, 'x-client': { 'claude-desktop': { note: '${env:TOKEN}' } } } } },
        },
        expect: 'ok',
      },
      { tool: 'deploy_config', expect: 'SECRET_NOT_RENDERABLE' },
      {
        tool: 'publish_config',
        input: { ...target, payload: { mcpServers: { x: { ...entry, env: { TOKEN: '${env:TOKEN}' } } } } },
        expect: 'ok',
      },
      { tool: 'deploy_config', input: target, expect: 'ok', has: { status: 'deployed' } },
      {
        tool: 'publish_config',
        input: { ...target, payload: { mcpServers: { x: { ...entry, args: ['$${userHome}'] } } } },
        expect: 'ok',
        has: { sequence: 2 },
      },
    ],
  },
];
