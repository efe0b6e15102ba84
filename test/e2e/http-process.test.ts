import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { setTimeout } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { cli, cliJson, type HttpServer, startHttp, startLines } from '../support/process.ts';
import { IN_FILE } from '../support/store-under-test.ts';
import { modesUnder, testWorkspace } from '../support/workspace.ts';

/** `serve-http` as a process: how it begins, whom it lets in, what it keeps, and how it ends. */

const DRAFT = '/v1/config/claude-desktop/default/draft';
const portOf = ({ url }: HttpServer) => Number(new URL(url).port);

test('the ready line is one JSON object, and the server answers at once at the address that it names', async () => {
  const server = await startHttp(await testWorkspace());
  const ready = JSON.parse(server.output.stdout);
  expect(ready).toEqual({
    url: expect.stringMatching(/^http:\/\/127\.0\.0\.1:[1-9]\d*$/),
    docs_url: `${ready.url}/docs`,
    pid: expect.any(Number),
  });
  expect(await server.ask('GET', '/health', { token: null })).toMatchObject({ status: 200, body: { status: 'ok' } });
  expect(await server.ask('GET', '/v1/clients', { token: null })).toMatchObject({
    status: 401,
    body: { error: { code: 'AUTHENTICATION_REQUIRED' } },
  });
  expect(await server.ask('GET', '/v1/clients')).toMatchObject({ status: 200, body: { count: expect.any(Number) } });
  expect(await server.stop()).toEqual({ code: 0, signal: null });
  expect(server.output.stdout).toBe(`${JSON.stringify(ready)}\n`);
});

test('only the first start makes a token; it still works after the next start', async () => {
  const workspace = await testWorkspace();
  const first = await startHttp(workspace);
  expect(first.token).toMatch(/^mcpo_user_[0-9A-Za-z]{49}$/);
  const token = String(first.token);
  expect(first.output.stderr.split(token)).toHaveLength(2);
  await first.stop();
  const second = await startHttp(workspace);
  expect(second.token).toBeUndefined();
  expect(second.output.stderr).not.toContain('mcpo_');
  expect(await second.ask('GET', '/v1/clients', { token })).toMatchObject({ status: 200 });
});

test('a token made beside a running server is accepted, survives a restart, and ends with its revocation', async () => {
  const workspace = await testWorkspace();
  const server = await startHttp(workspace);
  const made = await cliJson(workspace, 'generate-token', '--name', 'beside', '--role', 'viewer');
  const token = String(made['token']);
  expect(await server.ask('GET', '/v1/clients', { token })).toMatchObject({ status: 200 });
  const refused = await server.ask('POST', `${DRAFT}/add`, { token, body: { server_id: 'memory' } });
  expect(refused).toMatchObject({ status: 403, body: { error: { code: 'FORBIDDEN' } } });
  await server.stop();

  const again = await startHttp(workspace);
  expect(await again.ask('GET', '/v1/clients', { token })).toMatchObject({ status: 200 });
  await cliJson(workspace, 'revoke-token', String(made['token_id']));
  const after = await again.ask('GET', '/v1/clients', { token });
  expect(after).toMatchObject({ status: 401, body: { error: { code: 'INVALID_CREDENTIALS' } } });
  await again.stop();
  const { tokens } = (await cliJson(workspace, 'list-tokens')) as { tokens: Record<string, unknown>[] };
  expect(tokens.find(({ token_id }) => token_id === made['token_id'])).toMatchObject({
    name: 'beside',
    use_count: 3,
    revoked_at: expect.any(String),
  });
});

test('with an API key no token is made, and the key is shown nowhere', async () => {
  const key = 'a-key-that-somebody-chose';
  const server = await startHttp(await testWorkspace(), { env: { MCP_ORCHESTRATION_API_KEY: key } });
  expect(server.token).toBeUndefined();
  const response = await fetch(`${server.url}/v1/servers`, { headers: { 'x-api-key': key } });
  expect(response.status).toBe(200);
  await server.stop();
  expect(server.output.stdout + server.output.stderr).not.toContain(key);
});

test('a second server on the same port ends with a clear refusal, and the first goes on', async () => {
  const workspace = await testWorkspace();
  const server = await startHttp(workspace);
  const port = portOf(server);
  const { code, json, stderr } = await cli(workspace, 'serve-http', '--port', String(port), '--json');
  expect(code).toBe(1);
  expect(json()).toMatchObject({ error: { code: 'UNAVAILABLE', details: { reason: 'EADDRINUSE', port } } });
  expect(stderr).toBe(
    `UNAVAILABLE: Cannot listen on 127.0.0.1 port ${port}: another program uses it.\n` +
      'Choose another port with --port (0 picks a free one), or stop the other program.\n',
  );
  expect(await server.ask('GET', '/health')).toMatchObject({ status: 200 });
});

test('whatever the umask, the files of the server belong to its owner alone', async () => {
  const workspace = await testWorkspace();
  const before = process.umask(0);
  onTestFinished(() => void process.umask(before));
  const server = await startHttp(workspace);
  await server.ask('POST', '/v1/keys/initialize', { body: {} });
  const modes = await modesUnder(workspace.data_dir);
  const store = IN_FILE ? ['state.db', 'state.db-wal'] : [];
  expect(Object.keys(modes)).toEqual(expect.arrayContaining([...store, 'keys/', 'keys/signing.key']));
  for (const [path, mode] of Object.entries(modes))
    expect([path, mode]).toEqual([path, path.endsWith('/') ? '0700' : '0600']);
});

