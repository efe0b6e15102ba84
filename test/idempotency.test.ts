import { rmSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { z } from 'zod';
import { batchOf } from '../src/operations/batch.ts';
import { OPERATIONS } from '../src/operations/index.ts';
import { defineOperation, invoke, type Operation } from '../src/operations/operation.ts';
import { call, callOn } from './crash/invariants.ts';
import { API_KEY, codeIn, restInProcess } from './hostile/server.ts';
import { startHttp } from './support/process.ts';
import { rowsIn } from './support/rows.ts';
import { makeTestBuild, type TestBuild } from './support/test-build.ts';
import { testWorkspace } from './support/workspace.ts';

/** A POST that is repeated with its Idempotency-Key gets the answer of the first one, and is not carried out again. */

const ADD = '/v1/config/cursor/default/draft/add';
const PUBLISH = '/v1/config/cursor/default/publish';
const memory = { server_id: 'memory', replace: true };
const HOUR = 3_600_000;

/** A clock that the test moves. */
function movable() {
  const clock = { at: new Date('2026-11-27T12:00:00.000Z').getTime() };
  const move = (ms: number) => {
    clock.at += ms;
  };
  return { now: () => new Date(clock.at), move };
}

type Headers = Record<string, string>;

async function served(settings: Parameters<typeof restInProcess>[0] = {}) {
  const rest = await restInProcess(settings);
  const ask = async (method: string, url: string, body?: unknown, headers: Headers = {}) => {
    const credentials = 'authorization' in headers ? {} : { 'x-api-key': API_KEY };
    const answer = await rest.server.inject({
      method: method as 'POST',
      url,
      headers: { host: 'localhost', ...credentials, 'content-type': 'application/json', ...headers },
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    return {
      status: answer.statusCode,
      text: answer.body,
      code: answer.statusCode < 400 ? 'ok' : codeIn(answer.body),
      replayed: answer.headers['idempotency-replayed'] === 'true',
      headers: answer.headers,
    };
  };
  const post = (url: string, body: unknown, key: string, headers: Headers = {}) =>
    ask('POST', url, body, { 'idempotency-key': key, ...headers });
  const revision = async () => (await callOn(rest.app, 'view_draft_config', { client_id: 'cursor' }))['revision'];
  const rows = () => rowsIn(rest.workspace.env, 'select * from idempotency');
  return { ...rest, ask, post, revision, rows };
}

/** An operation that the test lets go on, and counts. It settles nothing inside a transaction. */
function gated() {
  const gate = Promise.withResolvers<void>();
  const seen = { runs: 0 };
  const operation = defineOperation({
    id: 'test.wait',
    summary: 'Wait',
    effect: 'write',
    transaction: 'own',
    input: z.strictObject({}),
    output: z.object({ run: z.int() }),
    errors: [],
    permission: { needs: 'config:write' },
    rest: { method: 'POST', path: '/v1/wait' },
    async run() {
      seen.runs += 1;
      const run = seen.runs;
      await gate.promise;
      return { run };
    },
  });
  return { operation, open: () => gate.resolve(), seen };
}

const begun = async (seen: { runs: number }, runs = 1) => {
  while (seen.runs < runs) await sleep(1);
};

describe('the same request with the same key', () => {
  it('gets the same status and bytes again, and nothing is done', async () => {
    const { app, post, revision, workspace } = await served();
    await callOn(app, 'initialize_keys');
    const first = await post(ADD, memory, 'k1');
    const second = await post(ADD, memory, 'k1');
    expect([first.status, first.replayed, second.replayed]).toEqual([200, false, true]);
    expect([second.status, second.text]).toEqual([first.status, first.text]);
    const { 'x-request-id': one, date: _, ...others } = first.headers;
    const { 'x-request-id': other, date: __, 'idempotency-replayed': ___, ...same } = second.headers;
    expect(same).toEqual(others);
    expect(one).not.toBe(other);
    expect(await revision()).toBe(1);
    expect(await rowsIn(workspace.env, "select number from audit where operation = 'drafts.addServer'")).toHaveLength(
      1,
    );
    expect(await post(ADD, memory, 'k2')).toMatchObject({ status: 200, replayed: false });
    expect(await revision()).toBe(2);
    const published = [await post(PUBLISH, {}, 'k3'), await post(PUBLISH, {}, 'k3'), await post(PUBLISH, {}, 'k4')];
    expect(published.map(({ status, replayed }) => [status, replayed])).toEqual([
      [201, false],
      [201, true],
      [200, false],
    ]);
  });

  it('may be written in another way, and an empty body is an empty object', async () => {
    const { post } = await served();
    await post(ADD, '{"server_id":"memory","replace":true}', 'k1');
    expect(await post(ADD, '{ "replace": true,\n "server_id": "memory" }', 'k1')).toMatchObject({ replayed: true });
    await post('/v1/config/cursor/default/validate', {}, 'k2');
    expect(await post('/v1/config/cursor/default/validate', undefined, 'k2')).toMatchObject({ replayed: true });
  });

  it('gets a refusal again too, also when it would be none any more', async () => {
    const { app, post } = await served();
    const payload = { mcpServers: { one: { command: 'node', args: [] } } };
    const first = await post(PUBLISH, { payload }, 'k1');
    expect([first.status, first.code]).toEqual([409, 'KEYS_NOT_INITIALIZED']);
    await callOn(app, 'initialize_keys');
    expect(await post(PUBLISH, { payload }, 'k1')).toMatchObject({ status: 409, text: first.text, replayed: true });
    expect(await post(PUBLISH, { payload }, 'k2')).toMatchObject({ status: 201, replayed: false });
    const bad = await post(PUBLISH, { bogus: 1 }, 'k3');
    expect(bad.code).toBe('INVALID_INPUT');
    expect(await post(PUBLISH, { bogus: 1 }, 'k3')).toMatchObject({ text: bad.text, replayed: true });
    const stale = await post(ADD, memory, 'k4', { 'if-match': '"7"' });
    expect(stale.status).toBe(412);
    expect(await post(ADD, memory, 'k4', { 'if-match': '"7"' })).toMatchObject({ text: stale.text, replayed: true });
  });

  it('is a batch as well', async () => {
    const { post, revision } = await served();
    const items = [
      { operation: 'set_draft_config', client_id: 'cursor', payload: { mcpServers: {} } },
      { operation: 'publish', client_id: 'cursor' },
    ];
    const first = await post('/v1/config/batch', items, 'k1');
    expect(JSON.parse(first.text)).toMatchObject({ succeeded: 1, failed: 1 });
    expect(await post('/v1/config/batch', items, 'k1')).toMatchObject({ text: first.text, replayed: true });
    const conflict = await post('/v1/config/batch?atomic=true', items, 'k1');
    expect(conflict.code).toBe('IDEMPOTENCY_CONFLICT');
    expect(await revision()).toBe(1);
  });

  it('is answered after a restart, and forgotten after 24 hours', async () => {
    const workspace = await testWorkspace();
    const { now, move } = movable();
    const before = await served({ workspace, now });
    const first = await before.post(ADD, memory, 'k1');
    await before.close();
    const { post, revision, rows } = await served({ workspace, now });
    expect(await post(ADD, memory, 'k1')).toMatchObject({ text: first.text, replayed: true });
    move(24 * HOUR - 1);
    expect(await post(ADD, memory, 'k1')).toMatchObject({ text: first.text, replayed: true });
    move(1);
    expect(await post(ADD, { server_id: 'fetch' }, 'k1')).toMatchObject({ status: 200, replayed: false });
    expect(await revision()).toBe(2);
    await post(ADD, memory, 'k2');
    move(24 * HOUR);
    await post(ADD, memory, 'k3');
    expect(await rows(), 'expired ones go in passing').toMatchObject([{ key: 'k3' }]);
  });
});

describe('a key', () => {
  it('is not for another body, path, query or precondition', async () => {
    const { post, revision } = await served();
    await post(ADD, memory, 'k1');
    const others = [
      await post(ADD, { ...memory, server_id: 'fetch' }, 'k1'),
      await post(ADD.replace('default', 'dev'), memory, 'k1'),
      await post(`${ADD}?replace=true`, memory, 'k1'),
      await post(ADD, memory, 'k1', { 'if-match': '"1"' }),
    ];
    for (const { status, text, replayed } of others) {
      expect([status, codeIn(text), replayed]).toEqual([409, 'IDEMPOTENCY_CONFLICT', false]);
      expect(JSON.parse(text).error.details).toEqual({ reason: 'other_request' });
    }
    expect(await revision()).toBe(1);
  });

  it('belongs to the credential that used it', async () => {
    const { app, post, revision } = await served();
    const create = OPERATIONS.find(({ id }) => id === 'tokens.create') as Operation;
    const bearer = async () => {
      const { token } = await invoke(create, app.localContext('cli'), { scopes: ['config:write'] });
      return { authorization: `Bearer ${token}` };
    };
    const [one, two] = [await bearer(), await bearer()];
    for (const headers of [{}, one, two]) {
      expect(await post(ADD, memory, 'k1', headers)).toMatchObject({ status: 200, replayed: false });
    }
    expect(await revision()).toBe(3);
    expect(await post(ADD, memory, 'k1', two)).toMatchObject({ replayed: true });
  });

  it('has 1 to 255 characters, and is looked at in a POST only', async () => {
    const { ask, post, rows } = await served();
    expect(await post(ADD, memory, 'k'.repeat(255))).toMatchObject({ status: 200 });
    for (const key of ['', 'k'.repeat(256)]) {
      expect(await post(ADD, memory, key)).toMatchObject({ status: 400, code: 'INVALID_INPUT' });
    }
    const header = { 'idempotency-key': 'k'.repeat(300) };
    const payload = { mcpServers: {} };
    expect(await ask('GET', '/v1/clients', undefined, header)).toMatchObject({ status: 200 });
    expect(await ask('PUT', '/v1/config/cursor/default/draft', { payload }, header)).toMatchObject({ status: 200 });
    expect(await rows()).toHaveLength(1);
  });

  it('is not used up by who may not call, sends no JSON, or meets a fault of ours', async () => {
    let fails = true;
    const add = OPERATIONS.find(({ mcp }) => mcp?.tool === 'add_server_to_config') as Operation;
    const moody: Operation = {
      ...add,
      run: (...given) => (fails ? Promise.reject(new Error('made up')) : add.run(...given)),
    };
    const create = OPERATIONS.find(({ id }) => id === 'tokens.create') as Operation;
    const { app, post, rows, unexpected } = await served({ operations: [moody] });
    const { token } = await invoke(create, app.localContext('cli'), { scopes: ['config:read'] });
    expect(await post(ADD, memory, 'k1', { authorization: `Bearer ${token}` })).toMatchObject({ status: 403 });
    expect(await post(ADD, memory, 'k1', { authorization: 'Bearer x' })).toMatchObject({ status: 401 });
    expect(await post(ADD, '{', 'k1')).toMatchObject({ code: 'INVALID_JSON' });
    expect(await post(ADD, memory, 'k1')).toMatchObject({ status: 500, replayed: false });
    expect(await rows()).toEqual([]);
    fails = false;
    expect(await post(ADD, memory, 'k1')).toMatchObject({ status: 200, replayed: false });
    expect(unexpected.splice(0)).toHaveLength(1);
  });

  it('is not used up by a refusal of an item of an atomic batch that the credential may not call', async () => {
    const { app, post, rows } = await served();
    const create = OPERATIONS.find(({ id }) => id === 'tokens.create') as Operation;
    const { token } = await invoke(create, app.localContext('cli'), { scopes: ['config:read'] });
    const headers = { authorization: `Bearer ${token}` };
    const items = [{ operation: 'publish', client_id: 'cursor' }];
    expect(await post('/v1/config/batch?atomic=true', items, 'k1', headers)).toMatchObject({ status: 403 });
    expect(await rows()).toEqual([]);
  });

  it('is stored with a digest of the request, not with the request', async () => {
    const { post, rows } = await served();
    await post(ADD, { ...memory, server_name: 'made-up-name' }, 'k1');
    const [row] = (await rows()) as Record<string, unknown>[];
    expect(Object.keys(row ?? {})).toEqual([
      'workspace',
      'actor',
      'key',
      'request_sha256',
      'owner',
      'lease_until',
      'expires_at',
      'status',
      'body',
    ]);
    expect({ ...row, body: undefined }).toMatchObject({
      workspace: 'default',
      actor: 'api-key',
      key: 'k1',
      status: 200,
    });
    expect(row?.['request_sha256']).toMatch(/^[0-9a-f]{64}$/);
  });
});

describe('an answer with a secret that is shown once', () => {
  const SECRET = 'made-up-secret-4711';
  const secretive = defineOperation({
    id: 'test.secret',
    summary: 'Make a secret',
    effect: 'write',
    input: z.strictObject({}),
    output: z.object({ secret: z.string() }),
    errors: [],
    permission: { needs: 'config:write' },
    rest: { method: 'POST', path: '/v1/secret', showsSecret: () => true },
    mcp: { tool: 'make_secret' },
    run: async () => ({ secret: SECRET }),
  });

  it.each([
    ['/v1/secret', {}],
    ['/v1/config/batch', [{ operation: 'make_secret' }]],
  ])('is never stored: POST %s says that it was carried out', async (url, body) => {
    const { post, rows } = await served({ operations: [secretive, batchOf([secretive])] });
    expect((await post(url, body, 'k1')).text).toContain(SECRET);
    const again = await post(url, body, 'k1');
    expect([again.status, again.code, again.replayed]).toEqual([409, 'IDEMPOTENCY_CONFLICT', false]);
    expect(JSON.parse(again.text).error.details).toEqual({ reason: 'answer_not_kept' });
    expect(await rows()).toMatchObject([{ status: 200, body: null }]);
    expect(await post(url, body, 'k2')).toMatchObject({ status: 200 });
  });
});

describe('two requests with one key at the same moment', () => {
  it('the second is told to repeat while the first is at work, on this server and on another one', async () => {
    const workspace = await testWorkspace();
    const { operation, open, seen } = gated();
    const [here, there] = [
      await served({ workspace, operations: [operation] }),
      await served({ workspace, operations: [operation] }),
    ];
    const first = here.post('/v1/wait', {}, 'k1');
    await begun(seen);
    for (const { post } of [here, there]) {
      const second = await post('/v1/wait', {}, 'k1');
      expect([second.status, second.code]).toEqual([409, 'IDEMPOTENCY_CONFLICT']);
      expect(JSON.parse(second.text).error).toMatchObject({
        details: { reason: 'in_progress' },
        hint: 'Repeat the same request in a moment: it gets the answer of the first.',
      });
    }
    open();
    const { text } = await first;
    for (const { post } of [here, there]) {
      expect(await post('/v1/wait', {}, 'k1')).toMatchObject({ status: 200, text, replayed: true });
    }
    expect(seen.runs).toBe(1);
  });

  it('one of fifty that go to two processes is carried out', async () => {
    const workspace = await testWorkspace();
    const env = { MCP_ORCHESTRATION_API_KEY: API_KEY };
    const servers = await Promise.all([startHttp(workspace, { env }), startHttp(workspace, { env })]);
    const send = async (url: string) => {
      const answer = await fetch(url + ADD, {
        method: 'POST',
        headers: { 'x-api-key': API_KEY, 'content-type': 'application/json', 'idempotency-key': 'k1' },
        body: JSON.stringify(memory),
      });
      return { status: answer.status, replayed: answer.headers.get('idempotency-replayed'), text: await answer.text() };
    };
    const answers = await Promise.all(Array.from({ length: 50 }, (_, n) => send(servers[n % 2]?.url ?? '')));
    const done = answers.filter(({ status, replayed }) => status === 200 && replayed === null);
    expect(done).toHaveLength(1);
    for (const { status, replayed, text } of answers) {
      if (status === 200) expect([text, replayed === 'true' || text === done[0]?.text]).toEqual([done[0]?.text, true]);
      else expect([status, codeIn(text)]).toEqual([409, 'IDEMPOTENCY_CONFLICT']);
    }
    for (const { url } of servers) expect(await send(url)).toMatchObject({ replayed: 'true', text: done[0]?.text });
    expect(await call(workspace, 'view_draft_config', { client_id: 'cursor' })).toMatchObject({ revision: 1 });
  });

  it('what takes too long goes on, and its answer is there for who repeats', async () => {
    const { operation, open, seen } = gated();
    const { post } = await served({ operations: [operation], handler_ms: 500 });
    expect(await post('/v1/wait', {}, 'k1')).toMatchObject({ status: 503, code: 'UNAVAILABLE' });
    expect(await post('/v1/wait', {}, 'k1')).toMatchObject({ status: 409, code: 'IDEMPOTENCY_CONFLICT' });
    open();
    const repeat = async (): Promise<unknown> => {
      const answer = await post('/v1/wait', {}, 'k1');
      return answer.status === 409 ? repeat() : answer;
    };
    expect(await repeat()).toMatchObject({ status: 200, replayed: true });
    expect(seen.runs).toBe(1);
  });
});

describe('a server that is killed', () => {
  let build: TestBuild;
  beforeAll(async () => {
    build = await makeTestBuild();
  });
  afterAll(() => rmSync(build.directory, { recursive: true, force: true }));

  /** A home on which a server died in the middle of a request with the key k1, and a new server on it. */
  async function afterKillAt(point: string) {
    const workspace = await testWorkspace();
    const env = { MCP_ORCHESTRATION_API_KEY: API_KEY, MCP_ORCHESTRATION_FAILPOINTS: `${point}=kill` };
    const { url } = await startHttp(workspace, { env, bin: build.bin });
    const headers = { 'x-api-key': API_KEY, 'content-type': 'application/json', 'idempotency-key': 'k1' };
    const lost = fetch(url + ADD, { method: 'POST', headers, body: JSON.stringify(memory) });
    await expect(lost).rejects.toThrow();
    const clock = { ahead: 0 };
    const rest = await served({ workspace, now: () => new Date(Date.now() + clock.ahead) });
    return { ...rest, clock };
  }

  it('before it committed: the key waits for the end of the lease, then the request is carried out', async () => {
    const { post, revision, clock } = await afterKillAt('operation.before-commit');
    expect(await post(ADD, memory, 'k1')).toMatchObject({ status: 409, code: 'IDEMPOTENCY_CONFLICT' });
    expect(await revision()).toBe(0);
    clock.ahead = 31_000;
    expect(await post(ADD, { server_id: 'fetch' }, 'k1'), 'still not for another').toMatchObject({ status: 409 });
    expect(await post(ADD, memory, 'k1')).toMatchObject({ status: 200, replayed: false });
    expect(await post(ADD, memory, 'k1')).toMatchObject({ status: 200, replayed: true });
    expect(await revision()).toBe(1);
  });

  it('after it committed: the answer was committed too, and is sent at once', async () => {
    const { post, revision } = await afterKillAt('operation.after-commit');
    expect(await post(ADD, memory, 'k1')).toMatchObject({ status: 200, replayed: true });
    expect(await revision()).toBe(1);
  });

  it('in the middle of what no transaction holds: the next one takes over after the lease, and its answer counts', async () => {
    const workspace = await testWorkspace();
    const { now, move } = movable();
    const [dead, alive] = [gated(), gated()];
    alive.open();
    const before = await served({ workspace, now, operations: [dead.operation] });
    void before.post('/v1/wait', {}, 'k1');
    await begun(dead.seen);
    onTestFinished(() => dead.open());
    const { post } = await served({ workspace, now, operations: [alive.operation] });
    move(29_999);
    expect(await post('/v1/wait', {}, 'k1')).toMatchObject({ status: 409 });
    move(1);
    const taken = await post('/v1/wait', {}, 'k1');
    expect(taken).toMatchObject({ status: 200, replayed: false });
    expect(alive.seen.runs).toBe(1);
    expect(await post('/v1/wait', {}, 'k1')).toMatchObject({ text: taken.text, replayed: true });
  });
});
