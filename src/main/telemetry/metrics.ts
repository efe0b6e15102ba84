import { Counter, collectDefaultMetrics, Gauge, Histogram, type Metric, Registry } from 'prom-client';
import type { MetricsPage } from '../../adapters/rest/metrics.ts';
import type { Counts } from '../../adapters/rest/server.ts';
import { AppError } from '../../core/errors.ts';
import type { Activity, Observer } from '../../operations/observer.ts';
import { BOUNDS, Times } from './times.ts';

/** Where figures are looked up that others keep. Asked for every scrape. */
export interface Sources extends Counts {
  store(): { commits: number; busy_retries: number };
  /** What is still to be sent to webhooks, and what was given up. */
  outbox(): Promise<{ pending: number; parked: number; oldest: string | null }>;
  now(): Date;
}

export interface Metrics {
  observer: Observer;
  /** Counts the requests of one route; the labels must be of closed sets. */
  requestsOf(method: string, route: string): (status: number, seconds: number) => void;
  /** Adds the figures of the sources; called once. */
  page(sources: Sources): MetricsPage;
  /** Name, kind, labels and meaning of everything that is measured so far. */
  definitions(): Promise<Definition[]>;
}

export interface Definition {
  name: string;
  type: string;
  labels: string[];
  help: string;
}

const PREFIX = 'mcp_orchestration_';
const buckets = [...BOUNDS];

/** Everything that is measured. Labels are words of closed sets: nothing that a caller wrote gets into one. */
export function openMetrics(): Metrics {
  const register = new Registry();
  const { requestsOf } = requestMetrics(register);
  const observer = operationMetrics(register);
  collectDefaultMetrics({ register });
  return {
    observer,
    requestsOf,
    page(sources) {
      lookedUp(register, sources);
      return { content_type: register.contentType, text: () => register.metrics() };
    },
    definitions: () =>
      Promise.all(
        register.getMetricsAsArray().map(async (metric) => {
          const { name, help, type } = await (metric as unknown as Metric).get();
          const { labelNames = [] } = metric as { labelNames?: readonly string[] };
          return { name, type: String(type), labels: [...labelNames], help };
        }),
      ),
  };
}

function requestMetrics(register: Registry): Pick<Metrics, 'requestsOf'> {
  const name = `${PREFIX}http_request_duration_seconds`;
  const all: { labels: Record<string, string>; times: Times }[] = [];
  const metric = {
    name,
    help: 'Requests over HTTP, and how long it took until the answer was written, or its caller was gone (499, a `4xx`). Streams of events are not among them.',
    labelNames: ['method', 'route', 'status'],
    async get() {
      return { name, help: this.help, type: 'histogram', aggregator: 'sum', values: all.flatMap(valuesOf(name)) };
    },
    reset: () => undefined,
  };
  register.registerMetric(metric as unknown as Metric);
  return {
    requestsOf(method, route) {
      const classes: (Times | undefined)[] = [];
      return (status, seconds) => {
        const at = Math.trunc(status / 100);
        let times = classes[at];
        if (times === undefined) {
          times = new Times();
          classes[at] = times;
          all.push({ labels: { method, route, status: `${at}xx` }, times });
        }
        times.add(seconds);
      };
    },
  };
}

/** As a histogram of prom-client gives them. */
const valuesOf =
  (name: string) =>
  ({ labels, times }: { labels: Record<string, string>; times: Times }) => [
    ...times.cumulative().map((value, at) => ({
      labels: { le: BOUNDS[at] as number, ...labels },
      value,
      metricName: `${name}_bucket`,
    })),
    { labels: { le: '+Inf', ...labels }, value: times.count, metricName: `${name}_bucket` },
    { labels, value: times.sum, metricName: `${name}_sum` },
    { labels, value: times.count, metricName: `${name}_count` },
  ];

