import autocannon from 'autocannon';
import { expect } from 'vitest';
import { call } from '../crash/invariants.ts';
import { startHttp } from '../support/process.ts';
import { testWorkspace } from '../support/workspace.ts';
import { bestOf, promise } from './support/promise.ts';
import { KEY } from './support/writers.ts';

const RATE = 500;
const PATH = '/v1/config/cursor/default';
const PROMISED = { whole: 25, unchanged: 20 };

promise(
  'R11',
  {
    promise: 'a configuration is read fast while others read as well',
    asked:
      'p99 below 25 ms at 500 requests/s, and below 20 ms for 304 with an ETag; load and server on the same 2 cores',
    // Seconds of each try.
    rounds: { short: 4, long: 30 },
  },
  async ({ rounds: duration }) => {
    const workspace = await testWorkspace();
    workspace.env['MCP_ORCHESTRATION_API_KEY'] = KEY;
    await call(workspace, 'initialize_keys');
    await call(workspace, 'publish_config', {
      client_id: 'cursor',
      payload: { mcpServers: { x: { command: 'node', args: [] } } },
    });
    const { url, stop } = await startHttp(workspace);
    const headers = { 'x-api-key': KEY };
    const etag = (await fetch(url + PATH, { headers })).headers.get('etag') ?? '';
    const load = (more: Record<string, string>, seconds = duration) =>
      autocannon({
        url: url + PATH,
        headers: { ...headers, ...more },
        connections: 10,
        overallRate: RATE,
        duration: seconds,
      });
    await load({}, 1);
    const measured = async (more: Record<string, string>, limit: number, status: number) => {
      const best = await bestOf(
        5,
        () => load(more),
        ({ latency }) => latency.p99,
        limit,
      );
      expect([best.errors, best.timeouts, Object.keys(best.statusCodeStats ?? {})]).toEqual([0, 0, [String(status)]]);
      expect(best.latency.p99).toBeLessThan(limit);
      return `${Math.round(best.requests.average)} requests/s, p50 ${best.latency.p50} ms, p99 ${best.latency.p99} ms`;
    };
    const whole = await measured({}, PROMISED.whole, 200);
    const unchanged = await measured({ 'if-none-match': etag }, PROMISED.unchanged, 304);
    await stop();
    return `whole: ${whole}; 304: ${unchanged}`;
  },
);
