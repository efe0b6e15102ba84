import { interleave, type Row, rowOf } from './figures.ts';
import type { BareRoute } from './http/bare-fastify.ts';
import { type LoadResult, load } from './http/load.ts';
import { type Asked, processorTime, startBare, startOurs } from './http/servers.ts';
import type { Effort, Measurement } from './measurement.ts';
import { typicalPayload, withProduct } from './product.ts';
import { inSandbox, type Sandbox } from './sandbox.ts';

const CONFIG = '/v1/config/claude-desktop/default';
const CLIENTS = '/v1/clients';
const SERVERS = '/v1/servers';
const PATHS = [CONFIG, CLIENTS, SERVERS];
const CONNECTIONS = 100;
const FIXED_RATE = 500;

interface Pair {
  ours: Asked;
  bare: Asked;
}

interface Question {
  path: string;
  headers?: Record<string, string>;
  status?: number;
  rate?: number;
}

type Loaded = LoadResult & { cpu_us: number | undefined };

async function loadOn({ url, headers, pid }: Asked, { path, ...question }: Question, seconds: number): Promise<Loaded> {
  const before = processorTime(pid);
  const result = await load({
    ...question,
    url: url + path,
    headers: { ...headers, ...question.headers },
    connections: CONNECTIONS,
    seconds,
  });
  const after = processorTime(pid);
  const used = before !== undefined && after !== undefined ? (after - before) / result.answers : undefined;
  return { ...result, cpu_us: used };
}

/** Both servers in turn; a first round that warms them up does not count. */
async function loadBoth(pair: Pair, question: Question, effort: Effort) {
  const { loads: rounds, load_seconds: seconds } = effort;
  const warmups = Math.min(1, effort.warmups);
  const results: Record<keyof Pair, Loaded[]> = { ours: [], bare: [] };
  const on = (which: keyof Pair) => async () => {
    const result = await loadOn(pair[which], question, seconds);
    results[which].push(result);
    return result.per_second;
  };
  await interleave({ rounds, warmups }, { bare: on('bare'), ours: on('ours') });
  const of = (which: keyof Pair, figure: keyof Loaded) =>
    results[which].slice(warmups).flatMap((result) => result[figure] ?? []);
  return (figure: keyof Loaded) => ({
    bare: { what: 'bare Fastify, same bytes', samples: of('bare', figure) },
    ours: of('ours', figure),
  });
}

/** Requests per second, the slow answers, and the processor time: the last one also holds when the load is the limit. */
async function throughput(pair: Pair, path: string, p95_limit: number, effort: Effort): Promise<Row[]> {
  const figures = await loadBoth(pair, { path }, effort);
  const what = (figure: string) => `GET ${nameOf(path)}: ${figure}`;
  const cpu = figures('cpu_us');
  return [
    rowOf({
      ...figures('per_second'),
      what: what(`${CONNECTIONS} connections`),
      unit: 'per s',
      as: 'share',
      budget: { of: 'comparison', limit: 0.6 },
    }),
    rowOf({
      ...figures('p95_ms'),
      what: what('p95'),
      unit: 'ms',
      as: 'times',
      budget: { of: 'ours', limit: p95_limit },
    }),
    rowOf({ ...figures('p99_ms'), what: what('p99'), unit: 'ms', as: 'times' }),
    ...(cpu.ours.length > 0
      ? [rowOf({ ...cpu, what: what('processor time per request'), unit: 'µs', as: 'times' })]
      : []),
  ];
}

const nameOf = (path: string) => (path === CONFIG ? 'config' : path.slice('/v1/'.length));

async function notModified(pair: Pair, etag: string, effort: Effort): Promise<Row> {
  const ask = { path: CONFIG, headers: { 'if-none-match': etag }, status: 304 };
  const bare = { ...pair.bare, url: `${pair.bare.url}/unchanged` };
  const figures = await loadBoth({ ...pair, bare }, ask, effort);
  return rowOf({
    ...figures('per_second'),
    bare: { ...figures('per_second').bare, what: 'bare Fastify, 304' },
    what: 'GET config: unchanged (304)',
    unit: 'per s',
    as: 'share',
    budget: { of: 'comparison', limit: 0.7 },
  });
}

async function atFixedRate(pair: Pair, effort: Effort): Promise<Row> {
  const figures = await loadBoth(pair, { path: CONFIG, rate: FIXED_RATE }, effort);
  return rowOf({
    ...figures('p99_ms'),
    what: `GET config: p99 at ${FIXED_RATE} requests/s`,
    unit: 'ms',
    as: 'times',
    budget: { of: 'ours', limit: 25 },
  });
}

/** What ours answers becomes what the bare one answers. */
async function routesLike({ url, headers }: Asked): Promise<{ routes: BareRoute[]; etag: string }> {
  const answers = await Promise.all(PATHS.map((path) => fetch(url + path, { headers })));
  const routes = answers.map(async (answer, at): Promise<BareRoute> => {
    if (answer.status !== 200) throw new Error(`${answer.url} answers ${answer.status}: ${await answer.text()}`);
    const type = { 'content-type': answer.headers.get('content-type') ?? '' };
    return { path: PATHS[at] ?? '', status: 200, headers: type, body: await answer.text() };
  });
  const etag = answers[0]?.headers.get('etag') ?? '';
  const unchanged = { path: `/unchanged${CONFIG}`, status: 304, headers: { etag }, body: '' };
  return { routes: [...(await Promise.all(routes)), unchanged], etag };
}

async function assertSameBytes({ ours, bare }: Pair): Promise<void> {
  for (const path of PATHS) {
    const [one, other] = await Promise.all(
      [ours, bare].map(async ({ url, headers }) => (await fetch(url + path, { headers })).text()),
    );
    if (one !== other) throw new Error(`the two servers answer differently at ${path}`);
  }
}

async function rowsIn(sandbox: Sandbox, effort: Effort): Promise<Row[]> {
  await withProduct(sandbox, ({ call }) => call('releases.publish', { payload: typicalPayload() }));
  const ours = await startOurs(sandbox);
  const { routes, etag } = await routesLike(ours);
  const bare = await startBare(sandbox, routes);
  await assertSameBytes({ ours, bare });
  const rows = [
    ...(await throughput({ ours, bare }, CONFIG, 300, effort)),
    await atFixedRate({ ours, bare }, effort),
    await notModified({ ours, bare }, etag, effort),
    ...(await throughput({ ours, bare }, CLIENTS, 200, effort)),
    ...(await throughput({ ours, bare }, SERVERS, 200, effort)),
  ];
  await Promise.all([ours.stop(), bare.stop()]);
  return rows;
}

/** Reads over HTTP with a token, beside Fastify alone. */
export const http: Measurement = {
  name: 'http',
  run: (effort) => inSandbox((sandbox) => rowsIn(sandbox, effort)),
};
