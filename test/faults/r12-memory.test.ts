import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { Agent, request } from 'node:http';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { collectorAt, freePort } from '../../bench/http/collector.ts';
import { call } from '../crash/invariants.ts';
import { startHttp } from '../support/process.ts';
import { testWorkspace } from '../support/workspace.ts';
import { promise } from './support/promise.ts';
import { KEY } from './support/writers.ts';

const AT_ONCE = 20;
const PROMISED = 1.1;
/** Requests after which everything is compiled and every cache is full: what comes later is compared with that. */
const WARM = 20_000;
/** What was needed only for the requests is given back by then: connections are kept for five seconds. */
const REST_MS = 6_000;

const payload = (word: number) => ({ payload: { mcpServers: { x: { command: 'node', args: [String(word)] } } } });
const mcp = (turn: number) => ({
  jsonrpc: '2.0',
  id: turn,
  method: 'tools/call',
  params: { name: 'list_profiles', arguments: { client_id: 'cursor' } },
});

/** Of a hundred requests: reads of all kinds, refusals, calls of tools, drafts, and one release. */
function askedAt(turn: number): { method: string; path: string; body?: object; status: number } {
  const kind = turn % 100;
  const config = '/v1/config/cursor/default';
  if (kind === 0) return { method: 'POST', path: `${config}/publish`, body: payload(turn), status: 201 };
  if (kind < 10) return { method: 'PUT', path: '/v1/config/zed/dev/draft', body: payload(turn), status: 200 };
  if (kind < 20) return { method: 'POST', path: '/mcp', body: mcp(turn), status: 200 };
  if (kind < 30) return { method: 'GET', path: `/v1/config/nobody-${turn}/default`, status: 404 };
  if (kind < 35) return { method: 'PUT', path: '/v1/config/zed/dev/draft', body: { wrong: turn }, status: 400 };
  const paths = [
    config,
    '/v1/clients',
    '/v1/servers',
    `${config}/latest`,
    '/v1/clients/cursor/profiles',
    '/v1/changes',
  ];
  return { method: 'GET', path: paths[turn % paths.length] ?? config, status: 200 };
}

promise(
  'R12',
  {
    promise: 'memory, handles and listeners of a server stay what they are',
    asked: 'RSS after 200,000 mixed requests at most 10 % over that after 20,000; handles and listeners flat',
    // Requests.
    rounds: { short: 30_000, long: 200_000 },
  },
  async ({ rounds: requests }) => {
    const workspace = await testWorkspace();
    workspace.env['MCP_ORCHESTRATION_API_KEY'] = KEY;
    await call(workspace, 'initialize_keys');
    await call(workspace, 'publish_config', { client_id: 'cursor', ...payload(0) });
    const port = await freePort();
    const server = await startHttp(workspace, { env: { NODE_OPTIONS: `--inspect=127.0.0.1:${port}` } });
    const agent = new Agent({ keepAlive: true, maxSockets: AT_ONCE });
    let turn = 0;
    const until = async (last: number) => {
      const asker = async () => {
        while (turn < last) {
          turn += 1;
          const { method, path, body, status } = askedAt(turn);
          const headers = {
            'x-api-key': KEY,
            accept: 'application/json, text/event-stream',
            ...(body && { 'content-type': 'application/json' }),
          };
          const sent = request(server.url + path, { agent, method, headers }).end(body && JSON.stringify(body));
          const [response] = (await once(sent, 'response')) as [IncomingMessage];
          const said = await text(response);
          if (response.statusCode !== status) throw new Error(`${method} ${path}: ${response.statusCode} ${said}`);
        }
      };
      await Promise.all(Array.from({ length: AT_ONCE }, asker));
      await sleep(REST_MS);
      const collector = await collectorAt(port);
      await collector.collect();
      await collector.collect();
      const seen = {
        rss: Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${server.pid}/status`, 'utf8'))?.[1]) / 1024,
        files: readdirSync(`/proc/${server.pid}/fd`).length,
        resources: Number(await collector.evaluate('process.getActiveResourcesInfo().length')),
        listeners: Number(
          await collector.evaluate('process.eventNames().reduce((sum, name) => sum + process.listenerCount(name), 0)'),
        ),
      };
      collector.close();
      return seen;
    };
    const warm = Math.min(WARM, requests / 2);
    const first = await until(warm);
    const last = await until(requests);
    await server.stop();
    agent.destroy();
    const ratio = last.rss / first.rss;
    const number = (count: number) => count.toLocaleString('en-US');
    const said =
      `RSS ${first.rss.toFixed(0)} MiB after ${number(warm)} mixed requests, ${last.rss.toFixed(0)} MiB after ` +
      `${number(requests)} (${((ratio - 1) * 100).toFixed(1)} %); open files ${first.files} and ${last.files}, ` +
      `handles ${first.resources} and ${last.resources}, listeners ${first.listeners} and ${last.listeners}`;
    expect(ratio, said).toBeLessThanOrEqual(PROMISED);
    expect(last.files, said).toBeLessThanOrEqual(first.files + 2);
    expect(last.resources, said).toBeLessThanOrEqual(first.resources + 2);
    expect(last.listeners, said).toBe(first.listeners);
    return said;
  },
);
