import { describe, expect, test } from 'vitest';
import { sameValue, without } from './equality.ts';

describe('parsed equality', () => {
  test.each([
    [1, 1, true],
    [[1, 2], [2, 1], false],
    [[1], [1, 2], false],
    [[], {}, false],
    [{ a: 1, b: 2 }, { b: 2, a: 1 }, true],
    [{ a: 1 }, { b: 1 }, false],
    [{ a: 1 }, { a: 1, b: 1 }, false],
    [null, {}, false],
    [{ constructor: 1 }, { toString: 1 }, false],
  ])('%j and %j: %s', (a, b, same) =>
    expect(sameValue(JSON.parse(JSON.stringify(a)), JSON.parse(JSON.stringify(b)))).toBe(same),
  );

  test('leaving fields out keeps a key that looks like a prototype', () => {
    expect(Object.keys(Object(without(JSON.parse('{"__proto__":1,"a":2}'), ['a'])))).toEqual(['__proto__']);
    expect(without([1], ['a'])).toEqual([1]);
  });
});
