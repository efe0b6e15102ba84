import fc from 'fast-check';
import { expect, test } from 'vitest';
import { processorMs } from '../../test/support/cpu.ts';
import { entryDiff } from './entry-diff.ts';
import type { JsonValue } from './payload.ts';

const diff = (before: JsonValue | undefined, after: JsonValue | undefined) =>
  entryDiff([{ name: 'x', before, after }])
    .split('\n')
    .slice(1);

test('an entry that comes, and one that goes, is shown whole', () => {
  expect(diff(undefined, { a: 1 })).toEqual(['+ {', '+   "a": 1', '+ }']);
  expect(diff({ a: 1 }, undefined)).toEqual(['- {', '-   "a": 1', '- }']);
});

test('changes in several places are shown where they are', () => {
  const before = { command: 'a', args: ['1', '2', '3'], env: { A: 'x' } };
  expect(diff(before, { command: 'b', args: ['1', '2', '3'], env: { A: 'y' } })).toEqual([
    '  {',
    '-   "command": "a",',
    '+   "command": "b",',
    '    "args": [',
    '      "1",',
    '      "2",',
    '      "3"',
    '    ],',
    '    "env": {',
    '-     "A": "x"',
    '+     "A": "y"',
    '    }',
    '  }',
  ]);
});

test('another order of the same fields is no difference, at no depth', () => {
  const lines = diff({ a: 1, b: { c: 2, d: 3 } }, { b: { d: 3, c: 2 }, a: 1 });
  expect(lines.every((line) => line.startsWith('  '))).toBe(true);
});

test('from every diff both sides can be read', () => {
  const value = fc.dictionary(fc.constantFrom('a', 'b', 'c', 'args'), fc.array(fc.constantFrom('x', 'y', 'z')));
  const side = (lines: string[], sign: string) =>
    JSON.parse(
      lines
        .filter((line) => line.startsWith(' ') || line.startsWith(sign))
        .map((line) => line.slice(2))
        .join(''),
    );
  fc.assert(
    fc.property(value, value, (before, after) => {
      const lines = diff(before, after);
      expect(side(lines, '-')).toEqual(before);
      expect(side(lines, '+')).toEqual(after);
    }),
  );
});

test('two long lists that have nothing in common are shown at once', () => {
  const list = (word: string) => Array.from({ length: 5000 }, (_, index) => `${word}${index}`);
  expect(processorMs(() => expect(diff(list('a'), list('b'))).toHaveLength(10_002))).toBeLessThan(1000);
});
