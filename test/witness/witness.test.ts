import { expect, test } from 'vitest';
import { type Case, entriesIn, type Format, type Harm, harmsOf, isReadable } from './witness.ts';

/** The witness has to see what it is there for: each kind of harm in each family, and none where there is none. */

const seen = (format: Format, before: string, after: string, pointer: string[] = ['servers']): Harm[] => {
  const of: Case = { format, pointer, before: Buffer.from(before), after: Buffer.from(after), owned: ['ours'] };
  return harmsOf(of);
};

const JSONC = '{\n  // c\n  "a": 1.0,\n  "é": "\\u00e9",\n  "servers": {\n    "x": { "k": 1e5 }\n  }\n}\n';
const added = JSONC.replace('1e5 }', '1e5 },\n    "ours": {}');

test('an entry that was added with its comma, and with a container of its own, is no harm', () => {
  expect(seen('jsonc', JSONC, added)).toEqual([]);
  expect(seen('jsonc', added, JSONC)).toEqual([]);
  expect(seen('jsonc', '{\n  "a": 1 // c\n}', '{\n  "a": 1, // c\n  "servers": { "ours": {} }\n}')).toEqual([]);
  expect(seen('jsonc', '// c\n', '// c\n{ "servers": { "ours": {} } }\n')).toEqual([]);
  expect(seen('toml', 'a = 1\n', 'a = 1\n\n[servers.ours]\nb = 2 # c\n')).toEqual([]);
  expect(seen('toml list', 'a = 1', 'a = 1\n[[servers]]\nname = "ours"\n[servers.env]\nX = "1"\n')).toEqual([]);
  expect(seen('yaml', 'a: 1 # c\nservers:\n', 'a: 1 # c\nservers:\n  ours:\n    b: 2\n')).toEqual([]);
  expect(seen('yaml list', 'servers:\n- name: x\nz: 1', 'servers:\n- name: x\n- name: ours\nz: 1')).toEqual([]);
});

test('in JSON it sees each kind of harm', () => {
  expect(seen('jsonc', JSONC, '{')).toEqual(['unreadable', 'bytes']);
  expect(seen('jsonc', JSONC, added.replace('  // c\n', ''))).toEqual(['comments', 'bytes']);
  expect(seen('jsonc', JSONC, added.replace('1.0', '1'))).toEqual(['numbers', 'bytes']);
  expect(seen('jsonc', JSONC, added.replace('1e5', '100000'))).toEqual(['numbers', 'bytes']);
  expect(seen('jsonc', JSONC, added.replace('\\u00e9', 'é'))).toEqual(['texts', 'bytes']);
  expect(seen('jsonc', JSONC, added.replace('"x": { "k": 1e5 },', ''))).toContain('servers');
  expect(seen('jsonc', JSONC, added.replace('"a": 1.0,', ''))).toContain('values');
  expect(seen('jsonc', JSONC, added.replaceAll('\n', '\r\n'))).toEqual(['line_ends', 'bytes']);
  expect(seen('jsonc', JSONC, `\uFEFF${added}`)).toEqual(['mark', 'bytes']);
  expect(seen('jsonc', JSONC, added.replace('  "a"', '\t"a"'))).toEqual(['bytes']);
  expect(seen('jsonc', JSONC, added.trimEnd())).toEqual(['bytes']);
  expect(seen('json', '{"a":1,"b":2,"a":3}', '{"b":2,"a":3,"servers":{"ours":{}}}')).toContain('values');
  expect(seen('json', '{"a":1,"b":2}', '{"b":2,"a":1,"servers":{"ours":{}}}')).toEqual(['order', 'bytes']);
});

const TOML = '# c\na = 1.0 # d\nb = "é"\n\n[servers.x]\nk = 1_000\n\n[z]\ny = 1\n';
const YAML = '# c\na: 1.0 # d\nb: "é"\nservers:\n  x:\n    k: 0x10\nz: {y: 1}\n';

test.each([
  ['toml', TOML, `${TOML}\n[servers.ours]\nc = 1\n`],
  ['yaml', YAML, YAML.replace('z:', '  ours:\n    c: 1\nz:')],
] as const)('in %s it sees each kind of harm', (format, before, after) => {
  const harms = (from: string | RegExp, to: string) => seen(format, before, after.replace(from, to));
  expect(seen(format, before, after)).toEqual([]);
  expect(harms('# c\n', '')).toEqual(['comments', 'bytes']);
  expect(harms(' # d', '')).toEqual(['comments', 'bytes']);
  expect(harms('1.0', '1.00')).toEqual(['numbers', 'bytes']);
  expect(harms('"é"', "'é'")).toEqual(['texts', 'bytes']);
  expect(harms(/1_000|0x10/, '5')).toContain('servers');
  expect(harms(/y[:=] ?1|y = 1/, format === 'toml' ? 'y = 2' : 'y: 2')).toContain('values');
  expect(harms('\n', '\n\n')).toEqual(['bytes']);
  expect(seen(format, before, after.replaceAll('\n', '\r\n'))).toEqual(['line_ends', 'bytes']);
});

test('it reads what is there by the name of the entry, in maps and in lists', () => {
  const at = (format: Format, text: string) => [...entriesIn(Buffer.from(text), { format, pointer: ['servers'] })];
  const wanted = [['ours', { c: 1 }]];
  expect(at('json', '{"servers":{"ours":{"c":1}}}')).toEqual(wanted);
  expect(at('toml', '[servers.ours]\nc = 1\n')).toEqual(wanted);
  expect(at('toml list', '[[servers]]\nname = "ours"\nc = 1\n')).toEqual(wanted);
  expect(at('yaml', 'servers: {ours: {c: 1}}')).toEqual(wanted);
  expect(at('yaml list', 'servers: [{c: 1, name: ours}]')).toEqual(wanted);
});

test('it knows a broken file, in a client of strict JSON also by a comment', () => {
  const readable = (format: Format, text: string) => isReadable(Buffer.from(text), { format, pointer: ['servers'] });
  expect(readable('jsonc', '{} // c')).toBe(true);
  expect(readable('json', '{} // c')).toBe(false);
  expect(readable('json', '{"a":1,}')).toBe(false);
  expect(readable('toml', 'a = ')).toBe(false);
  expect(readable('yaml', 'a: [')).toBe(false);
  expect(isReadable(Buffer.from([0xff]), { format: 'json', pointer: [] })).toBe(false);
});
