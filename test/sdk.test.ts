import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { eventId } from '../src/core/event.ts';
import { OPERATIONS } from '../src/operations/index.ts';
import { createClient, type McpOrchestration, McpOrchestrationError, type Payload } from '../src/sdk/index.ts';
import { ROUTES } from '../src/sdk/operations.ts';
import { API_KEY, restInProcess } from './hostile/server.ts';

const target = { client_id: 'cursor', profile_id: 'default' };
const payload = (word: string): Payload => ({ mcpServers: { ours: { command: 'node', args: [word] } } });

/** The client, with a server that listens, and what went over the wire: method, path, answer and some headers. */
async function connected(settings: Parameters<typeof restInProcess>[0] = {}) {
  const rest = await restInProcess(settings);
  const url = await rest.server.listen({ host: '127.0.0.1', port: 0 });
  const sent: { method: string; path: string; status: number; headers: Headers; replayed: string | null }[] = [];
  /** Answers that are lost on the way. */
  const lose = { count: 0 };
  const spy: typeof fetch = async (address, init) => {
    const response = await fetch(address, init);
    const path = String(address).slice(url.length);
    const replayed = response.headers.get('idempotency-replayed');
    sent.push({
      method: init?.method ?? 'GET',
      path,
      status: response.status,
      headers: new Headers(init?.headers),
      replayed,
    });
    if (lose.count === 0) return response;
    lose.count -= 1;
    await response.body?.cancel();
    throw new TypeError('fetch failed');
  };
  const client = createClient({ url, apiKey: API_KEY, fetch: spy });
  return { ...rest, url, client, sent, lose };
}

const failureOf = async (work: Promise<unknown>): Promise<McpOrchestrationError> => {
  const error = await work.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (error instanceof McpOrchestrationError) return error;
  throw new Error('it did not fail as the client says it does', { cause: error });
};

/** A server that answers before it is done. */
const STILL_AT_WORK = JSON.stringify({
  error: { code: 'UNAVAILABLE', message: 'slow', details: { reason: 'still_at_work' } },
});

type Answer = [status: number, headers?: Record<string, string>, body?: string];

