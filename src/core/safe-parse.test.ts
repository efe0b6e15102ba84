import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { safeParse } from './safe-parse.ts';

const Shape = z.strictObject({
  name: z.string().min(1).max(5).optional(),
  list: z.array(z.string()).max(2).optional(),
});
const paths = (value: unknown) => safeParse(Shape, value).error?.issues.map(({ path }) => path.join('.'));

describe('safeParse', () => {
  it.each([
    ['whose text cannot be made', { toString: 1 }],
    ['without a prototype', Object.create(null)],
    ['whose value cannot be made', { valueOf: 1, toString: {} }],
  ])('tells the place of a text or list that is an object with a `length` %s', (_name, length) => {
    expect(new Set(paths({ name: { length } }))).toEqual(new Set(['name']));
    expect(new Set(paths({ list: { length } }))).toEqual(new Set(['list']));
    expect(new Set(paths({ list: [{ length }], name: { length } }))).toEqual(new Set(['list.0', 'name']));
  });

  it('reads everything else as the schema does', () => {
    expect(safeParse(Shape, { name: 'a' })).toEqual({ success: true, data: { name: 'a' } });
    expect(paths({ name: { length: 3 } })).toEqual(['name']);
    expect(paths({ name: '' })).toEqual(['name']);
  });

  it('does not hide what a schema itself throws', () => {
    const broken = z.string().refine(() => {
      throw new TypeError('ours');
    });
    expect(() => safeParse(broken, 'x')).toThrow('ours');
  });

  it('takes no other value for the one that was given', () => {
    const either = z.union([z.string().min(1), z.looseObject({})]);
    expect(() => safeParse(either, { length: { toString: 1 } })).toThrow(TypeError);
  });
});
