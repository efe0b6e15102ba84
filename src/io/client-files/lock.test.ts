import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeEach, expect, test } from 'vitest';
import { withWriterLock } from './lock.ts';

let lock: string;
let counter: string;
beforeEach(() => {
  const home = mkdtempSync(path.join(tmpdir(), 'lock-'));
  lock = path.join(home, 'writer.lock');
  counter = path.join(home, 'counter');
});
const start = (body: string) =>
  spawn(
    process.execPath,
    [
      '--input-type=module-typescript',
      '-e',
      `import { withWriterLock } from ${JSON.stringify(new URL('./lock.ts', import.meta.url).href)};
       import { readFileSync, writeFileSync } from 'node:fs';
       const lock = ${JSON.stringify(lock)}; const counter = ${JSON.stringify(counter)};
       ${body}`,
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );

test('the result comes through, and the lock is free again, after a failure too', async () => {
  expect(await withWriterLock(lock, 100, async () => 'done')).toBe('done');
  await expect(withWriterLock(lock, 100, () => Promise.reject(new Error('stop')))).rejects.toThrow('stop');
  expect(await withWriterLock(lock, 100, async () => 'again')).toBe('again');
  expect(statSync(lock).mode & 0o777).toBe(0o600);
});

test('no file is made for it but the lock itself', async () => {
  const beside = await withWriterLock(lock, 100, async () => readdirSync(path.dirname(lock)));
  expect(beside).toEqual(['writer.lock']);
});

test('two callers in one process wait for each other', async () => {
  const seen: string[] = [];
  const work = (name: string) => () => {
    seen.push(`${name} in`);
    return sleep(30).then(() => seen.push(`${name} out`));
  };
  await Promise.all([withWriterLock(lock, 5000, work('a')), withWriterLock(lock, 5000, work('b'))]);
  expect([
    ['a in', 'a out', 'b in', 'b out'],
    ['b in', 'b out', 'a in', 'a out'],
  ]).toContainEqual(seen);
});

test('who waits too long is told', async () => {
  await withWriterLock(lock, 100, async () => {
    const late = withWriterLock(lock, 60, async () => 'never');
    await expect(late).rejects.toMatchObject({ code: 'UNAVAILABLE', details: { reason: 'locked', waited_ms: 60 } });
  });
});

test('four processes that count in a file lose no increment', async () => {
  writeFileSync(counter, '0');
  const body = `for (let i = 0; i < 25; i += 1) await withWriterLock(lock, 20_000, async () => {
    const value = Number(readFileSync(counter, 'utf8'));
    await new Promise((passed) => setTimeout(passed, 1));
    writeFileSync(counter, String(value + 1));
  });`;
  const children = Array.from({ length: 4 }, () => start(body));
  const codes = await Promise.all(children.map((child) => new Promise((done) => child.once('exit', done))));
  expect({ codes, count: readFileSync(counter, 'utf8') }).toEqual({ codes: [0, 0, 0, 0], count: '100' });
});

test('a killed holder leaves no lock behind', async () => {
  const holder = start(
    `await withWriterLock(lock, 1000, () => new Promise((r) => { console.log('held'); setTimeout(r, 60_000); }));`,
  );
  const ended = new Promise((done) => holder.once('exit', done));
  await new Promise((held) => holder.stdout.once('data', held));
  await expect(withWriterLock(lock, 50, async () => 'early')).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  holder.kill('SIGKILL');
  await ended;
  expect(await withWriterLock(lock, 0, async () => 'mine')).toBe('mine');
});

test('a lock file that cannot be made or is something else is a named failure', async () => {
  const nowhere = withWriterLock(path.join(lock, 'x/y'), 50, async () => 'x');
  await expect(nowhere).rejects.toMatchObject({ code: 'WRITE_FAILED', details: { step: 'lock', reason: 'ENOENT' } });
  writeFileSync(lock, 'this is not a database, and long enough to be read as a header '.repeat(20));
  await expect(withWriterLock(lock, 50, async () => 'x')).rejects.toMatchObject({ code: 'WRITE_FAILED' });
});
