import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it, onTestFinished } from 'vitest';
import { Bell } from './bell.ts';

function belled(every_ms: number) {
  let commits = 0;
  let rings = 0;
  const bell = new Bell(() => `${commits}`, every_ms);
  const commit = () => {
    commits += 1;
    bell.hurry();
  };
  const stop = bell.listen(() => {
    rings += 1;
  });
  onTestFinished(stop);
  return { bell, commit, rings: () => rings, stop };
}

it('rings at once for a commit that it is told of, and once for many that follow fast', async () => {
  const { commit, rings } = belled(200);
  commit();
  await sleep(20);
  expect(rings()).toBe(1);
  for (let n = 0; n < 10; n += 1) {
    commit();
    await sleep(1);
  }
  expect(rings()).toBe(1);
  await expect.poll(rings, { interval: 5 }).toBe(2);
  await sleep(450);
  expect(rings()).toBe(2);
});

it('does not ring when nothing was committed, nor when nobody listens', async () => {
  const { bell, commit, rings, stop } = belled(30);
  bell.hurry();
  await sleep(60);
  expect(rings()).toBe(0);
  stop();
  commit();
  await sleep(60);
  expect(rings()).toBe(0);
});
