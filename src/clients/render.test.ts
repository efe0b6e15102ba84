import { createHash } from 'node:crypto';
import { globSync, readFileSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import fc from 'fast-check';
import { parse as parseToml } from 'smol-toml';
import { describe, expect, test } from 'vitest';
import { parse as parseYaml } from 'yaml';
import { AppError } from '../core/errors.ts';
import { Finding } from '../core/finding.ts';
import { type Entry, isRemote, Payload } from '../core/payload.ts';
import { type ClientDefinition, Os } from './client.ts';
import { CLIENTS, clientById } from './index.ts';
import { BRIDGE, bridgeFor, needsBridge, RENDERER_VERSION, renderFindings, renderPayload } from './render.ts';

const GOLDEN = new URL('../../test/golden/clients/', import.meta.url).pathname;

const client = (id: string): ClientDefinition => {
  const found = clientById(id);
  if (found === undefined) throw new Error(`no client ${id}`);
  return found;
};

const WRITABLE = CLIENTS.filter(({ dialect }) => dialect !== null);
const PARSERS: Record<string, (text: string) => Record<string, unknown>> = { toml: parseToml, yaml: parseYaml };

type Options = { os?: Os; name?: string; bridge?: Payload['bridge'] };

/** Renders one entry; `native` is undefined when it was left out. */
function render(id: string, entry: Entry, { os = 'linux', name = 'it', bridge }: Options = {}) {
  const payload: Payload = { mcpServers: { [name]: entry }, ...(bridge && { bridge }) };
  const { entries, findings } = renderPayload(payload, client(id), { os, launcher: 'mcp-orchestration' });
  for (const finding of findings) Finding.parse(finding);
  const told = findings.map(({ severity, code, path }) => `${severity} ${code} ${path}`);
  return { native: entries[0]?.[1], told, messages: findings.map(({ message }) => message).join('\n') };
}

/** The entry that starts the server `it` through the launcher. */
function launched(id: string) {
  const scope = client(id).deployable_scopes[0] ?? '';
  const args = ['exec-server', '--client', id, '--profile', 'default', '--config-scope', scope, '--', 'it'];
  const entry = { command: 'mcp-orchestration', args };
  return { ...entry, entry, argv: ['mcp-orchestration', ...args] };
}

const stdio = { command: 'npx', args: ['-y', 'a-mcp@1.0.0'] };
const http = { type: 'http', url: 'https://a.example.com/mcp' } as const;
const ENV = '${env:TOKEN}';

describe('golden files', () => {
  const files = globSync('*/*.payload.json', { cwd: GOLDEN }).toSorted();

  test('four clients have them for oddities; all of them in golden-files.test.ts', () => {
    expect([...new Set(files.map(dirname))]).toEqual(['claude-code', 'claude-desktop', 'cursor', 'vscode']);
    expect(files).toHaveLength(20);
  });

  test.each(files)('%s renders to exactly its native document', (file) => {
    const os = Os.parse(basename(file).split('.')[1]);
    const payload = Payload.parse(JSON.parse(readFileSync(GOLDEN + file, 'utf8')));
    const native = readFileSync(GOLDEN + file.replace('.payload.', '.native.'), 'utf8');
    const rendering = renderPayload(payload, client(dirname(file)), { os, launcher: 'mcp-orchestration' });
    expect(rendering.native_text).toBe(native);
    expect(rendering.native_sha256).toBe(createHash('sha256').update(native).digest('hex'));
    expect(rendering.findings.filter(({ severity }) => severity === 'error')).toEqual([]);
  });
});

test('the renderer says its version and the bridge it writes', () => {
  expect(RENDERER_VERSION).toBe('3');
  expect(BRIDGE).toEqual({ package: 'mcp-remote', version: '0.15.1' });
});

test('an empty payload is an empty map under the pointer of the client', () => {
  const target = { os: 'linux', launcher: 'mcp-orchestration' } as const;
  expect(renderPayload({ mcpServers: {} }, client('vscode'), target)).toEqual({
    entries: [],
    asked: [],
    findings: [],
    native_text: '{\n  "servers": {}\n}\n',
    native_sha256: 'ccd376d91a60545d0dbe2f89377847d29ea93b0cbac5b650ccaa3e300708fefe',
  });
});

test('another scope puts the entries under its own pointer, and a scope without one is refused', () => {
  const target = { os: 'linux', launcher: 'x' } as const;
  const managed = renderPayload({ mcpServers: {} }, client('claude-code'), { ...target, scope: 'managed-settings' });
  expect(managed.native_text).toBe('{\n  "managedMcpServers": {}\n}\n');
  const nested = renderPayload({ mcpServers: {} }, client('claude-code'), { ...target, scope: 'local' });
  expect(JSON.parse(nested.native_text)).toEqual({ projects: { '${workspace}': { mcpServers: {} } } });
  expect(() => renderPayload({ mcpServers: {} }, client('cursor'), { ...target, scope: 'global' })).toThrow(AppError);
});

test('a client without a dialect is refused', () => {
  const work = () => renderPayload({ mcpServers: {} }, client('witsy'), { os: 'linux', launcher: 'x' });
  expect(work).toThrow(expect.objectContaining({ code: 'CLIENT_NOT_WRITABLE' }));
});

describe('references', () => {
  test.each([
    ['cursor', '${env:TOKEN}'],
    ['vscode', '${env:TOKEN}'],
    ['claude-code', '${TOKEN}'],
  ])('%s gets an environment reference as %s in args, env, url and headers', (id, spelled) => {
    const local = render(id, { command: 'a', args: [`--key=${ENV}`], env: { K: `x${ENV}y` } });
    expect(local).toMatchObject({ native: { args: [`--key=${spelled}`], env: { K: `x${spelled}y` } }, told: [] });
    const remote = render(id, { type: 'http', url: `https://${ENV}/mcp`, headers: { A: `Bearer ${ENV}` } });
    const expected = { url: `https://${spelled}/mcp`, headers: { A: `Bearer ${spelled}` } };
    expect(remote).toMatchObject({ native: expected, told: [] });
  });

  test.each(WRITABLE.map(({ client_id }) => client_id))('%s gets the launcher for a secret or an input', (id) => {
    for (const kind of ['secret', 'input']) {
      const { native, told } = render(id, { ...stdio, env: { K: `\${${kind}:my.key}` }, cwd: '/srv' });
      const { entry, argv } = launched(id);
      if (client(id).entry.stdio?.command_shape === 'array')
        expect(native).toMatchObject({ type: 'local', command: argv });
      else if (id === 'goose') expect(native).toMatchObject({ cmd: entry.command, args: entry.args, enabled: true });
      else expect(native).toMatchObject(entry);
      expect(JSON.stringify(native)).not.toMatch(/my\.key|srv/);
      expect(told).toEqual([]);
    }
  });

  test('the launcher is told the scope, the project and the file that a deployment names', () => {
    const payload: Payload = { mcpServers: { '-x': { ...stdio, env: { K: '${secret:k}' } } } };
    const target = { os: 'linux', launcher: '/home/ada/bin/l', profile_id: 'dev', scope: 'project' } as const;
    const { entries } = renderPayload(payload, client('cursor'), {
      ...target,
      project: '/srv/p',
      config_path: '/srv/f',
    });
    const args = ['exec-server', '--client', 'cursor', '--profile', 'dev', '--config-scope', 'project'];
    expect(entries).toEqual([
      [
        '-x',
        {
          type: 'stdio',
          command: '/home/ada/bin/l',
          args: [...args, '--project', '/srv/p', '--config-path', '/srv/f', '--', '-x'],
        },
      ],
    ]);
  });

  test('on Windows the launcher is a batch file', () => {
    const { native } = render('claude-desktop', { ...stdio, env: { K: '${secret:k}' } }, { os: 'windows' });
    expect(native).toMatchObject({ command: 'cmd', args: ['/c', ...launched('claude-desktop').argv] });
  });

  test('Claude Desktop resolves no reference at all: the launcher does', () => {
    const { native, told } = render('claude-desktop', { command: 'a', args: [ENV], env: { 'a/b~c': ENV } });
    expect(native).toEqual(launched('claude-desktop').entry);
    expect(told).toEqual([]);
  });

  test('a reference in a field that the client does not fill in goes through the launcher', () => {
    expect(render('vscode', { ...stdio, cwd: `/srv/${ENV}` }).native).toMatchObject(launched('vscode').entry);
  });

  test('a client that starts no local servers cannot be given a secret', () => {
    const remoteOnly = { ...client('cursor'), entry: { ...client('cursor').entry, stdio: null } };
    const payload: Payload = { mcpServers: { it: { ...http, headers: { A: '${secret:k}' } } } };
    const { entries, findings } = renderPayload(payload, remoteOnly, { os: 'linux' });
    expect([entries, findings.map(({ code }) => code)]).toEqual([[], ['SECRET_NOT_RENDERABLE']]);
  });

  test('a command holds no reference, whatever the client could do with it', () => {
    for (const id of ['cursor', 'claude-desktop']) {
      expect(render(id, { command: ENV, args: [] }).told).toEqual([
        'error SECRET_NOT_RENDERABLE /mcpServers/it/command',
      ]);
    }
  });

  test('what looks like a reference and is none is an error', () => {
    expect(render('claude-desktop', { command: 'a', args: ['${HOME}'] })).toMatchObject({
      native: undefined,
      told: ['error UNKNOWN_REFERENCE /mcpServers/it/args/0'],
    });
  });

  test('names hold no reference', () => {
    expect(render('cursor', { ...stdio, env: { '${env:A}': '1' } }).told).toEqual([
      'error UNKNOWN_REFERENCE /mcpServers/it/env/${env:A}',
    ]);
    expect(render('cursor', stdio, { name: '${secret:A}' })).toMatchObject({
      native: undefined,
      told: ['error SERVER_NAME_UNSUPPORTED /mcpServers/${secret:A}'],
    });
  });
});

describe('literal text that looks like a reference', () => {
  test.each(['claude-code', 'cursor', 'vscode'])('%s would fill it in, so the launcher passes it on', (id) => {
    for (const text of ['$${userHome}', '$${', '$${env:HOME}', 'a$${b}c']) {
      const { native, told } = render(id, { command: 'a', args: [text] });
      expect(native, text).toMatchObject(launched(id).entry);
      expect(told).toEqual([]);
    }
  });

  test.each(['claude-code', 'cursor', 'vscode'])('%s would fill it in a command too', (id) => {
    expect(render(id, { command: '${userHome}/bin/a', args: [] }).told).toEqual([
      'error LOSSY_RENDERING /mcpServers/it/command',
    ]);
  });

  test('Claude Desktop fills in nothing, so the escape is taken away and the text written', () => {
    const { native, told } = render('claude-desktop', { command: '/opt/${x}/a', args: ['$${userHome}', '$5'] });
    expect(native).toEqual({ command: '/opt/${x}/a', args: ['${userHome}', '$5'] });
    expect(told).toEqual([]);
  });

  test('the words of a secret reference are written nowhere, not even as text', () => {
    const { native } = render('claude-desktop', { command: 'a', args: ['$${secret:A}'] });
    expect(native).toEqual(launched('claude-desktop').entry);
  });
});

describe('remote servers', () => {
  test('Claude Code and VS Code get the type, Cursor only the URL', () => {
    for (const type of ['http', 'sse'] as const) {
      const entry = { type, url: 'https://a.example.com/x' };
      expect(render('claude-code', entry).native).toEqual({ type, url: 'https://a.example.com/x' });
      expect(render('vscode', entry).native).toEqual({ type, url: 'https://a.example.com/x' });
      expect(render('cursor', entry).native).toEqual({ url: 'https://a.example.com/x' });
    }
  });

  test('Claude Desktop gets the pinned bridge with the URL first', () => {
    expect(render('claude-desktop', http).native).toEqual({
      command: 'npx',
      args: ['-y', 'mcp-remote@0.15.1', 'https://a.example.com/mcp', '--transport', 'http-only'],
    });
    expect(render('claude-desktop', { ...http, type: 'sse' }).native?.args).toContain('sse-only');
  });

  test('the bridge that the payload fixes is the one that is written', () => {
    const bridge = { package: '@acme/mcp-remote', version: '1.2.3-beta.1' };
    expect(render('claude-desktop', http, { bridge }).native?.args).toContain('@acme/mcp-remote@1.2.3-beta.1');
  });

  test.each([
    ['mcp-remote x', '1.0.0'],
    ['--call', '1.0.0'],
    ['https://evil.example/p.tgz', '1.0.0'],
    ['mcp-remote', '1.0.0 --call'],
    ['mcp-remote', 'npm:other@1'],
  ])('a bridge %s @ %s is refused', (name, version) => {
    const { native, told } = render('claude-desktop', http, { bridge: { package: name, version } });
    expect(native).toBeUndefined();
    expect(told).toEqual(['error LOSSY_RENDERING /mcpServers/it']);
  });

  test.each([
    ['http://10.1.2.3/mcp', true],
    ['http://[::1]:3000/mcp', true],
    ['http://intranet/mcp', true],
    ['http://localhost:3000/mcp', false],
    ['http://127.0.0.1/mcp', false],
    ['https://10.1.2.3/mcp', false],
  ])('%s needs --allow-http: %s', (url, needed) => {
    const args = render('claude-desktop', { type: 'http', url }).native?.args;
    expect(Array.isArray(args) && args.includes('--allow-http')).toBe(needed);
  });

  test('a header travels in the environment and no argument holds a space', () => {
    const { native } = render('claude-desktop', { ...http, headers: { Authorization: 'Basic abc def' } });
    expect(native?.args).toContain('Authorization:${MCP_HEADER_AUTHORIZATION}');
    expect(native?.env).toEqual({ MCP_HEADER_AUTHORIZATION: 'Basic abc def' });
    expect(JSON.stringify(native?.args)).not.toContain(' ');
  });

  test('headers whose names fold to the same variable get one each', () => {
    const headers = { 'X-A': '1', X_A: '2', 'x-a': '3', 'X-A-2': '4' };
    const { native } = render('claude-desktop', { ...http, headers });
    expect(native?.env).toEqual({
      MCP_HEADER_X_A: '1',
      MCP_HEADER_X_A_2: '4',
      MCP_HEADER_X_A_3: '2',
      MCP_HEADER_X_A_4: '3',
    });
    expect(native?.args).toEqual(expect.arrayContaining(['X_A:${MCP_HEADER_X_A_3}', 'x-a:${MCP_HEADER_X_A_4}']));
  });

  test('a header value with a literal ${ would be filled in by the bridge and is refused', () => {
    expect(render('claude-desktop', { ...http, headers: { A: 'x$${HOME}' } })).toMatchObject({
      native: undefined,
      told: ['error LOSSY_RENDERING /mcpServers/it/headers/A'],
    });
  });

  test('a header reference of a bridged server is resolved by the launcher, and the release fixes the bridge', () => {
    const entry = { ...http, headers: { A: `Bearer ${ENV}` } };
    expect(render('claude-desktop', entry).native).toEqual(launched('claude-desktop').entry);
    const secret: Payload = { mcpServers: { it: { ...http, headers: { A: '${secret:k}' } } } };
    expect(render('cursor', { ...http, headers: { A: '${secret:k}' } }).native).toMatchObject(launched('cursor').entry);
    expect(bridgeFor(secret, client('cursor'))).toEqual({ bridge: BRIDGE });
    expect(bridgeFor({ mcpServers: { it: entry } }, client('cursor'))).toEqual({});
  });

  test('a header name that the bridge would silently drop is refused', () => {
    expect(render('claude-desktop', { ...http, headers: { 'X.Y': '1' } }).told).toEqual([
      'error LOSSY_RENDERING /mcpServers/it/headers/X.Y',
    ]);
  });

  test.each(['--help', 'ftp://a.example.com/x', 'https://a.example.com/a b', 'https://a\n.example.com', 'nonsense'])(
    'the bridge is not given %j as a URL',
    (url) => {
      expect(render('claude-desktop', { type: 'http', url })).toMatchObject({
        native: undefined,
        told: ['error LOSSY_RENDERING /mcpServers/it/url'],
      });
    },
  );

  test('the bridge is needed for enabled remote entries of Claude Desktop only', () => {
    const payload = (entry: Entry): Payload => ({ mcpServers: { a: entry, b: stdio } });
    expect(needsBridge(payload(http), client('claude-desktop'))).toBe(true);
    expect(needsBridge(payload({ ...http, disabled: true }), client('claude-desktop'))).toBe(false);
    expect(needsBridge(payload(stdio), client('claude-desktop'))).toBe(false);
    for (const id of ['claude-code', 'cursor', 'vscode', 'zed', 'codex-cli'])
      expect(needsBridge(payload(http), client(id))).toBe(false);
  });
});

test('a release fixes the bridge when one is needed, and keeps the one that is fixed already', () => {
  const payload: Payload = { mcpServers: { a: http } };
  expect(bridgeFor(payload, client('claude-desktop'))).toEqual({
    bridge: { package: 'mcp-remote', version: '0.15.1' },
  });
  expect(bridgeFor(payload, client('cursor'))).toEqual({});
  const bridge = { package: 'mcp-remote', version: '0.15.0' };
  expect(bridgeFor({ ...payload, bridge }, client('claude-desktop'))).toEqual({ bridge });
});

describe('Windows', () => {
  test.each(['claude-desktop', 'claude-code'])('%s gets npx and uvx through cmd /c, on Windows only', (id) => {
    for (const command of ['npx', 'uvx']) {
      expect(render(id, { command, args: ['a'] }, { os: 'windows' }).native).toMatchObject({
        command: 'cmd',
        args: ['/c', command, 'a'],
      });
      expect(render(id, { command, args: ['a'] }, { os: 'macos' }).native).toMatchObject({ command, args: ['a'] });
    }
  });

  test('other commands and other clients are left alone', () => {
    expect(render('claude-code', { command: 'node', args: ['a'] }, { os: 'windows' }).native?.command).toBe('node');
    for (const id of ['cursor', 'vscode']) expect(render(id, stdio, { os: 'windows' }).native?.command).toBe('npx');
  });

  test.each(['a&b', 'a|b', '<a', '>a', 'a^b', '%PATH%', 'a"b', 'a\nb', 'a\rb'])(
    'cmd would change the argument %j',
    (arg) => {
      expect(render('claude-code', { command: 'npx', args: [arg] }, { os: 'windows' })).toMatchObject({
        native: undefined,
        told: ['error LOSSY_RENDERING /mcpServers/it'],
      });
      expect(render('claude-code', { command: 'npx', args: [arg] }, { os: 'linux' }).told).toEqual([]);
      expect(render('claude-code', { command: 'node', args: [arg] }, { os: 'windows' }).told).toEqual([]);
    },
  );

  test('a bridged URL with a cmd operator is refused too', () => {
    const entry = { type: 'http', url: 'https://a.example.com/mcp?x=1&calc' } as const;
    expect(render('claude-desktop', entry, { os: 'windows' }).native).toBeUndefined();
    expect(render('claude-desktop', entry, { os: 'linux' }).native).toBeDefined();
  });
});

describe('what a client cannot say', () => {
  const switchless = WRITABLE.filter(({ entry }) => entry.disabled === null).map(({ client_id }) => client_id);
  test.each(switchless)('%s leaves out a disabled entry and says so', (id) => {
    expect(render(id, { ...stdio, disabled: true })).toMatchObject({
      native: undefined,
      told: ['warning LOSSY_RENDERING /mcpServers/it/disabled'],
    });
    expect(render(id, { ...stdio, disabled: false }).told).toEqual([]);
  });

  test('a tool filter is lost with a warning, the entry stays', () => {
    const { native, told } = render('cursor', { ...stdio, tools: { allow: ['a'], deny: [] } });
    expect(native).toEqual({ type: 'stdio', command: 'npx', args: ['-y', 'a-mcp@1.0.0'] });
    expect(told).toEqual([
      'warning LOSSY_RENDERING /mcpServers/it/tools/allow',
      'warning LOSSY_RENDERING /mcpServers/it/tools/deny',
    ]);
    expect(render('cursor', { ...stdio, tools: {} }).told).toEqual([]);
  });

  test('a timeout is milliseconds in Claude Code and lost elsewhere', () => {
    expect(render('claude-code', { ...http, timeout_ms: 1500 })).toMatchObject({ native: { timeout: 1500 }, told: [] });
    for (const id of ['claude-desktop', 'cursor', 'vscode']) {
      expect(render(id, { ...http, timeout_ms: 1500 }).told).toEqual([
        'warning LOSSY_RENDERING /mcpServers/it/timeout_ms',
      ]);
    }
  });

  test('a working directory is written for VS Code and lost elsewhere', () => {
    expect(render('vscode', { ...stdio, cwd: '/srv' })).toMatchObject({ native: { cwd: '/srv' }, told: [] });
    for (const id of ['claude-desktop', 'claude-code', 'cursor']) {
      const { native, told } = render(id, { ...stdio, cwd: '/srv' });
      expect(native).not.toHaveProperty('cwd');
      expect(told).toEqual(['warning LOSSY_RENDERING /mcpServers/it/cwd']);
    }
  });
});

describe('fields that only one client knows', () => {
  test('they are merged into the entry of that client and never leak into another', () => {
    const entry: Entry = { ...stdio, 'x-client': { cursor: { envFile: '/a' }, vscode: { sandboxEnabled: true } } };
    expect(render('cursor', entry)).toMatchObject({ native: { ...stdio, envFile: '/a' }, told: [] });
    expect(render('cursor', entry).native).not.toHaveProperty('sandboxEnabled');
    expect(render('claude-code', entry).native).toEqual({ type: 'stdio', ...stdio });
  });

  test.each(['command', 'args', 'env', 'url', 'headers', 'headersHelper', 'type', 'timeout'])(
    'they cannot replace %s',
    (field) => {
      const entry: Entry = { ...stdio, timeout_ms: 5, 'x-client': { 'claude-code': { [field]: 'evil' } } };
      const { native, told, messages } = render('claude-code', entry);
      expect(native).toBeUndefined();
      expect(told).toEqual([`error LOSSY_RENDERING /mcpServers/it/x-client/claude-code/${field}`]);
      expect(messages).not.toContain('evil');
    },
  );

  test('they hold no reference that the client would not resolve in that very spelling', () => {
    const told = (id: string, value: string) =>
      render(id, { ...stdio, 'x-client': { [id]: { a: [{ b: value }] } } }).told;
    const refused = (id: string) => [`error SECRET_NOT_RENDERABLE /mcpServers/it/x-client/${id}/a`];
    expect(told('cursor', '${env:A}')).toEqual([]);
    expect(told('vscode', '${input:a}')).toEqual([]);
    expect(told('cursor', '${workspaceFolder}')).toEqual([]);
    expect(told('claude-code', '${env:A}')).toEqual(refused('claude-code'));
    expect(told('cursor', '${input:a}')).toEqual(refused('cursor'));
    expect(told('vscode', '$${secret:a}')).toEqual(refused('vscode'));
  });
});

describe('server names', () => {
  test.each(['a b', 'a.b', 'ä', 'workspace', 'Claude Browser', 'Claude Preview'])('Claude Code rejects %j', (name) => {
    expect(render('claude-code', stdio, { name })).toMatchObject({
      native: undefined,
      told: [`error SERVER_NAME_UNSUPPORTED /mcpServers/${name}`],
    });
  });

  test('a name outside the portable pattern is a warning where the client takes it', () => {
    expect(render('claude-code', stdio, { name: 'My_Server' }).told).toEqual([
      'warning SERVER_NAME_UNSUPPORTED /mcpServers/My_Server',
    ]);
    for (const id of ['claude-desktop', 'cursor', 'vscode']) {
      const { native, told } = render(id, stdio, { name: 'My server/1' });
      expect(native).toBeDefined();
      expect(told).toEqual(['warning SERVER_NAME_UNSUPPORTED /mcpServers/My server~11']);
    }
    expect(render('claude-code', stdio, { name: 'my-server-1' }).told).toEqual([]);
  });
});

describe('a dialect that a later client may have', () => {
  const windsurfLike = (change: Partial<ClientDefinition['entry']>): ClientDefinition => {
    const cursor = client('cursor');
    return { ...cursor, entry: { ...cursor.entry, ...change }, dialect: { ...cursor.dialect, ...dialect } };
  };
  const dialect = {
    write_type: [],
    bridged: [],
    timeout_field: 'timeout',
    references: [],
    windows_shell_for: [],
    server_names: null,
  };
  const native = (it: ClientDefinition, entry: Entry) =>
    renderPayload({ mcpServers: { a: entry } }, it, { os: 'linux', launcher: 'x' });

  test('switches an entry off in its own words, filters tools, and counts seconds upwards', () => {
    const it = windsurfLike({
      disabled: { pointer: '/state/enabled', off: false },
      tools: { allow: 'allowed', deny: 'disabledTools', auto_approve: null },
      timeouts: [{ field: 'timeout', unit: 's', default: null }],
    });
    const entry: Entry = { ...stdio, disabled: true, tools: { allow: ['a'], deny: ['b'] }, timeout_ms: 1001 };
    expect(native(it, entry).entries).toEqual([
      ['a', { ...stdio, state: { enabled: false }, timeout: 2, allowed: ['a'], disabledTools: ['b'] }],
    ]);
  });

  test('names the URL as the client does', () => {
    const remote = { type: null, url_field: 'serverUrl', headers_field: 'headers', required: [], optional: [] };
    expect(native(windsurfLike({ http: remote }), http).entries).toEqual([['a', { serverUrl: http.url }]]);
  });

  test('refuses a transport that the client has not', () => {
    const codes = (it: ClientDefinition, entry: Entry) => native(it, entry).findings.map(({ path }) => path);
    expect(codes(windsurfLike({ http: null }), http)).toEqual(['/mcpServers/a/type']);
    expect(codes(windsurfLike({ stdio: null }), stdio)).toEqual(['/mcpServers/a/command']);
    const bridged = { ...windsurfLike({ stdio: null }), dialect: { ...dialect, bridged: ['http' as const] } };
    expect(codes(bridged, http)).toEqual(['/mcpServers/a/type']);
  });
});

describe('properties', () => {
  const text = fc.oneof(
    fc.string({ maxLength: 12 }),
    fc
      .array(
        fc.constantFrom('${env:A}', '${secret:a.b}', '${input:x}', '$${', '$', '{', 'secret:a}', '${', ' ', 'é', '&'),
        {
          maxLength: 5,
        },
      )
      .map((parts) => parts.join('')),
  );
  const key = fc.oneof(fc.stringMatching(/^[A-Za-z0-9_-]{1,8}$/), fc.constantFrom('${secret:k}', 'toString', '7'));
  const common = {
    disabled: fc.boolean(),
    timeout_ms: fc.integer({ min: 1, max: 9999 }),
    tools: fc.record({ allow: fc.array(text, { maxLength: 2 }) }),
    'x-client': fc.dictionary(
      fc.constantFrom(...WRITABLE.map(({ client_id }) => client_id)),
      fc.dictionary(key, fc.oneof(text, fc.array(text, { maxLength: 2 })), { maxKeys: 2 }),
      { maxKeys: 2 },
    ),
  };
  const local = fc.record(
    {
      command: text.filter((it) => it !== ''),
      args: fc.array(text, { maxLength: 3 }),
      env: fc.dictionary(key, text),
      ...common,
    },
    { requiredKeys: ['command', 'args'] },
  );
  const remote = fc.record(
    {
      type: fc.constantFrom('http' as const, 'sse' as const),
      url: fc.oneof(
        text.filter((it) => it !== ''),
        text.map((it) => `https://a.example.com/${it}`),
      ),
      headers: fc.dictionary(key, text),
      ...common,
    },
    { requiredKeys: ['type', 'url'] },
  );
  const payloads = fc.dictionary(key, fc.oneof(local, remote), { maxKeys: 4 }).map((mcpServers): Payload => {
    return Payload.parse(JSON.parse(JSON.stringify({ mcpServers })));
  });
  const clients = fc.constantFrom(...WRITABLE);
  const systems = fc.constantFrom<Os>('linux', 'macos', 'windows');

  test('rendering is the same every time, for every order of keys, and changes nothing in the payload', () => {
    const reversed = (value: unknown): unknown => {
      if (Array.isArray(value)) return value.map(reversed);
      if (typeof value !== 'object' || value === null) return value;
      return Object.fromEntries(
        Object.entries(value)
          .toReversed()
          .map(([name, below]) => [name, reversed(below)]),
      );
    };
    fc.assert(
      fc.property(payloads, clients, systems, (payload, it, os) => {
        const before = JSON.stringify(payload);
        const first = renderPayload(payload, it, { os, launcher: 'x' });
        const again = renderPayload(Payload.parse(reversed(payload)), it, { os, launcher: 'x' });
        expect(again.native_text).toBe(first.native_text);
        expect(again.native_sha256).toBe(first.native_sha256);
        expect(JSON.stringify(payload)).toBe(before);
      }),
    );
  });

  test('no client file ever holds a secret reference, an entry with an error, or less than the rest', () => {
    fc.assert(
      fc.property(payloads, clients, systems, (payload, it, os) => {
        const { native_text, entries, findings } = renderPayload(payload, it, { os, launcher: 'x' });
        expect(native_text).not.toContain('${secret:');
        const bad = new Set(findings.filter(({ severity }) => severity === 'error').map(({ server }) => server));
        const expected = Object.entries(payload.mcpServers)
          .filter(([name, entry]) => !bad.has(name) && (entry.disabled !== true || it.entry.disabled !== null))
          .map(([name]) => name);
        expect(entries.map(([name]) => name)).toEqual(expected.toSorted());
        const pointer = it.scopes[0]?.pointer?.slice(1) ?? '';
        const parse = PARSERS[it.scopes[0]?.format ?? ''] ?? JSON.parse;
        const named = it.scopes[0]?.container === 'list' ? entries.map(([name, entry]) => ({ name, ...entry })) : null;
        expect(parse(native_text)[pointer] ?? (named ? [] : {})).toEqual(named ?? Object.fromEntries(entries));
      }),
    );
  });

  // fast-check found it: seed 329268816, path 750:1:1:2:2:2:2:2:2:2:2:4
  test('a field of remote servers is not written to an entry of Codex that the launcher serves', () => {
    const entry = {
      type: 'http',
      url: 'https://a.example.com/${env:A}',
      'x-client': { 'codex-cli': { scopes: ['a'] } },
    };
    const payload = Payload.parse({ mcpServers: { it: entry } });
    const { native_text, findings } = renderPayload(payload, client('codex-cli'), { os: 'linux', launcher: 'x' });
    expect(native_text).not.toContain('scopes');
    expect(findings.map(({ code, path }) => [code, path])).toContainEqual([
      'LOSSY_RENDERING',
      '/mcpServers/it/x-client/codex-cli/scopes',
    ]);
  });

  test('nothing that is written makes Codex refuse its whole file (facts: trap 9)', () => {
    const texts = (value: unknown) => Array.isArray(value) && value.every((item) => typeof item === 'string');
    const map = (value: unknown) => texts(Object.values(value as object)) && !Array.isArray(value);
    const isText = (value: unknown) => typeof value === 'string';
    const positive = (value: unknown) => typeof value === 'number' && value > 0;
    const isBoolean = (value: unknown) => typeof value === 'boolean';
    const both = { enabled: isBoolean, required: isBoolean, enabled_tools: texts, disabled_tools: texts };
    const timeouts = { startup_timeout_sec: positive, tool_timeout_sec: positive };
    const stdioFields: Record<string, (value: unknown) => boolean> = {
      ...{ command: isText, args: texts, env: map, env_vars: texts, cwd: isText },
      ...{ ...both, ...timeouts, supports_parallel_tool_calls: isBoolean },
    };
    const httpFields: Record<string, (value: unknown) => boolean> = {
      ...{ url: isText, http_headers: map, env_http_headers: map, bearer_token_env_var: isText },
      ...{ ...both, ...timeouts, scopes: texts, oauth_resource: isText },
    };
    const codex = client('codex-cli');
    const fields = Object.keys({ ...stdioFields, ...httpFields, bearer_token: 1, startup_timeout_ms: 1, type: 1 });
    const own = fc.dictionary(
      fc.constantFrom(...fields),
      fc.oneof(
        text,
        fc.boolean(),
        fc.integer({ min: -3, max: 3 }),
        fc.array(text, { maxLength: 2 }),
        fc.constant(null),
      ),
      { maxKeys: 3 },
    );
    const entries = fc.tuple(fc.oneof(local, remote), own).map(([entry, codexes]) => ({
      ...entry,
      'x-client': { 'codex-cli': codexes },
    }));
    fc.assert(
      fc.property(fc.dictionary(key, entries, { maxKeys: 3 }), systems, (mcpServers, os) => {
        const payload = Payload.parse(JSON.parse(JSON.stringify({ mcpServers })));
        const { native_text } = renderPayload(payload, codex, { os, launcher: 'x' });
        const written = parseToml(native_text)['mcp_servers'] ?? {};
        for (const server of Object.values(written) as Record<string, unknown>[]) {
          expect(Number('command' in server) + Number('url' in server)).toBe(1);
          const legal = 'url' in server ? httpFields : stdioFields;
          for (const [field, value] of Object.entries(server)) {
            expect([field, Object.hasOwn(legal, field) && legal[field]?.(value)]).toEqual([field, true]);
          }
        }
      }),
      { numRuns: Number(process.env.PROPERTY_RUNS ?? 1000) },
    );
  });

  test('an argument of the bridge never holds a blank, and every header has a variable of its own', () => {
    const remotes = fc.dictionary(key, remote, { maxKeys: 3 });
    fc.assert(
      fc.property(remotes, systems, (mcpServers, os) => {
        const payload = Payload.parse(JSON.parse(JSON.stringify({ mcpServers })));
        for (const [name, native] of renderPayload(payload, client('claude-desktop'), { os, launcher: 'x' }).entries) {
          const entry = payload.mcpServers[name];
          const { args, env } = native;
          if (Array.isArray(args) && args.includes('exec-server')) continue;
          if (!Array.isArray(args) || entry === undefined || !isRemote(entry)) throw new Error('no bridge');
          expect(args.some((arg) => /\s/.test(String(arg)))).toBe(false);
          expect(Object.keys(env ?? {})).toHaveLength(Object.keys(entry.headers ?? {}).length);
        }
      }),
    );
  });
});

test.each(WRITABLE)(
  'who only asks what $client_id would lose hears what the rendering says and throws',
  (definition) => {
    const own = (value: null | boolean): Entry => ({
      command: 'npx',
      args: [],
      'x-client': { [definition.client_id]: { odd: value } },
    });
    for (const entry of [own(null), own(true), { type: 'sse', url: 'https://h/sse' } as const]) {
      const payload: Payload = { mcpServers: { it: entry } };
      const outcome = (work: () => Finding[]): unknown => {
        try {
          return work();
        } catch (error) {
          return (error as AppError).code;
        }
      };
      const target = { os: 'linux' } as const;
      expect(outcome(() => renderFindings(payload, definition, target))).toEqual(
        outcome(() => renderPayload(payload, definition, target).findings),
      );
    }
  },
);
