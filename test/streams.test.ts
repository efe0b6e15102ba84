import { type AddressInfo, connect } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import { expect, it, onTestFinished, vi } from 'vitest';
import { invoke } from '../src/operations/operation.ts';
import { revokeToken } from '../src/operations/tokens.ts';
import { callOn } from './crash/invariants.ts';
import { API_KEY, restInProcess } from './hostile/server.ts';
import { bearer, mcpInProcess, openSession, subscribe } from './support/mcp-in-process.ts';
import { openEvents } from './support/sse.ts';

/** What stays open when a request is answered, and where that goes wrong. */

const LOCAL = { host: '127.0.0.1', port: 0 };

it.each(['/v1/events', '/sse'])(
  'a reader of %s that is gone before its credential was looked up leaves nothing',
  async (path) => {
    const { server, app, token } = await mcpInProcess({ legacy_sse: true });
    const { port } = server.server.address() as AddressInfo;
    const { token: secret } = await token();
    const find = app.store.tokens.byDigest.bind(app.store.tokens);
    const gate = Promise.withResolvers<void>();
    const late = vi.spyOn(app.store.tokens, 'byDigest').mockImplementation(async (digest) => {
      await gate.promise;
      return find(digest);
    });
    const sockets = Array.from({ length: 5 }, () => connect(port, '127.0.0.1'));
    for (const socket of sockets)
      socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${secret}\r\n\r\n`);
    const connections = () => new Promise((resolve) => server.server.getConnections((_, count) => resolve(count)));
    await expect.poll(connections).toBe(5);
    // One is looked up, and the others wait for that; on a store that has told of a change meanwhile, for another one.
    await expect.poll(() => late.mock.calls.length).toBeGreaterThan(0);
    await setTimeout(50);
    for (const socket of sockets) socket.destroy();
    await expect.poll(connections).toBe(0);
    gate.resolve();
    await late.mock.results.at(-1)?.value;
    await setTimeout(50);
    const stream = await openEvents(`http://127.0.0.1:${port}${path}`, bearer(secret));
    onTestFinished(() => stream.close());
    expect(stream.status).toBe(200);
  },
);

it('a stream whose store cannot be read ends, so that its reader comes back', async () => {
  const { server, app } = await restInProcess();
  const url = await server.listen(LOCAL);
  vi.spyOn(app.store.events, 'range').mockRejectedValueOnce(new Error('made up'));
  const stream = await openEvents(`${url}/v1/events`, { 'x-api-key': API_KEY });
  onTestFinished(() => stream.close());
  const ended = await Promise.race([stream.ended.then(() => true), setTimeout(2_000, false)]);
  expect(ended).toBe(true);
});

it('an event stream tells nothing to a credential that has expired', async () => {
  const { server, app, token } = await mcpInProcess();
  const { port } = server.server.address() as AddressInfo;
  const { token: secret } = await token({ role: 'viewer', expires: '1s' });
  const stream = await openEvents(`http://127.0.0.1:${port}/v1/events`, bearer(secret));
  onTestFinished(() => stream.close());
  await setTimeout(1_050);
  await callOn(app, 'set_draft_config', { client_id: 'cursor', payload: { mcpServers: {} } });
  await stream.ended;
  expect(stream.events()).toEqual([]);
}, 10_000);

type Opens = (url: string, secret: string) => Promise<() => ReturnType<typeof openEvents>>;

/** What stays open, made ready to be opened. */
const STREAMS: Record<string, Opens> = {
  '/v1/events': async (url, secret) => () => openEvents(`${url}/v1/events`, bearer(secret)),
  '/sse': async (url, secret) => () => openEvents(`${url}/sse`, bearer(secret)),
  'a subscription at /mcp': async (url, secret) => () => subscribe(`${url}/mcp`, bearer(secret)),
  'a session at /mcp': async (url, secret) => (await openSession(`${url}/mcp`, bearer(secret))).listen,
};

it.each(Object.keys(STREAMS))('%s ends when its token is revoked just after it was looked up', async (name) => {
  const { server, app, token } = await mcpInProcess({ legacy_sse: true });
  const { port } = server.server.address() as AddressInfo;
  const { token: secret, token_id } = await token();
  const open = await STREAMS[name]?.(`http://127.0.0.1:${port}`, secret);
  // A commit, after which tokens are looked up anew.
  await callOn(app, 'set_draft_config', { client_id: 'cursor', payload: { mcpServers: {} } });
  const find = app.store.tokens.byDigest.bind(app.store.tokens);
  vi.spyOn(app.store.tokens, 'byDigest').mockImplementationOnce(async (digest) => {
    const row = await find(digest);
    await invoke(revokeToken, app.localContext('cli'), { token_id });
    return row;
  });
  const stream = await open?.();
  onTestFinished(() => stream?.close());
  expect(stream?.status).toBe(200);
  const ended = await Promise.race([stream?.ended.then(() => true), setTimeout(2_000, false)]);
  expect(ended).toBe(true);
});
