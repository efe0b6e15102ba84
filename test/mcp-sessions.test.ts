import { connect } from 'node:net';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as TransportV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import {
  ResourceListChangedNotificationSchema,
  ResourceUpdatedNotificationSchema,
} from '@modelcontextprotocol/sdk/types.js';
import { describe, expect, it, onTestFinished } from 'vitest';
import { mcpOverHttp } from '../src/adapters/mcp/http.ts';
import type { Offer } from '../src/adapters/mcp/mcp.ts';
import { invoke } from '../src/operations/operation.ts';
import { revokeToken } from '../src/operations/tokens.ts';
import { call } from './crash/invariants.ts';
import { restInProcess } from './hostile/server.ts';
import { ACCEPT, bearer, INITIALIZE, KEY, mcpInProcess, openSession, PRODUCT, post } from './support/mcp-in-process.ts';
import type { EventSource } from './support/sse.ts';

/** Clients of the 2025 revisions over HTTP: what they are told without asking, and whose their sessions are. */

const target = { client_id: 'cursor', profile_id: 'default' };
const DRAFT = 'config://cursor/default/draft';
const LATEST = 'config://cursor/default/latest';
const payload = (word: string) => ({ mcpServers: { ours: { command: 'node', args: [word] } } });
const draft = (word: string) => ({ ...target, payload: payload(word) });

type Heard = { updated: string[]; lists: number };
type Connect = (
  url: string,
  headers: Record<string, string>,
) => Promise<{
  heard: Heard;
  subscribe(uri: string): Promise<unknown>;
  unsubscribe(uri: string): Promise<unknown>;
  list(): Promise<string[]>;
}>;

const v2: Connect = async (url, headers) => {
  const client = new Client({ name: 'test', version: '1.0.0' });
  const heard: Heard = { updated: [], lists: 0 };
  client.setNotificationHandler('notifications/resources/updated', ({ params }) => void heard.updated.push(params.uri));
  client.setNotificationHandler('notifications/resources/list_changed', () => {
    heard.lists += 1;
  });
  await client.connect(new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers } }));
  onTestFinished(() => client.close());
  return {
    heard,
    subscribe: (uri) => client.subscribeResource({ uri }),
    unsubscribe: (uri) => client.unsubscribeResource({ uri }),
    list: async () => (await client.listResources()).resources.map(({ uri }) => uri),
  };
};

const v1: Connect = async (url, headers) => {
  const client = new ClientV1({ name: 'test', version: '1.0.0' });
  const heard: Heard = { updated: [], lists: 0 };
  client.setNotificationHandler(ResourceUpdatedNotificationSchema, ({ params }) => void heard.updated.push(params.uri));
  client.setNotificationHandler(ResourceListChangedNotificationSchema, () => {
    heard.lists += 1;
  });
  await client.connect(new TransportV1(new URL(url), { requestInit: { headers } }) as never);
  onTestFinished(() => client.close());
  return {
    heard,
    subscribe: (uri) => client.subscribeResource({ uri }),
    unsubscribe: (uri) => client.unsubscribeResource({ uri }),
    list: async () => (await client.listResources()).resources.map(({ uri }) => uri),
  };
};

describe.each([
  ['SDK 1', v1],
  ['SDK 2, as it negotiates by itself', v2],
] as const)('%s', (_name, connect) => {
  it('hears of the resources it subscribes to, whoever changed them, until it unsubscribes', async () => {
    const { url, token, workspace } = await mcpInProcess();
    const { heard, subscribe, unsubscribe } = await connect(url, bearer((await token()).token));
    await subscribe(DRAFT);
    await call(workspace, 'set_draft_config', draft('one'));
    await expect.poll(() => heard.updated).toEqual([DRAFT]);
    await call(workspace, 'set_draft_config', { ...draft('two'), client_id: 'vscode' });
    await call(workspace, 'set_draft_config', draft('three'));
    await expect.poll(() => heard.updated).toEqual([DRAFT, DRAFT]);
    await subscribe('config://vscode/default/draft');
    await unsubscribe(DRAFT);
    await call(workspace, 'set_draft_config', draft('four'));
    await call(workspace, 'set_draft_config', { ...draft('five'), client_id: 'vscode' });
    await expect.poll(() => heard.updated.slice(2)).toEqual(['config://vscode/default/draft']);
  });

  it('hears that the list has changed when a profile gets its first release, and finds it there', async () => {
    const { url, token, workspace } = await mcpInProcess();
    const { heard, subscribe, list } = await connect(url, bearer((await token()).token));
    await subscribe(LATEST);
    expect(await list()).not.toContain(LATEST);
    await call(workspace, 'initialize_keys');
    await call(workspace, 'publish_config', draft('one'));
    await expect.poll(() => heard).toEqual({ updated: [LATEST], lists: 1 });
    expect(await list()).toEqual(expect.arrayContaining([DRAFT, LATEST]));
    await call(workspace, 'publish_config', draft('two'));
    await expect.poll(() => heard).toEqual({ updated: [LATEST, LATEST], lists: 1 });
  });
});

