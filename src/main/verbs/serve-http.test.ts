import { connect } from 'node:net';
import { hostname } from 'node:os';
import { PassThrough, Readable } from 'node:stream';
import { expect, it, onTestFinished } from 'vitest';
import { cliHere } from '../../../test/support/in-process.ts';
import { testWorkspace, type Workspace } from '../../../test/support/workspace.ts';
import { openHttp } from './serve-http.ts';

/** The server in this process: a real listener, real requests. Signals and ends are of test/e2e/http-process.test.ts. */

interface Started {
  url: string;
  out: string;
  notes: string[];
  ask(path: string, init?: RequestInit): Promise<{ status: number; body: Record<string, unknown>; headers: Headers }>;
  close(): Promise<void>;
}

const read = (stream: PassThrough) => String(stream.read() ?? '');

async function start(
  { env, home }: Workspace,
  settings: Record<string, string> = {},
  options: Record<string, unknown> = {},
): Promise<Started> {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const given = { MCP_ORCHESTRATION_PORT: '0', MCP_ORCHESTRATION_LOG_LEVEL: 'silent', ...settings };
  const terminal = { args: [], stdin: Readable.from([]), stdout, stderr, cwd: home, env: { ...env, ...given } };
  const server = await openHttp(terminal, options);
  let open = true;
  const close = async () => {
    if (open) await server.close();
    open = false;
  };
  onTestFinished(close);
  await server.announce();
  const out = read(stdout);
  const notes = read(stderr).trimEnd().split('\n');
  const url = (notes[0] ?? '').replace('Documentation: ', '').replace(/\/docs$/, '');
  return {
    url,
    out,
    notes,
    close,
    async ask(path, init) {
      const response = await fetch(url + path, init);
      return { status: response.status, body: JSON.parse(await response.text()), headers: response.headers };
    },
  };
}

const bearer = (token: string) => ({ headers: { authorization: `Bearer ${token}` } });
const tokenIn = (notes: string[]) => /^API token \(shown only now\): (\S+)$/.exec(notes[1] ?? '')?.[1] ?? '';

it('the first start names its address, its documentation and one token, and the token opens the API', async () => {
  const server = await start(await testWorkspace());
  expect(server.url).toMatch(/^http:\/\/127\.0\.0\.1:[1-9]\d*$/);
  expect(server.out).toBe(`Listening on ${server.url}\n`);
  expect(server.notes).toHaveLength(2);
  const token = tokenIn(server.notes);
  expect(token).toMatch(/^mcpo_user_[0-9A-Za-z]{49}$/);
  expect(await server.ask('/health')).toMatchObject({ status: 200, body: { status: 'ok' } });
  expect(await server.ask('/v1/clients')).toMatchObject({
    status: 401,
    body: { error: { code: 'AUTHENTICATION_REQUIRED' } },
  });
  expect(await server.ask('/v1/clients', bearer(token))).toMatchObject({ status: 200 });
});

it('the next start makes no token, and the old one goes on working until it is revoked', async () => {
  const workspace = await testWorkspace();
  const first = await start(workspace);
  const token = tokenIn(first.notes);
  expect((await first.ask('/v1/clients', bearer(token))).status).toBe(200);
  await first.close();
  const second = await start(workspace);
  expect(second.notes).toEqual([`Documentation: ${second.url}/docs`]);
  expect((await second.ask('/v1/clients', bearer(token))).status).toBe(200);
  const { tokens } = (await cliHere(workspace, 'list-tokens', '--json')).json() as { tokens: { token_id: string }[] };
  await cliHere(workspace, 'revoke-token', String(tokens[0]?.token_id));
  expect(await second.ask('/v1/clients', bearer(token))).toMatchObject({
    status: 401,
    body: { error: { code: 'INVALID_CREDENTIALS' } },
  });
});

it('with --json the ready line is an object, and a short API key is warned of and never shown', async () => {
  const server = await start(await testWorkspace(), { MCP_ORCHESTRATION_API_KEY: 'made-up-key' }, { json: true });
  expect(JSON.parse(server.out)).toEqual({ url: server.url, docs_url: `${server.url}/docs`, pid: process.pid });
  expect(server.notes.slice(1)).toEqual([
    'WARNING: MCP_ORCHESTRATION_API_KEY is short enough to be guessed; use 16 characters or more.',
  ]);
  expect(server.out + server.notes.join('')).not.toContain('made-up-key');
  expect((await server.ask('/v1/servers', { headers: { 'x-api-key': 'made-up-key' } })).status).toBe(200);
});

