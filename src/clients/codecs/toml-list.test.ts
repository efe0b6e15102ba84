import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { JsonValue } from '../../core/payload.ts';
import { readEntries } from '../../core/splice/entries.ts';
import { spliceEntries } from '../../core/splice/splice.ts';
import type { SetEntry } from '../../core/splice/types.ts';
import { tomlListCodec } from './toml-list.ts';

const POINTER = ['mcp_servers'];
const splice = (text: string | null, set: SetEntry[], remove: string[] = []) =>
  spliceEntries(tomlListCodec, text, POINTER, { set, remove }, null).text ?? '';
const put = (text: string | null, name: string, value: JsonValue, preserve_fields: string[] = []) =>
  splice(text, [{ name, value, preserve_fields }]);
const entriesOf = (text: string) => readEntries(tomlListCodec, text, POINTER);
const refused = (work: () => unknown) => {
  try {
    work();
  } catch (error) {
    return error;
  }
  throw new Error('nothing was refused');
};
const SAMPLE = readFileSync(
  new URL('../../../test/fixtures/client-samples/mistral-vibe.toml', import.meta.url).pathname,
  'utf8',
);

describe('a new entry', () => {
  test('is an item that says its name first, with tables below it, in a file that did not exist', () => {
    expect(put(null, 'files', { command: 'npx', args: ['-y'], env: { A: 'x' } })).toBe(
      '[[mcp_servers]]\nname = "files"\ncommand = "npx"\nargs = ["-y"]\n\n[mcp_servers.env]\nA = "x"\n',
    );
  });

  test('comes behind the last item and all of its tables, before what is unrelated', () => {
    expect(put(SAMPLE, 'files', { command: 'x' })).toBe(
      SAMPLE.replace('command = "node"\n', 'command = "node"\n\n[[mcp_servers]]\nname = "files"\ncommand = "x"\n'),
    );
  });

  test('comes behind a table of the last item that stands apart from it', () => {
    const text = '[[mcp_servers]]\nname = "a"\n[other]\nx = 1\n[mcp_servers.env]\nA = "1"\n\n[last]\n';
    const after = put(text, 'b', { env: { B: '2' } });
    expect(entriesOf(after).get('a')?.value).toEqual({ env: { A: '1' } });
    expect(entriesOf(after).get('b')?.value).toEqual({ env: { B: '2' } });
    expect(splice(after, [], ['b'])).toBe(text);
  });
});

describe('an entry that changes', () => {
  test('stays at its place in the list, and so does every line that says the same', () => {
    const value = { transport: 'stdio', command: 'npx', args: ['docs-mcp@4'], env: { LOG_LEVEL: 'warn', NEW: 'n' } };
    expect(put(SAMPLE, 'docs', value, ['startup_timeout_sec', 'prompt'])).toBe(
      SAMPLE.replace(/args = \[[^\]]*\]/, 'args = ["docs-mcp@4"]').replace("'warn'\n", '\'warn\'\nNEW = "n"\n'),
    );
  });

  test('gets a table of its own among its own, and not among those of the next item', () => {
    const text = '[[mcp_servers]]\nname = "a"\n\n[[mcp_servers]]\nname = "b"\n';
    expect(put(text, 'a', { env: { A: '1' } })).toBe(
      '[[mcp_servers]]\nname = "a"\n\n[mcp_servers.env]\nA = "1"\n\n[[mcp_servers]]\nname = "b"\n',
    );
  });

  test('goes back to its earlier bytes', () => {
    const was = entriesOf(SAMPLE).get('docs');
    const now = put(SAMPLE, 'docs', { command: 'other' });
    expect(splice(now, [{ name: 'docs', value: was?.value ?? null, raw: was?.raw ?? '' }])).toBe(SAMPLE);
  });
});

describe('an entry that goes', () => {
  test('takes its tables with it, and leaves the comments between the items', () => {
    const after = splice(SAMPLE, [], ['docs']);
    expect(after).toContain('# --- MCP ----');
    expect(after).toContain('# kept for the migration\n[[mcp_servers]]\ntransport = "streamable-http"');
    expect(after).not.toContain('LOG_LEVEL');
  });

  test('is told from an item without a name that says the same', () => {
    const text = '[[mcp_servers]]\ncommand = "x"\n\n[[mcp_servers]]\nname = "x"\ncommand = "x"\n';
    expect(splice(text, [], ['x'])).toBe('[[mcp_servers]]\ncommand = "x"\n');
  });
});

describe('what belongs to others', () => {
  test('are items without a name, and with a name that is no text', () => {
    expect([...entriesOf(SAMPLE).keys()]).toEqual(['docs', 'release_notes']);
    expect([...entriesOf('[[mcp_servers]]\nname = 1\n[[mcp_servers]]\nname.x = "a"\n').keys()]).toEqual([]);
  });

  test('are two items of one name, as long as nobody asks for that name', () => {
    const text = '[[mcp_servers]]\nname = "a"\n\n[[mcp_servers]]\nname = "a"\n';
    expect(put(text, 'b', { command: 'x' })).toBe(`${text.trimEnd()}\n\n[[mcp_servers]]\nname = "b"\ncommand = "x"\n`);
    expect(refused(() => put(text, 'a', { command: 'x' }))).toMatchObject({ details: { reason: 'duplicate_key' } });
    expect(refused(() => splice(text, [], ['a']))).toMatchObject({ details: { reason: 'duplicate_key' } });
  });
});