const urisIn = ({ messages }: Pick<EventSource, 'messages'>) => messages.map(({ data }) => JSON.parse(data).params.uri);

it('what happens while nobody listens is said once, when somebody does', async () => {
  const { url, token, workspace } = await mcpInProcess();
  const [deaf, witness] = [await openSession(url, bearer((await token()).token)), await openSession(url, KEY)];
  for (const { ask } of [deaf, witness]) await ask('resources/subscribe', { uri: DRAFT });
  const seen = await witness.listen();
  for (const word of ['one', 'two']) {
    await call(workspace, 'set_draft_config', draft(word));
    await seen.until(word === 'one' ? 1 : 2);
  }
  const late = await deaf.listen();
  expect(urisIn({ messages: await late.until(1) })).toEqual([DRAFT]);
  await call(workspace, 'set_draft_config', draft('three'));
  expect(urisIn({ messages: await late.until(2) })).toEqual([DRAFT, DRAFT]);
});

describe('a session', () => {
  it('answers the credential that opened it, and is none for every other one', async () => {
    const { url, token } = await mcpInProcess();
    const { id, ask, listen, end } = await openSession(url, bearer((await token()).token));
    expect(id).toMatch(/^[0-9a-f-]{36}$/);
    expect((await ask('tools/list')).status).toBe(200);
    const stranger = bearer((await token()).token);
    expect(await ask('tools/list', {}, stranger)).toMatchObject({ status: 404, message: { error: { code: -32_001 } } });
    expect((await listen(stranger)).status).toBe(404);
    expect(await end(stranger)).toBe(404);
    const byKey = await post(url, { ...KEY, 'mcp-session-id': String(id) }, { jsonrpc: '2.0', id: 1, method: 'ping' });
    expect(byKey.status).toBe(404);
    expect((await ask('tools/list', {}, { 'mcp-session-id': '00000000-0000-4000-8000-000000000000' })).status).toBe(
      404,
    );
    expect((await ask('tools/list')).status).toBe(200);
  });

  it('ends when its client says so', async () => {
    const { url } = await mcpInProcess();
    const { ask, listen, end } = await openSession(url, KEY);
    const stream = await listen();
    expect(await end()).toBe(200);
    await stream.ended;
    expect((await ask('ping')).status).toBe(404);
    expect((await listen()).status).toBe(404);
    expect(await end()).toBe(404);
  });

  it('ends with its stream when its token is revoked, and no other one does', async () => {
    const { url, token, app } = await mcpInProcess();
    const [short, long] = [await token(), await token()];
    const revoked = await openSession(url, bearer(short.token));
    const other = await openSession(url, bearer(long.token));
    const [ending, staying] = [await revoked.listen(), await other.listen()];
    await invoke(revokeToken, app.localContext('cli'), { token_id: short.token_id });
    await ending.ended;
    expect((await revoked.ask('ping')).status).toBe(401);
    expect((await other.ask('ping')).status).toBe(200);
    const ended = await Promise.race([staying.ended.then(() => 'ended'), Promise.resolve('open')]);
    expect(ended).toBe('open');
  });

  it('ends with its stream when its token expires', async () => {
    let at = Date.now();
    const { url, token } = await mcpInProcess({ now: () => new Date(at) });
    const { ask, listen } = await openSession(url, bearer((await token({ role: 'admin', expires: '1h' })).token));
    const stream = await listen();
    at += 60 * 60_000;
    await stream.ended;
    expect((await ask('ping')).status).toBe(401);
  });

  it('ends after half an hour in which nobody used it or listened', async () => {
    let at = Date.now();
    const { url } = await mcpInProcess({ now: () => new Date(at) });
    const [idle, used, heard] = [await openSession(url, KEY), await openSession(url, KEY), await openSession(url, KEY)];
    await heard.listen();
    at += 29 * 60_000;
    expect((await used.ask('ping')).status).toBe(200);
    at += 60_000;
    for (const [session, status] of [
      [idle, 404],
      [used, 200],
      [heard, 200],
    ] as const) {
      expect((await session.ask('ping')).status).toBe(status);
    }
  });

  it('gives way when its credential has fifty, the one that was used longest ago first', async () => {
    let at = Date.now();
    const { url, token } = await mcpInProcess({ now: () => new Date(at++) });
    const credential = bearer((await token()).token);
    const others = await openSession(url, KEY);
    const sessions = [];
    for (let count = 0; count < 50; count += 1) sessions.push(await openSession(url, credential));
    const [first, second] = sessions;
    expect((await first?.ask('ping'))?.status).toBe(200);
    const last = await openSession(url, credential);
    expect((await second?.ask('ping'))?.status).toBe(404);
    for (const session of [first, last, others]) expect((await session?.ask('ping'))?.status).toBe(200);
  });

  it('has one stream, and a credential has five', async () => {
    const { url } = await mcpInProcess();
    const sessions: Awaited<ReturnType<typeof openSession>>[] = [];
    for (let count = 0; count < 6; count += 1) sessions.push(await openSession(url, KEY));
    const streams = [];
    for (const { listen } of sessions.slice(0, 5)) streams.push(await listen());
    expect(streams.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200]);
    const sixth = await sessions[5]?.listen();
    expect(sixth?.status).toBe(429);
    expect(JSON.parse((await sixth?.body()) ?? '')).toMatchObject({ error: { code: 'RATE_LIMITED' } });
    streams[0]?.close();
    await expect.poll(async () => (await sessions[1]?.listen())?.status).toBe(409);
    await expect.poll(async () => (await sessions[5]?.listen())?.status).toBe(200);
  });

  it('is told nothing that its credential may not read', async () => {
    const { url, token } = await mcpInProcess();
    const { ask } = await openSession(url, bearer((await token({ scopes: ['events:read'] })).token));
    const refused = await ask('resources/subscribe', { uri: DRAFT });
    expect(refused.message?.error).toMatchObject({ code: -32_602, message: expect.stringContaining('may not read') });
    expect((await ask('resources/subscribe', { uri: 'file:///etc/passwd' })).message?.error).toMatchObject({
      code: -32_602,
    });
    expect((await ask('resources/list')).message?.result?.['resources']).toHaveLength(3);
  });

  it('is not needed: who opens none is answered all the same, and is told that nothing will come', async () => {
    const { url } = await mcpInProcess();
    const answered = await post(url, KEY, { jsonrpc: '2.0', id: 1, method: 'tools/list' });
    expect(answered.message?.result?.['tools']).toHaveLength(18);
    const listening = await fetch(url, { headers: { ...KEY, accept: 'text/event-stream' } });
    expect(listening.status).toBe(400);
    expect((await openSession(url, KEY)).opened.message?.result?.['capabilities']).toMatchObject({
      resources: { subscribe: true, listChanged: true },
    });
  });
});

