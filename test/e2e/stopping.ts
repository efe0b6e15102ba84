import { once } from 'node:events';
import { Agent, type IncomingMessage, request } from 'node:http';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, onTestFinished } from 'vitest';
import { type HttpServer, startHttp } from '../support/process.ts';
import { openEvents } from '../support/sse.ts';
import { testWorkspace } from '../support/workspace.ts';

/** How a server ends while it is used (SECURITY-BAR R9). */

/** That keep their connections. */
export const CLIENTS = 40;
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

/** Stops a server that all clients are at work on. Fails when a request does, or when it takes too long. */
export async function stopUnderLoad(): Promise<{ answers: number; after: number; took: number }> {
  const server = await startHttp(await testWorkspace());
  const tally: Tally = { answered: Array(CLIENTS).fill(0), failed: [], after: 0 };
  let signalled = false;
  const events = await openEvents(`${server.url}/v1/events`, { authorization: `Bearer ${server.token}` });
  const clients = Array.from({ length: CLIENTS }, (_, at) => goOnAsking(server, at, tally, () => signalled));
  while (Math.min(...tally.answered) < 5) await sleep(20);
  const began = performance.now();
  signalled = true;
  const ended = await server.stop('SIGTERM');
  const took = Math.round(performance.now() - began);
  await Promise.all(clients);
  await events.ended;
  const answers = tally.answered.reduce((sum, count) => sum + count);
  expect(tally.failed).toEqual([]);
  expect(tally.after).toBeGreaterThan(0);
  expect(ended).toEqual({ code: 0, signal: null });
  expect(took).toBeLessThan(10_000);
  expect(events.rest.at(-1), 'a stream of events is told when to come back').toBe('retry: 3000');
  return { answers, after: tally.after, took };
}
