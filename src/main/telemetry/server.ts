import type { Counts, RestSettings } from '../../adapters/rest/server.ts';
import { DEFAULT_WORKSPACE } from '../../core/binding.ts';
import type { Observer } from '../../operations/observer.ts';
import { type App, now } from '../compose.ts';
import type { Config } from '../config.ts';
import { followEvents } from './chronicle.ts';
import { diskFigures } from './disk.ts';
import type { Sources } from './figures.ts';
import { held } from './held.ts';
import { openMetrics } from './metrics.ts';
import type { Tracing } from './tracing.ts';

type Place = Pick<Config, 'database' | 'home'>;

/** Looking at every pointer is dear; they live for weeks. */
const POINTERS_HOLD_MS = 60_000;

/** What a server over HTTP tells about itself: metrics always, traces when they are configured, a log of requests for others. */
export interface ServerTelemetry {
  observer: Observer;
  forRest(app: App, config: Place): Pick<RestSettings, 'watchers' | 'metrics'>;
}

export function serverTelemetry(tracing: Tracing | undefined): ServerTelemetry {
  const metrics = openMetrics();
  return {
    observer: tracing ? both(metrics.observer, tracing.observer) : metrics.observer,
    forRest: (app, config) => ({
      watchers: {
        times: metrics.requestsOf,
        spans: tracing?.spans,
        // One's own requests are no news.
        access_log: app.services.mode === 'server' ? app.services.log : undefined,
      },
      metrics: (counts) => metrics.page(sourcesOf(app, config, counts)),
    }),
  };
}

function sourcesOf({ store, services, shared }: App, config: Place, counts: Counts): Sources {
  const { keys, version, mode } = services;
  return {
    ...counts,
    caches: { ...counts.caches, ...(shared && { artifacts: shared.artifacts }) },
    redis: shared?.redis.up,
    hears: store.hears,
    store: store.statistics,
    outbox: store.webhooks.backlog,
    events: followEvents(store.events),
    pointers: held(store.pointers.overview, POINTERS_HOLD_MS),
    keys: () => store.keys.list(DEFAULT_WORKSPACE),
    signingKey: async () => ((await keys.exists()) ? (await keys.signer()).key_id : undefined),
    disk: () => diskFigures(config),
    about: { version, mode },
    now,
  };
}

const both = (outer: Observer, inner: Observer): Observer => ({
  during: (activity, work) => outer.during(activity, () => inner.during(activity, work)),
  found: (findings) => {
    outer.found(findings);
    inner.found(findings);
  },
  signed: (milliseconds) => {
    outer.signed(milliseconds);
    inner.signed(milliseconds);
  },
  sent: (outcome) => {
    outer.sent(outcome);
    inner.sent(outcome);
  },
});