/** MCP over HTTP without the HTTP: what a request comes to that was let in already. */
async function behindHttp(offer = PRODUCT) {
  const { app } = await restInProcess();
  const door = mcpOverHttp(offer, { now: () => new Date() });
  onTestFinished(() => door.close());
  const ask = async (actor: string, parsedBody: object, headers: Record<string, string> = {}) => {
    const context = app.localContext('mcp');
    const answer = await door.fetch({
      request: new Request('http://localhost/mcp', { method: 'POST', headers: { ...ACCEPT, ...headers } }),
      parsedBody,
      context: { ...context, principal: { ...context.principal, actor } },
      until: Number.POSITIVE_INFINITY,
      stillAccepted: async () => true,
    });
    await answer.text();
    return answer;
  };
  const open = async (actor: string) => (await ask(actor, INITIALIZE)).headers.get('mcp-session-id');
  const isOpen = async (actor: string, id: string | null) =>
    (await ask(actor, { jsonrpc: '2.0', id: 1, method: 'ping' }, { 'mcp-session-id': String(id) })).ok;
  return { door, open, isOpen };
}

describe('the sessions of a process', () => {
  it('are a thousand: who has none then is served without one, and who has some gives up the oldest', async () => {
    const { open, isOpen } = await behindHttp();
    const ids: (string | null)[] = [];
    for (let count = 0; count < 1_000; count += 1) ids.push(await open(`token:${count % 20}`));
    expect(new Set(ids).size).toBe(1_000);
    expect(ids).not.toContain(null);
    expect(await open('token:20')).toBeNull();
    expect(await open('token:0')).not.toBeNull();
    expect([await isOpen('token:0', ids[0] ?? null), await isOpen('token:1', ids[1] ?? null)]).toEqual([false, true]);
  });

  it('are fifty of a credential also when all are opened at once', async () => {
    const { open, isOpen } = await behindHttp();
    const ids = await Promise.all(Array.from({ length: 60 }, () => open('token:0')));
    const left = await Promise.all(ids.map((id) => isOpen('token:0', id)));
    expect(left.filter(Boolean)).toHaveLength(50);
  });

  it('end also when the server object of one cannot be closed', async () => {
    const failing: Offer = {
      ...PRODUCT,
      server: (connection) => {
        const server = PRODUCT.server(connection);
        server.close = () => Promise.reject(new Error('made up'));
        return server;
      },
    };
    const { door, open, isOpen } = await behindHttp(failing);
    const ids = [];
    for (let count = 0; count < 51; count += 1) ids.push(await open('token:0'));
    expect(await isOpen('token:0', ids[0] ?? null)).toBe(false);
    expect(await isOpen('token:0', ids[1] ?? null)).toBe(true);
    await door.close();
    expect(await isOpen('token:0', ids[1] ?? null)).toBe(false);
  });
});

