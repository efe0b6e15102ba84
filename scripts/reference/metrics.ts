import { followEvents } from '../../src/main/telemetry/chronicle.ts';
import { openMetrics } from '../../src/main/telemetry/metrics.ts';
import { BOUNDS } from '../../src/main/telemetry/times.ts';
import { code, codes, page, table } from './markdown.ts';

/** A server that does nothing: the page is about what is measured, not about figures. */
export const IDLE_SOURCES = {
  store: () => ({ commits: 0, busy_retries: 0 }),
  outbox: async () => ({ pending: 0, parked: 0, oldest: null }),
  events: followEvents({ newest: async () => [], since: async () => [] }),
  pointers: async () => ({ count: 0, soonest: null }),
  keys: async () => [],
  signingKey: async () => undefined,
  disk: async () => ({ free: 0, size: 0, files: { database: 0, log: 0 } }),
  readiness: async () => [],
  about: { version: '0.0.0', mode: 'local' as const },
  caches: { answers: { hits: 0, misses: 0 }, tokens: { hits: 0, misses: 0 } },
  redis: () => false,
  hears: () => false,
  subscribers: () => 0,
  now: () => new Date(0),
};

export async function metricsPage(): Promise<string> {
  const metrics = openMetrics();
  metrics.page(IDLE_SOURCES);
  const all = (await metrics.definitions()).toSorted((a, b) => (a.name < b.name ? -1 : 1));
  const rows = (own: boolean) =>
    all
      .filter(({ name }) => name.startsWith('mcp_orchestration_') === own)
      .map(({ name, type, labels, help }) => [code(name), type, codes(labels), help]);
  const head = ['metric', 'kind', 'labels', 'meaning'];
  return page('Metrics', 'the definitions of the metrics', [
    '`GET /metrics` of `serve-http` answers in the text format of Prometheus. It needs a credential with the scope `metrics:read`, in local mode as well. Every process counts for itself, from its start on. The whole store is meant by what is said of events, drift, pointers, keys and the deliveries to webhooks: with several processes on one store, take the `max` of those and not the sum.',
    'Labels are words of closed sets: routes as templates (`none`: there is no such route), methods of HTTP (`other`: none of the usual), status classes (`2xx`), ids of operations, codes of errors and findings, types of events, reasons of `/readyz`. Besides these there are the version, and the id of the signing key. Nothing that a caller wrote is among them.',
    `Durations are in seconds. Upper bounds, unless something else makes sense: ${codes(BOUNDS.map(String))}.`,
    '## Of this product',
    table(head, rows(true)),
    '## Of the process',
    table(head, rows(false)),
  ]);
}
