import { expect, test } from 'vitest';
import { z } from 'zod';
import { ClientDefinition } from './client.ts';
import { contradictionsIn } from './definition.ts';
import { describeClient } from './describe.ts';
import { CLIENTS, clientById } from './index.ts';

const IDS = [
  '5ire',
  'amazon-q-cli',
  'amp',
  'antigravity',
  'anythingllm',
  'augment',
  'claude-code',
  'claude-desktop',
  'cline',
  'codex-cli',
  'continue',
  'crush',
  'cursor',
  'devin-local',
  'factory-droid',
  'gemini-cli',
  'github-copilot-cli',
  'github-copilot-cloud-agent',
  'goose',
  'grok-build',
  'jetbrains-ai-assistant',
  'junie',
  'kilo-code',
  'kimi-code',
  'kiro',
  'librechat',
  'lm-studio',
  'mistral-vibe',
  'n8n',
  'opencode',
  'qoder',
  'qwen-code',
  'raycast',
  'roo-code',
  'trae',
  'visual-studio',
  'vscode',
  'vscode-insiders',
  'warp',
  'windsurf',
  'witsy',
  'zed',
];

test('there are 42 clients and their ids are public', () => {
  expect(CLIENTS).toHaveLength(42);
  expect(CLIENTS.map(({ client_id }) => client_id).toSorted()).toEqual(IDS);
});

test.each(CLIENTS)('$client_id is a valid definition that survives a trip through JSON', (client) => {
  expect(ClientDefinition.parse(JSON.parse(JSON.stringify(client)))).toEqual(client);
  expect(client.deployable_scopes.every((name) => client.scopes.some(({ scope }) => scope === name))).toBe(true);
  expect(new Set(client.scopes.map(({ scope }) => scope)).size).toBe(client.scopes.length);
});

test('37 clients are writable, in a scope of the user first and in no managed one', () => {
  const writable = CLIENTS.filter(({ dialect }) => dialect !== null);
  expect(writable.map(({ client_id }) => client_id).toSorted()).toEqual([
    'amazon-q-cli',
    'amp',
    'antigravity',
    'anythingllm',
    'augment',
    'claude-code',
    'claude-desktop',
    'cline',
    'codex-cli',
    'continue',
    'crush',
    'cursor',
    'devin-local',
    'factory-droid',
    'gemini-cli',
    'github-copilot-cli',
    'goose',
    'grok-build',
    'jetbrains-ai-assistant',
    'junie',
    'kilo-code',
    'kimi-code',
    'kiro',
    'librechat',
    'lm-studio',
    'mistral-vibe',
    'opencode',
    'qoder',
    'qwen-code',
    'roo-code',
    'trae',
    'visual-studio',
    'vscode',
    'vscode-insiders',
    'warp',
    'windsurf',
    'zed',
  ]);
  for (const { confidence, scopes, deployable_scopes } of writable) {
    expect(deployable_scopes[0]).toBe(scopes.some(({ scope }) => scope === 'user') ? 'user' : 'server');
    expect(confidence).not.toBe('unverified');
    const managed = scopes.filter((scope) => scope.managed === true).map(({ scope }) => scope);
    expect(deployable_scopes.filter((scope) => managed.includes(scope))).toEqual([]);
    for (const scope of deployable_scopes) expect(scopes.map((it) => it.scope)).toContain(scope);
  }
  const deployable = CLIENTS.filter(({ deployable_scopes }) => deployable_scopes.length > 0);
  expect(deployable).toEqual(writable);
});

test('no definition contradicts itself', () => {
  const places = /is not below ~, a variable or the project/;
  for (const client of CLIENTS) {
    const issues = contradictionsIn(client).filter(({ message }) => !places.test(message));
    expect([client.client_id, issues]).toEqual([client.client_id, []]);
  }
});

