import { describe, expect, it, test } from 'vitest';
import { isId } from './id-rules.ts';
import { ArtifactId, ClientId, Timestamp } from './ids.ts';
import { nullRecord } from './null-record.ts';

test.each(['a', '0', 'cursor', 'team-a', 'v1.2', 'a_b', 'con-1', 'console', 'com10', 'a'.repeat(64)])(
  '%s is an id',
  (text) => {
    expect(isId(text)).toBe(true);
    expect(ClientId.parse(text)).toBe(text);
  },
);

test.each([
  '',
  '.',
  '..',
  '-a',
  '_a',
  '.a',
  'a.',
  'A',
  'a b',
  'a/b',
  'a\\b',
  'a\n',
  'a\0',
  'é',
  'a'.repeat(65),
  'con',
  'nul.txt',
  'lpt1',
  'com0',
  'aux.tar.gz',
])('%j is no id', (text) => {
  expect(isId(text)).toBe(false);
  expect(ClientId.safeParse(text).error?.issues[0]?.message).toMatch(/^client_id must match/);
});

describe('an artifact id', () => {
  it('is 64 lower-case hex digits', () => {
    expect(ArtifactId.safeParse('0123456789abcdef'.repeat(4)).success).toBe(true);
    for (const wrong of ['f'.repeat(63), 'f'.repeat(65), 'F'.repeat(64), 'g'.repeat(64)])
      expect(ArtifactId.safeParse(wrong).success).toBe(false);
  });
});

test('a time is RFC 3339 in UTC with milliseconds', () => {
  expect(Timestamp.safeParse('2026-11-22T10:00:00.000Z').success).toBe(true);
  for (const wrong of ['2026-11-22T10:00:00Z', '2026-11-22 10:00:00.000Z', '2026-11-22T10:00:00.000+01:00', '']) {
    expect(Timestamp.safeParse(wrong).success).toBe(false);
  }
});

test('a record with keys of others has no prototype, so that every key means itself', () => {
  const record = nullRecord([['__proto__', 'x']]);
  expect(Object.getPrototypeOf(record)).toBeNull();
  expect(Object.keys(record)).toEqual(['__proto__']);
  expect(record['toString']).toBeUndefined();
});
