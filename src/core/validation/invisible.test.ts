import { expect, test } from 'vitest';
import { hiddenCharacter, visible } from './invisible.ts';

const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => from + index);

/** Code points by what they do: controls, bidi controls and tags are refused everywhere. */
const EVERYWHERE = [
  ...range(0x00, 0x08),
  0x0b,
  0x0c,
  ...range(0x0e, 0x1f),
  ...range(0x7f, 0x9f),
  0x061c,
  0x200e,
  0x200f,
  ...range(0x202a, 0x202e),
  ...range(0x2066, 0x2069),
  ...range(0xe0000, 0xe007f),
];
const NAMES_ONLY = [
  0x09,
  0x0a,
  0x0d,
  0x00ad,
  0x034f,
  0x115f,
  0x1160,
  0x17b4,
  0x17b5,
  ...range(0x180b, 0x180f),
  ...range(0x200b, 0x200d),
  0x2028,
  0x2029,
  ...range(0x2060, 0x2065),
  ...range(0x206a, 0x206f),
  0x3164,
  0xfeff,
  0xffa0,
  ...range(0xfff9, 0xfffb),
];

test('every control, bidi control and tag is found in any text, the other hidden ones in names', () => {
  for (const code of EVERYWHERE) {
    const name = `U+${code.toString(16).toUpperCase().padStart(4, '0')}`;
    expect(hiddenCharacter(`a${String.fromCodePoint(code)}b`, false)).toBe(name);
    expect(hiddenCharacter(`a${String.fromCodePoint(code)}b`, true)).toBe(name);
  }
  for (const code of NAMES_ONLY) {
    expect(hiddenCharacter(`a${String.fromCodePoint(code)}b`, false)).toBeUndefined();
    expect(hiddenCharacter(`a${String.fromCodePoint(code)}b`, true), code.toString(16)).toBeDefined();
  }
});

test('what people write is no hidden text', () => {
  for (const text of ['plain', 'naïve café', '日本語', 'русский', 'עברית', 'العربية', '😀 ❤️', 'a b', '`~!@#$%^&*']) {
    expect(hiddenCharacter(text, true)).toBeUndefined();
  }
  expect(hiddenCharacter('👩‍💻', false)).toBeUndefined();
  expect(hiddenCharacter('a\ufe0f\ufe0fb', false)).toBe('U+FE0F');
  expect(hiddenCharacter('a\u{e0101}\u{e0102}', false)).toBe('U+E0101');
});

test('a shown text holds no hidden character and is cut', () => {
  const all = [...EVERYWHERE, ...NAMES_ONLY].map((code) => visible(`<${String.fromCodePoint(code)}>`));
  for (const shown of all) expect(shown).toMatch(/^<\\u\{[0-9a-f]+\}>$/);
  expect(visible('x'.repeat(100))).toBe(`${'x'.repeat(80)}...`);
  expect(visible('a b')).toBe('a b');
});
