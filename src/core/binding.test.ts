import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Binding, bindingKey, isBound, reaches, touches, UNBOUND } from './binding.ts';

const here = { client_id: 'cursor', profile_id: 'dev' };

test('who is bound to nothing reaches everything', () => {
  expect(isBound(UNBOUND)).toBe(false);
  for (const place of [here, {}, { client_id: null, profile_id: null }]) expect(reaches(UNBOUND, place)).toBe(true);
});

test.each<[string, Binding]>([
  ['a client', { client_id: 'cursor' }],
  ['a profile', { profile_id: 'dev' }],
  ['both', here],
])('who is bound to %s reaches what is of it, and nothing that is of all', (_what, binding) => {
  expect([isBound(binding), reaches(binding, here)]).toEqual([true, true]);
  for (const place of [{}, { client_id: null, profile_id: null }, { client_id: 'zed', profile_id: 'prod' }]) {
    expect(reaches(binding, place)).toBe(false);
  }
});

test('a place is touched when a part of it is reached', () => {
  expect(touches(here, {})).toBe(true);
  expect(touches(here, { client_id: 'cursor' })).toBe(true);
  expect(touches(here, { client_id: 'zed' })).toBe(false);
  expect(touches(here, { client_id: 'cursor', profile_id: 'prod' })).toBe(false);
});

test('a binding that reaches another one never shows less, and different ones have different keys', () => {
  const id = fc.constantFrom(undefined, 'a', 'b', 'c');
  const binding = fc.record({ client_id: id, profile_id: id });
  const place = fc.record({ client_id: fc.constantFrom('a', 'b', 'c'), profile_id: fc.constantFrom('a', 'b', 'c') });
  fc.assert(
    fc.property(binding, binding, place, (wide, narrow, at) => {
      if (reaches(wide, narrow) && reaches(narrow, at)) expect(reaches(wide, at)).toBe(true);
      const same = wide.client_id === narrow.client_id && wide.profile_id === narrow.profile_id;
      expect(bindingKey(wide) === bindingKey(narrow)).toBe(same);
    }),
  );
});
