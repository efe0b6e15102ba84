import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import type { JsonValue } from '../../core/payload.ts';
import { readEntries } from '../../core/splice/entries.ts';
import { spliceEntries } from '../../core/splice/splice.ts';
import type { Codec, SetEntry } from '../../core/splice/types.ts';
import { yamlCodec, yamlListCodec } from './yaml.ts';

const POINTER = ['extensions'];
const splice = (text: string | null, set: SetEntry[], remove: string[] = [], codec: Codec = yamlCodec) =>
  spliceEntries(codec, text, POINTER, { set, remove }, null).text ?? '';
const put = (text: string | null, name: string, value: JsonValue, preserve_fields: string[] = []) =>
  splice(text, [{ name, value, preserve_fields }]);
const putItem = (text: string | null, name: string, value: JsonValue, preserve_fields: string[] = []) =>
  splice(text, [{ name, value, preserve_fields }], [], yamlListCodec);
const refused = (work: () => unknown) => {
  try {
    work();
  } catch (error) {
    return error;
  }
  throw new Error('nothing was refused');
};
const sample = (name: string) =>
  readFileSync(new URL(`../../../test/fixtures/client-samples/${name}.yaml`, import.meta.url).pathname, 'utf8');
const entry = { cmd: 'npx', args: ['-y', 'a b'], envs: { A: 'x' } };

describe('a new entry', () => {
  test('is a block of lines, in a file that did not exist', () => {
    expect(put(null, 'files', entry)).toBe(
      'extensions:\n  files:\n    cmd: npx\n    args:\n      - "-y"\n      - a b\n    envs:\n      A: x\n',
    );
  });

  test('comes behind the last entry, indented as its neighbours, lists included', () => {
    const text = sample('goose');
    expect(put(text, 'files', entry)).toBe(
      text.replace(
        '    timeout: 120\n',
        '    timeout: 120\n  files:\n    cmd: npx\n    args:\n    - "-y"\n    - a b\n    envs:\n      A: x\n',
      ),
    );
  });

  test('comes before the comments that follow the entries, with the line ends of the file, and leaves a last line open', () => {
    expect(put('extensions:\r\n    a:\r\n        x: 1 # one\r\n    # b: later', 'f', { cmd: 'x' })).toBe(
      'extensions:\r\n    a:\r\n        x: 1 # one\r\n    f:\r\n        cmd: x\r\n    # b: later',
    );
    expect(put('a: 1 # why\r\n# last', 'f', { cmd: 'x' })).toBe(
      'a: 1 # why\r\n# last\r\nextensions:\r\n  f:\r\n    cmd: x',
    );
  });

  test.each([
    ['extensions:\n', 'extensions:\n  f:\n    cmd: x\n'],
    ['extensions: # none yet\n  # one day\nb: 1\n', 'extensions: # none yet\n  f:\n    cmd: x\n  # one day\nb: 1\n'],
    ['extensions: {} # none\n', 'extensions: # none\n  f:\n    cmd: x\n'],
    ['{}\n', 'extensions:\n  f:\n    cmd: x\n'],
    ['---\n# all\n', '---\n# all\nextensions:\n  f:\n    cmd: x\n'],
    ['\uFEFFa: 1\n...\n', '\uFEFFa: 1\nextensions:\n  f:\n    cmd: x\n...\n'],
  ])('goes into %j', (before, after) => expect(put(before, 'f', { cmd: 'x' })).toBe(after));

  test.each([
    'yes',
    'No',
    'on',
    'null',
    '~',
    '',
    '1',
    '0o7',
    '1e3',
    '.5',
    '12:30',
    '2026-11-28',
    '- a',
    'a: b',
    'a #b',
  ])('has the text %j in quotes, because some reader takes it for something else', (text) => {
    const written = put(null, 'f', { text, [text]: 1 });
    expect(written).toContain(`    text: ${JSON.stringify(text)}\n`);
    expect(parse(written, { version: '1.1' })).toEqual({ extensions: { f: { text, [text]: 1 } } });
  });

  test('writes what would end a line for some readers as an escape', () => {
    expect(put(null, 'f', { a: 'x\u0085\u2028\u0000\u007f' })).toContain('a: "x\\u0085\\u2028\\u0000\\u007f"');
  });

  test('with half of a surrogate pair is not written', () => {
    expect(refused(() => put('a: 1\n', 'x', { a: '\ud800' }))).toMatchObject({
      code: 'WRITE_FAILED',
      details: { reason: 'not_expressible' },
    });
  });
});

