import { expect, test } from 'vitest';
import { event } from '../../../test/contract/store-rows.ts';
import { openSqlite } from '../../stores/sqlite.ts';
import { followEvents } from './chronicle.ts';

test('counts what happened since the first look, and reads each event once', async () => {
  const store = await openSqlite(':memory:');
  await store.events.append('default', event(), 10_000);
  let reads = 0;
  const since: typeof store.events.since = (...asked) => {
    reads += 1;
    return store.events.since(...asked);
  };
  const look = followEvents({ newest: store.events.newest, since });
  const first = await look();
  expect([first.counts['config.published'], reads]).toEqual([0, 1]);
  await look();
  expect(reads).toBe(1);
  await store.events.append('default', event(), 10_000);
  await store.events.append('acme', event(), 10_000);
  expect((await look()).counts['config.published']).toBe(2);
  expect(reads).toBe(3);
  await store.close();
});

test('knows the drift that was told before the first look, until the profile is deployed', async () => {
  const store = await openSqlite(':memory:');
  const happens = (type: 'config.drift_detected' | 'config.deployed', profile_id: string, workspace = 'default') =>
    store.events.append(workspace, event({ type, profile_id }), 10_000);
  for (const profile of ['dev', 'prod', 'dev']) await happens('config.drift_detected', profile);
  await happens('config.drift_detected', 'dev', 'acme');
  const look = followEvents(store.events);
  expect((await look()).drifting).toBe(3);
  await happens('config.deployed', 'dev');
  expect((await look()).drifting).toBe(2);
  await store.close();
});
