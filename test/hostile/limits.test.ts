import { afterEach, expect, it, vi } from 'vitest';
import type { SharedCount } from '../../src/adapters/rest/limits.ts';
import { startHttp } from '../support/process.ts';
import { testWorkspace } from '../support/workspace.ts';
import { API_KEY, restInProcess } from './server.ts';

afterEach(() => vi.useRealTimers());

const limited = async (rate_limit: number, shared_count?: SharedCount) => {
  const { server, app } = await restInProcess({ rate_limit, shared_count });
  const get = async (headers: Record<string, string>, url = '/v1/clients', remoteAddress = '203.0.113.7') => {
    const answer = await server.inject({ url, headers: { host: 'localhost', ...headers }, remoteAddress });
    return { status: answer.statusCode, headers: answer.headers, body: answer.json() };
  };
  return { get, app };
};
const KEY = { 'x-api-key': API_KEY };
const WRONG = { authorization: 'Bearer mcpo_user_wrong' };

it('a credential may send so many requests a second and twice as many in a burst, and is told when to come back', async () => {
  const { get } = await limited(5);
  const answers = [];
  for (let i = 0; i < 12; i += 1) answers.push(await get(KEY));
  expect(answers.map(({ status }) => status)).toEqual([...Array(10).fill(200), 429, 429]);
  expect(answers[0]?.headers).toMatchObject({ 'ratelimit-limit': '10', 'ratelimit-remaining': '9' });
  expect(answers[11]).toMatchObject({
    headers: { 'retry-after': expect.stringMatching(/^[12]$/) },
    body: { error: { code: 'RATE_LIMITED', message: 'A credential may send 5 requests a second.' } },
  });
  expect((await get({}, '/health')).status).toBe(200);
  expect((await get({})).status).toBe(401);
});

it('wrong credentials are refused faster after ten a minute from one address; right ones and missing ones never', async () => {
  vi.useFakeTimers({ toFake: ['performance'] });
  const { get } = await limited(1_000);
  const statuses: number[] = [];
  for (let i = 0; i < 12; i += 1) statuses.push((await get(WRONG)).status);
  expect(statuses).toEqual([...Array(10).fill(401), 429, 429]);
  const slowed = await get(WRONG);
  expect(slowed).toMatchObject({ headers: { 'retry-after': '60' }, body: { error: { code: 'RATE_LIMITED' } } });
  expect((await get(KEY)).status).toBe(200);
  expect((await get({})).status).toBe(401);
  expect((await get(WRONG, '/v1/clients', '203.0.113.8')).status).toBe(401);
  vi.advanceTimersByTime(60_000);
  expect((await get(WRONG)).status).toBe(401);
});

it('a clock that is set back by an hour keeps nobody out for an hour', async () => {
  vi.useFakeTimers({ toFake: ['Date', 'performance'] });
  const { get } = await limited(5);
  for (let i = 0; i < 11; i += 1) await get(KEY);
  for (let i = 0; i < 11; i += 1) await get(WRONG);
  vi.setSystemTime(Date.now() - 3_600_000);
  const told = [await get(KEY), await get(WRONG)];
  expect(told.map(({ status, headers }) => [status, Number(headers['retry-after']) <= 60])).toEqual([
    [429, true],
    [429, true],
  ]);
  vi.advanceTimersByTime(2_000);
  expect((await get(KEY)).status).toBe(200);
  vi.advanceTimersByTime(58_000);
  expect((await get(WRONG)).status).toBe(401);
});

it.each<[string, SharedCount]>([
  ['is out of reach', () => undefined],
  ['answers too late', async () => undefined],
  ['breaks', () => Promise.reject(new Error('made up'))],
  ['comes and goes', (key) => (key.length % 2 ? undefined : Promise.resolve(undefined))],
])('a shared count that %s leaves each server with its own: neither all pass nor none', async (_what, shared) => {
  const { get } = await limited(5, shared);
  const answers = [];
  for (let i = 0; i < 12; i += 1) answers.push((await get(KEY)).status);
  expect(answers).toEqual([...Array(10).fill(200), 429, 429]);
  const wrong = [];
  for (let i = 0; i < 12; i += 1) wrong.push((await get(WRONG)).status);
  expect(wrong).toEqual([...Array(10).fill(401), 429, 429]);
});

it('a shared count decides as long as it is known', async () => {
  let count = 9;
  const { get } = await limited(5, async () => ({ count: ++count, left_ms: 1_500 }));
  const answers = [await get(KEY), await get(KEY)];
  expect(answers.map(({ status }) => status)).toEqual([200, 429]);
  expect(answers[0]?.headers).toMatchObject({ 'ratelimit-remaining': '0', 'ratelimit-reset': '2' });
  expect((await get(WRONG)).status).toBe(429);
});

it('a server for others has a limit by itself, one for this machine has none, and both can be told otherwise', async () => {
  const limitOf = async (env: Record<string, string>, args: string[] = []) => {
    const server = await startHttp(await testWorkspace(), {
      env: { MCP_ORCHESTRATION_API_KEY: API_KEY, ...env },
      args,
    });
    const url = server.url.replace('0.0.0.0', '127.0.0.1');
    return (await fetch(`${url}/v1/clients`, { headers: KEY })).headers.get('ratelimit-limit');
  };
  const server = ['--host', '0.0.0.0'];
  expect(await limitOf({})).toBeNull();
  expect(await limitOf({}, server)).toBe('200');
  expect(await limitOf({ MCP_ORCHESTRATION_RATE_LIMIT: '7' })).toBe('14');
  expect(await limitOf({ MCP_ORCHESTRATION_RATE_LIMIT: 'off' }, server)).toBeNull();
});
