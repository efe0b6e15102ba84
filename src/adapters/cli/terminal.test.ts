import { PassThrough, Readable } from 'node:stream';
import { expect, test } from 'vitest';
import { printable, styleFor, type Terminal } from './terminal.ts';

const terminal = (isTTY: boolean, env: Record<string, string> = {}): Terminal => ({
  args: [],
  stdin: Readable.from([]),
  stdout: Object.assign(new PassThrough(), { isTTY, columns: 60 }),
  stderr: new PassThrough(),
  cwd: '/',
  env,
});

test.each([
  ['a\u001b]0;title\u0007b', 'a\\u{1b}]0;title\\u{7}b'],
  ['\u001b[2J\u001b[H', '\\u{1b}[2J\\u{1b}[H'],
  ['\u001b[8mhidden', '\\u{1b}[8mhidden'],
  ['\u001b[7m', '\\u{1b}[7m'],
  ['\u009b31m', '\\u{9b}31m'],
  ['a\rb\u0008', 'a\\u{d}b\\u{8}'],
  ['\u202egnp.exe', '\\u{202e}gnp.exe'],
  ['a\u200bb\ufeff', 'a\\u{200b}b\\u{feff}'],
  ['\u{e0041}', '\\u{e0041}'],
])('%j shows itself and does nothing', (text, shown) => {
  expect(printable(text)).toBe(shown);
});

test('words, lines, tabs and our own colours stay as they are', async () => {
  const style = await styleFor(terminal(true));
  const text = `é 🙂 مرحبا\n\t${style.bold('b')}${style.dim('d')}${style.good('g')}${style.bad('r')}${style.warn('w')}`;
  expect(text).toContain('\u001b[32mg\u001b[39m');
  expect(printable(text)).toBe(text);
  expect(printable(style.table(['name'], [['x']]))).toBe(style.table(['name'], [['x']]));
});

test.each([
  [false, {}],
  [true, { NO_COLOR: '' }],
  [true, { TERM: 'dumb' }],
])('without a live terminal there are no colours, and tables are lines with tabs (%s %j)', async (isTTY, env) => {
  const style = await styleFor(terminal(isTTY, env));
  expect(style.good('g')).toBe('g');
  expect(
    style.table(
      ['a', 'b'],
      [
        ['1', '2'],
        ['3', '4'],
      ],
    ),
  ).toBe('1\t2\n3\t4');
});

test('a drawn table fits the terminal', async () => {
  const drawn = (await styleFor(terminal(true))).table(['id', 'text'], [['x', 'word '.repeat(40)]]);
  for (const line of drawn.split('\n')) expect(line.replaceAll(/\u001b\[\d+m/g, '').length).toBeLessThanOrEqual(60);
});
