import { expect, test } from 'vitest';
import { parseDuration } from './duration.ts';

test.each([
  ['45s', 45_000],
  ['30m', 1_800_000],
  ['12h', 43_200_000],
  ['90d', 7_776_000_000],
  ['3650d', 315_360_000_000],
  ['never', null],
])('%s is %s milliseconds', (text, milliseconds) => {
  expect(parseDuration(text)).toBe(milliseconds);
});

test.each([
  '',
  '0d',
  '01d',
  '-1d',
  '1',
  'd',
  '1w',
  '1.5h',
  '1d ',
  ' 1d',
  '1d1h',
  '1D',
  '1e3s',
  '3651d',
  '999999999d',
  'Never',
  'NaNs',
])('%j is no duration', (text) => {
  expect(parseDuration(text)).toBeUndefined();
});