it('a subscription of 2026-07-28 ends when its token expires, and is granted only what the token may read', async () => {
  let at = Date.now();
  const { url, token } = await mcpInProcess({ now: () => new Date(at) });
  const listen = async (input: object) => {
    const client = new Client(
      { name: 'test', version: '1.0.0' },
      { versionNegotiation: { mode: { pin: '2026-07-28' } } },
    );
    const headers = bearer((await token(input)).token);
    await client.connect(new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers } }));
    onTestFinished(() => client.close());
    return client.listen({ resourceSubscriptions: [DRAFT], resourcesListChanged: true });
  };
  const reader = await listen({ scopes: ['config:read'], expires: '1h' });
  expect(reader.honoredFilter).toEqual({ resourceSubscriptions: [DRAFT], resourcesListChanged: true });
  const watcher = await listen({ scopes: ['events:read'], expires: '2h' });
  expect(watcher.honoredFilter).toEqual({ resourcesListChanged: true });
  at += 60 * 60_000;
  expect(await reader.closed).not.toBe('local');
});

it('an address that is longer than any resource has is not subscribed to', async () => {
  const { url } = await mcpInProcess();
  const { ask } = await openSession(url, KEY);
  const answer = await ask('resources/subscribe', { uri: `server://${'x'.repeat(500_000)}` });
  expect(JSON.stringify(answer)).toContain('error');
});

it('a port that is none is no fault of the server', async () => {
  const { url } = await mcpInProcess();
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  const key = Object.entries(KEY)
    .map(([n, v]) => `${n}: ${v}`)
    .join('\r\n');
  socket.write(`GET /mcp HTTP/1.1\r\nHost: localhost:99999\r\n${key}\r\nConnection: close\r\n\r\n`);
  let text = '';
  for await (const chunk of socket) text += chunk;
  expect(text).toMatch(/^HTTP\/1.1 4/);
});

it('completion of a name that no variable has gives nothing, also where every object has something by it', async () => {
  const { url } = await mcpInProcess();
  const session = await openSession(url, KEY);
  const ref = { type: 'ref/resource', uri: 'config://{client_id}/{profile_id}/draft' };
  const complete = async (name: string) =>
    (await session.ask('completion/complete', { ref, argument: { name, value: 'curs' } })).message?.result;
  for (const name of ['no-such-name', 'toString', 'valueOf', 'constructor', '__proto__', 'hasOwnProperty'])
    expect(await complete(name), name).toMatchObject({ completion: { values: [] } });
  expect(await complete('client_id')).toMatchObject({ completion: { values: ['cursor'] } });
});
