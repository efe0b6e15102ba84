import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { findPostgres, freshDatabase } from './support/postgres.ts';
import { cli, type HttpServer, startHttp } from './support/process.ts';
import { ownRedis } from './support/redis.ts';
import { openEvents } from './support/sse.ts';
import { testWorkspace } from './support/workspace.ts';

/** Servers that share a Redis: what they gain by it, and that losing it costs speed only (R16). */

const found = await ownRedis('servers that share a Redis');
const redis = found as NonNullable<typeof found>;
const postgres = await findPostgres();
if ('missing' in postgres) process.stderr.write(`SKIPPED two servers with one Redis: ${postgres.missing}\n`);
afterAll(() => found?.remove());

const KEY = 'made-up-api-key-for-tests';
const CONFIG = '/v1/config/cursor/dev';

const inUse = (server: HttpServer) => server.output.stderr.split('"Redis is in use"').length - 1;
const linesAbout = (server: HttpServer) => server.output.stderr.split('\n').filter((line) => /"Redis /.test(line));

async function metric(server: HttpServer, token: string | undefined, name: string): Promise<number> {
  const response = await fetch(`${server.url}/metrics`, { headers: { authorization: `Bearer ${token}` } });
  const line = (await response.text()).split('\n').find((it) => it.startsWith(`mcp_orchestration_${name} `));
  return Number(line?.split(' ').at(-1));
}

describe.skipIf(found === undefined || 'missing' in postgres)('two servers with one Redis', () => {
  beforeEach(async () => {
    await redis.start();
    await redis.flush();
  });

  async function openTwo(rate = 'off') {
    const database = await freshDatabase('url' in postgres ? postgres.url : '');
    onTestFinished(database.drop);
    const workspace = await testWorkspace();
    const env = {
      MCP_ORCHESTRATION_DATABASE_URL: database.url,
      MCP_ORCHESTRATION_REDIS_URL: redis.url,
      MCP_ORCHESTRATION_RATE_LIMIT: rate,
      MCP_ORCHESTRATION_API_KEY: KEY,
    };
    const one = await startHttp(workspace, { env });
    const two = await startHttp(workspace, { env });
    const made = await cli({ ...workspace, env: { ...workspace.env, ...env } }, 'generate-token', '--json');
    const token = String(made.json()['token']);
    await Promise.all([one, two].map((server) => expect.poll(() => inUse(server)).toBe(1)));
    const ask = (server: HttpServer, method: string, path: string, body?: unknown) =>
      server.ask(method, path, { token, ...(body !== undefined && { body }) });
    return { one, two, token, ask };
  }

  async function down(...servers: HttpServer[]) {
    for (const server of servers) await expect.poll(() => linesAbout(server).at(-1)).toMatch(/out of reach/);
  }

  it('have one limit for a credential and for guesses of an address; without it each has its own', async () => {
    const { one, two } = await openTwo('5');
    const statuses = (headers: Record<string, string>) =>
      Promise.all(
        Array.from({ length: 24 }, async (_, n) => {
          const { status } = await fetch(`${(n % 2 ? one : two).url}/v1/clients`, { headers });
          return status;
        }),
      );
    const passed = async () => (await statuses({ 'x-api-key': KEY })).filter((status) => status === 200).length;
    const guessed = async () =>
      (await statuses({ 'x-api-key': 'made-up-and-wrong' })).filter((status) => status === 401).length;
    expect(await passed()).toBe(10);
    expect(await guessed()).toBe(10);
    await redis.stop();
    await down(one, two);
    await sleep(2_100);
    expect(await passed()).toBe(20);
    // Each has counted the guesses of before, too.
    expect(await guessed()).toBe(0);
    await redis.start();
    for (const server of [one, two]) await expect.poll(() => inUse(server), { timeout: 8_000 }).toBe(2);
    await sleep(2_100);
    expect(await passed()).toBe(10);
    await redis.flush();
    expect(await passed()).toBe(10);
  });

  it('find artifacts there that the other one has read, and believe nothing else that stands there', async () => {
    const { one, two, token, ask } = await openTwo();
    await ask(one, 'POST', '/v1/keys/initialize', {});
    const payload = { mcpServers: { a: { command: 'npx', args: ['-y', 'one@1.0.0'] } } };
    await ask(one, 'PUT', `${CONFIG}/draft`, { payload });
    const { body } = await ask(one, 'POST', `${CONFIG}/publish`, {});
    const path = `/v1/artifacts/${body['artifact_id']}`;
    const right = await ask(one, 'GET', path);
    expect(right).toMatchObject({ status: 200, body: { payload } });
    const hits = 'cache_hits_total{cache="artifacts"}';
    expect(await ask(two, 'GET', path)).toEqual(right);
    expect(await metric(two, token, hits)).toBe(1);
    const poisoned = await redis.as(async (it) => {
      const keys = await it.keys('mcpo:*:text:*');
      await Promise.all(keys.map((key) => it.set(key, '{"mcpServers":{"a":{"args":[],"command":"evil"}}}')));
      return keys.length;
    });
    expect(poisoned).toBe(1);
    for (const [n, server] of [two, one].entries()) {
      await ask(server, 'PUT', '/v1/config/zed/dev/draft', {
        payload: { mcpServers: { [`n${n}`]: payload.mcpServers.a } },
      });
      expect(await ask(server, 'GET', path)).toEqual(right);
      expect(await ask(server, 'GET', CONFIG)).toMatchObject({ status: 200, body: { payload } });
    }
    expect(await metric(one, token, 'redis_up')).toBe(1);
  });

  it('answer the same and tell every event when it stops, starts again, is emptied or hangs', async () => {
    const { one, two, token, ask } = await openTwo();
    await ask(one, 'POST', '/v1/keys/initialize', {});
    const stream = await openEvents(`${two.url}/v1/events?types=config.published`, {
      authorization: `Bearer ${token}`,
    });
    onTestFinished(() => stream.close());
    const phases: [string, () => unknown][] = [
      ['as it is', () => undefined],
      ['stopped', () => redis.stop()],
      ['still stopped', () => down(one, two)],
      ['started', () => redis.start()],
      ['emptied', () => redis.flush()],
      ['hanging', () => redis.freeze()],
      ['still hanging', () => sleep(1_500)],
      ['going on', () => redis.goOn()],
    ];
    onTestFinished(() => redis.goOn());
    for (const [n, [phase, begin]] of phases.entries()) {
      await begin();
      const payload = {
        mcpServers: { [phase.replaceAll(' ', '-')]: { command: 'npx', args: ['-y', `one@1.0.${n}`] } },
      };
      await ask(one, 'PUT', `${CONFIG}/draft`, { payload });
      const published = await ask(one, 'POST', `${CONFIG}/publish`, {});
      const at = performance.now();
      expect([phase, published.status]).toEqual([phase, 201]);
      await expect
        .poll(() => stream.events().map(({ sequence }) => sequence), { timeout: 5_000, interval: 5 })
        .toEqual(Array.from({ length: n + 1 }, (_, before) => before + 1));
      expect(performance.now() - at).toBeLessThan(5_000);
      const [here, there] = [await ask(one, 'GET', CONFIG), await ask(two, 'GET', CONFIG)];
      expect(there).toEqual(here);
      expect(there).toMatchObject({ status: 200, body: { payload, sequence: n + 1 } });
      const path = `/v1/artifacts/${published.body['artifact_id']}`;
      expect(await ask(two, 'GET', path)).toEqual(await ask(one, 'GET', path));
      expect((await fetch(`${two.url}/readyz`)).status).toBe(200);
    }
  });
});

describe('a Redis that is named', () => {
  const SECRET = 'made-up-word';
  const url = (port: number) => `redis://me:${SECRET}@127.0.0.1:${port}/1`;

  it('keeps no server from starting when it is not there, and is told of once, without its password', async () => {
    const workspace = await testWorkspace();
    const server = await startHttp(workspace, { env: { MCP_ORCHESTRATION_REDIS_URL: url(1) } });
    await expect.poll(() => linesAbout(server)).toHaveLength(1);
    for (let n = 0; n < 20; n += 1) expect((await server.ask('GET', '/v1/clients')).status).toBe(200);
    await sleep(500);
    expect(linesAbout(server)).toEqual([expect.stringContaining('"reason":"ECONNREFUSED"')]);
    expect((await fetch(`${server.url}/readyz`)).status).toBe(200);
    expect(await metric(server, server.token, 'redis_up')).toBe(0);
    expect(await server.stop()).toEqual({ code: 0, signal: null });
    expect(server.output.stderr + server.output.stdout).not.toContain(SECRET);
  });

  it.skipIf(found === undefined)('is not in use where it has no database of that number', async () => {
    await redis.start();
    const server = await startHttp(await testWorkspace(), { env: { MCP_ORCHESTRATION_REDIS_URL: `${redis.url}/99` } });
    await expect.poll(() => linesAbout(server)).toHaveLength(1);
    await sleep(500);
    expect(linesAbout(server)).toEqual([expect.stringContaining('"reason":"no_such_database"')]);
    expect(await metric(server, server.token, 'redis_up')).toBe(0);
  });

  it.skipIf(found === undefined)('keeps no process that could not listen', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    onTestFinished(() => void taken.close());
    await redis.start();
    const { home, env } = await testWorkspace();
    const named = { ...env, MCP_ORCHESTRATION_REDIS_URL: redis.url };
    const ended = await cli({ home, env: named }, 'serve-http', '--port', `${(taken.address() as AddressInfo).port}`);
    expect(ended).toMatchObject({ code: 1, signal: null });
  });

  it('is none of a short command', async () => {
    let connections = 0;
    const listener = createServer(() => {
      connections += 1;
    }).listen(0, '127.0.0.1');
    await once(listener, 'listening');
    onTestFinished(() => void listener.close());
    const { home, env } = await testWorkspace();
    const named = { ...env, MCP_ORCHESTRATION_REDIS_URL: url((listener.address() as AddressInfo).port) };
    expect(await cli({ home, env: named }, 'initialize-keys')).toMatchObject({ code: 0 });
    expect(connections).toBe(0);
  });

  it('asks for what speaks with it, by name, where that is not installed', async () => {
    const { home, env } = await testWorkspace();
    const hook = `import { registerHooks } from 'node:module';
      registerHooks({ resolve: (name, at, next) => {
        if (name === 'ioredis') throw Object.assign(new Error('no such package'), { code: 'ERR_MODULE_NOT_FOUND' });
        return next(name, at);
      } });`;
    const without = {
      ...env,
      NODE_OPTIONS: `--import=data:text/javascript;base64,${Buffer.from(hook).toString('base64')}`,
      MCP_ORCHESTRATION_REDIS_URL: url(1),
    };
    const { code, stderr } = await cli({ home, env: without }, 'serve-http', '--port', '0');
    expect(code).toBe(2);
    expect(stderr).toContain('MCP_ORCHESTRATION_REDIS_URL: the package ioredis is not installed.');
    expect(stderr).toContain('npm install ioredis@6.0.0');
    expect(stderr).not.toContain(SECRET);
  });
});