it('on all addresses it is in server mode: it warns, hides its documents and refuses to deploy, unless told otherwise', async () => {
  const settings = { MCP_ORCHESTRATION_HOST: '0.0.0.0', MCP_ORCHESTRATION_API_KEY: 'made-up-key-of-sixteen' };
  const headers = { 'x-api-key': settings.MCP_ORCHESTRATION_API_KEY, 'content-type': 'application/json' };
  const deploy = { method: 'POST', headers, body: '{}' };
  const server = await start(await testWorkspace(), settings);
  expect(server.notes.slice(1)).toEqual([
    'WARNING: this server is reachable from other machines without TLS. Set MCP_ORCHESTRATION_TLS_CERT and _TLS_KEY, or put a TLS proxy in front of it and name it in MCP_ORCHESTRATION_TRUSTED_PROXIES, or listen on 127.0.0.1.',
  ]);
  expect((await server.ask('/openapi.json')).status).toBe(401);
  const refused = await server.ask('/v1/config/cursor/default/deploy', deploy);
  expect(refused).toMatchObject({ status: 403, body: { error: { code: 'FORBIDDEN' } } });
  const allowing = await start(await testWorkspace(), settings, { allowDeploy: true });
  const allowed = await allowing.ask('/v1/config/cursor/default/deploy', deploy);
  expect(allowed).toMatchObject({ status: 404, body: { error: { code: 'CONFIG_NOT_FOUND' } } });
});

/** The status line for a request that names this host. */
async function statusFor(url: string, host: string): Promise<string> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  socket.write(`GET /health HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
  let answer = '';
  for await (const chunk of socket) answer += chunk;
  return answer.split('\r\n')[0] ?? '';
}

it('answers only to names of this machine, and to those it was told', async () => {
  const ok = 'HTTP/1.1 200 OK';
  const local = await start(await testWorkspace());
  for (const host of ['localhost', '127.0.0.1', '[::1]:80']) expect(await statusFor(local.url, host), host).toBe(ok);
  for (const host of ['evil.example', 'mcp.example']) expect(await statusFor(local.url, host), host).not.toBe(ok);
  const open = await start(await testWorkspace(), {
    MCP_ORCHESTRATION_HOST: '0.0.0.0',
    MCP_ORCHESTRATION_ALLOWED_HOSTS: 'MCP.example',
  });
  for (const host of [hostname(), 'mcp.example', '127.0.0.1']) expect(await statusFor(open.url, host), host).toBe(ok);
  expect(await statusFor(open.url, 'evil.example')).not.toBe(ok);
});

it('a value that it cannot take is refused by the name that was typed', async () => {
  const workspace = await testWorkspace();
  const refused = async (...args: string[]) => (await cliHere(workspace, 'serve-http', ...args)).stderr.split('\n')[0];
  expect(await refused('--port', '99999')).toBe('INVALID_INPUT: --port: a port is a number from 0 to 65535');
  expect(await refused('--log-level', 'loud')).toMatch(/^INVALID_INPUT: --log-level: /);
  expect(await refused('--host', '')).toMatch(/^INVALID_INPUT: --host: /);
  workspace.env['MCP_ORCHESTRATION_PORT'] = '99999';
  expect(await refused()).toBe('INVALID_INPUT: MCP_ORCHESTRATION_PORT: a port is a number from 0 to 65535');
});

it('says in words why it cannot listen', async () => {
  const workspace = await testWorkspace();
  const first = await start(workspace);
  const port = new URL(first.url).port;
  await expect(start(workspace, {}, { port })).rejects.toMatchObject({
    code: 'UNAVAILABLE',
    message: `Cannot listen on 127.0.0.1 port ${port}: another program uses it.`,
    details: { reason: 'EADDRINUSE' },
  });
  await expect(start(workspace, {}, { host: '192.0.2.1', port: '0' })).rejects.toMatchObject({
    message: 'Cannot listen on 192.0.2.1 port 0: this machine has no such address.',
  });
  expect((await first.ask('/health')).status).toBe(200);
});

it('a stop answers what is in flight, and does not wait for connections on which nothing was asked', async () => {
  const server = await start(await testWorkspace());
  const port = Number(new URL(server.url).port);
  const idle = connect(port, '127.0.0.1').on('error', () => undefined);
  await new Promise((connected) => idle.once('connect', connected));
  const body = '{"server_id":"memory"}';
  const begun = connect(port, '127.0.0.1').on('error', () => undefined);
  begun.write(
    `POST /v1/config/cursor/default/draft/add HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${tokenIn(server.notes)}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\nExpect: 100-continue\r\n\r\n`,
  );
  let answer = '';
  begun.on('data', (chunk) => {
    answer += chunk;
  });
  await expect.poll(() => answer).toContain('100 Continue');
  const closed = server.close();
  begun.end(body);
  await closed;
  expect(answer).toContain('HTTP/1.1 200 OK');
  expect(answer).toContain('"server_name":"memory"');
  await expect(fetch(`${server.url}/health`)).rejects.toThrow();
});
