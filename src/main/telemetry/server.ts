import type { RestSettings } from '../../adapters/rest/server.ts';
import type { Observer } from '../../operations/observer.ts';
import { type App, now } from '../compose.ts';
import { openMetrics } from './metrics.ts';
import type { Tracing } from './tracing.ts';

/** What a server over HTTP tells about itself: metrics always, traces when they are configured, a log of requests for others. */
export interface ServerTelemetry {
  observer: Observer;
  forRest(app: App): Pick<RestSettings, 'watchers' | 'metrics'>;
}

export function serverTelemetry(tracing: Tracing | undefined): ServerTelemetry {
  const metrics = openMetrics();
  return {
    observer: tracing ? both(metrics.observer, tracing.observer) : metrics.observer,
    forRest: ({ store, services }) => ({
      watchers: {
        times: metrics.requestsOf,
        spans: tracing?.spans,
        // One's own requests are no news.
        access_log: services.mode === 'server' ? services.log : undefined,
      },
      metrics: (counts) => metrics.page({ ...counts, store: store.statistics, outbox: store.webhooks.backlog, now }),
    }),
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
});
