import { Counter, Gauge, type Registry } from 'prom-client';
import type { Counts } from '../../adapters/rest/server.ts';
import { EVENT_TYPES } from '../../core/event.ts';
import type { KeyRow } from '../../stores/rows.ts';
import { READINESS_REASONS } from '../readiness.ts';
import type { Told } from './chronicle.ts';
import type { DiskFigures } from './disk.ts';

/** Where figures are looked up that others keep. Asked for every scrape, so each has to be cheap. */
export interface Sources extends Omit<Counts, 'caches'> {
  /** By name; `artifacts` only where a Redis is named. */
  caches: Readonly<Record<string, Counts['caches']['answers']>>;
  /** Whether Redis answers; undefined where none is named. */
  redis: (() => boolean) | undefined;
  /** Whether PostgreSQL tells of changes; undefined for a store that is not told, and while nobody has wanted to know. */
  hears: (() => boolean | undefined) | undefined;
  store(): { commits: number; busy_retries: number };
  /** What is still to be sent to webhooks, and what was given up. */
  outbox(): Promise<{ pending: number; parked: number; oldest: string | null }>;
  events(): Promise<Told>;
  pointers(): Promise<{ count: number; soonest: string | null }>;
  /** Of the workspace `default`. */
  keys(): Promise<readonly Pick<KeyRow, 'key_id' | 'status' | 'created_at'>[]>;
  /** The id of the key on the disk of this process; undefined: there is none that can be read. */
  signingKey(): Promise<string | undefined>;
  disk(): Promise<DiskFigures>;
  about: { version: string; mode: 'local' | 'server' };
  now(): Date;
}

type Value = readonly [value: number, labels?: Record<string, string>];
interface What<T> {
  name: string;
  help: string;
  labels?: readonly string[];
  values: (found: T) => readonly Value[];
}

const PREFIX = 'mcp_orchestration_';
const KEY_STATUSES = ['active', 'retired', 'revoked'] as const;
const seconds = (time: string): number => Date.parse(time) / 1000;
const one = (value: number | undefined): Value[] => (value === undefined ? [] : [[value]]);

/** Figures that only grow, and such that do not: all are asked for when they are shown. */
export function lookedUp(register: Registry, sources: Sources): void {
  processFigures(register, sources);
  storeFigures(register, sources);
  releaseFigures(register, sources);
  webhookFigures(register, sources);
}

function processFigures(register: Registry, sources: Sources): void {
  const { gauge, counter } = figuresOf(register, async () => sources);
  gauge({
    name: 'build_info',
    help: 'Always 1: which version this process runs, and in which mode.',
    labels: ['version', 'mode'],
    values: ({ about }) => [[1, about]],
  });
  gauge({
    name: 'clock_seconds',
    help: 'What the clock of this machine says, in seconds since 1970 (Unix time).',
    values: ({ now }) => [[now().getTime() / 1000]],
  });
  gauge({
    name: 'event_stream_subscribers',
    help: 'Open streams of events (`GET /v1/events`) of this process.',
    values: ({ subscribers }) => [[subscribers()]],
  });
  gauge({
    name: 'redis_up',
    help: '1 when Redis answers this process, else 0; nothing where none is named.',
    values: ({ redis }) => one(redis && Number(redis())),
  });
  for (const [what, figure] of [
    ['hits', 'found, and not read from the store'],
    ['misses', 'not found, and read from the store'],
  ] as const) {
    counter({
      name: `cache_${what}_total`,
      help: `What was ${figure}: kept answers over HTTP (\`answers\`) and known tokens (\`tokens\`) in memory, artifacts in Redis (\`artifacts\`, where one is named).`,
      labels: ['cache'],
      values: ({ caches }) => Object.entries(caches).map(([cache, counts]) => [counts[what], { cache }]),
    });
  }
  const readiness = figuresOf(register, sources.readiness);
  readiness.gauge({
    name: 'ready',
    help: '1 when `/readyz` says that this process is ready, else 0.',
    values: (reasons) => [[reasons.length === 0 ? 1 : 0]],
  });
  readiness.gauge({
    name: 'not_ready',
    help: '1 for each reason for which `/readyz` says that this process is not ready, 0 for the others.',
    labels: ['reason'],
    values: (reasons) => READINESS_REASONS.map((reason) => [reasons.includes(reason) ? 1 : 0, { reason }]),
  });
}

