import { describe, expect, test } from 'vitest';
import { type Entry, Payload } from '../core/payload.ts';
import type { ClientDefinition, Os } from './client.ts';
import { CLIENTS, clientById } from './index.ts';
import { readEntry } from './read-entry.ts';
import { renderPayload } from './render.ts';

/** What one client says in its own way, and what it cannot say. What all of them share is in `render.test.ts`. */

const client = (id: string): ClientDefinition => {
  const found = clientById(id);
  if (found === undefined) throw new Error(`no client ${id}`);
  return found;
};

function render(id: string, entry: Entry, os: Os = 'linux') {
  const payload = Payload.parse({ mcpServers: { it: entry } });
  const { entries, findings } = renderPayload(payload, client(id), { os, launcher: 'l' });
  return {
    native: entries[0]?.[1],
    told: findings.map(({ severity, code, path }) => `${severity} ${code} ${path.replace('/mcpServers/it', '')}`),
    hints: findings.map(({ hint }) => hint ?? '').join('\n'),
  };
}
const back = (id: string, native: unknown) => readEntry(client(id), native as never, { os: 'linux' });

const stdio: Entry = { command: 'node', args: ['x.js'] };
const http: Entry = { type: 'http', url: 'https://a.example.com/mcp' };
const sse: Entry = { type: 'sse', url: 'https://a.example.com/events' };

describe('the word for a transport and the field of the address', () => {
  test.each([
    ['vscode-insiders', { type: 'http', url: http.url }, { type: 'sse', url: sse.url }],
    ['visual-studio', { type: 'http', url: http.url }, { type: 'sse', url: sse.url }],
    ['github-copilot-cli', { type: 'http', url: http.url }, { type: 'sse', url: sse.url }],
    ['jetbrains-ai-assistant', { url: http.url }, { url: sse.url }],
    ['roo-code', { type: 'streamable-http', url: http.url }, { type: 'sse', url: sse.url }],
    ['kilo-code', { type: 'remote', url: http.url }, { type: 'remote', url: sse.url }],
    ['amp', { url: http.url }, { url: sse.url }],
    ['trae', { url: http.url }, { url: sse.url }],
    ['qwen-code', { httpUrl: http.url }, { url: sse.url }],
    ['crush', { type: 'http', url: http.url }, { type: 'sse', url: sse.url }],
    ['factory-droid', { type: 'http', url: http.url }, { type: 'sse', url: sse.url }],
    ['antigravity', { serverUrl: http.url }, { serverUrl: sse.url }],
    ['anythingllm', { type: 'streamable', url: http.url }, { type: 'sse', url: sse.url }],
    ['augment', { type: 'http', url: http.url }, { type: 'sse', url: sse.url }],
    ['kimi-code', { transport: 'http', url: http.url }, { transport: 'sse', url: sse.url }],
    ['qoder', { type: 'http', url: http.url }, { type: 'sse', url: sse.url }],
  ])('%s', (id, asHttp, asSse) => {
    expect(render(id, http).native).toMatchObject(asHttp);
    expect(render(id, sse).native).toMatchObject(asSse);
    expect(Object.keys(render(id, http).native ?? {}).filter((key) => key !== 'tools')).toEqual(Object.keys(asHttp));
    expect(back(id, render(id, http).native)).toEqual(http);
  });

  test.each(['devin-local', 'junie', 'amazon-q-cli', 'grok-build'])('%s gets SSE through the bridge', (id) => {
    expect(render(id, sse)).toMatchObject({ native: { args: expect.arrayContaining(['sse-only']) }, told: [] });
    expect(render(id, http).native).not.toHaveProperty('command');
  });

  test.each([
    ['visual-studio', 'type'],
    ['vscode-insiders', 'type'],
    ['github-copilot-cli', 'type'],
    ['kilo-code', 'type'],
    ['crush', 'type'],
  ])('%s says of a local server too what it is', (id, field) => {
    expect(render(id, stdio).native).toHaveProperty(field);
  });
});

describe('a switched-off entry', () => {
  test.each([
    ['roo-code', { disabled: true }],
    ['kilo-code', { enabled: false }],
    ['amazon-q-cli', { disabled: true }],
    ['crush', { disabled: true }],
    ['factory-droid', { disabled: true }],
    ['grok-build', { enabled: false }],
    ['anythingllm', { anythingllm: { autoStart: false } }],
  ])('of %s says so in its own words, and is read again', (id, field) => {
    const { native, told } = render(id, { ...stdio, disabled: true });
    expect(native).toMatchObject(field);
    expect(told).toEqual([]);
    expect(back(id, native)).toEqual({ ...stdio, disabled: true });
  });

  test('of Amp is left out, because nobody has shown that its field does something', () => {
    expect(render('amp', { ...stdio, disabled: true })).toMatchObject({
      native: undefined,
      told: ['warning LOSSY_RENDERING /disabled'],
    });
  });
});