/** A request whose headers the server has read, and whose body it still waits for. */
async function begunRequest(
  server: HttpServer,
  body: string,
): Promise<{ finish(): Promise<{ status: number | undefined; body: string }> }> {
  const outgoing = request({
    host: '127.0.0.1',
    port: portOf(server),
    method: 'POST',
    path: `${DRAFT}/add`,
    headers: {
      authorization: `Bearer ${server.token}`,
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
      expect: '100-continue',
    },
  });
  const answered = once(outgoing, 'response') as Promise<[IncomingMessage]>;
  answered.catch(() => undefined); // seen again in `finish`
  outgoing.flushHeaders();
  await once(outgoing, 'continue');
  outgoing.write(body.slice(0, 5));
  return {
    async finish() {
      outgoing.end(body.slice(5));
      const [response] = await answered;
      return { status: response.statusCode, body: await text(response) };
    },
  };
}

/** Waits until nobody listens on the server's port any more. */
async function untilDeaf(server: HttpServer): Promise<void> {
  for (;;) {
    const socket = connect(portOf(server), '127.0.0.1');
    const open = await Promise.race([
      once(socket, 'connect').then(() => true),
      once(socket, 'error').then(() => false),
    ]).catch(() => false);
    socket.destroy();
    if (!open) return;
    await setTimeout(20);
  }
}

test('a stop answers what is in flight, takes nothing new, and ends with 0 within 10 seconds', async () => {
  const workspace = await testWorkspace();
  const server = await startHttp(workspace);
  const names = Array.from({ length: 5 }, (_, index) => `memory-${index}`);
  const begun = await Promise.all(
    names.map((server_name) => begunRequest(server, JSON.stringify({ server_id: 'memory', server_name }))),
  );
  const at = performance.now();
  const stopped = server.stop('SIGTERM');
  await untilDeaf(server);
  const answers = await Promise.all(begun.map((one) => one.finish()));
  expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200]);
  expect(answers.map(({ body }) => JSON.parse(body).server_name)).toEqual(names);
  expect(await stopped).toEqual({ code: 0, signal: null });
  expect(performance.now() - at).toBeLessThan(10_000);
  expect((await cliJson(workspace, 'view-draft'))['server_count']).toBe(5);
});

test('connections on which nothing was asked, or not all of it, do not hold up a stop', async () => {
  const server = await startHttp(await testWorkspace());
  const beginnings = ['', 'GET /heal', 'GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n'];
  for (const beginning of beginnings) {
    const socket = connect(portOf(server), '127.0.0.1').on('error', () => undefined);
    onTestFinished(() => void socket.destroy());
    await once(socket, 'connect');
    socket.write(beginning);
    if (beginning.endsWith('\r\n\r\n')) await once(socket, 'data');
  }
  const at = performance.now();
  expect(await server.stop('SIGTERM')).toEqual({ code: 0, signal: null });
  expect(performance.now() - at).toBeLessThan(5_000);
});

test('who never finishes a request is cut off, so that a stop still ends with 0 within 10 seconds', async () => {
  const server = await startHttp(await testWorkspace());
  const begun = await begunRequest(server, '{"server_id":"memory"}');
  const at = performance.now();
  expect(await server.stop('SIGTERM')).toEqual({ code: 0, signal: null });
  expect(performance.now() - at).toBeLessThan(10_000);
  await expect(begun.finish()).rejects.toThrow();
});

test.each(['SIGTERM', 'SIGINT'] as const)(
  'a %s that comes right after the ready line is a clean stop',
  async (signal) => {
    const server = startLines(await testWorkspace(), ['serve-http', '--port', '0']);
    await server.line();
    server.child.kill(signal);
    expect(await server.ended).toEqual([0, null]);
    expect(server.lines).toEqual([expect.stringMatching(/^Listening on http:\/\/127\.0\.0\.1:[1-9]\d*$/)]);
  },
);

test('killing the server loses no draft that it has acknowledged', async () => {
  const workspace = await testWorkspace();
  const { token } = await cliJson(workspace, 'generate-token');
  for (const round of [1, 2, 3]) {
    const server = await startHttp(workspace);
    const acknowledged: unknown[] = [];
    const add = async (server_name: string) => {
      const answer = await server
        .ask('POST', `${DRAFT}/add`, { token: String(token), body: { server_id: 'memory', server_name } })
        .catch(() => undefined); // it was killed meanwhile
      if (answer?.status !== 200) return;
      acknowledged.push(answer.body['server_name']);
      if (acknowledged.length === round * 5) await server.stop('SIGKILL');
    };
    await Promise.all(Array.from({ length: 30 }, (_, index) => add(`memory-${round}-${index}`)));
    expect(acknowledged.length).toBeGreaterThanOrEqual(round * 5);
    expect((await cliJson(workspace, 'view-draft'))['servers']).toEqual(expect.arrayContaining(acknowledged));
  }
});
