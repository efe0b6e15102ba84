import { expect, it } from 'vitest';
import { UntilCommit } from './until-commit.ts';

let version = '1';
const kept = () => new UntilCommit<string>(() => version, 2);

it('gives what was read until something is committed', async () => {
  const values = kept();
  expect(values.get('a')).toBeUndefined();
  expect(await values.read('a', async () => 'one')).toBe('one');
  expect(values.get('a')).toBe('one');
  version = '2';
  expect(values.get('a')).toBeUndefined();
});

it('does not keep what was read while something was committed, nor what is not worth it, nor what is not there', async () => {
  const values = kept();
  await values.read('a', async () => {
    version = '3';
    return 'one';
  });
  await values.read(
    'b',
    async () => 'two',
    () => false,
  );
  await values.read('c', async () => undefined);
  expect(['a', 'b', 'c'].map((key) => values.get(key))).toEqual([undefined, undefined, undefined]);
});

it('keeps no more than it may, and starts anew then', async () => {
  const values = kept();
  for (const key of ['a', 'b', 'c']) await values.read(key, async () => key);
  expect(['a', 'b', 'c'].map((key) => values.get(key))).toEqual([undefined, undefined, 'c']);
});

it('lets those who come while the same is read wait for it, and reads anew for who comes after a commit', async () => {
  const values = kept();
  let reads = 0;
  const slowly = (value: string) => async () => {
    reads += 1;
    await new Promise(setImmediate);
    return value;
  };
  const before = ['one', 'other'].map((value) => values.read('a', slowly(value)));
  version = '4';
  const after = values.read('a', slowly('two'));
  expect(await Promise.all([...before, after])).toEqual(['one', 'one', 'two']);
  expect([reads, values.misses, values.hits]).toEqual([2, 2, 1]);
  expect(values.get('a')).toBe('two');
});

it('shares neither a failure nor what is for one reader alone', async () => {
  const values = kept();
  const fails = values.read('a', async () => {
    await new Promise(setImmediate);
    throw new Error('not now');
  });
  const reads = values.read('a', async () => 'mine');
  await expect(fails).rejects.toThrow('not now');
  expect(await reads).toBe('mine');
  const never = () => false;
  const own = ['one', 'two'].map((value) => values.read('b', async () => value, never));
  expect(await Promise.all(own)).toEqual(['one', 'two']);
});
