import { readFileSync } from 'node:fs';
import type { Scenario, Step } from './scenarios.ts';

/** Servers that somebody puts into the catalog. */

const fails = (tool: string, input: object, ...expects: string[]): Step[] =>
  expects.map((expect) => ({ tool, input: input as Record<string, unknown>, expect }));
const registry_name = 'com.example/weather';
const document = (version: string, more: object = {}) => ({
  $schema: 'https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json',
  name: registry_name,
  description: 'Forecasts for places by name',
  version,
  packages: [{ registryType: 'npm', identifier: '@example/weather', version, transport: { type: 'stdio' } }],
  ...more,
});
const leaky = { ...document('6.0.0'), title: `ghp_${'A1b2'.repeat(9)}` };
const answerOf = (server: object, status = 'active') => ({
  server,
  _meta: { 'io.modelcontextprotocol.registry/official': { status, publishedAt: '2026-01-01T00:00:00Z' } },
});
const at = (version: string) => `/v0.1/servers/com.example%2Fweather/versions/${version}`;
const fetched = (version: string) => ({ registry_name, version });

const definition = JSON.parse(readFileSync(new URL('../fixtures/clients/lantern.json', import.meta.url), 'utf8'));

export const CATALOG_SCENARIOS: Scenario[] = [
  {
    title: 'a server comes into the catalog from its document, and is added to a draft from there',
    steps: [
      ...fails('describe_server', { server_id: 'weather' }, 'SERVER_NOT_FOUND'),
      {
        tool: 'add_catalog_server',
        input: { document: document('1.0.0', { author: 'Example' }) },
        expect: 'ok',
        has: {
          status: 'added',
          server_id: 'weather',
          version: '1.0.0',
          transports: ['stdio'],
          findings: [{ code: 'UNKNOWN_FIELD', path: '/author', severity: 'warning' }],
        },
      },
      {
        tool: 'add_catalog_server',
        input: { document: document('1.0.0', { author: 'Example' }) },
        expect: 'ok',
        has: { status: 'unchanged' },
      },
      ...fails('add_catalog_server', { document: document('1.0.0') }, 'SERVER_ALREADY_EXISTS'),
      ...fails('add_catalog_server', { document: document('1.1.0'), server_id: 'other' }, 'SERVER_ALREADY_EXISTS'),
      ...fails('add_catalog_server', { document: leaky }, 'SECRET_IN_CONFIG'),
      ...fails('add_catalog_server', { document: [] }, 'INVALID_INPUT'),
      ...fails('add_catalog_server', {}, 'INVALID_INPUT'),
      { tool: 'describe_server', input: { server_id: 'weather' }, expect: 'ok', has: { registry_name } },
      {
        tool: 'list_available_servers',
        input: { search_query: registry_name },
        expect: 'ok',
        has: { servers: [{ server_id: 'weather' }], count: 1 },
      },
      {
        tool: 'add_server_to_config',
        input: { server_id: 'weather' },
        expect: 'ok',
        has: { draft: { mcpServers: { weather: { command: 'npx', args: ['-y', '@example/weather@1.0.0'] } } } },
      },
      ...fails('fetch_catalog_server', fetched('1.0.0'), 'NOT_FOUND'),
    ],
  },
  {
    title: 'a server that was added is taken out of the catalog, and brought back',
    steps: [
      { tool: 'add_catalog_server', input: { document: document('1.0.0') }, expect: 'ok' },
      { tool: 'add_catalog_server', input: { document: document('1.1.0') }, expect: 'ok' },
      {
        tool: 'remove_catalog_server',
        input: { server_id: 'weather', version: '1.1.0' },
        expect: 'ok',
        has: { status: 'removed', server_id: 'weather', versions: ['1.1.0'] },
      },
      ...fails('remove_catalog_server', { server_id: 'weather', version: '1.1.0' }, 'SERVER_NOT_FOUND'),
      { tool: 'describe_server', input: { server_id: 'weather' }, expect: 'ok', has: { registry_name } },
      { tool: 'remove_catalog_server', input: { server_id: 'weather' }, expect: 'ok', has: { versions: ['1.0.0'] } },
      ...fails('describe_server', { server_id: 'weather' }, 'SERVER_NOT_FOUND'),
      ...fails('remove_catalog_server', { server_id: 'memory' }, 'SERVER_NOT_FOUND'),
      ...fails('remove_catalog_server', { server_id: '../x' }, 'INVALID_INPUT'),
      {
        tool: 'add_catalog_server',
        input: { document: document('1.0.0') },
        expect: 'ok',
        has: { status: 'added', server_id: 'weather', version: '1.0.0' },
      },
      { tool: 'describe_server', input: { server_id: 'weather' }, expect: 'ok', has: { registry_name } },
    ],
  },
  {
    title: 'a server is fetched from the registry that is set up',
    registry: {
      [at('latest')]: answerOf(document('2.0.0')),
      [at('1.0.0')]: answerOf(document('1.0.0')),
      [at('3.0.0')]: answerOf(document('3.0.0'), 'deleted'),
      [at('4.0.0')]: answerOf(document('4.0.1')),
      [at('5.0.0')]: 'no JSON',
      [at('6.0.0')]: answerOf(leaky),
      [at('7.0.0')]: 302,
    },
    steps: [
      {
        tool: 'fetch_catalog_server',
        input: fetched('1.0.0'),
        expect: 'ok',
        has: { status: 'added', version: '1.0.0', findings: [] },
      },
      {
        tool: 'fetch_catalog_server',
        input: { registry_name },
        expect: 'ok',
        has: { status: 'added', version: '2.0.0', server_id: 'weather' },
      },
      { tool: 'fetch_catalog_server', input: fetched('2.0.0'), expect: 'SERVER_NOT_FOUND' },
      ...fails('fetch_catalog_server', fetched('3.0.0'), 'SERVER_NOT_FOUND'),
      ...fails('fetch_catalog_server', { ...fetched('1.0.0'), server_id: 'other' }, 'SERVER_ALREADY_EXISTS'),
      ...fails('fetch_catalog_server', fetched('4.0.0'), 'UNAVAILABLE'),
      ...fails('fetch_catalog_server', fetched('5.0.0'), 'UNAVAILABLE'),
      ...fails('fetch_catalog_server', fetched('6.0.0'), 'SECRET_IN_CONFIG'),
      ...fails('fetch_catalog_server', fetched('7.0.0'), 'UNAVAILABLE'),
      ...fails('fetch_catalog_server', {}, 'INVALID_INPUT'),
    ],
  },
  {
    title: 'a registry at an address that is not public is asked only when it is listed',
    env: { MCP_ORCHESTRATION_REGISTRY_URL: 'https://10.1.2.3:8443' },
    steps: fails('fetch_catalog_server', { registry_name }, 'WEBHOOK_TARGET_REFUSED'),
  },
  {
    title: 'a client application that nobody knew is described, and published for',
    steps: [
      ...fails('list_profiles', { client_id: 'lantern' }, 'CLIENT_NOT_FOUND'),
      { tool: 'add_client', input: { definition }, expect: 'ok', has: { client_id: 'lantern', writable: true } },
      ...fails('add_client', { definition }, 'CLIENT_ALREADY_EXISTS'),
      { tool: 'link_profile', input: { client_id: 'cursor', source_client_id: 'lantern' }, expect: 'ok' },
      ...fails('remove_client', { client_id: 'lantern' }, 'PROFILE_LINKED'),
      { tool: 'unlink_profile', input: { client_id: 'cursor' }, expect: 'ok' },
      { tool: 'remove_client', input: { client_id: 'lantern' }, expect: 'ok', has: { status: 'removed' } },
      ...fails('list_profiles', { client_id: 'lantern' }, 'CLIENT_NOT_FOUND'),
      ...fails('remove_client', { client_id: 'lantern' }, 'CLIENT_NOT_FOUND'),
      ...fails('remove_client', { client_id: 'zed' }, 'CLIENT_NOT_FOUND'),
      ...fails('remove_client', { client_id: '..x' }, 'INVALID_INPUT'),
      { tool: 'add_client', input: { definition }, expect: 'ok' },
      ...fails('add_client', { definition: { ...definition, client_id: 'cursor' } }, 'CLIENT_ALREADY_EXISTS'),
      ...fails('add_client', { definition: { ...definition, notes: [leaky.title] } }, 'SECRET_IN_CONFIG'),
      ...fails('add_client', { definition: { ...definition, color: 'red' } }, 'INVALID_INPUT'),
      { tool: 'initialize_keys', expect: 'ok' },
      { tool: 'add_server_to_config', input: { client_id: 'lantern', server_id: 'memory' }, expect: 'ok' },
      { tool: 'publish_config', input: { client_id: 'lantern' }, expect: 'ok', has: { sequence: 1 } },
      ...fails('remove_client', { client_id: 'lantern' }, 'PROFILE_HAS_RELEASES'),
      {
        tool: 'get_native',
        input: { client_id: 'lantern', os: 'linux' },
        expect: 'ok',
        has: { config_path: '~/.lantern/servers.jsonc', format: 'jsonc' },
      },
    ],
  },
];