describe('an entry that changes', () => {
  const before = [
    'extensions:',
    '  docs: # ours',
    '    # why npx',
    '    cmd:   npx   # pinned',
    '    args: ["-y", docs@1] # yes',
    '    enabled: false',
    '',
    '    envs:',
    '      LOG: warn # loud',
    '      OLD: "1"',
    '    # the end',
    '# theirs',
    'other: *unknown',
    '',
  ].join('\n');

  test('keeps every line that says the same, and the fields that are the client’s', () => {
    const value = { cmd: 'uvx', args: ['-y', 'docs@2'], enabled: true, envs: { LOG: 'info', NEW: 'new' } };
    expect(put(before, 'docs', value, ['enabled'])).toBe(
      before
        .replace('  npx ', '  uvx ')
        .replace('["-y", docs@1]', '["-y", "docs@2"]')
        .replace('warn # loud\n      OLD: "1"', 'info # loud\n      NEW: new'),
    );
  });

  test('loses the lines that it does not have any more', () => {
    expect(put(before, 'docs', { cmd: 'npx' })).toBe(
      'extensions:\n  docs: # ours\n    # why npx\n    cmd:   npx   # pinned\n    # the end\n# theirs\nother: *unknown\n',
    );
  });

  test('in braces is changed in its braces', () => {
    const text = 'extensions:\n  x:  {cmd: a, enabled: false} # why\n';
    expect(put(text, 'x', { cmd: 'c' }, ['enabled'])).toBe('extensions:\n  x:  {cmd: c, enabled: false} # why\n');
  });

  test('goes with its lines, and leaves an empty map', () => {
    expect(splice(before, [], ['docs'])).toBe('extensions: {}\n    # the end\n# theirs\nother: *unknown\n');
  });
});