function operationMetrics(register: Registry): Observer {
  const registers = [register];
  const operations = new Histogram({
    name: `${PREFIX}operation_duration_seconds`,
    help: 'Calls of operations by door and outcome: `ok`, or the code of the error. Answers that were kept are no calls.',
    labelNames: ['operation', 'door', 'outcome'] as const,
    buckets,
    registers,
  });
  const transactions = new Histogram({
    name: `${PREFIX}store_transaction_duration_seconds`,
    help: 'Transactions of the store, waiting for their turn included, by outcome: `commit` or `rollback`.',
    labelNames: ['outcome'] as const,
    buckets,
    registers,
  });
  const signatures = new Histogram({
    name: `${PREFIX}signature_duration_seconds`,
    help: 'Signatures that were made with the signing key.',
    buckets: [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.01, 0.1, 1],
    registers,
  });
  const findings = new Counter({
    name: `${PREFIX}validation_findings_total`,
    help: 'Findings of validations, those before a publish included, by code.',
    labelNames: ['code', 'severity'] as const,
    registers,
  });
  const record = (activity: Activity, seconds: number, error?: unknown) => {
    if (activity.kind === 'operation') {
      const { operation, door } = activity;
      operations.observe({ operation, door, outcome: outcomeOf(error) }, seconds);
    } else if (activity.kind === 'transaction') {
      transactions.observe({ outcome: error === undefined ? 'commit' : 'rollback' }, seconds);
    }
  };
  return {
    async during(activity, work) {
      const begun = performance.now();
      const seconds = () => (performance.now() - begun) / 1000;
      try {
        const result = await work();
        record(activity, seconds());
        return result;
      } catch (error) {
        record(activity, seconds(), error ?? 'thrown');
        throw error;
      }
    },
    found(all) {
      for (const { code, severity } of all) findings.inc({ code, severity });
    },
    signed: (milliseconds) => signatures.observe(milliseconds / 1000),
  };
}

const outcomeOf = (error: unknown): string =>
  error === undefined ? 'ok' : error instanceof AppError ? error.code : 'INTERNAL_ERROR';

/** A figure that only grows, and one that does not: both are asked for when they are shown. */
function lookedUp(register: Registry, sources: Sources): void {
  const registers = [register];
  const counter = (name: string, help: string, value: () => number) =>
    new Counter({
      name: PREFIX + name,
      help,
      registers,
      collect() {
        this.reset();
        this.inc(value());
      },
    });
  counter('store_commits_total', 'Writes of this process that were committed.', () => sources.store().commits);
  counter(
    'store_busy_retries_total',
    'How often this process tried again because another one held the lock of the store.',
    () => sources.store().busy_retries,
  );
  for (const [what, figure] of [
    ['hits', 'answered from memory'],
    ['misses', 'read from the store'],
  ] as const) {
    new Counter({
      name: `${PREFIX}cache_${what}_total`,
      help: `What was ${figure}: kept answers over HTTP (\`answers\`) and known tokens (\`tokens\`).`,
      labelNames: ['cache'] as const,
      registers,
      collect() {
        this.reset();
        for (const [cache, counts] of Object.entries(sources.caches)) this.inc({ cache }, counts[what]);
      },
    });
  }
  outboxMetrics(registers, sources);
  new Gauge({
    name: `${PREFIX}event_stream_subscribers`,
    help: 'Open streams of events (`GET /v1/events`) of this process.',
    registers,
    collect() {
      this.set(sources.subscribers());
    },
  });
}

/** Of the whole store, whichever process sends. One look serves both; where it fails, the figures are left out. */
function outboxMetrics(registers: Registry[], { outbox, now }: Sources): void {
  let looking: ReturnType<Sources['outbox']> | undefined;
  const look = () => {
    looking ??= outbox().finally(() => {
      looking = undefined;
    });
    return looking.catch(() => undefined);
  };
  new Gauge({
    name: `${PREFIX}webhook_oldest_pending_seconds`,
    help: 'Age of the oldest event that a webhook is still to be told of; 0 when there is none.',
    registers,
    async collect() {
      const found = await look();
      if (found === undefined) this.remove();
      else this.set(found.oldest === null ? 0 : Math.max(0, (now().getTime() - Date.parse(found.oldest)) / 1000));
    },
  });
  new Gauge({
    name: `${PREFIX}webhook_deliveries`,
    help: 'Deliveries to webhooks that are still to be made (`pending`) or were given up (`parked`).',
    labelNames: ['status'] as const,
    registers,
    async collect() {
      this.reset();
      const found = await look();
      if (found === undefined) return;
      this.set({ status: 'pending' }, found.pending);
      this.set({ status: 'parked' }, found.parked);
    },
  });
}
