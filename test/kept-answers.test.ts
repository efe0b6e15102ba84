import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { OPERATIONS } from '../src/operations/index.ts';
import { invoke, type Operation } from '../src/operations/operation.ts';
import { call, callOn } from './crash/invariants.ts';
import { API_KEY, restInProcess } from './hostile/server.ts';
import { rowsIn } from './support/rows.ts';
import { IN_FILE } from './support/store-under-test.ts';

/** Answers are sent again while nothing is committed: never a stale one, and never to somebody who may not have it. */

const target = { client_id: 'cursor', profile_id: 'default' };
const payload = (name: string) => ({ mcpServers: { [name]: { command: 'node', args: [name] } } });
const CONFIG = '/v1/config/cursor/default';

function operationOf(id: string): Operation {
  const found = OPERATIONS.find((operation) => operation.id === id);
  if (!found) throw new Error(`there is no operation ${id}`);
  return found;
}

async function served(now?: () => Date) {
  const rest = await restInProcess({ ...(now && { now }) });
  await callOn(rest.app, 'initialize_keys');
  await callOn(rest.app, 'publish_config', { ...target, payload: payload('one') });
  const get = async (url = CONFIG, headers: Record<string, string> = { 'x-api-key': API_KEY }) => {
    const answer = await rest.server.inject({ url, headers: { host: 'localhost', ...headers } });
    return { status: answer.statusCode, body: answer.json(), headers: answer.headers };
  };
  return { ...rest, get };
}

it('the same question gets the same bytes, tag and headers, and its own request id', async () => {
  const { get } = await served();
  const [first, second] = [await get(), await get()];
  expect(second.body).toEqual(first.body);
  const { 'x-request-id': one, ...others } = first.headers;
  const { 'x-request-id': other, ...same } = second.headers;
  expect(same).toEqual(others);
  expect(one).not.toBe(other);
  expect(first.body.payload).toMatchObject(payload('one'));
});

it('a release of this process is served at once, one of another process by the next turn of the event loop', async () => {
  const { app, workspace, get } = await served();
  expect((await get()).body.sequence).toBe(1);
  await callOn(app, 'publish_config', { ...target, payload: payload('two') });
  expect((await get()).body.sequence).toBe(2);
  await call(workspace, 'publish_config', { ...target, payload: payload('three') });
  await setImmediate();
  // A file is looked at in each turn; PostgreSQL tells of it a moment later.
  if (!IN_FILE) await expect.poll(async () => (await get()).body.sequence).toBe(3);
  expect((await get()).body).toMatchObject({ sequence: 3, payload: payload('three') });
});

it('an answer that holds until an instant is made anew from then on', async () => {
  let at = new Date('2026-11-27T12:00:00.000Z');
  let made = 0;
  const until = '2026-11-27T13:00:00.000Z';
  const run: Operation['run'] = async () => {
    made += 1;
    return { clients: [], count: 0 };
  };
  const operations = [{ ...operationOf('clients.list'), holdsUntil: () => until, run }];
  const { server } = await restInProcess({ operations, now: () => at });
  const get = () => server.inject({ url: '/v1/clients', headers: { host: 'localhost', 'x-api-key': API_KEY } });
  const madeAt = async (time: string) => {
    at = new Date(time);
    expect((await get()).statusCode).toBe(200);
    return made;
  };
  expect(await madeAt('2026-11-27T12:00:00.000Z')).toBe(1);
  expect(await madeAt('2026-11-27T12:59:59.999Z')).toBe(1);
  expect(await madeAt(until)).toBe(2);
  expect(await madeAt(until)).toBe(3);
});

it('what a look at this machine found is asked anew every time', async () => {
  const { get, workspace } = await served();
  const installed = async () => {
    const { body } = await get('/v1/clients?detect=true');
    return body.clients.find(({ client_id }: { client_id: string }) => client_id === 'cursor').installed;
  };
  expect(await installed()).toBe(false);
  mkdirSync(join(workspace.home, '.cursor'));
  expect(await installed()).toBe(true);
});

