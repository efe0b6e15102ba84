import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { artifactId, artifactIdOfCanonical } from './artifact.ts';
import { canonicalJson } from './canonical-json.ts';

/** JSON values that the strict reader would give: plain keys, safe numbers, whole characters. */
const leaf = fc.oneof(
  fc.string({ unit: 'grapheme' }),
  fc.maxSafeInteger(),
  fc.double({ min: -1e15, max: 1e15, noNaN: true }),
  fc.boolean(),
  fc.constant(null),
);
const key = fc.string({ unit: 'grapheme' }).filter((text) => !['__proto__', 'constructor', 'prototype'].includes(text));
const { tree } = fc.letrec((tie) => ({
  tree: fc.oneof({ depthSize: 'small' }, leaf, fc.array(tie('tree')), fc.dictionary(key, tie('tree'))),
}));

/** The same value with all keys in the opposite order. */
function reversed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reversed);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .toReversed()
      .map(([key, member]) => [key, reversed(member)]),
  );
}

describe('canonical JSON', () => {
  test('is RFC 8785: keys by UTF-16 unit, shortest numbers, no space, minimal escapes', () => {
    const value = {
      '\u20ac': 'Euro',
      '\r': 'CR',
      '\ufb33': 'Dalet',
      '1': 'One',
      '😀': 'Smile',
      '\u0080': 'Control',
      '\u00f6': 'Latin',
      numbers: [-0, 4.5, 2e-3, 1e-27, 333333333.3333333, 1e15],
      text: '\u20ac$\u000f\nA\'B"\\\\"/',
    };
    expect(canonicalJson(value)).toBe(
      '{"\\r":"CR","1":"One","numbers":[0,4.5,0.002,1e-27,333333333.3333333,1000000000000000],' +
        '"text":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/","\u0080":"Control","ö":"Latin","€":"Euro","😀":"Smile","\ufb33":"Dalet"}',
    );
  });

  test('does not depend on the order of keys', () => {
    fc.assert(
      fc.property(tree, (value) => {
        expect(canonicalJson(reversed(value))).toBe(canonicalJson(value));
      }),
    );
  });

  test('is a fixed point of reading and writing', () => {
    fc.assert(
      fc.property(tree, (value) => {
        const text = canonicalJson(value);
        expect(canonicalJson(JSON.parse(text))).toBe(text);
      }),
    );
  });

  test.each([
    ['undefined', undefined],
    ['a member that would vanish', { a: undefined }],
    ['a number that readers round', 2 ** 53],
    ['a date', new Date(0)],
    ['half a surrogate pair', '\ud800'],
  ])('refuses %s', (_, value) => {
    expect(() => canonicalJson(value)).toThrow(expect.objectContaining({ code: 'INVALID_INPUT' }));
  });
});

describe('artifact id', () => {
  test('is the SHA-256 of the canonical text', () => {
    const id = '691f62624936af38f0e6b2ac6c8b43162a23696696f62d5037d9eb2b43bd73c5';
    expect(artifactId({ mcpServers: {} })).toBe(id);
    expect(artifactIdOfCanonical('{"mcpServers":{}}')).toBe(id);
    expect(artifactIdOfCanonical(Buffer.from('{"mcpServers":{}}'))).toBe(id);
  });

  test('ignores the order of keys and nothing else', () => {
    const payload = { mcpServers: { a: { command: 'x', args: ['1', '2'] } } };
    expect(artifactId({ mcpServers: { a: { args: ['1', '2'], command: 'x' } } })).toBe(artifactId(payload));
    expect(artifactId({ mcpServers: { a: { args: ['2', '1'], command: 'x' } } })).not.toBe(artifactId(payload));
    expect(artifactIdOfCanonical('{"mcpServers": {}}')).not.toBe(artifactIdOfCanonical('{"mcpServers":{}}'));
  });
});
