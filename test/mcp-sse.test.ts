import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js';
import { SSEClientTransport } from '@modelcontextprotocol/sdk/client/sse.js';
import { ResourceUpdatedNotificationSchema } from '@modelcontextprotocol/sdk/types.js';
import { expect, it, onTestFinished } from 'vitest';
import { invoke } from '../src/operations/operation.ts';
import { revokeToken } from '../src/operations/tokens.ts';
import { call } from './crash/invariants.ts';
import { bearer, KEY, mcpInProcess, post } from './support/mcp-in-process.ts';
import { openEvents } from './support/sse.ts';

/** HTTP+SSE of revision 2024-11-05, for clients that know nothing newer; only where it is switched on. */

const ping = { jsonrpc: '2.0', id: 1, method: 'ping' };

async function started(options = { legacy_sse: true }) {
  const server = await mcpInProcess(options);
  return { ...server, sse: server.url.replace('/mcp', '/sse'), base: server.url.replace('/mcp', '') };
}

it('is not there unless it was asked for', async () => {
  const { sse, base } = await started({ legacy_sse: false });
  expect((await fetch(sse, { headers: KEY })).status).toBe(404);
  expect((await post(`${base}/messages?sessionId=x`, KEY, ping)).status).toBe(404);
});

it('serves a client of SDK 1, and tells it what changes', async () => {
  const { sse, token, workspace } = await started();
  const { token: secret } = await token();
  const client = new ClientV1({ name: 'test', version: '1.0.0' });
  const heard: string[] = [];
  client.setNotificationHandler(ResourceUpdatedNotificationSchema, ({ params }) => void heard.push(params.uri));
  const headers = bearer(secret);
  const withToken = (url: string | URL, init?: RequestInit) =>
    fetch(url, { ...init, headers: { ...Object.fromEntries(new Headers(init?.headers)), ...headers } });
  await client.connect(
    new SSEClientTransport(new URL(sse), { requestInit: { headers }, eventSourceInit: { fetch: withToken } }) as never,
  );
  onTestFinished(() => client.close());
  expect((await client.listTools()).tools).toHaveLength(18);
  const uri = 'config://cursor/default/draft';
  await client.subscribeResource({ uri });
  await call(workspace, 'set_draft_config', { client_id: 'cursor', payload: { mcpServers: {} } });
  await expect.poll(() => heard).toEqual([uri]);
});

it('asks for a credential, and a session belongs to the one that opened it and ends with it', async () => {
  const { sse, base, token, app } = await started();
  expect((await fetch(sse)).status).toBe(401);
  const { token: secret, token_id } = await token();
  const stream = await openEvents(sse, bearer(secret));
  const [endpoint] = await stream.until(1);
  expect(endpoint).toMatchObject({
    event: 'endpoint',
    data: expect.stringMatching(/^\/messages\?sessionId=[0-9a-f-]{36}$/),
  });
  const messages = `${base}${endpoint?.data}`;
  expect((await fetch(messages, { method: 'POST' })).status).toBe(401);
  expect((await post(messages, KEY, ping)).status).toBe(404);
  expect((await post(messages, bearer(secret), { hello: 1 })).status).toBe(400);
  expect((await post(messages, bearer(secret), [ping])).status).toBe(400);
  expect((await post(messages, bearer(secret), ping)).status).toBe(202);
  await stream.until(2);
  expect(JSON.parse(stream.messages[1]?.data ?? '')).toMatchObject({ id: 1, result: {} });
  await invoke(revokeToken, app.localContext('cli'), { token_id });
  await stream.ended;
  expect((await post(messages, bearer(secret), ping)).status).toBe(401);
});

it('a session ends with its stream', async () => {
  const { sse, base } = await started();
  const stream = await openEvents(sse, KEY);
  const [endpoint] = await stream.until(1);
  expect((await post(`${base}${endpoint?.data}`, KEY, ping)).status).toBe(202);
  stream.close();
  await expect.poll(async () => (await post(`${base}${endpoint?.data}`, KEY, ping)).status).toBe(404);
});
