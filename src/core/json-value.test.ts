import { expect, test } from 'vitest';
import { z } from 'zod';
import { processorMs } from '../../test/support/cpu.ts';
import { assertJsonValue, jsonPointer } from './json-value.ts';

const nested = (depth: number): unknown => {
  let value: unknown = [];
  for (let level = 1; level < depth; level++) value = [value];
  return value;
};

test.each([
  [null],
  ['text 😀'],
  [Number.MAX_SAFE_INTEGER],
  [-0],
  [[1, [true, { a: null }]]],
  [{ toString: 'a name like any other', toJSON: 1 }],
  [Object.assign(Object.create(null), { a: 1 })],
  [nested(64)],
])('JSON passes: %j', (value) => {
  expect(() => assertJsonValue(value)).not.toThrow();
});

test.each([
  ['a depth of 65', nested(65), 'too_deep', '/0'.repeat(64)],
  ['an own __proto__', JSON.parse('{"a":[{"__proto__":1}]}'), 'forbidden_key', '/a/0'],
  ['an own constructor', { constructor: 1 }, 'forbidden_key', ''],
  ['an own prototype', { a: { prototype: 1 } }, 'forbidden_key', '/a'],
  ['half a surrogate pair', { 'a/b': ['ok', '\ud800'] }, 'lone_surrogate', '/a~1b/1'],
  ['half a surrogate pair in a key', { '\udc00': 1 }, 'lone_surrogate', ''],
  ['a number that lost digits', { '~': 2 ** 53 }, 'number_out_of_range', '/~0'],
  ['NaN', [Number.NaN], 'number_out_of_range', '/0'],
  ['Infinity', Number.NEGATIVE_INFINITY, 'number_out_of_range', ''],
  ['an undefined member', { a: undefined }, 'not_json', '/a'],
  ['a bigint', 1n, 'not_json', ''],
  ['a function', { toJSON: () => 1 }, 'not_json', '/toJSON'],
  ['a date', { at: new Date(0) }, 'not_json', '/at'],
  ['a map', new Map(), 'not_json', ''],
])('%s is refused with its place', (_, value, reason, path) => {
  expect(() => assertJsonValue(value)).toThrow(
    expect.objectContaining({
      code: 'INVALID_INPUT',
      details: { reason, issues: [{ path, message: expect.any(String) }] },
    }),
  );
});

test('the refusal is written for a person and shows no value', () => {
  expect(() => assertJsonValue({ env: { TOKEN: 'swordfish\ud800' } })).toThrow(
    'The value at /env/TOKEN holds half of a surrogate pair, which is no Unicode text.',
  );
});

test('a cycle is refused as too deep, and shared parts do not multiply the work', () => {
  const cycle: unknown[] = [];
  cycle.push(cycle, cycle);
  let shared: unknown = 1;
  for (let level = 0; level < 60; level++) shared = [shared, shared];
  const took = processorMs(() => {
    expect(() => assertJsonValue(cycle)).toThrow(expect.objectContaining({ code: 'INVALID_INPUT' }));
    expect(() => assertJsonValue(shared)).not.toThrow();
  });
  expect(took).toBeLessThan(100);
});

test('the depth can be set', () => {
  expect(() => assertJsonValue([[1]], { maxDepth: 1 })).toThrow(expect.objectContaining({ code: 'INVALID_INPUT' }));
});

test('a pointer is escaped and can be sent as JSON', () => {
  expect(jsonPointer(['a/b', '~x', 0, '\ud800'])).toBe('/a~1b/~0x/0/\ufffd');
  expect(jsonPointer([])).toBe('');
});

test('Zod takes the null-prototype records that pass here', () => {
  const record: unknown = Object.assign(Object.create(null), { a: '1' });
  expect(z.record(z.string(), z.string()).parse(record)).toEqual({ a: '1' });
  expect(z.strictObject({ a: z.string() }).parse(record)).toEqual({ a: '1' });
});
