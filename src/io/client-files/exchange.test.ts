import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { putInPlaceOf, takeAway } from './exchange.ts';
import type { swap } from './swap.ts';

/** What somebody else does just before our step, one after the other: the gap that no look can close. */
let meanwhile: (() => void)[] = [];
let canSwap = true;
vi.mock('./swap.ts', async (original) => {
  const real = await original<{ swap: typeof swap }>();
  return {
    swap: (one: string, other: string) => {
      if (!canSwap) return false;
      meanwhile.shift()?.();
      return real.swap(one, other);
    },
  };
});

/** The test's own renames go past this. */
vi.mock('node:fs', async (original) => {
  const real = await original<typeof import('node:fs')>();
  const renameSync: typeof real.renameSync = (from, to) => {
    if (!String(from).endsWith('theirs')) meanwhile.shift()?.();
    real.renameSync(from, to);
  };
  return { ...real, renameSync };
});

let home: string;
let file: string;
let ours: string;
beforeEach(() => {
  home = realpathSync(mkdtempSync(join(tmpdir(), 'exchange-')));
  file = join(home, 'a.json');
  ours = join(home, 'ours.tmp');
  writeFileSync(file, 'old');
  writeFileSync(ours, 'ours');
  meanwhile = [];
  canSwap = true;
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

const put = () =>
  putInPlaceOf({ name: file, bytes: Buffer.from('old') }, { name: ours, bytes: Buffer.from('ours') }, 'x');
const text = () => readFileSync(file, 'utf8');
const renames = (content: string) => () => {
  writeFileSync(join(home, 'theirs'), content);
  renameSync(join(home, 'theirs'), file);
};
const writes = (content: string) => () => writeFileSync(file, content);

describe('names that exchange their files', () => {
  test('give the name to ours', () => {
    expect(put()).toBe(true);
    expect(text()).toBe('ours');
  });

  test.each([
    ['another file has the name', [renames('newer')], 'newer'],
    ['the old file was written to', [writes('newer')], 'newer'],
    ['another file has the name, and then one more', [renames('newer'), renames('newest')], 'newest'],
    ['and three times', [renames('newer'), renames('newer yet'), renames('newest')], 'newest'],
    ['the old file was written to, and then ours', [writes('newer'), writes('newest')], 'newest'],
    ['the old file was emptied, and then another one has the name', [writes(''), renames('newest')], 'newest'],
    ['another file with the very same text has the name', [renames('old')], 'old'],
  ])('%s: that is left there', (_what, acts, expected) => {
    meanwhile = acts;
    expect(put()).toBe(false);
    expect(text()).toBe(expected);
    expect(meanwhile).toEqual([]);
  });

  test('somebody who removes ours at once wants no file', () => {
    meanwhile = [renames('newer'), () => rmSync(file)];
    expect(put()).toBe(false);
    expect(readdirSync(home)).toEqual(['ours.tmp']);
  });

  test('a file that is removed is not made again', () => {
    meanwhile = [() => rmSync(file)];
    expect(put()).toBe(false);
    expect(readdirSync(home)).toEqual(['ours.tmp']);
  });

  test('a link that took the name is put back, and what it leads to is not touched', () => {
    writeFileSync(join(home, 'victim'), 'old');
    meanwhile = [
      () => {
        rmSync(file);
        symlinkSync(join(home, 'victim'), file);
      },
    ];
    expect(put()).toBe(false);
    expect(readFileSync(join(home, 'victim'), 'utf8')).toBe('old');
    expect(text()).toBe('old');
    expect(readFileSync(ours, 'utf8')).toBe('ours');
  });
});

describe('where names cannot be exchanged', () => {
  beforeEach(() => {
    canSwap = false;
  });

  test('ours is renamed over the old file, and nothing is left', () => {
    expect(put()).toBe(true);
    expect(text()).toBe('ours');
    expect(readdirSync(home)).toEqual(['a.json']);
  });

  test('a write into the old file just before that is given back', () => {
    meanwhile = [writes('newer')];
    expect(put()).toBe(false);
    expect(text()).toBe('newer');
    expect(readdirSync(home)).toEqual(['a.json']);
  });
});

describe('taking a file away', () => {
  const take = () => takeAway({ name: file, bytes: Buffer.from('old') }, join(home, 'aside'), 'x');
  beforeEach(() => rmSync(ours));

  test('leaves nothing', () => {
    expect(take()).toBe(true);
    expect(readdirSync(home)).toEqual([]);
  });

  test.each([
    ['another file has the name', renames('newer')],
    ['the file was written to', writes('newer')],
  ])('%s: that is left there', (_what, act) => {
    meanwhile = [act];
    expect(take()).toBe(false);
    expect(text()).toBe('newer');
    expect(readdirSync(home)).toEqual(['a.json']);
  });

  test('somebody else takes it away first', () => {
    meanwhile = [() => rmSync(file)];
    expect(take()).toBe(false);
    expect(readdirSync(home)).toEqual([]);
  });
});
