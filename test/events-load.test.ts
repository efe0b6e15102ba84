import { expect, it } from 'vitest';
import { WRITERS, watchEvents } from './support/watchers.ts';

const LONG = Number(process.env['CRASH_ROUNDS'] ?? 50) > 50;
const SUBSCRIBERS = LONG ? 1_000 : 200;

it(`${SUBSCRIBERS} watchers get every event of ${WRITERS} writers in order, within half a second, and after a restart without a gap`, {
  timeout: 120_000,
}, async () => {
  const { deliveries, p50, p99 } = await watchEvents(SUBSCRIBERS);
  process.stdout.write(`${SUBSCRIBERS} watchers, ${deliveries} deliveries: p50 ${p50} ms, p99 ${p99} ms\n`);
  expect(p99).toBeLessThan(LONG ? 500 : 1_000);
});
