import { generateKeyPairSync, sign } from 'node:crypto';
import { join } from 'node:path';
import { interleave, type Row, rowOf, timed } from './figures.ts';
import { load } from './http/load.ts';
import { startOurs } from './http/servers.ts';
import type { Effort, Measurement } from './measurement.ts';
import { expectStatus, typicalPayload, withProduct } from './product.ts';
import { openRawDatabase } from './raw-disk.ts';
import { inSandbox } from './sandbox.ts';

const TARGET = { client_id: 'claude-desktop', profile_id: 'default' };
const IN_FLIGHT = 8;

/** Through the operation: the draft is set beforehand, and every release differs from the one before. */
const inProcess = ({ calls: rounds, warmups }: Effort): Promise<Row> =>
  inSandbox((sandbox) =>
    withProduct(sandbox, async ({ app, call }) => {
      const setDraft = () => call('drafts.set', { ...TARGET, payload: typicalPayload() });
      const publish = async () => expectStatus(await call('releases.publish', TARGET), 'published');
      await setDraft();
      await publish();
      const release = await app.store.releases.latest('default', TARGET.client_id, TARGET.profile_id);
      const artifact = release && (await app.store.artifacts.get('default', release.artifact_id));
      if (!artifact) throw new Error('the first release is not in the store');
      const text = artifact.canonical + release.envelope;
      const signed = Buffer.from(JSON.parse(release.envelope).payload, 'base64');
      const { privateKey } = generateKeyPairSync('ed25519');
      const raw = openRawDatabase(join(sandbox.home, 'raw.db'));
      const { bare, ours } = await interleave(
        { rounds, warmups },
        {
          bare: () =>
            timed(() => {
              sign(null, signed, privateKey);
              raw.commit(text);
            }),
          ours: async () => {
            await setDraft();
            return timed(publish);
          },
        },
      );
      raw.close();
      const counterpart = { what: 'sign, SQLite transaction', samples: bare };
      return rowOf({ what: 'publish: 5 servers, in process', unit: 'ms', as: 'times', bare: counterpart, ours });
    }),
  );

/** Commits per second, one after another, of the smallest row: what the disk allows at best. */
function rawCommits(commit: (text: string) => void, seconds: number): number {
  const begin = performance.now();
  let count = 0;
  while (performance.now() - begin < seconds * 1000) {
    commit('row');
    count += 1;
  }
  return (count * 1000) / (performance.now() - begin);
}

const overRest = ({ loads: rounds, load_seconds: seconds, warmups }: Effort): Promise<Row> =>
  inSandbox(async (sandbox) => {
    await withProduct(sandbox, ({ call }) => call('drafts.set', { ...TARGET, payload: typicalPayload() }));
    const raw = openRawDatabase(join(sandbox.home, 'raw.db'));
    const server = await startOurs(sandbox);
    const path = `/v1/config/${TARGET.client_id}/${TARGET.profile_id}/publish`;
    const body = () => JSON.stringify({ payload: typicalPayload() });
    const publish = async () => {
      const { url, headers } = server;
      const { per_second } = await load({
        url: url + path,
        headers,
        body,
        status: 201,
        connections: IN_FLIGHT,
        seconds,
      });
      return per_second;
    };
    const bare = () => rawCommits(raw.commit, seconds);
    const samples = await interleave({ rounds, warmups: Math.min(1, warmups) }, { bare, publish });
    await server.stop();
    raw.close();
    return rowOf({
      what: `publish: 5 servers, over REST, ${IN_FLIGHT} in flight`,
      unit: 'per s',
      as: 'share',
      bare: { what: 'SQLite commits of one small row', samples: samples.bare },
      ours: samples.publish,
      budget: { of: 'comparison', limit: 0.4 },
    });
  });

export const publish: Measurement = {
  name: 'publish',
  run: async (effort) => [await inProcess(effort), await overRest(effort)],
};
