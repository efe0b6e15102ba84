import { createHash } from 'node:crypto';
import { interleave, type Row, rowOf, timed } from './figures.ts';
import { type Asked, startBare, startOurs } from './http/servers.ts';
import type { Effort, Measurement } from './measurement.ts';
import { withProduct } from './product.ts';
import { inSandbox, type Sandbox } from './sandbox.ts';

const STARTS = 5;

async function startAndStop(start: () => Promise<Asked>): Promise<number> {
  let server: Asked | undefined;
  const ms = await timed(async () => {
    server = await start();
  });
  await server?.stop();
  return ms;
}

/** Releases of one profile, each with an artifact of its own, written past the operations: only their number counts. */
async function fill(sandbox: Sandbox, releases: number): Promise<void> {
  const target = { client_id: 'claude-desktop', profile_id: 'default' };
  await withProduct(sandbox, ({ app, call }) =>
    call('releases.publish', { ...target, payload: { mcpServers: { one: { command: 'node', args: [] } } } }).then(() =>
      app.store.transaction(async (store) => {
        const first = await store.releases.latest('default', target.client_id, target.profile_id);
        const artifact = first && (await store.artifacts.get('default', first.artifact_id));
        if (!first || !artifact) throw new Error('the first release is not in the store');
        for (let sequence = 2; sequence <= releases; sequence += 1) {
          const artifact_id = createHash('sha256').update(`${sequence}`).digest('hex');
          await store.artifacts.put('default', { ...artifact, artifact_id, created_at: first.issued_at });
          await store.releases.append('default', { ...first, sequence, artifact_id });
        }
      }),
    ),
  );
}

const ready = (what: string, limit_ms: number, releases: number, effort: Effort): Promise<Row> =>
  inSandbox(async (sandbox) => {
    await fill(sandbox, releases);
    const samples = await interleave(
      { rounds: Math.min(STARTS, effort.starts), warmups: Math.min(1, effort.warmups) },
      { bare: () => startAndStop(() => startBare(sandbox, [])), ours: () => startAndStop(() => startOurs(sandbox)) },
    );
    return rowOf({
      what: `serve-http ready: ${what}`,
      unit: 'ms',
      as: 'times',
      bare: { what: 'bare Fastify', samples: samples.bare },
      ours: samples.ours,
      budget: { of: 'ours', limit: limit_ms },
    });
  });

/** From the start of the process to the ready line. */
export const readiness: Measurement = {
  name: 'ready',
  run: async (effort) => [
    await ready('one release', 1000, 1, effort),
    await ready(`${effort.releases.toLocaleString('en-US')} releases`, 2000, effort.releases, effort),
  ],
};
