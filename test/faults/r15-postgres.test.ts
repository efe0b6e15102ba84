import { setTimeout as sleep } from 'node:timers/promises';
import { expect, onTestFinished } from 'vitest';
import { throwAwayCluster } from '../support/postgres.ts';
import { cliJson, startHttp } from '../support/process.ts';
import { rowsIn } from '../support/rows.ts';
import { testWorkspace } from '../support/workspace.ts';
import { cannot, promise, quantile } from './support/promise.ts';

const KEY = 'made-up-api-key-for-faults';
const WRITERS = ['cursor', 'vscode', 'zed', 'windsurf'];
const RECOVERY_MS = 5_000;

const cluster = await throwAwayCluster();
if (cluster === undefined) {
  if (process.env['CI']) throw new Error('R15: PostgreSQL is not installed, and cannot be');
  cannot('R15', 'PostgreSQL is not installed');
}

interface Told {
  at: number;
  status: number;
  client_id: string;
  sequence: number;
  artifact_id: string;
}

/** Publishes one thing after another, whatever the answers are. */
async function publisher(url: string, client_id: string, stopped: () => boolean, told: Told[]): Promise<void> {
  const headers = { 'x-api-key': KEY, 'content-type': 'application/json' };
  for (let n = 0; !stopped(); n += 1) {
    const body = JSON.stringify({ payload: { mcpServers: { ours: { command: 'node', args: [client_id, `${n}`] } } } });
    const response = await fetch(`${url}/v1/config/${client_id}/default/publish`, { method: 'POST', headers, body });
    const { sequence, artifact_id } = (await response.json()) as Omit<Told, 'at' | 'status'>;
    told.push({ at: performance.now(), status: response.status, client_id, sequence, artifact_id });
    if (response.status !== 201) await sleep(20);
  }
}

/** One reader of what is kept in memory, and of what is not. */
async function reader(url: string, stopped: () => boolean, statuses: Set<number>): Promise<void> {
  for (let n = 0; !stopped(); n += 1) {
    const path = n % 2 === 0 ? '/v1/config/cursor/default' : `/v1/config/cursor/default/history?limit=${1 + (n % 50)}`;
    const response = await fetch(url + path, { headers: { 'x-api-key': KEY } });
    await response.arrayBuffer();
    statuses.add(response.status);
    await sleep(5);
  }
}

if (cluster) {
  promise(
    'R15',
    {
      promise: 'PostgreSQL is restarted under load: nothing acknowledged is lost, and the server goes on by itself',
      asked: '0 acknowledged writes lost in 50 restarts, errors only 503, recovery within 5 s, no process exit',
      rounds: { short: 5, long: 50 },
    },
    async ({ rounds, random }) => {
      onTestFinished(() => cluster.remove());
      const workspace = await testWorkspace();
      Object.assign(workspace.env, { MCP_ORCHESTRATION_DATABASE_URL: cluster.url, MCP_ORCHESTRATION_API_KEY: KEY });
      await cliJson(workspace, 'initialize-keys');
      for (const client of WRITERS) {
        await cliJson(workspace, 'add-server', 'memory', '--client', client);
        await cliJson(workspace, 'publish-config', '--client', client);
      }
      const server = await startHttp(workspace, { args: ['--log-level', 'silent'] });
      let stopped = false;
      const told: Told[] = [];
      const read = new Set<number>();
      const load = [
        ...WRITERS.map((client) => publisher(server.url, client, () => stopped, told)),
        reader(server.url, () => stopped, read),
      ];
      const recoveries: number[] = [];
      for (let round = 0; round < rounds; round += 1) {
        await sleep(100 + random() * 400);
        await cluster.stop('immediate');
        await sleep(random() * 200);
        await cluster.start();
        const back = performance.now();
        await expect
          .poll(() => told.find(({ at, status }) => at > back && status === 201), { interval: 10, timeout: 30_000 })
          .toBeDefined();
        recoveries.push((told.find(({ at, status }) => at > back && status === 201)?.at ?? 0) - back);
      }
      stopped = true;
      await Promise.all(load);
      // The process that began is the one that still answers.
      expect((await server.ask('GET', '/health', { token: null })).status).toBe(200);
      expect(new Set(told.map(({ status }) => status))).toEqual(new Set([201, 503]));
      expect(read.difference(new Set([200, 503]))).toEqual(new Set());
      const rows = await rowsIn(workspace.env, 'select client_id, sequence, artifact_id from releases order by 1, 2');
      const stored = new Set(
        rows.map(({ client_id, sequence, artifact_id }) => `${client_id}/${sequence}/${artifact_id}`),
      );
      const good = told.filter(({ status }) => status === 201);
      const lost = good.filter((one) => !stored.has(`${one.client_id}/${one.sequence}/${one.artifact_id}`));
      expect(lost).toEqual([]);
      for (const client of WRITERS) {
        const sequences = rows.filter(({ client_id }) => client_id === client).map(({ sequence }) => sequence);
        expect(sequences).toEqual(sequences.map((_, index) => index + 1));
      }
      expect(Math.max(...recoveries)).toBeLessThan(RECOVERY_MS);
      return (
        `${rounds} restarts (immediate), ${good.length} acknowledged publishes of ${WRITERS.length} writers, 0 lost; ` +
        `${told.length - good.length} answers of 503, none other; first write ${Math.round(quantile(recoveries, 0.5))} ms ` +
        `(median) and ${Math.round(Math.max(...recoveries))} ms (at most) after PostgreSQL was back`
      );
    },
  );
}