function storeFigures(register: Registry, sources: Sources): void {
  const { counter } = figuresOf(register, async () => sources.store());
  counter({
    name: 'store_commits_total',
    help: 'Writes of this process that were committed.',
    values: ({ commits }) => [[commits]],
  });
  counter({
    name: 'store_busy_retries_total',
    help: 'How often this process tried again because another one held the lock of the store.',
    values: ({ busy_retries }) => [[busy_retries]],
  });
  figuresOf(register, async () => sources.hears?.()).gauge({
    name: 'store_hears_changes',
    help: '1 when PostgreSQL tells this process of what others commit, 0 when everything is read anew four times a second instead; nothing with SQLite.',
    values: (hears) => one(hears === undefined ? undefined : Number(hears)),
  });
  const { gauge } = figuresOf(register, sources.disk);
  gauge({
    name: 'disk_free_bytes',
    help: 'What is left for this user on the disk that holds the store; with PostgreSQL, on that of the data directory.',
    values: ({ free }) => [[free]],
  });
  gauge({ name: 'disk_size_bytes', help: 'How large that disk is.', values: ({ size }) => [[size]] });
  gauge({
    name: 'store_file_bytes',
    help: 'Files of SQLite: the database, and its log (`-wal`), which is folded into it now and then.',
    labels: ['file'],
    values: ({ files = {} }) => Object.entries(files).map(([file, size]) => [size, { file }]),
  });
}

function releaseFigures(register: Registry, sources: Sources): void {
  const { counter, gauge } = figuresOf(register, sources.events);
  counter({
    name: 'events_total',
    help: 'Events of the whole store by type, whichever process wrote them, since this process was first asked.',
    labels: ['type'],
    values: ({ counts }) => EVENT_TYPES.map((type) => [counts[type], { type }]),
  });
  gauge({
    name: 'event_latest_timestamp_seconds',
    help: 'When the latest event of each type happened, of those that the store keeps.',
    labels: ['type'],
    values: ({ latest }) => Object.entries(latest).map(([type, time]) => [seconds(time), { type }]),
  });
  gauge({
    name: 'drifting_profiles',
    help: 'Profiles whose drift was told, and to which nothing was deployed since, of those events that the store keeps.',
    values: ({ drifting }) => [[drifting]],
  });
  const pointers = figuresOf(register, sources.pointers);
  pointers.gauge({
    name: 'pointers',
    help: 'Profiles that have a signed statement which release is the latest. Looked up once a minute.',
    values: ({ count }) => [[count]],
  });
  pointers.gauge({
    name: 'pointer_soonest_expiry_timestamp_seconds',
    help: 'When the first of these statements expires. Looked up once a minute; nothing when there is none.',
    values: ({ soonest }) => one(soonest === null ? undefined : seconds(soonest)),
  });
  const keys = figuresOf(register, sources.keys);
  keys.gauge({
    name: 'keys',
    help: 'Keys that the workspace `default` knows, by status.',
    labels: ['status'],
    values: (all) => KEY_STATUSES.map((status) => [all.filter((key) => key.status === status).length, { status }]),
  });
  keys.gauge({
    name: 'signing_key_created_timestamp_seconds',
    help: 'When the signing key in force was made; nothing when there is none.',
    values: (all) => all.filter(({ status }) => status === 'active').map(({ created_at }) => [seconds(created_at)]),
  });
  figuresOf(register, sources.signingKey).gauge({
    name: 'signing_key_info',
    help: 'Always 1: the id of the key that this process signs with; nothing when it has none. Processes on one store need the same.',
    labels: ['key_id'],
    values: (key_id) => (key_id === undefined ? [] : [[1, { key_id }]]),
  });
}

function webhookFigures(register: Registry, { outbox, now }: Sources): void {
  const { gauge } = figuresOf(register, outbox);
  gauge({
    name: 'webhook_oldest_pending_seconds',
    help: 'Age of the oldest event that a webhook is still to be told of; 0 when there is none.',
    values: ({ oldest }) => [[oldest === null ? 0 : Math.max(0, now().getTime() / 1000 - seconds(oldest))]],
  });
  gauge({
    name: 'webhook_deliveries',
    help: 'Deliveries to webhooks that are still to be made (`pending`) or were given up (`parked`).',
    labels: ['status'],
    values: ({ pending, parked }) => [
      [pending, { status: 'pending' }],
      [parked, { status: 'parked' }],
    ],
  });
}

/** Makes metrics of what one look finds. One look serves all of them; where it fails, they are left out. */
function figuresOf<T>(register: Registry, look: () => Promise<T>) {
  let looking: Promise<T> | undefined;
  const shared = () => {
    looking ??= look().finally(() => {
      looking = undefined;
    });
    return looking.catch(() => undefined);
  };
  const configurationOf = ({ name, help, labels = [] }: What<T>) => ({
    name: PREFIX + name,
    help,
    labelNames: [...labels],
    registers: [register],
  });
  const valuesOf = async ({ values }: What<T>) => {
    const found = await shared();
    return found === undefined ? [] : values(found);
  };
  return {
    gauge: (what: What<T>) =>
      new Gauge({
        ...configurationOf(what),
        async collect() {
          const values = await valuesOf(what);
          this.reset();
          // One without labels begins with 0, which nobody has seen.
          if (what.labels === undefined) this.remove();
          for (const [value, labels = {}] of values) this.set(labels, value);
        },
      }),
    counter: (what: What<T>) =>
      new Counter({
        ...configurationOf(what),
        async collect() {
          const values = await valuesOf(what);
          this.reset();
          if (what.labels === undefined) this.remove();
          for (const [value, labels = {}] of values) this.inc(labels, value);
        },
      }),
  };
}