describe('tools', () => {
  const tools = { allow: ['a'], deny: ['b'] };
  const LOST = (kind: string) => `warning LOSSY_RENDERING /tools/${kind}`;

  test.each([
    ['github-copilot-cli', { tools: ['a'] }, ['deny']],
    ['amp', { includeTools: ['a'] }, ['deny']],
    ['qwen-code', { includeTools: ['a'], excludeTools: ['b'] }, []],
    ['crush', { enabled_tools: ['a'], disabled_tools: ['b'] }, []],
    ['roo-code', { disabledTools: ['b'] }, ['allow']],
    ['factory-droid', { disabledTools: ['b'] }, ['allow']],
    ['antigravity', { disabledTools: ['b'] }, ['allow']],
    ['devin-local', { disabledTools: ['b'] }, ['allow']],
    ['anythingllm', { anythingllm: { suppressedTools: ['b'] } }, ['allow']],
    ['kilo-code', {}, ['allow', 'deny']],
    ['trae', {}, ['allow', 'deny']],
  ])('of %s are filtered as far as it can, and what it cannot is told', (id, fields, missing) => {
    const { native, told } = render(id, { ...stdio, tools });
    expect(native).toMatchObject(fields);
    expect(told).toEqual(missing.map(LOST));
  });

  test('of Copilot CLI are all of them when nothing is said, and that is read as nothing', () => {
    expect(render('github-copilot-cli', stdio).native).toEqual({ type: 'stdio', ...stdio, tools: ['*'] });
    expect(back('github-copilot-cli', { ...stdio, type: 'local', tools: ['*'] })).toEqual(stdio);
    expect(back('github-copilot-cli', { ...stdio, tools: ['*', 'a'] })).toMatchObject({ tools: { allow: ['*', 'a'] } });
    expect(back('github-copilot-cli', { ...stdio, tools: [] })).toMatchObject({ tools: { allow: [] } });
  });

  test('and the start of an entry of AnythingLLM stand in one object, with what else is there', () => {
    const entry: Entry = { ...stdio, disabled: true, tools: { deny: ['b'] } };
    const { native } = render('anythingllm', entry);
    expect(native).toEqual({ ...stdio, anythingllm: { autoStart: false, suppressedTools: ['b'] } });
    expect(back('anythingllm', native)).toEqual(entry);
    expect(back('anythingllm', { ...stdio, anythingllm: { autoStart: true, other: 1 } })).toEqual(stdio);
    expect(() => back('anythingllm', { ...stdio, anythingllm: { autoStart: 'no' } })).toThrow('anythingllm.autoStart');
  });
});

describe('a timeout', () => {
  test.each([
    ['github-copilot-cli', stdio, { timeout: 1500 }],
    ['roo-code', stdio, { timeout: 2 }],
    ['kilo-code', http, { timeout: 1500 }],
    ['amazon-q-cli', http, { timeout: 1500 }],
    ['qwen-code', stdio, { timeout: 1500 }],
    ['crush', http, { timeout: 2 }],
    ['kimi-code', stdio, { toolTimeoutMs: 1500 }],
    ['grok-build', http, { tool_timeout_sec: 2 }],
  ] as [string, Entry, object][])('of %s has its own field and unit', (id, entry, field) => {
    expect(render(id, { ...entry, timeout_ms: 1500 })).toMatchObject({ native: field, told: [] });
  });

  test.each([
    ['roo-code', 3_600_001, { timeout: 3600 }],
    ['kimi-code', 2_147_483_648, { toolTimeoutMs: 2_147_483_647 }],
  ])('of %s has a limit, and what is above it is told', (id, timeout_ms, field) => {
    expect(render(id, { ...stdio, timeout_ms })).toMatchObject({
      native: field,
      told: ['warning LOSSY_RENDERING /timeout_ms'],
    });
  });

  test.each([
    ['github-copilot-cli', http],
    ['grok-build', stdio],
    ['amp', stdio],
    ['augment', stdio],
  ] as [string, Entry][])('of %s is left out where it has none for the transport', (id, entry) => {
    const { native, told } = render(id, { ...entry, timeout_ms: 1500 });
    expect(JSON.stringify(native)).not.toContain('imeout');
    expect(told).toEqual(['warning LOSSY_RENDERING /timeout_ms']);
  });

  test('that stands on the wrong transport in a file stays a field of the client', () => {
    expect(back('grok-build', { ...stdio, tool_timeout_sec: 5 })).toEqual({
      ...stdio,
      'x-client': { 'grok-build': { tool_timeout_sec: 5 } },
    });
  });
});

