import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Row, rowOf } from './figures.ts';
import { startBare, startOurs } from './http/servers.ts';
import type { Effort, Measurement } from './measurement.ts';
import { typicalPayload, withProduct } from './product.ts';
import { inSandbox } from './sandbox.ts';

const PATHS = ['/v1/config/claude-desktop/default', '/v1/clients', '/v1/servers', '/v1/clients/cursor/profiles'];
const AT_ONCE = 20;
/** What was needed only for the start, or only for the load, is given back by then. */
const REST_MS = 2_000;

/** Resident memory of a process, in MiB. Undefined where there is no /proc. */
function resident(pid: number): number | undefined {
  if (process.platform !== 'linux') return undefined;
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

const rowsOn = (effort: Effort): Promise<Row[]> =>
  inSandbox(async (sandbox) => {
    await withProduct(sandbox, ({ call }) => call('releases.publish', { payload: typicalPayload() }));
    const [bare, ours] = [await startBare(sandbox, []), await startOurs(sandbox)];
    await sleep(REST_MS);
    const [idle, bareIdle] = [resident(ours.pid), resident(bare.pid)];
    if (idle === undefined || bareIdle === undefined) return [];
    // A server that has answered nothing yet has not compiled most of itself.
    await ask(ours.url, ours.headers, effort.requests / 10);
    await sleep(REST_MS);
    const warm = resident(ours.pid) ?? 0;
    await ask(ours.url, ours.headers, effort.requests - effort.requests / 10);
    await sleep(REST_MS);
    const loaded = resident(ours.pid) ?? 0;
    await Promise.all([bare.stop(), ours.stop()]);
    const number = (count: number) => count.toLocaleString('en-US');
    return [
      rowOf({
        what: 'memory: serve-http at rest',
        unit: 'MiB',
        as: 'times',
        bare: { what: 'bare Fastify at rest', samples: [bareIdle] },
        ours: [idle],
        budget: { of: 'ours', limit: 130 },
      }),
      rowOf({
        what: `memory: after ${number(effort.requests)} requests`,
        unit: 'MiB',
        as: 'times',
        bare: { what: `the same after ${number(effort.requests / 10)}`, samples: [warm] },
        ours: [loaded],
        budget: { of: 'comparison', limit: 1.1 },
      }),
    ];
  });

/** Resident memory of the server. Linux only: elsewhere there is no row. */
export const memory: Measurement = { name: 'memory', run: rowsOn };
