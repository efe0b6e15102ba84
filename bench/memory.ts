import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Row, rowOf } from './figures.ts';
import { collectorAt, freePort } from './http/collector.ts';
import { startBare, startOurs } from './http/servers.ts';
import type { Effort, Measurement } from './measurement.ts';
import { typicalPayload, withProduct } from './product.ts';
import { inSandbox, type Sandbox } from './sandbox.ts';

const PATHS = ['/v1/config/claude-desktop/default', '/v1/clients', '/v1/servers', '/v1/clients/cursor/profiles'];
const AT_ONCE = 20;
/** What was needed only for the start is given back by then. */
const REST_MS = 2_000;

/** Resident memory of a process, in MiB. */
function resident(pid: number): number {
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024;
}

async function ask(url: string, headers: Record<string, string>, requests: number): Promise<void> {
  let left = requests;
  const asker = async () => {
    while (left > 0) {
      left -= 1;
      const answer = await fetch(url + PATHS[left % PATHS.length], { headers });
      await answer.arrayBuffer();
      if (answer.status !== 200) throw new Error(`${answer.url} answers ${answer.status}`);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, asker));
}

async function atRest(sandbox: Sandbox): Promise<Row> {
  const [bare, ours] = [await startBare(sandbox, []), await startOurs(sandbox)];
  await sleep(REST_MS);
  const [own, theirs] = [resident(ours.pid), resident(bare.pid)];
  await Promise.all([bare.stop(), ours.stop()]);
  return rowOf({
    what: 'memory: serve-http at rest',
    unit: 'MiB',
    as: 'times',
    bare: { what: 'bare Fastify at rest', samples: [theirs] },
    ours: [own],
    budget: { of: 'ours', limit: 130 },
  });
}

/** A server that has answered nothing yet has not compiled most of itself: its growth is counted from a warm one. */
async function underLoad(sandbox: Sandbox, requests: number): Promise<Row> {
  const port = await freePort();
  const server = await startOurs(sandbox, [`--inspect=127.0.0.1:${port}`]);
  const collector = await collectorAt(port);
  const after = async (count: number) => {
    await ask(server.url, server.headers, count);
    await collector.collect();
    await sleep(REST_MS / 10);
    return resident(server.pid);
  };
  const warm = await after(requests / 10);
  const loaded = await after(requests - requests / 10);
  collector.close();
  await server.stop();
  const number = (count: number) => count.toLocaleString('en-US');
  return rowOf({
    what: `memory: after ${number(requests)} requests`,
    unit: 'MiB',
    as: 'times',
    bare: { what: `the same after ${number(requests / 10)}`, samples: [warm] },
    ours: [loaded],
    budget: { of: 'comparison', limit: 1.1 },
  });
}

const rowsOn = (effort: Effort): Promise<Row[]> =>
  inSandbox(async (sandbox) => {
    if (process.platform !== 'linux') return [];
    await withProduct(sandbox, ({ call }) => call('releases.publish', { payload: typicalPayload() }));
    return [await atRest(sandbox), await underLoad(sandbox, effort.requests)];
  });

/** Resident memory of the server, after a forced collection where it was under load. Linux only: elsewhere there is no row. */
export const memory: Measurement = { name: 'memory', run: rowsOn };