test.each([
  ['mcp_servers = [ # mine\n  { name = "x" },\n]\n', 'unsupported_layout', 'a comment stands between'],
  ['[mcp_servers.x]\ncommand = "a"\n', 'no_array', '[[mcp_servers]]'],
  ['mcp_servers.x.command = "a"\n', 'no_array', '[[mcp_servers]]'],
  ['mcp_servers = { x = { command = "a" } }\n', 'no_array', '[[mcp_servers]]'],
  ['mcp_servers = 1\n', 'not_an_object', 'object'],
  ['[[mcp_servers]]\nname = "a"\nname = "b"\n', 'duplicate_key', 'twice'],
  ['[[mcp_servers]]\nname = \n', 'syntax', 'TOML'],
])('%j is refused: %s', (text, reason, says) => {
  const error = refused(() => put(text, 'y', { command: 'b' }));
  expect(error).toMatchObject({ code: 'CLIENT_FILE_UNPARSABLE', details: { reason, line: expect.any(Number) } });
  expect(error).toMatchObject({ message: expect.stringContaining(says) });
});

describe('a list in brackets', () => {
  const value = { command: 'b', env: { A: '1' } };
  const item = '{ name = "y", command = "b", env = { A = "1" } }';
  test.each([
    ['mcp_servers = []\n', `mcp_servers = [\n    ${item},\n]\n`],
    ['mcp_servers = [ ]\r\n[a]\r\n', `mcp_servers = [\r\n    ${item},\r\n]\r\n[a]\r\n`],
    ['mcp_servers = [{name = "x"}]', `mcp_servers = [{name = "x"}, ${item}]`],
    ['mcp_servers = [ {name = "x"},{a = 1} ]\n', `mcp_servers = [ {name = "x"},{a = 1}, ${item} ]\n`],
    ['mcp_servers = [\n  {name = "x"}\n]\n', `mcp_servers = [\n  {name = "x"},\n  ${item}\n]\n`],
    ['mcp_servers = [\n\t7,\n\t{name = "#,]"},\n]\n', `mcp_servers = [\n\t7,\n\t{name = "#,]"},\n\t${item},\n]\n`],
  ])('%j goes on as it is written, and gives it back', (before, after) => {
    const now = spliceEntries(
      tomlListCodec,
      before,
      ['mcp_servers'],
      { set: [{ name: 'y', value }], remove: [] },
      null,
    );
    expect(now.text).toBe(after);
    const change = { set: [], remove: ['y'] };
    expect(spliceEntries(tomlListCodec, after, ['mcp_servers'], change, now.glue)).toEqual({
      text: before,
      glue: null,
    });
  });

  test('loses the items that go, with their commas, and changes the others in place', () => {
    const text = 'mcp_servers = [\n  {name = "a"}, {name = "b"},\n  {name = "c"}, {x = 1},\n  {name = "d"},\n]\n';
    expect(splice(text, [], ['a', 'c'])).toBe('mcp_servers = [\n  {name = "b"},\n  {x = 1},\n  {name = "d"},\n]\n');
    expect(splice(text, [], ['b', 'd'])).toBe('mcp_servers = [\n  {name = "a"}, {name = "c"}, {x = 1},\n]\n');
    expect(put(text, 'b', { command: 'z' })).toBe(text.replace('{name = "b"}', '{ name = "b", command = "z" }'));
    expect(splice('mcp_servers = [{name = "a"}] # all\n', [], ['a'])).toBe('mcp_servers = [] # all\n');
  });

  test('takes back an entry that stood in tables before the client wrote its file anew', () => {
    const was = entriesOf('[[mcp_servers]]\nname = "y"\ncommand = "b"\n\n[mcp_servers.env]\nA = "1"\n').get('y');
    const back = splice('mcp_servers = []\n', [{ name: 'y', value: was?.value ?? null, raw: was?.raw ?? '' }]);
    expect(back).toBe(`mcp_servers = [\n    ${item},\n]\n`);
  });
});

test('servers in brackets are read all the same', () => {
  const text = 'mcp_servers = [\n  { name = "x", command = "a" }, { command = "nobody" },\n]\n';
  expect(entriesOf(text)).toEqual(new Map([['x', { value: { command: 'a' }, raw: '{ name = "x", command = "a" }' }]]));
});

test('what an entry says about its own name is not written over the name', () => {
  expect(refused(() => put(null, 'x', { name: 'y', command: 'a' }))).toMatchObject({ code: 'WRITE_FAILED' });
});
