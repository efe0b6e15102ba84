import { once } from 'node:events';
import { request } from 'node:http';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { expect, it, onTestFinished } from 'vitest';
import { startHttp, startLines } from '../support/process.ts';
import { openEvents } from '../support/sse.ts';
import { testWorkspace } from '../support/workspace.ts';
import { CLIENTS, stopUnderLoad } from './stopping.ts';

it(`a stop under the load of ${CLIENTS} clients that keep their connections fails no request, and takes less than 10 s`, {
  timeout: 120_000,
}, async () => {
  const { answers, after, took } = await stopUnderLoad();
  process.stdout.write(`${answers} answers, ${after} of them after SIGTERM; ended after ${took} ms\n`);
});

it('a stop answers long polls, tells streams of events when to come back, and ends what MCP clients listen to', async () => {
  const server = await startHttp(await testWorkspace());
  const headers = { authorization: `Bearer ${server.token}` };
  const { body } = await server.ask('GET', '/v1/changes');
  const polls = Array.from({ length: 5 }, () => server.ask('GET', `/v1/changes?since=${body['next']}&wait=30`));
  const events = await openEvents(`${server.url}/v1/events`, headers);
  const client = new Client(
    { name: 'test', version: '1.0.0' },
    { versionNegotiation: { mode: { pin: '2026-07-28' } } },
  );
  const requestInit = { headers };
  await client.connect(new StreamableHTTPClientTransport(new URL(`${server.url}/mcp`), { requestInit }));
  onTestFinished(() => client.close());
  const subscription = await client.listen({ resourceSubscriptions: ['config://cursor/default/draft'] });
  const began = performance.now();
  const stopped = server.stop('SIGTERM');
  for (const { status, body: answer } of await Promise.all(polls))
    expect([status, answer]).toEqual([200, { changes: [], next: body['next'], resync: false }]);
  await events.ended;
  expect(events.rest.at(-1)).toBe('retry: 3000');
  expect(await subscription.closed).not.toBe('local');
  expect(await stopped).toEqual({ code: 0, signal: null });
  expect(performance.now() - began).toBeLessThan(5_000);
});

it.each(['SIGTERM', 'SIGINT'] as const)('a second signal, a %s, ends the server at once', async (signal) => {
  const server = startLines(await testWorkspace(), ['serve-http', '--port', '0']);
  await server.line();
  const url = new URL(server.lines[0]?.replace('Listening on ', '') ?? '');
  const token = /API token \(shown only now\): (\S+)/.exec(server.output.stderr)?.[1];
  // Somebody who does not finish asking, and for whom a stop would wait.
  const sent = request(new URL('/v1/config/diff', url), {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-length': 10, expect: '100-continue' },
  }).on('error', () => undefined);
  sent.flushHeaders();
  await once(sent, 'continue');
  server.child.kill('SIGTERM');
  await expect.poll(() => server.output.stderr).toContain('stopping');
  const began = performance.now();
  server.child.kill(signal);
  expect(await server.ended).toEqual([1, null]);
  expect(performance.now() - began).toBeLessThan(1_000);
});
