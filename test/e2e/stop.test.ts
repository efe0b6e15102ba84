import { once } from 'node:events';
import { Agent, type IncomingMessage, request } from 'node:http';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { expect, it, onTestFinished } from 'vitest';
import { type HttpServer, startHttp, startLines } from '../support/process.ts';
import { openEvents } from '../support/sse.ts';
import { testWorkspace } from '../support/workspace.ts';

/** How a server ends while it is used (SECURITY-BAR R9). */

const CLIENTS = 40;
const IDS = [
  'cursor',
  'vscode',
  'claude-desktop',
  'claude-code',
  'zed',
  'warp',
  'kiro',
  'cline',
  'windsurf',
  'codex-cli',
];

interface Tally {
  /** Answers with 2xx, by client. */
  answered: number[];
  /** Requests that were sent and not answered with 2xx. */
  failed: string[];
  /** Answers after the signal. */
  after: number;
}

/** A client that keeps its connection and asks again as soon as it has an answer, until nobody listens any more. */
async function goOnAsking({ url, token }: HttpServer, at: number, tally: Tally, stopped: () => boolean): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  onTestFinished(() => agent.destroy());
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
  const draft = `/v1/config/${IDS[at % IDS.length]}/default/draft`;
  for (let turn = 0; ; turn += 1) {
    const [method, path, body] =
      at % 4 === 0 ? ['PUT', draft, '{"payload":{"mcpServers":{}}}'] : ['GET', turn % 2 ? '/v1/servers' : draft, ''];
    try {
      const sent = request(url + path, { agent, method, headers }).end(body);
      const [response] = (await once(sent, 'response')) as [IncomingMessage];
      await text(response);
      const status = response.statusCode ?? 0;
      if (status >= 200 && status < 300) tally.answered[at] = (tally.answered[at] ?? 0) + 1;
      else tally.failed.push(`${method} ${path}: ${status}`);
      if (stopped()) tally.after += 1;
    } catch (error) {
      // Nothing was sent: there was no connection to send it on.
      if ((error as NodeJS.ErrnoException).code === 'ECONNREFUSED') return;
      tally.failed.push(`${method} ${path}: ${(error as NodeJS.ErrnoException).code ?? error}`);
    }
  }
}

it(`a stop under the load of ${CLIENTS} clients that keep their connections fails no request, and takes less than 10 s`, {
  timeout: 120_000,
}, async () => {
  const server = await startHttp(await testWorkspace());
  const tally: Tally = { answered: Array(CLIENTS).fill(0), failed: [], after: 0 };
  let signalled = false;
  const clients = Array.from({ length: CLIENTS }, (_, at) => goOnAsking(server, at, tally, () => signalled));
  while (Math.min(...tally.answered) < 5) await sleep(20);
  const began = performance.now();
  signalled = true;
  const ended = await server.stop('SIGTERM');
  const took = Math.round(performance.now() - began);
  await Promise.all(clients);
  const all = tally.answered.reduce((sum, count) => sum + count);
  process.stdout.write(`${all} answers, ${tally.after} of them after SIGTERM; ended after ${took} ms\n`);
  expect(tally.failed).toEqual([]);
  expect(tally.after).toBeGreaterThan(0);
  expect(ended).toEqual({ code: 0, signal: null });
  expect(took).toBeLessThan(10_000);
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
