import fc from 'fast-check';
import { expect, test } from 'vitest';
import { nearest } from './nearest.ts';

const SERVERS = ['filesystem', 'github', 'gitlab', 'google-maps', 'google-maps-legacy', 'brave-search', 'postgres'];

test('a slip of the fingers finds the word that was meant', () => {
  expect(nearest('filesytem', SERVERS)).toEqual(['filesystem']);
  expect(nearest('gihtub', SERVERS)).toEqual(['github']);
  expect(nearest('gitlub', SERVERS)).toEqual(['github', 'gitlab']);
});

test('case, underscores, dots and spaces do not count', () => {
  expect(nearest('Brave_Search', SERVERS)[0]).toBe('brave-search');
  expect(nearest('google maps', SERVERS)[0]).toBe('google-maps');
});

test('a part of a word finds the whole word, behind the plausible slips', () => {
  expect(nearest('google', SERVERS)).toEqual(['google-maps', 'google-maps-legacy']);
  expect(nearest('postgresql', SERVERS)).toEqual(['postgres']);
});

test('what is far from everything suggests nothing', () => {
  expect(nearest('weather', SERVERS)).toEqual([]);
  expect(nearest('', SERVERS)).toEqual([]);
  expect(nearest('x', ['y', 'x'])).toEqual(['x', 'y']);
});

test('the number of suggestions can be limited', () => {
  expect(nearest('git', SERVERS, 1)).toHaveLength(1);
  expect(nearest('git', SERVERS, 0)).toEqual([]);
});

test('long words are cut instead of eating memory and time', () => {
  const long = 'a'.repeat(1_000_000);
  expect(nearest(long, [long, 'b'])).toEqual([long]);
  expect(nearest('last', [...Array.from({ length: 6_000 }, () => 'zzzzzz'), 'last'])).toEqual([]);
});

test('a word is always its own nearest, and suggestions are candidates without repetition of work', () => {
  const word = fc.stringMatching(/^[a-z][a-z0-9-]{0,20}$/);
  fc.assert(
    fc.property(word, fc.uniqueArray(word, { maxLength: 20 }), (wanted, others) => {
      const candidates = [...others.filter((other) => other !== wanted), wanted];
      const found = nearest(wanted, candidates);
      expect(found[0]).toBe(wanted);
      expect(found.every((one) => candidates.includes(one))).toBe(true);
    }),
  );
});