test('every override begins with its own variable, and every marker of a reference is in its template', () => {
  for (const { env_override } of CLIENTS.flatMap(({ scopes }) => scopes)) {
    for (const { variable, file } of env_override ?? []) expect(`${file}/`).toContain(`$${variable}/`);
  }
  for (const { client_id, references } of CLIENTS) {
    for (const template of [references?.env, references?.secret, references?.input]) {
      if (typeof template !== 'string') continue;
      expect(
        references?.markers.some((marker) => template.includes(marker)),
        client_id,
      ).toBe(true);
    }
  }
});

test('a definition from a file is refused when it has an unknown field, a bad pointer or an id that is a path', () => {
  const [client] = CLIENTS;
  const [scope] = client?.scopes ?? [];
  for (const change of [
    { color: 'red' },
    { client_id: '../x' },
    { client_id: 'con' },
    { scopes: [] },
    { scopes: [{ ...scope, pointer: 'mcpServers' }] },
    { scopes: [{ ...scope, pointer: '/a~2b' }] },
    { status: 'gone' },
  ]) {
    expect(ClientDefinition.safeParse({ ...client, ...change }).success, JSON.stringify(change)).toBe(false);
  }
});

test('the schema of a definition can be shown as JSON Schema', () => {
  expect(z.toJSONSchema(ClientDefinition)).toHaveProperty('$defs.ClientDefinition.additionalProperties', false);
});

test('an id that is no client finds nothing, also where JavaScript objects have a property of that name', () => {
  expect(clientById('cursor')?.display_name).toBe('Cursor');
  for (const id of ['toString', 'constructor', '__proto__', 'Cursor', '']) expect(clientById(id)).toBeUndefined();
});

test('a client is described by its public fields', () => {
  const cursor = clientById('cursor');
  expect(cursor && describeClient(cursor, 'linux')).toEqual({
    client_id: 'cursor',
    display_name: 'Cursor',
    platform: 'linux, macos, windows',
    config_location: '~/.cursor/mcp.json',
    config_scopes: ['user', 'project'],
    formats: ['json'],
    capabilities: {
      transports: ['stdio', 'http', 'sse'],
      native_http: true,
      bridge: false,
      environment_variables: true,
      working_directory: false,
      references: ['env'],
      disabled_entries: false,
      tool_filters: false,
    },
    limitations: {
      max_servers: null,
      max_tools: null,
      note: 'No switched-off entries, tool filters, timeouts or working directories.',
    },
    notes: expect.arrayContaining([expect.stringContaining('~/.cursor/mcp.json')]),
    writable: true,
  });
});

const described = (id: string, os: 'linux' | 'macos' | 'windows') => {
  const client = clientById(id);
  if (client === undefined) throw new Error(`no client ${id}`);
  return describeClient(client, os);
};

test('a bridged transport counts as one, and only what is really written counts as a reference', () => {
  expect(described('claude-desktop', 'windows').capabilities).toMatchObject({
    transports: ['stdio', 'http', 'sse'],
    native_http: false,
    bridge: true,
    references: [],
  });
  expect(described('vscode', 'linux').capabilities).toMatchObject({
    references: ['env', 'input'],
    working_directory: true,
  });
  expect(described('vscode-insiders', 'linux').capabilities.references).toEqual(['env', 'input']);
  expect(described('codex-cli', 'linux').capabilities).toMatchObject({
    transports: ['stdio', 'http', 'sse'],
    bridge: true,
    tool_filters: true,
  });
});

test('a client without a file says so, and one that is only on Windows says so elsewhere', () => {
  expect(described('raycast', 'macos')).toMatchObject({
    config_location: 'not a file',
    platform: '',
    formats: [],
    writable: false,
  });
  expect(described('visual-studio', 'linux').config_location).toBe('not available on linux');
  expect(described('visual-studio', 'windows').config_location).toBe('%USERPROFILE%\\.mcp.json');
});

test('every client is described on every system without a null and without a path of this machine', () => {
  for (const client of CLIENTS) {
    for (const os of ['linux', 'macos', 'windows'] as const) {
      const text = JSON.stringify(describeClient(client, os).config_location);
      expect(text).not.toMatch(/null|undefined|\/home\/|\/root/);
    }
  }
});