describe('a list', () => {
  test('gets new items at its end, and keeps its order', () => {
    const text = sample('continue').replaceAll('mcpServers', 'extensions');
    expect(putItem(text, 'files', { command: 'x', args: ['-y'] })).toBe(
      text.replace(
        'ISSUES_TOKEN }}"\n',
        'ISSUES_TOKEN }}"\n  - name: files\n    command: x\n    args:\n      - "-y"\n',
      ),
    );
    expect(putItem(text, 'SQLite MCP', { command: 'npx', args: ['-y', 'mcp-sqlite'] })).toBe(
      text
        .replace('      - "/data/übersicht.db"\n', '')
        .replace('"-y"\n      - "mcp-sqlite"', '"-y"\n      - mcp-sqlite'),
    );
    expect(splice(text, [], ['SQLite MCP'], yamlListCodec)).toBe(text.replace(/ {2}- name: SQLite[\s\S]*?db"\n/, ''));
  });

  test('finds an entry whose name is not its first field', () => {
    const text = 'extensions:\n- command: a # first\n  name: one\n- command: b\n  name: two\n';
    expect(putItem(text, 'one', { url: 'u' })).toBe('extensions:\n- name: one\n  url: u\n- command: b\n  name: two\n');
    expect(splice(text, [], ['one'], yamlListCodec)).toBe('extensions:\n- command: b\n  name: two\n');
  });

  test('leaves items alone that have no name, or one that is there twice', () => {
    const text =
      'extensions:\n  - text\n  - command: nameless\n  - name: 5\n  - name: x\n    a: 1\n  - name: x\n    a: 2\n';
    expect(putItem(text, 'f', { command: 'run' })).toBe(`${text}  - name: f\n    command: run\n`);
    expect(refused(() => putItem(text, 'x', { a: 3 }))).toMatchObject({
      details: { reason: 'duplicate_key', line: 7 },
    });
  });

  test('is no map, and a map is no list', () => {
    expect(refused(() => put('extensions:\n  - name: x\n', 'f', entry))).toMatchObject({
      details: { reason: 'not_an_object' },
    });
    expect(refused(() => putItem('extensions:\n  x: {}\n', 'f', entry))).toMatchObject({
      details: { reason: 'not_a_list' },
    });
  });
});

describe('what is left alone', () => {
  test.each([
    ['extensions: {a: {}}\n', 'flow_container'],
    ['extensions: &all\n  a: {}\n', 'anchor'],
    ['extensions: *all\n', 'not_an_object'],
    ['extensions: !!map\n  a: {}\n', 'tag'],
    ['base: &b {}\nextensions:\n  <<: *b\n', 'merge_key'],
    ['extensions:\n  x: &mine\n    cmd: a\n', 'anchor'],
    ['extensions:\n  x:\n    cmd: *c\n', 'alias'],
    ['extensions:\n  x:\n    cmd: !!str a\n', 'tag'],
    ['extensions:\n  x:\n    <<: *b\n', 'merge_key'],
    ['extensions:\n  x:\n    ? [a]\n    : b\n', 'complex_key'],
    ['extensions:\n  !t x: {}\n', 'complex_key'],
    ['extensions:\n  ? x\n  : {}\n', 'complex_key'],
    ['extensions:\n  x:\n    a: 1\n    a: 2\n', 'duplicate_key'],
    ['extensions:\n  x: 1\n  x: 2\n', 'duplicate_key'],
    ['extensions: {}\nextensions: {}\n', 'duplicate_key'],
    ['extensions: null\n', 'not_an_object'],
    ['- a\n', 'not_an_object'],
    ['a: 1\n---\nb: 1\n', 'multi_document'],
    ['extensions:\n\tx: 1\n', 'syntax'],
    ['a: "b\n', 'syntax'],
    ['a: 1\rb: 2\n', 'syntax'],
    ['a: |\n  text', 'unsupported_layout'],
    [`a: ${'['.repeat(70)}${']'.repeat(70)}\n`, 'depth'],
  ])('%j is refused: %s', (text, reason) => {
    expect(refused(() => put(text, 'x', entry))).toMatchObject({
      code: 'CLIENT_FILE_UNPARSABLE',
      details: { reason, line: expect.any(Number), column: expect.any(Number) },
    });
  });

  test('entries of others, and the rest of the file, may hold all of that', () => {
    const text =
      'base: &b {x: 1}\nextensions:\n  a: &a\n    <<: *b\n    ? [k]\n    : !t v\n  c: *a\n  d: {n: 1, n: 2}\nother: !x [*a]\n';
    const after = put(text, 'x', { cmd: 'run' });
    expect(after).toBe(text.replace('n: 2}\n', 'n: 2}\n  x:\n    cmd: run\n'));
    expect(readEntries(yamlCodec, after, POINTER).get('c')?.value).toBe('*a');
  });

  test('the line end behind a block of text may be spelled in the other way', () => {
    expect(put('a: 1\r\nextensions:\n  b: |\n    text\n', 'x', { cmd: 'run' })).toBe(
      'a: 1\r\nextensions:\n  b: |\n    text\r\n  x:\r\n    cmd: run\n',
    );
  });

  test('a map as a key ends where it ends', () => {
    const text = 'extensions:\n  a: 1\n  ? k: v # why\nother: 1\n';
    expect(put(text, 'x', { cmd: 'run' })).toBe(text.replace('why\n', 'why\n  x:\n    cmd: run\n'));
  });

  test('nothing is put behind a key that is a map of several lines', () => {
    const text = 'extensions:\n ?   a:\n   b: !!map\n     x: 1\n';
    expect(refused(() => put(text, 'x', entry))).toMatchObject({ details: { reason: 'complex_key', line: 2 } });
  });

  test('names that look like a prototype are names', () => {
    const text = put('__proto__: {a: 1}\n', '__proto__', { cmd: 'x' });
    expect(readEntries(yamlCodec, text, POINTER).get('__proto__')?.value).toEqual({ cmd: 'x' });
    expect(({} as { cmd?: string }).cmd).toBeUndefined();
  });

  test.each([
    ['an alias bomb', `a0: &a0 [x]\n${bomb(60)}extensions:\n`, null],
    ['brackets without end', `a: ${'['.repeat(100_000)}`, 'depth'],
    ['dashes without end', '- '.repeat(100_000), 'depth'],
    ['maps in maps', Array.from({ length: 700 }, (_, i) => `${' '.repeat(i)}a:`).join('\n'), 'depth'],
    ['16 MiB', `a: ${'x'.repeat(16 * 1024 * 1024 - 3)}`, 'too_large'],
  ])('%s takes no long time', { timeout: 30_000 }, (_what, text, reason) => {
    if (reason === null) expect(put(text, 'x', { cmd: 'run' })).toBe(`${text}  x:\n    cmd: run\n`);
    else expect(refused(() => put(text, 'x', entry))).toMatchObject({ details: { reason } });
  });
});

/** Each level says the one before nine times. */
function bomb(levels: number): string {
  const line = (i: number) =>
    `a${i}: &a${i} [${Array(9)
      .fill(`*a${i - 1}`)
      .join(', ')}]\n`;
  return Array.from({ length: levels }, (_, i) => line(i + 1)).join('');
}
