import { type LoadResult, load } from '../http/load.ts';
import { type Asked, startBare, startOurs } from '../http/servers.ts';
import { typicalPayload, withProduct } from '../product.ts';
import { inSandbox } from '../sandbox.ts';
import { type Chart, type Curve, type Point, pointOf } from './chart.ts';
import { type MeasuredStore, onStore, TARGET } from './stores.ts';

export interface GrowthEffort {
  artifacts: readonly number[];
  /** How often each store is asked in its turn, and how often it is written to. */
  rounds: { read: number; publish: number };
  /** Of the order in which stores take their turns. */
  seed: number;
  connections: readonly number[];
  servers: readonly number[];
  calls: number;
  seconds: number;
}

async function sample(calls: number, work: (n: number) => Promise<unknown>): Promise<number[]> {
  // The first ones find everything cold.
  for (let n = 0; n < Math.min(5, calls); n += 1) await work(n);
  const samples: number[] = [];
  for (let n = 0; n < calls; n += 1) {
    const begun = performance.now();
    await work(n);
    samples.push(performance.now() - begun);
  }
  return samples;
}

const payloadOf = (servers: number) => ({
  mcpServers: Object.fromEntries(
    Array.from({ length: servers }, (_, n) => [
      `server-${n}`,
      { command: 'npx', args: ['-y', '@modelcontextprotocol/server-memory@2026.8.31', `--name=${n}`] },
    ]),
  ),
});

export async function byServers(stores: readonly MeasuredStore[], effort: GrowthEffort): Promise<Chart[]> {
  const names = ['get_config, latest', 'validate_config', 'publish_config'] as const;
  const charts = names.map(
    (what): Chart => ({
      id: `servers-${what.replaceAll(/\W+/g, '-')}`,
      title: `${what}, by the number of servers in it`,
      along: 'servers',
      unit: 'ms',
      curves: [],
    }),
  );
  for (const store of stores) {
    const points: Point[][] = names.map(() => []);
    await onStore(store, (sandbox) =>
      withProduct(sandbox, async ({ call }) => {
        for (const size of effort.servers) {
          const payload = payloadOf(size);
          let made = 0;
          const publish = () => {
            made += 1;
            return call('releases.publish', { ...TARGET, payload: changed(payload, made) });
          };
          await publish();
          const calls = Math.max(3, Math.ceil(effort.calls / (1 + size / 100)));
          points[0]?.push(pointOf(size, await sample(calls, () => call('releases.get', TARGET))));
          points[1]?.push(pointOf(size, await sample(calls, () => call('drafts.validate', { ...TARGET, payload }))));
          points[2]?.push(pointOf(size, await sample(calls, publish)));
        }
      }),
    );
    for (const [at, chart] of charts.entries()) {
      chart.curves.push({ what: names[at] ?? '', store: store.name, points: points[at] ?? [] });
    }
  }
  return charts;
}

const changed = (payload: ReturnType<typeof payloadOf>, n: number) => ({
  mcpServers: { ...payload.mcpServers, 'server-0': { command: 'node', args: [`${n}`] } },
});

const JSON_HEADERS = { 'content-type': 'application/json; charset=utf-8' };
const PATH = `/v1/config/${TARGET.client_id}/${TARGET.profile_id}`;

/** One configuration, asked for over REST as fast as it comes, beside a bare Fastify that returns the same bytes. */
export async function byConnections(stores: readonly MeasuredStore[], effort: GrowthEffort): Promise<Chart[]> {
  const rates: Curve[] = [];
  const latencies: Curve[] = [];
  const measure = async (store: string, { url, headers }: Asked) => {
    const rate: Point[] = [];
    const latency: Point[] = [];
    for (const connections of effort.connections) {
      const loads: LoadResult[] = [];
      for (let n = 0; n < 3; n += 1) {
        loads.push(await load({ url: url + PATH, headers, connections, seconds: effort.seconds }));
      }
      const of = (figure: (result: LoadResult) => number) => pointOf(connections, loads.map(figure));
      rate.push(of(({ per_second }) => per_second));
      latency.push(of(({ p99_ms }) => p99_ms));
    }
    rates.push({ what: 'GET /v1/config', store, points: rate });
    latencies.push({ what: 'GET /v1/config', store, points: latency });
  };
  let body = '';
  for (const store of stores) {
    await onStore(store, async (sandbox) => {
      await withProduct(sandbox, ({ call }) => call('releases.publish', { ...TARGET, payload: typicalPayload() }));
      const server = await startOurs(sandbox);
      body = await (await fetch(server.url + PATH, { headers: server.headers })).text();
      await measure(store.name, server);
      await server.stop();
    });
  }
  await inSandbox(async (sandbox) => {
    const server = await startBare(sandbox, [{ path: PATH, status: 200, headers: JSON_HEADERS, body }]);
    await measure('bare Fastify', server);
    await server.stop();
  });
  return [
    {
      id: 'connections-rate',
      title: 'GET /v1/config/{client}/{profile}, answers a second',
      along: 'connections',
      unit: 'per s',
      curves: rates,
    },
    {
      id: 'connections-p99',
      title: 'The same, 99th percentile of the latency',
      along: 'connections',
      unit: 'ms',
      curves: latencies,
    },
  ];
}
