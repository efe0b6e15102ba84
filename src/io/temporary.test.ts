import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { removeStaleIn, temporaryBeside } from './temporary.ts';

/** No process has it: Linux gives no numbers beyond 2^22. */
const NOBODY = 99_999_999;

test('what a dead process left is taken away, and nothing else', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'mcpo-temporary-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const living = basename(temporaryBeside(directory, 'signing'));
  const dead = living.replace(`-${process.pid}-`, `-${NOBODY}-`);
  const foreign = ['signing.key', '.hidden.tmp', '.x.mcpo-1.tmp', `x${dead}`, `${dead}.bak`];
  for (const name of [living, dead, ...foreign]) writeFileSync(join(directory, name), '');
  removeStaleIn(directory);
  expect(readdirSync(directory).toSorted()).toEqual([living, ...foreign].toSorted());
});

test('what was left a day ago is taken away although its number is in use: a server in a container has 1 each time', () => {
  const directory = mkdtempSync(join(tmpdir(), 'mcpo-temporary-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const left = basename(temporaryBeside(directory, 'signing'));
  writeFileSync(join(directory, left), '');
  const foreign = '.hidden.tmp';
  writeFileSync(join(directory, foreign), '');
  onTestFinished(() => void vi.useRealTimers());
  for (const [hours, there] of [
    [23, [left, foreign]],
    [25, [foreign]],
  ] as const) {
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + hours * 3_600_000 });
    removeStaleIn(directory);
    vi.useRealTimers();
    expect(readdirSync(directory).toSorted()).toEqual(there.toSorted());
  }
});

test('of another machine or container, which may be at work, nothing is taken away before a day has passed', () => {
  const directory = mkdtempSync(join(tmpdir(), 'mcpo-temporary-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const ours = basename(temporaryBeside(directory, 'signing')).replace(`-${process.pid}-`, `-${NOBODY}-`);
  const elsewhere = ours.replace(/-[0-9a-f]{16}/, '-0123456789abcdef');
  for (const name of [ours, elsewhere]) writeFileSync(join(directory, name), '');
  removeStaleIn(directory);
  expect(readdirSync(directory)).toEqual([elsewhere]);
  onTestFinished(() => void vi.useRealTimers());
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 25 * 3_600_000 });
  removeStaleIn(directory);
  expect(readdirSync(directory)).toEqual([]);
});

test('a directory that is missing is no failure', async () => {
  expect(() => removeStaleIn(join(tmpdir(), 'mcpo-not-there'))).not.toThrow();
});
