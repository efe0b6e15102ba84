import { mkdirSync, mkdtempSync, realpathSync, renameSync, rmdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it, onTestFinished } from 'vitest';
import { FileWatch } from './watch.ts';

/** A directory that is listened to, and how often it rang. */
function listening(): { directory: string; file: string; watch: FileWatch; rings: () => number } {
  const home = realpathSync(mkdtempSync(join(tmpdir(), 'watch-')));
  const directory = join(home, 'd');
  const file = join(directory, 'a.json');
  mkdirSync(directory);
  let rings = 0;
  const watch = new FileWatch(() => {
    rings += 1;
  });
  onTestFinished(() => {
    watch.close();
    rmSync(home, { recursive: true });
  });
  watch.follow([file]);
  return { directory, file, watch, rings: () => rings };
}

it('a directory that is moved away rings, and so does one that comes in its place', async () => {
  const { directory, file, watch, rings } = listening();
  renameSync(directory, `${directory}.old`);
  await expect.poll(rings, { timeout: 5000 }).toBeGreaterThan(0);
  watch.follow([file]);
  const before = rings();
  renameSync(`${directory}.old`, directory);
  await expect.poll(rings, { timeout: 5000 }).toBeGreaterThan(before);
});

it('a directory that is made anew with the number of the one that went is listened to', async () => {
  const { directory, file, watch, rings } = listening();
  const before = statSync(directory).ino;
  rmdirSync(directory);
  mkdirSync(directory);
  process.stdout.write(`the number ${statSync(directory).ino === before ? 'was given again' : 'is another one'}\n`);
  watch.follow([file]);
  await sleep(100);
  const heard = rings();
  writeFileSync(file, '{}');
  await expect.poll(rings, { timeout: 5000 }).toBeGreaterThan(heard);
});