/** A server that answers one request after the other as it is told, and the rest with the last answer. */
async function scripted(...answers: (Answer | 'reset')[]) {
  const seen: IncomingMessage[] = [];
  const server = createServer((request: IncomingMessage, response: ServerResponse) => {
    const answer = answers[Math.min(seen.length, answers.length - 1)] ?? 'reset';
    seen.push(request);
    if (answer === 'reset') request.socket.destroy();
    else response.writeHead(answer[0], answer[1]).end(answer[2] ?? '{}');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { url, seen, client: createClient({ url, token: 'mcpo_test' }) };
}

/** As long as somebody reads, there is more. */
async function endless() {
  const server = createServer((_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    const more = () => {
      if (!response.destroyed) response.write('x'.repeat(65_536), () => setImmediate(more));
    };
    more();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return createClient({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
}

const busy = (seconds: string): Answer => [503, { 'retry-after': seconds }, 'busy'];

describe('the client for programs', () => {
  it('has a method for every operation with a route, and nothing else is written down about them', () => {
    const routes = OPERATIONS.flatMap(({ rest }) => (rest ? [`${rest.method} ${rest.path}`] : []));
    const known = Object.values(ROUTES).map(({ method, path }) => `${method} ${path}`);
    expect(known.toSorted()).toEqual(routes.toSorted());
    expect(Object.keys(ROUTES)).toEqual(expect.arrayContaining(['getConfig', 'addServerToConfig', 'generateToken']));
  });

  it('drafts, publishes and reads a configuration, typed all the way', async () => {
    const { client } = await connected();
    await client.initializeKeys();
    const { revision } = await client.addServerToConfig({ ...target, server_id: 'memory' });
    await client.setDraftConfig({ ...target, payload: payload('one'), if_revision: revision });
    const { status, artifact_id } = await client.publishConfig({ ...target, changelog: 'first' });
    expect(status).toBe('published');
    const config = await client.getConfig(target);
    expect(config).toMatchObject({
      artifact_id,
      sequence: 1,
      payload: payload('one'),
      metadata: { changelog: 'first' },
    });
    // @ts-expect-error: the types name every field of an answer, and no other
    expect(config.artifact).toBeUndefined();
    // @ts-expect-error: and every field that must be there
    await expect(client.describeServer({})).rejects.toThrow('server_id');
  });

  it('puts the whole body, the query and the path where each operation wants them', async () => {
    const { client, sent } = await connected();
    const { results } = await client.batch({
      items: [{ operation: 'list_profiles', client_id: 'cursor' }],
      atomic: true,
    });
    expect(results).toMatchObject([{ operation: 'list_profiles', status: 200 }]);
    const { servers } = await client.listAvailableServers({
      search_query: 'brave search',
      transport_filter: undefined,
    });
    expect(servers.map(({ server_id }) => server_id)).toContain('brave-search');
    expect(await client.listClients({ detect: true })).toMatchObject({ count: 42 });
    expect(sent.map(({ method, path }) => `${method} ${path}`)).toEqual([
      'POST /v1/config/batch?atomic=true',
      'GET /v1/servers?search_query=brave+search',
      'GET /v1/clients?detect=true',
    ]);
  });

  it('gives a refusal as an error with everything that the server says', async () => {
    const { client, url } = await connected();
    const error = await failureOf(client.describeServer({ server_id: 'memry' }));
    expect(error).toMatchObject({ name: 'McpOrchestrationError', code: 'SERVER_NOT_FOUND', status: 404 });
    expect([error.message, error.hint, error.request_id]).toEqual([
      expect.stringContaining('memory'),
      expect.stringContaining('list-servers'),
      expect.stringMatching(/^req_/),
    ]);
    expect(await failureOf(createClient({ url }).listClients())).toMatchObject({ code: 'AUTHENTICATION_REQUIRED' });
    expect(await failureOf(createClient({ url, token: 'wrong' }).listClients())).toMatchObject({ status: 401 });
  });

  it('sends no request for a part of a path that would lead elsewhere', async () => {
    const { client, sent } = await connected();
    for (const webhook_id of ['', '.', '..']) {
      expect(await failureOf(client.deleteWebhook({ webhook_id }))).toMatchObject({ code: 'INVALID_INPUT', status: 0 });
    }
    expect(sent).toEqual([]);
    expect(await failureOf(client.deleteWebhook({ webhook_id: 'a/../%2e%2e?x#y' }))).toMatchObject({
      code: 'WEBHOOK_NOT_FOUND',
    });
  });

  it('refuses addresses and credentials that cannot be meant', () => {
    for (const url of ['ftp://localhost', 'http://user:word@localhost', 'http://localhost/?a=b', 'localhost']) {
      expect(() => createClient({ url }), url).toThrow(TypeError);
    }
    expect(() => createClient({ url: 'http://localhost', token: 'a', apiKey: 'b' })).toThrow('not both');
  });

  it('takes a credential as a file has it, and never says one that no header can carry', async () => {
    const { url } = await connected();
    expect(await createClient({ url, apiKey: `${API_KEY}\n` }).listClients()).toMatchObject({ count: 42 });
    for (const wrong of [{ token: 'planted\nsecret' }, { apiKey: 'planted…secret' }]) {
      expect(() => createClient({ url, ...wrong })).toThrow(/^(token|apiKey) has characters that no credential has$/);
    }
  });

  it('walks through a list that comes in pages', async () => {
    const { client, sent } = await connected();
    for (const name of ['a', 'b', 'c', 'd', 'e']) await client.generateToken({ name, role: 'viewer' });
    sent.length = 0;
    const names: string[] = [];
    for await (const { name } of client.all.listTokens({ limit: 2 })) names.push(name);
    expect(names.toSorted()).toEqual(['a', 'b', 'c', 'd', 'e']);
    expect(sent).toHaveLength(3);
  });
});

describe('answers that are kept', () => {
  it('are not sent again while they hold, and cannot be spoiled by who got them', async () => {
    const { client, sent } = await connected();
    await client.initializeKeys();
    await client.publishConfig({ ...target, payload: payload('one') });
    const first = await client.getConfig(target);
    first.payload.mcpServers = {};
    expect((await client.getConfig(target)).payload).toEqual(payload('one'));
    await client.publishConfig({ ...target, payload: payload('two') });
    expect((await client.getConfig(target)).payload).toEqual(payload('two'));
    expect(sent.filter(({ method }) => method === 'GET').map(({ status }) => status)).toEqual([200, 304, 200]);
  });

  it('of a draft that nobody has written follow the release that it starts from', async () => {
    const { client } = await connected();
    await client.initializeKeys();
    const follower = { client_id: 'vscode', profile_id: 'default' };
    await client.publishConfig({ ...target, payload: payload('one') });
    await client.linkProfile({ ...follower, source_client_id: 'cursor' });
    expect(await client.viewDraftConfig(follower)).toMatchObject({ draft: payload('one') });
    await client.publishConfig({ ...target, payload: payload('two') });
    expect(await client.viewDraftConfig(follower)).toMatchObject({ draft: payload('two') });
  });

  it('are 100 at most: the oldest go', async () => {
    const tagged = await scripted([200, { etag: '"a"' }, '{"artifact_id":"x"}']);
    const read = (name: number) => tagged.client.getArtifact({ artifact_id: String(name) });
    for (let name = 0; name <= 100; name += 1) await read(name);
    await read(0);
    await read(100);
    const tags = tagged.seen.slice(-2).map(({ headers }) => headers['if-none-match']);
    expect(tags).toEqual([undefined, '"a"']);
  });
});

describe('a request that fails', () => {
  it('is sent again with the same key, so that nothing is done twice', async () => {
    const { client, sent, lose } = await connected();
    lose.count = 2;
    expect(await client.generateToken({ name: 'once', role: 'viewer' }).catch(({ code }) => code)).toBe(
      'IDEMPOTENCY_CONFLICT',
    );
    expect((await client.listTokens()).tokens).toHaveLength(1);
    const posts = sent.filter(({ method }) => method === 'POST').map(({ headers }) => headers.get('idempotency-key'));
    expect(posts).toHaveLength(3);
    expect(new Set(posts).size).toBe(1);
    lose.count = 1;
    const { revision } = await client.addServerToConfig({ ...target, server_id: 'memory' });
    expect(revision).toBe(1);
    expect(sent.at(-1)?.replayed).toBe('true');
  });

  it('takes the key that the caller chose', async () => {
    const { client } = await connected();
    const twice = [1, 2].map(() =>
      client.addServerToConfig({ ...target, server_id: 'memory' }, { idempotencyKey: 'mine' }),
    );
    expect((await Promise.all(twice)).map(({ revision }) => revision)).toEqual([1, 1]);
  });

  it('waits as long as a busy server asks, and is given up after the last try', async () => {
    const { client, seen } = await scripted(busy('0'), [429, { 'retry-after': '0' }], [200, {}, '{"count":1}']);
    expect(await client.listClients()).toEqual({ count: 1 });
    expect(seen).toHaveLength(3);
    const always = await scripted(busy('0'));
    expect(await failureOf(always.client.listClients())).toMatchObject({ status: 503, code: 'UNEXPECTED_ANSWER' });
    expect(always.seen).toHaveLength(3);
    const none = createClient({ url: always.url, retries: 0 });
    await failureOf(none.listClients());
    expect(always.seen).toHaveLength(4);
  });

  it('is not sent again when that could do harm, or is of no use', async () => {
    for (const status of [400, 401, 404, 409, 500]) {
      const { client, seen } = await scripted([status]);
      expect(await failureOf(client.listClients())).toMatchObject({ status });
      expect(seen).toHaveLength(1);
    }
    const { client, seen } = await scripted('reset');
    const conditional = client.setDraftConfig({ ...target, payload: payload('one'), if_revision: 3 });
    expect(await failureOf(conditional)).toMatchObject({ code: 'CONNECTION_FAILED', status: 0 });
    expect(seen).toHaveLength(1);
    const slow = await scripted([503, {}, STILL_AT_WORK]);
    const change = slow.client.setDraftConfig({ ...target, payload: payload('one'), if_revision: 3 });
    expect(await failureOf(change)).toMatchObject({ code: 'UNAVAILABLE', status: 503 });
    expect(slow.seen).toHaveLength(1);
  });

  it('of deleting says that it got no answer, and not that nothing is there after it went through', async () => {
    const { client, lose } = await connected();
    const profile = { client_id: 'cursor', profile_id: 'mine' };
    await client.createProfile(profile);
    lose.count = 1;
    expect(await failureOf(client.deleteProfile(profile))).toMatchObject({ code: 'CONNECTION_FAILED' });
    expect(await failureOf(client.deleteProfile(profile))).toMatchObject({ code: 'PROFILE_NOT_FOUND' });
    const slow = await scripted([503, { 'retry-after': '0' }, STILL_AT_WORK], [404]);
    expect(await failureOf(slow.client.deleteProfile(profile))).toMatchObject({ code: 'UNAVAILABLE', status: 503 });
    expect(slow.seen).toHaveLength(2);
  });

  it('is not sent at all with a key that no header can carry', async () => {
    const { client, seen } = await scripted([200]);
    expect(await failureOf(client.initializeKeys({}, { idempotencyKey: 'one\ntwo' }))).toMatchObject({
      code: 'INVALID_INPUT',
      message: expect.stringContaining('idempotencyKey'),
    });
    expect(seen).toHaveLength(0);
  });

  it('may have any time limit, also none', async () => {
    const { client } = await connected();
    for (const timeoutMs of [2 ** 31, Number.POSITIVE_INFINITY])
      expect(await client.listClients({}, { timeoutMs })).toMatchObject({ count: 42 });
  });

  it('does not follow where another server is: no credential goes there', async () => {
    const other = await scripted([200]);
    const { client, seen } = await scripted([307, { location: `${other.url}/v1/clients` }]);
    expect(await failureOf(client.listClients())).toMatchObject({ code: 'UNEXPECTED_ANSWER', status: 307 });
    await expect(take(client, 1)).rejects.toMatchObject({ code: 'UNEXPECTED_ANSWER', status: 307 });
    expect([seen.length, other.seen.length]).toEqual([2, 0]);
  });

  it('ends at the time limit, or when its caller ends it', async () => {
    const { client } = await scripted(busy('3600'));
    const begin = performance.now();
    expect(await failureOf(client.listClients())).toMatchObject({ status: 503 });
    const deaf = createClient({ url: 'http://127.0.0.1:9', fetch: (_url, init) => never(init?.signal) });
    expect(await failureOf(deaf.listClients({}, { timeoutMs: 20 }))).toMatchObject({ code: 'TIMED_OUT' });
    const mine = new AbortController();
    const call = deaf.listClients({}, { signal: mine.signal });
    mine.abort(new Error('no more'));
    await expect(call).rejects.toThrow('no more');
    await expect(deaf.listClients({}, { signal: mine.signal })).rejects.toThrow('no more');
    expect(performance.now() - begin).toBeLessThan(5_000);
  });

  it('ends with an error that is longer than anything that is meant, or does not end', async () => {
    let sent = 0;
    const endless = createServer((request, response) => {
      const status = request.url?.includes('refused') ? 403 : 200;
      response.writeHead(status, { 'content-type': 'application/json' }).write('{"x":"');
      const more = () => {
        while (!response.destroyed && response.write('y'.repeat(65_536))) sent += 65_536;
      };
      response.on('drain', more);
      more();
    });
    await new Promise<void>((resolve) => endless.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => {
      endless.closeAllConnections();
      endless.close();
    });
    const url = `http://127.0.0.1:${(endless.address() as AddressInfo).port}`;
    const client = createClient({ url, maxAnswerBytes: 1_000_000 });
    const unexpected = { code: 'UNEXPECTED_ANSWER', message: 'The answer has more than 1000000 bytes.' };
    expect(await failureOf(client.listClients())).toMatchObject(unexpected);
    const refused = createClient({ url: `${url}/refused`, maxAnswerBytes: 1_000_000 });
    expect(await failureOf(take(refused, 1))).toMatchObject(unexpected);
    expect(sent).toBeLessThan(30_000_000);
  });

  it.each(['{}', '{"tokens":"abc"}', '{"tokens":{"length":1}}', '[]'])(
    'gives no items of a list that is none: %s',
    async (body) => {
      const { client } = await scripted([200, { 'content-type': 'application/json' }, body]);
      const items: unknown[] = [];
      const listed = (async () => {
        for await (const item of client.all.listTokens()) items.push(item);
      })();
      expect(await failureOf(listed)).toMatchObject({ code: 'UNEXPECTED_ANSWER' });
      expect(items).toEqual([]);
    },
  );

  it('says when the answer is none of this server', async () => {
    const { client } = await scripted([200, { 'x-request-id': 'proxy-1' }, '<html>']);
    const error = await failureOf(client.listClients());
    expect(error).toMatchObject({ code: 'UNEXPECTED_ANSWER', status: 200, request_id: 'proxy-1' });
    expect(await failureOf((await scripted([200, {}, 'null'])).client.listClients())).toMatchObject({ status: 200 });
    const alike = await scripted([404, {}, '{"error":{"code":"NotFound","message":"No.","details":null,"hint":7}}']);
    expect(await failureOf(alike.client.listClients())).toMatchObject({ status: 404, details: {}, hint: '' });
    expect(alike.seen).toHaveLength(1);
  });
});

const never = (signal: AbortSignal | null | undefined) =>
  new Promise<Response>((_resolve, reject) => {
    signal?.addEventListener('abort', () => reject(signal.reason));
    if (signal?.aborted) reject(signal.reason);
  });

/** The first so many of a stream. */
async function take(client: McpOrchestration, count: number, options: Parameters<McpOrchestration['events']>[0] = {}) {
  const seen: { type: string; id?: string }[] = [];
  for await (const event of client.events(options)) if (seen.push(event) >= count) break;
  return seen;
}

const stream = (text: string): Answer => [200, { 'content-type': 'text/event-stream; charset=utf-8' }, text];

const message = (number: number) => {
  const event = { id: eventId(number), type: 'key.rotated' };
  return `id: ${event.id}\nevent: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`;
};

describe('the events of the client', () => {
  it('come as they happen, only those that are asked for, from the one that was seen on', async () => {
    const { client } = await connected();
    await client.initializeKeys();
    const next = take(client, 1, { types: ['config.published'], client_id: 'cursor', since: eventId(1) });
    await client.publishConfig({ ...target, payload: payload('one') });
    const [event] = await next;
    expect(event).toMatchObject({ type: 'config.published', ...target, sequence: 1 });
    expect((await take(client, 3, { since: eventId(0) })).map(({ id }) => id)).toEqual([1, 2, 3].map(eventId));
    const stop = new AbortController();
    const all = take(client, 9, { since: eventId(2), signal: stop.signal });
    setTimeout(() => stop.abort(), 100);
    expect(await all).toHaveLength(1);
  });

  it('say when some were lost', async () => {
    const { client } = await connected();
    expect(await take(client, 1, { since: eventId(99) })).toEqual([{ type: 'resync' }]);
  });

  it('go on without a gap after a break, also one before the first event', async () => {
    const { client, seen } = await scripted(
      stream(`retry: 1\n\nid: ${eventId(7)}\n\n`),
      'reset',
      stream(`: alive\r\n\r\n${message(8)}${message(9)}id: ${eventId(10)}\nevent: key.rotated\ndata: {"cut`),
      busy('0'),
      stream(`${message(10)}\n\n`),
    );
    const ids = (await take(client, 3)).map(({ id }) => id);
    expect(ids).toEqual([8, 9, 10].map(eventId));
    const places = seen.map(({ headers }) => headers['last-event-id']);
    expect(places).toEqual([undefined, eventId(7), eventId(7), eventId(9), eventId(9)]);
  });

  it('end with an error that another try would not mend', async () => {
    const { url } = await connected();
    await expect(take(createClient({ url }), 1)).rejects.toMatchObject({ code: 'AUTHENTICATION_REQUIRED' });
    const { client } = await connected();
    const viewer = await client.generateToken({ name: 'none', scopes: ['config:read'] });
    expect(viewer.scopes).toEqual(['config:read']);
    await expect(take(createClient({ url, token: 'x' }), 1)).rejects.toMatchObject({ code: 'INVALID_CREDENTIALS' });
    for (const since of ['yesterday', 'tomorrow…'])
      await expect(take(client, 1, { since })).rejects.toMatchObject({ code: 'INVALID_INPUT' });
  });

  it.each<[string, Answer, number]>([
    ['is busy and says "at once"', busy('0'), 1],
    ['is busy for longer than a timer can wait', busy('3000000'), 1],
    ['ends every stream and says "at once"', stream('retry: 0\n\n'), 2],
    ['names places that no header can carry', stream('retry: 0\nid: €\n\n'), 2],
  ])('do not flood a server that %s, and come back', async (_what, answer, least) => {
    const { client, seen } = await scripted(answer);
    const stop = new AbortController();
    setTimeout(() => stop.abort(), 350);
    expect(await take(client, 1, { signal: stop.signal })).toEqual([]);
    expect(seen.length).toBeGreaterThanOrEqual(least);
    expect(seen.length).toBeLessThan(6);
  });

  it('end with an error when what answers is no stream of events', async () => {
    const unexpected = { code: 'UNEXPECTED_ANSWER' };
    for (const answer of [
      [200, { 'content-type': 'text/html' }, '<html>\n\n'],
      [204],
      stream('data: {\n\n'),
    ] as Answer[]) {
      const { client, seen } = await scripted(answer);
      await expect(take(client, 1)).rejects.toMatchObject(unexpected);
      expect(seen).toHaveLength(1);
    }
    // A line that never ends.
    await expect(take(await endless(), 1)).rejects.toMatchObject(unexpected);
  });

  it('leave no connection behind when the loop is left: a credential has five streams', async () => {
    const { client, sent } = await connected();
    await client.initializeKeys();
    for (let round = 0; round < 12; round += 1) expect(await take(client, 1, { since: eventId(0) })).toHaveLength(1);
    expect(sent.map(({ status }) => status)).toEqual(Array.from({ length: 13 }, () => 200));
  });
});
