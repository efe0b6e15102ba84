import { expect, onTestFinished } from 'vitest';
import { findPostgres, freshDatabase } from '../support/postgres.ts';
import { cliJson, type HttpServer, startHttp } from '../support/process.ts';
import { ownRedis } from '../support/redis.ts';
import { openEvents } from '../support/sse.ts';
import { testWorkspace } from '../support/workspace.ts';
import { cannot, promise, quantile } from './support/promise.ts';

const KEY = 'made-up-api-key-for-faults';
const ARRIVES_MS = 5_000;

const postgres = await findPostgres();
const redis = await ownRedis('R16');
if ('missing' in postgres) cannot('R16', postgres.missing);

if (redis && 'url' in postgres) {
  promise(
    'R16',
    {
      promise: 'Redis is stopped, started, emptied and frozen: answers stay the same, and events arrive',
      asked: 'correctness unchanged, events within 5 s, rate limits per process',
      rounds: { short: 3, long: 25 },
    },
    async ({ rounds, random }) => {
      onTestFinished(() => redis.remove());
      await redis.start();
      const database = await freshDatabase(postgres.url);
      onTestFinished(database.drop);
      const workspace = await testWorkspace();
      Object.assign(workspace.env, {
        MCP_ORCHESTRATION_DATABASE_URL: database.url,
        MCP_ORCHESTRATION_REDIS_URL: redis.url,
        MCP_ORCHESTRATION_API_KEY: KEY,
      });
      await cliJson(workspace, 'initialize-keys');
      const [one, two] = [await startHttp(workspace), await startHttp(workspace)];
      const heard = new Map<string, number>();
      const stream = await openEvents(
        `${two.url}/v1/events?types=config.published`,
        { 'x-api-key': KEY },
        { heard: ({ data }) => heard.set(JSON.parse(data).artifact_id, performance.now()) },
      );
      onTestFinished(() => stream.close());
      const ask = async (server: HttpServer, method: string, path: string, body?: object) => {
        const headers = { 'x-api-key': KEY, ...(body && { 'content-type': 'application/json' }) };
        const response = await fetch(server.url + path, {
          method,
          headers,
          ...(body && { body: JSON.stringify(body) }),
        });
        return { status: response.status, body: (await response.json()) as Record<string, unknown> };
      };
      const faults: [string, () => unknown][] = [
        ['there', () => undefined],
        ['stopped', () => redis.stop()],
        ['started', () => redis.start()],
        ['emptied', () => redis.flush()],
        ['frozen', () => redis.freeze()],
        ['going on', () => redis.goOn()],
      ];
      onTestFinished(() => redis.goOn());
      const delays: number[] = [];
      let asked = 0;
      for (let round = 0; round < rounds; round += 1) {
        for (const [name, begin] of faults) {
          await begin();
          for (let n = 0; n < 5; n += 1) {
            const payload = {
              mcpServers: { ours: { command: 'node', args: [name, `${round}`, `${n}`, `${random()}`] } },
            };
            const told = await ask(one, 'POST', '/v1/config/cursor/default/publish', { payload });
            const at = performance.now();
            expect(told.status, name).toBe(201);
            const { artifact_id } = told.body as { artifact_id: string };
            const where = `${name}, round ${round}`;
            await expect
              .poll(() => heard.has(artifact_id), { timeout: ARRIVES_MS, interval: 5, message: where })
              .toBe(true);
            delays.push((heard.get(artifact_id) ?? 0) - at);
            for (const server of [one, two]) {
              const config = await ask(server, 'GET', '/v1/config/cursor/default');
              expect(config.body, where).toMatchObject({ artifact_id, payload });
              const artifact = await ask(server, 'GET', `/v1/artifacts/${artifact_id}`);
              expect(artifact.body, where).toMatchObject({ artifact_id, payload });
              asked += 2;
            }
          }
        }
      }
      expect([...heard.keys()]).toHaveLength(delays.length);
      return (
        `${rounds * (faults.length - 1)} faults, ${delays.length} publishes, each event once, ${Math.round(quantile(delays, 0.5))} ms ` +
        `(median) and ${Math.round(Math.max(...delays))} ms (at most) after the answer at another server; ${asked} reads, all right. ` +
        'Rate limits per process: test/redis.test.ts'
      );
    },
  );
}
