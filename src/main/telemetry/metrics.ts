import { Counter, collectDefaultMetrics, Histogram, type Metric, Registry } from 'prom-client';
import type { MetricsPage } from '../../adapters/rest/metrics.ts';
import { AppError } from '../../core/errors.ts';
import { type Activity, type Observer, SENT_OUTCOMES } from '../../operations/observer.ts';
import { READINESS_REASONS, reasonOf } from '../readiness.ts';
import { lookedUp, type Sources } from './figures.ts';
import { BOUNDS, Times } from './times.ts';

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

/** The status class 5xx. */
const FAULTS = 5;

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
      const timesOf = (at: number): Times => {
        const times = new Times();
        classes[at] = times;
        all.push({ labels: { method, route, status: `${at}xx` }, times });
        return times;
      };
      return (status, seconds) => {
        const at = Math.trunc(status / 100);
        const times = classes[at] ?? timesOf(at);
        times.add(seconds);
        // A series that begins with 1 shows no increase: the first failure of a route would be seen by nobody.
        if (classes[FAULTS] === undefined) timesOf(FAULTS);
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
  const sent = new Counter({
    name: `${PREFIX}webhook_attempts_total`,
    help: 'Tries of this process to deliver an event to a webhook, by what came of it: `delivered`, `failed` (it is tried again) or `parked` (given up).',
    labelNames: ['outcome'] as const,
    registers,
  });
  for (const outcome of SENT_OUTCOMES) sent.inc({ outcome }, 0);
  const failed = storeErrors(registers);
  const record = (activity: Activity, seconds: number, error?: unknown) => {
    if (activity.kind !== 'statement') failed(error, activity.kind === 'transaction');
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
    sent: (outcome) => sent.inc({ outcome }),
  };
}

/** Counts a failure once, although it comes by as that of a transaction and again as that of the operation around it. */
function storeErrors(registers: Registry[]): (error: unknown, inTransaction: boolean) => void {
  const errors = new Counter({
    name: `${PREFIX}store_errors_total`,
    help: 'Calls and transactions of this process that failed because of the store, its disk or the signing key, by the reason in the words of `/readyz`.',
    labelNames: ['reason'] as const,
    registers,
  });
  for (const reason of READINESS_REASONS) if (reason !== 'stopping') errors.inc({ reason }, 0);
  const counted = new WeakSet<Error>();
  return (error, inTransaction) => {
    const reason = reasonOf(error);
    if (!(error instanceof AppError) || reason === undefined || counted.has(error)) return;
    // A file or a server of others fails with the same codes; inside a transaction nothing but the store is asked.
    if (!inTransaction && isSystemCode(error.details['reason'])) return;
    counted.add(error);
    errors.inc({ reason });
  };
}

/** Such as ECONNREFUSED. */
const isSystemCode = (reason: unknown) => typeof reason === 'string' && /^E[A-Z_]+$/.test(reason);

const outcomeOf = (error: unknown): string =>
  error === undefined ? 'ok' : error instanceof AppError ? error.code : 'INTERNAL_ERROR';
