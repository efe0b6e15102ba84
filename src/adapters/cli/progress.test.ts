import { PassThrough, Readable } from 'node:stream';
import { expect, it } from 'vitest';
import { progressFor } from './progress.ts';
import type { Terminal } from './terminal.ts';

function at(stderr: { isTTY?: boolean; columns?: number }, env: Terminal['env'] = {}) {
  const stream = Object.assign(new PassThrough(), stderr);
  const terminal: Terminal = {
    args: [],
    stdin: Readable.from([]),
    stdout: new PassThrough(),
    stderr: stream,
    cwd: '/',
    env,
  };
  return { terminal, written: () => String(stream.read() ?? '') };
}

it('shows one line that the next one replaces, and takes the last one back', () => {
  const { terminal, written } = at({ isTTY: true, columns: 20 });
  const progress = progressFor(terminal, false);
  progress?.clear();
  progress?.show('Planning cursor (1 of 2)');
  progress?.show('a\u001b[8mb\nc');
  progress?.clear();
  progress?.clear();
  expect(written()).toBe('\r\u001b[KPlanning cursor (1 \r\u001b[Ka\\u{1b}[8mb c\r\u001b[K');
});

it('a terminal that does not know its width has one', () => {
  const { terminal, written } = at({ isTTY: true, columns: 0 });
  progressFor(terminal, false)?.show('x'.repeat(100));
  expect(written()).toBe(`\r\u001b[K${'x'.repeat(79)}`);
});

it.each([
  ['without a terminal', {}, {}, false],
  ['with --json', { isTTY: true }, {}, true],
  ['on a terminal that cannot take a line back', { isTTY: true }, { TERM: 'dumb' }, false],
])('there is none %s', (_when, stderr, env, json) => {
  expect(progressFor(at(stderr, env).terminal, json)).toBeUndefined();
});
