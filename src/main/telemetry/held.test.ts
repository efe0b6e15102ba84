import { expect, test } from 'vitest';
import { held } from './held.ts';

test('a look serves all who ask for a while, and one that failed serves nobody later', async () => {
  let now = 0;
  let looks = 0;
  const ask = held(
    async () => {
      looks += 1;
      if (looks === 2) throw new Error('gone');
      return looks;
    },
    1000,
    () => now,
  );
  expect(await Promise.all([ask(), ask()])).toEqual([1, 1]);
  now = 999;
  expect(await ask()).toBe(1);
  now = 1000;
  await expect(ask()).rejects.toThrow('gone');
  expect(await ask()).toBe(3);
});
