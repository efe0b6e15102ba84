import { mkdirSync, mkdtempSync, realpathSync, rmdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it, onTestFinished } from 'vitest';
import { FileWatch } from './watch.ts';

it('a directory that is made anew with the number of the one that went is listened to', async () => {
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
  const before = statSync(directory).ino;
  rmdirSync(directory);
  mkdirSync(directory);
  process.stdout.write(`the number ${statSync(directory).ino === before ? 'was given again' : 'is another one'}\n`);
  watch.follow([file]);
  await sleep(100);
  rings = 0;
  writeFileSync(file, '{}');
  await expect.poll(() => rings, { timeout: 5000 }).toBeGreaterThan(0);
});
