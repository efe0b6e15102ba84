import fc from 'fast-check';
import { expect, test } from 'vitest';
import { formatToken, isWellFormedToken, tokenDigest } from './token.ts';

const random = fc.uint8Array({ minLength: 32, maxLength: 32 });
const kind = fc.constantFrom('user' as const, 'agent' as const);

test('a token has its prefix, 43 characters of randomness and 6 of checksum', () => {
  expect(formatToken('user', new Uint8Array(32))).toBe('mcpo_user_00000000000000000000000000000000000000000004H63Xg');
  expect(formatToken('agent', new Uint8Array(32).fill(255))).toBe(
    'mcpo_agent_yhjskwdA6OZ1AL1YmHWZWm8LLG7HjnuCA2j5rOw8Xp13cO98a',
  );
});

test('every token that is made is well-formed, and no two random numbers give the same one', () => {
  const property = fc.property(kind, random, random, (which, one, other) => {
    expect(isWellFormedToken(formatToken(which, one))).toBe(true);
    const same = Buffer.compare(one, other) === 0;
    expect(formatToken(which, one) === formatToken(which, other)).toBe(same);
  });
  fc.assert(property);
});

test('one wrong character is noticed', () => {
  const property = fc.property(kind, random, fc.nat(48), fc.constantFrom(...'0aZ9_'), (which, bytes, at, character) => {
    const token = formatToken(which, bytes);
    const place = `mcpo_${which}_`.length + at;
    const wrong = token.slice(0, place) + character + token.slice(place + 1);
    expect(isWellFormedToken(wrong)).toBe(wrong === token);
  });
  fc.assert(property);
});

test.each([
  '',
  'x',
  'mcpo_user_',
  'mcpo_root_00000000000000000000000000000000000000000004H63Xg',
  ' mcpo_user_00000000000000000000000000000000000000000004H63Xg',
  'mcpo_user_00000000000000000000000000000000000000000004H63Xg\n',
  'mcpo_user_00000000000000000000000000000000000000000004H63Xg0',
])('%j is no token', (text) => {
  expect(isWellFormedToken(text)).toBe(false);
});

test('what is stored is the digest', () => {
  expect(tokenDigest('mcpo_user_x')).toBe('7bb8b97ed3ca7762bac5b71b5cb122a4940600152b1c94b5c40c34b3b47404d5');
});
