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
