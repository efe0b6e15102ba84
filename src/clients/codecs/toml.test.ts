import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { JsonValue } from '../../core/payload.ts';
import { readEntries } from '../../core/splice/entries.ts';
import { spliceEntries } from '../../core/splice/splice.ts';
import type { SetEntry } from '../../core/splice/types.ts';
import { tomlCodec } from './toml.ts';

const POINTER = ['mcp_servers'];
const splice = (text: string | null, set: SetEntry[], remove: string[] = []) =>
  spliceEntries(tomlCodec, text, POINTER, { set, remove }, null).text ?? '';
const put = (text: string | null, name: string, value: JsonValue, preserve_fields: string[] = []) =>
  splice(text, [{ name, value, preserve_fields }]);
const refused = (work: () => unknown) => {
  try {
    work();
  } catch (error) {
    return error;
  }
  throw new Error('nothing was refused');
};
const entry = { command: 'npx', args: ['-y', 'a b'], env: { A: 'x' } };
const SAMPLE = readFileSync(
  new URL('../../../test/fixtures/client-samples/codex-cli.toml', import.meta.url).pathname,
  'utf8',
);

describe('a new entry', () => {
  test('is a table with tables below it, in a file that did not exist', () => {
    expect(put(null, 'files', entry)).toBe(
      '[mcp_servers.files]\ncommand = "npx"\nargs = ["-y", "a b"]\n\n[mcp_servers.files.env]\nA = "x"\n',
    );
  });

  test('comes behind the last entry and all of its tables, before what is unrelated', () => {
    const text = put(SAMPLE, 'files', { command: 'x' });
    expect(text).toBe(SAMPLE.replace('enabled = false\n', 'enabled = false\n\n[mcp_servers.files]\ncommand = "x"\n'));
  });

  test('comes at the end of a file without entries, with its line ends, and leaves a last line open', () => {
    expect(put('model = "m" # why\r\n# last', 'f', { command: 'x' })).toBe(
      'model = "m" # why\r\n# last\r\n\r\n[mcp_servers.f]\r\ncommand = "x"',
    );
  });

  test.each([
    ['a.b', '[mcp_servers."a.b"]'],
    ['é "q"', '[mcp_servers."é \\"q\\""]'],
    ['10', '[mcp_servers.10]'],
    ['', '[mcp_servers.""]'],
  ])('named %j has the header %s', (name, header) => {
    expect(put(null, name, { command: 'x' })).toBe(`${header}\ncommand = "x"\n`);
  });

  test('says every text as a basic string', () => {
    const value = { command: 'C:\\a "b"\n\t\u0000\u007f', n: 1.5, on: true, none: {}, list: [{ k: ['v'] }] };
    const text = put(null, 'x', value);
    expect(text.split('\n').slice(1, -1)).toEqual([
      'command = "C:\\\\a \\"b\\"\\n\\t\\u0000\\u007f"',
      'n = 1.5',
      'on = true',
      'none = {}',
      'list = [{ k = ["v"] }]',
    ]);
    expect(readEntries(tomlCodec, text, POINTER).get('x')?.value).toEqual(value);
  });

  test.each([{ a: null }, { a: '\ud800' }])('with what TOML cannot say is not written: %j', (value) => {
    expect(refused(() => put('a = 1\n', 'x', value))).toMatchObject({
      code: 'WRITE_FAILED',
      details: { reason: 'not_expressible' },
    });
  });
});

