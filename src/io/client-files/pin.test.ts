import { mkdirSync, mkdtempSync, readdirSync, realpathSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { readdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { isWhereItWas, whilePinned, within } from './pin.ts';

function home(): string {
  const directory = realpathSync(mkdtempSync(join(tmpdir(), 'pin-')));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  for (const name of ['d', 'victim']) mkdirSync(join(directory, name));
  return directory;
}

// Elsewhere no path leads to a directory that is held open.
test.runIf(process.platform === 'linux')(
  'a directory that is swapped for a link meanwhile is still the one that is written to',
  async () => {
    const at = home();
    await whilePinned(join(at, 'd'), async (pinned) => {
      expect(await isWhereItWas(pinned)).toBe(true);
      renameSync(join(at, 'd'), join(at, 'moved'));
      symlinkSync(join(at, 'victim'), join(at, 'd'));
      await writeFile(within(pinned, 'a.json'), 'ours');
      expect(await isWhereItWas(pinned)).toBe(false);
    });
    expect([readdirSync(join(at, 'moved')), readdirSync(join(at, 'victim'))]).toEqual([['a.json'], []]);
  },
);

test('a directory that was a link all along is not where it was said to be', async () => {
  const at = home();
  symlinkSync(join(at, 'victim'), join(at, 'link'));
  expect(await whilePinned(join(at, 'link'), isWhereItWas)).toBe(false);
});

test.runIf(process.platform === 'linux')('nothing stays open, after a failure too', async () => {
  const at = home();
  const before = await readdir('/proc/self/fd');
  for (let round = 0; round < 20; round += 1)
    await expect(whilePinned(join(at, 'd'), () => Promise.reject(new Error('stop')))).rejects.toThrow('stop');
  expect((await readdir('/proc/self/fd')).length).toBeLessThan(before.length + 10);
});