test('Codex passes on the variables that it is told to, also to the launcher', () => {
  const entry: Entry = { ...stdio, args: ['x ${env:B} ${secret:s}'], env: { A: '${env:A} ${env:B}' } };
  expect(render('codex-cli', entry).native).toMatchObject({ command: 'l', env_vars: ['A', 'B'] });
  expect(render('codex-cli', { ...http, headers: { H: 'x ${env:C}' } }).native).toMatchObject({ env_vars: ['C'] });
  expect(render('codex-cli', { ...stdio, env: { A: '${secret:s}' } }).native).not.toHaveProperty('env_vars');
});

describe('Crush, which runs what stands between $( and )', () => {
  test.each(['$(rm -rf ~)', '`id`', '$HOME', 'a\\\\b', 'a\\\nb'])('never gets %j, the launcher does', (text) => {
    const { native, told } = render('crush', { ...stdio, args: [text.replace('${', '$${')], env: { A: text } });
    expect(native).toMatchObject({ command: 'l' });
    expect(JSON.stringify(native)).not.toMatch(/[$`\\]/);
    expect(told).toEqual([]);
  });

  test.each(['$(id)', '`id`', '$KEY'])('is not given %j as a command or in a field of its own', (text) => {
    expect(render('crush', { ...stdio, command: text })).toMatchObject({
      native: undefined,
      told: ['error LOSSY_RENDERING /command'],
    });
    const own: Entry = { ...http, 'x-client': { crush: { oauth_client_secret: [{ deep: text }] } } };
    expect(render('crush', own)).toMatchObject({
      native: undefined,
      told: ['error LOSSY_RENDERING /x-client/crush/oauth_client_secret'],
    });
  });

  test('keeps a single backslash, as a path of Windows has it', () => {
    const entry: Entry = { command: 'C:\\tools\\node.exe', args: ['C:\\srv\\x.js'] };
    expect(render('crush', entry, 'windows').native).toEqual({ type: 'stdio', ...entry });
  });
});

test('Copilot CLI passes on no variables, so a reference to one is told to be without a value', () => {
  const { native, told, hints } = render('github-copilot-cli', {
    ...stdio,
    env: { A: 'x${env:TOKEN}', B: '${env:TOKEN}' },
  });
  expect(native).toMatchObject({ command: 'l' });
  expect(told).toEqual(['warning VARIABLE_NOT_PASSED_ON ']);
  expect(hints).toContain('set-secret TOKEN');
  expect(render('github-copilot-cli', { ...stdio, env: { A: '${secret:token}' } }).told).toEqual([]);
});

test.each(CLIENTS.filter(({ dialect }) => dialect !== null))(
  'no field of its own can say for $client_id what runs or where data goes',
  ({ client_id, entry: { stdio: local, http: remote, sse: stream } }) => {
    const fields = [
      local && [local.command_field, local.args_field, local.env_field, local.type?.field],
      ...[remote, stream].map((facts) => [facts?.url_field, facts?.headers_field, facts?.type?.field]),
      ['transport', 'type', 'url', 'command'],
    ].flatMap((group) => (group ?? []).filter((field) => typeof field === 'string'));
    for (const field of fields) {
      for (const entry of [stdio, http]) {
        const { native } = render(client_id, { ...entry, 'x-client': { [client_id]: { [field]: 'evil' } } });
        expect([field, native]).toEqual([field, undefined]);
      }
    }
  },
);

describe('Windows', () => {
  const npx: Entry = { command: 'npx', args: ['-y', 'a-mcp@1.0.0'] };
  const through = (id: string) =>
    render(id, npx, 'windows').native?.[client(id).entry.stdio?.command_field ?? ''] === 'cmd';

  test('programs that are known to find batch files themselves get them as they are, all others through cmd', () => {
    const bare = CLIENTS.filter(({ client_id, dialect }) => dialect !== null && !through(client_id));
    expect(bare.map(({ client_id }) => client_id).toSorted()).toEqual([
      'anythingllm',
      'cline',
      'crush',
      'cursor',
      'gemini-cli',
      'kilo-code',
      'librechat',
      'opencode',
      'qwen-code',
      'roo-code',
      'vscode',
      'vscode-insiders',
    ]);
    expect(readEntry(client('amp'), render('amp', npx, 'windows').native ?? null, { os: 'windows' })).toEqual(npx);
  });
});

test('Kilo Code has the two layouts of opencode, and keeps two names for itself', () => {
  const target = { os: 'linux', launcher: 'l', pointer: '/mcp/servers' } as const;
  const payload: Payload = { mcpServers: { it: { ...stdio, disabled: true } } };
  expect(renderPayload(payload, client('kilo-code'), target).entries).toEqual([
    ['it', { type: 'local', command: ['node', 'x.js'], disabled: true }],
  ]);
  for (const name of ['servers', 'timeout']) {
    const { findings } = renderPayload({ mcpServers: { [name]: stdio } }, client('kilo-code'), target);
    expect(findings.map(({ code }) => code)).toEqual(['SERVER_NAME_UNSUPPORTED']);
  }
});