describe('an entry that changes', () => {
  const before = [
    '[mcp_servers.docs] # ours',
    '# why npx',
    '  command = "npx"   # pinned',
    'args = [',
    '  "-y", # yes',
    '  "docs@1",',
    ']',
    'enabled = false',
    '# the end',
    '',
    '# quiet',
    '[mcp_servers.docs.env]',
    'LOG = "warn" # loud',
    'OLD = "1"',
    '',
    '[mcp_servers.docs.tools.search]',
    'approval_mode = "approve"',
    '',
  ].join('\n');

  test('keeps every line that says the same, and the fields that are the client’s', () => {
    const value = { command: 'npx', args: ['-y', 'docs@2'], env: { LOG: 'info', NEW: 'n' } };
    expect(put(before, 'docs', value, ['enabled', 'tools'])).toBe(
      before
        .replace('[\n  "-y", # yes\n  "docs@1",\n]', '["-y", "docs@2"]')
        .replace('"warn" # loud\nOLD = "1"', '"info" # loud\nNEW = "n"'),
    );
  });

  test('loses a table that it does not have any more, and the comments between tables stay', () => {
    const text = put(before, 'docs', { command: 'npx', args: ['-y', 'docs@1'] }, ['enabled', 'tools']);
    expect(text).toBe(before.replace('\n[mcp_servers.docs.env]\nLOG = "warn" # loud\nOLD = "1"', ''));
  });

  test('in braces is changed in its braces', () => {
    const text = '[mcp_servers]\nx = { command = "a", enabled = false } # why\ny = { command = "b" }\n';
    expect(put(text, 'x', { command: 'c' }, ['enabled'])).toBe(
      '[mcp_servers]\nx = { command = "c", enabled = false } # why\ny = { command = "b" }\n',
    );
    expect(splice(text, [], ['x'])).toBe('[mcp_servers]\ny = { command = "b" }\n');
  });

  test('is found in all the places where its tables stand', () => {
    const text = '[mcp_servers.x.env]\nA = "1"\n\n[other]\n\n[mcp_servers.x]\ncommand = "a"\n\n[last]\n';
    expect(put(text, 'x', { command: 'b', env: { A: '2' } })).toBe(text.replace('"1"', '"2"').replace('"a"', '"b"'));
    expect(splice(text, [], ['x'])).toBe('\n[other]\n\n[last]\n');
  });

  test('gets a table of its own when it had only tables below it', () => {
    expect(put('[mcp_servers.x.env]\nA = "1"\n', 'x', { command: 'b', env: { A: '1' } })).toBe(
      '[mcp_servers.x.env]\nA = "1"\n\n[mcp_servers.x]\ncommand = "b"\n',
    );
  });

  test('goes back to its earlier bytes, dates and all', () => {
    const odd =
      "[mcp_servers.x]\nwhen = 1979-05-27T07:32:00Z # a date\nn = 0x1F\n\n# between\n[mcp_servers.x.env]\nA = '1'\n";
    const was = readEntries(tomlCodec, odd, POINTER).get('x');
    const now = put(odd, 'x', { command: 'b' });
    expect(now).toBe('[mcp_servers.x]\ncommand = "b"\n\n# between\n');
    const back = splice(now, [{ name: 'x', value: was?.value ?? null, raw: was?.raw ?? '' }]);
    for (const line of odd.split('\n')) expect(back.split('\n')).toContain(line);
    const same = put(odd.replace('# between\n', ''), 'x', { command: 'b' });
    const whole = odd.replace('# between\n', '');
    const first = readEntries(tomlCodec, whole, POINTER).get('x');
    expect(splice(same, [{ name: 'x', value: first?.value ?? null, raw: first?.raw ?? '' }])).toBe(whole);
  });
});

describe('what is left alone', () => {
  test.each([
    ['mcp_servers = { x = { command = "a" } }\n', 'inline_super_table'],
    ['mcp_servers.x.command = "a"\n', 'dotted_super_table'],
    ['[[mcp_servers]]\nname = "x"\n', 'not_an_object'],
    ['mcp_servers = 1\n', 'not_an_object'],
    ['[mcp_servers]\nx.command = "a"\n', 'unsupported_layout'],
    ['[mcp_servers.x]\na = 1\na = 2\n', 'duplicate_key'],
    ['[mcp_servers.x]\n[mcp_servers.x]\n', 'duplicate_key'],
    ['[mcp_servers.x]\ncommand = \n', 'syntax'],
    ['a = "\r"', 'syntax'],
    ['a\r= 1', 'syntax'],
    [`a = ${'['.repeat(70)}${']'.repeat(70)}`, 'depth'],
    [`a = ${'['.repeat(50_000)}`, 'syntax'],
    [`[${Array(80).fill('a').join('.')}]`, 'depth'],
  ])('%j is refused: %s', (text, reason) => {
    expect(refused(() => put(text, 'x', entry))).toMatchObject({
      code: 'CLIENT_FILE_UNPARSABLE',
      details: { reason, line: expect.any(Number), column: expect.any(Number) },
    });
  });

  test('entries of others may have any layout', () => {
    const text = '[mcp_servers]\na.command = "a"\nb = { command = "b" }\n[[mcp_servers.c.list]]\nk = 1\n';
    expect(put(text, 'x', { command: 'y' })).toBe(`${text.trimEnd()}\n\n[mcp_servers.x]\ncommand = "y"\n`);
  });

  test('names that look like a prototype are names', () => {
    const text = put('[__proto__.a]\nb = 1\n', '__proto__', { command: 'x' });
    expect(readEntries(tomlCodec, text, POINTER).get('__proto__')?.value).toEqual({ command: 'x' });
    expect(({} as { command?: string }).command).toBeUndefined();
  });

  test('a byte-order mark stays', () => {
    expect(put('\uFEFFa = 1\n', 'x', { command: 'y' }).startsWith('\uFEFFa = 1\n')).toBe(true);
  });
});