it('what the database holds is verified again when another program has changed it', async () => {
  const { workspace, get } = await served();
  expect((await get()).status).toBe(200);
  await rowsIn(workspace.env, `update artifacts set canonical = replace(canonical, '"one"', '"evil"')`);
  await setImmediate();
  // PostgreSQL tells of it a moment later.
  await expect.poll(async () => (await get()).body.error?.code).toBe('SIGNATURE_INVALID');
});

it('a kept answer is not for a credential that may not ask, nor for one that was revoked or has expired', async () => {
  let at = new Date();
  const { app, get } = await served(() => at);
  const make = async (input: object) => {
    const { token, token_id } = await invoke(operationOf('tokens.create'), app.localContext('cli'), input);
    return { token_id, headers: { authorization: `Bearer ${token}` } };
  };
  const [reader, other, short] = [
    await make({ scopes: ['config:read'] }),
    await make({ scopes: ['tokens:admin'] }),
    await make({ scopes: ['config:read'], expires: '1h' }),
  ];
  const statuses = () =>
    Promise.all([reader, other, short].map(async ({ headers }) => (await get(CONFIG, headers)).status));
  expect(await statuses()).toEqual([200, 403, 200]);
  expect(await statuses()).toEqual([200, 403, 200]);
  await invoke(operationOf('tokens.revoke'), app.localContext('cli'), { token_id: reader.token_id });
  at = new Date(at.getTime() + 3_700_000);
  expect(await statuses()).toEqual([401, 403, 401]);
  expect((await get(CONFIG, { authorization: 'Bearer mcpo_user_nothing' })).status).toBe(401);
});

it('an answer that is sent again is the same answer: in bytes, to HEAD, with what the plugins say, and short when nothing changed', async () => {
  const origin = 'https://app.example.com';
  const { app, server } = await restInProcess({ rate_limit: 100, cors_origins: new Set([origin]) });
  await callOn(app, 'initialize_keys');
  const words = { mcpServers: { one: { command: 'node', args: ['größer 日本 \u{1f600}'] } } };
  await callOn(app, 'publish_config', { ...target, payload: words });
  const url = await server.listen({ host: '127.0.0.1', port: 0 });
  const ask = async (method: string, more: Record<string, string> = {}) => {
    const answer = await fetch(url + CONFIG, { method, headers: { 'x-api-key': API_KEY, origin, ...more } });
    const { date: _date, 'x-request-id': id, ...headers } = Object.fromEntries(answer.headers);
    const left = Object.keys(headers).filter((name) => name.startsWith('ratelimit-'));
    for (const name of left) delete headers[name];
    return { status: answer.status, bytes: Buffer.from(await answer.arrayBuffer()), headers, id, left };
  };
  const first = await ask('GET');
  const again = await ask('GET');
  expect(again).toEqual({ ...first, id: again.id });
  expect(first.headers).toMatchObject({
    'access-control-allow-origin': origin,
    'content-length': String(first.bytes.length),
    'x-content-type-options': 'nosniff',
  });
  expect(first.left).toHaveLength(3);
  expect(JSON.parse(first.bytes.toString('utf8')).payload).toMatchObject(words);
  const head = await ask('HEAD');
  expect(await ask('HEAD')).toEqual({ ...head, id: expect.any(String) });
  expect(head).toMatchObject({ status: 200, bytes: Buffer.alloc(0), headers: { etag: first.headers['etag'] } });
  const unchanged = await ask('GET', { 'if-none-match': first.headers['etag'] ?? '' });
  expect(unchanged).toMatchObject({
    status: 304,
    bytes: Buffer.alloc(0),
    headers: {
      etag: first.headers['etag'],
      'cache-control': 'private, no-cache',
      'access-control-allow-origin': origin,
    },
    left: first.left,
  });
});
