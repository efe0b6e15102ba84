import {
  chmodSync,
  chownSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
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
/** For each exchange and hard link in turn: the fault that it meets, or none. */
let faults: (string | undefined)[] = [];
let linkFault: string | undefined;
/** Whether what happens meanwhile may take the exchange away. */
let lateRefusal = false;
function meet(code: string | undefined): void {
  if (code !== undefined) throw Object.assign(new Error(code), { code });
}
vi.mock('./swap.ts', async (original) => {
  const real = await original<{ swap: typeof swap }>();
  return {
    swap: (one: string, other: string) => {
      if (!canSwap) return false;
      meanwhile.shift()?.();
      if (lateRefusal && !canSwap) return false;
      meet(faults.shift());
      const done = real.swap(one, other);
      if (isShort(other)) shown.push(readFileSync(other, 'utf8'));
      return done;
    },
  };
});

/** Some tests put in what cannot be read, or is too large to. */
function isShort(name: string): boolean {
  const stats = lstatSync(name, { throwIfNoEntry: false });
  return stats?.isFile() === true && stats.size < 100 && (stats.mode & 0o400) !== 0;
}

/** The test's own renames go past this. */
vi.mock('node:fs', async (original) => {
  const real = await original<typeof import('node:fs')>();
  const renameSync: typeof real.renameSync = (from, to) => {
    if (!String(from).endsWith('theirs')) meanwhile.shift()?.();
    real.renameSync(from, to);
  };
  const linkSync: typeof real.linkSync = (from, to) => {
    meet(linkFault);
    real.linkSync(from, to);
  };
  return { ...real, renameSync, linkSync };
});

let home: string;
let file: string;
let ours: string;
/** What each exchange of names left there, for who reads at that instant. */
let shown: string[] = [];
beforeEach(() => {
  home = realpathSync(mkdtempSync(join(tmpdir(), 'exchange-')));
  file = join(home, 'a.json');
  ours = join(home, 'ours.tmp');
  writeFileSync(file, 'old');
  writeFileSync(ours, 'ours');
  meanwhile = [];
  shown = [];
  canSwap = true;
  faults = [];
  linkFault = undefined;
  lateRefusal = false;
});
afterEach(() => vi.restoreAllMocks());
afterEach(() => rmSync(home, { recursive: true, force: true }));

const put = () =>
  putInPlaceOf({ name: file, bytes: Buffer.from('old') }, { name: ours, bytes: Buffer.from('ours') }, 'x');
/** Root may read everything, so the effective user is another one meanwhile. */
function asNobody<T>(work: () => T): T {
  if (process.getuid?.() !== 0) return work();
  for (const name of [home, file, ours]) chownSync(name, 65534, 65534);
  process.seteuid?.(65534);
  try {
    return work();
  } finally {
    process.seteuid?.(0);
  }
}
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

  test('show an older version for an instant to who renamed in the gap between look and exchange, and lose nothing', () => {
    meanwhile = [renames('newer')];
    expect(put()).toBe(false);
    expect(shown).toEqual(['ours', 'newer']);
    expect([text(), readdirSync(home)]).toEqual(['newer', ['a.json']]);
  });

  test.each([
    ['renames', renames('newer')],
    ['writes in place', writes('newer')],
  ])(
    'are not exchanged at all when somebody %s after the content was compared and before the last look',
    (_how, act) => {
      vi.spyOn(Atomics, 'wait').mockImplementation(() => {
        act();
        return 'timed-out';
      });
      expect(put()).toBe(false);
      expect(shown, 'an older version was shown').toEqual([]);
      expect([text(), readdirSync(home)]).toEqual(['newer', ['a.json']]);
    },
  );

  test('somebody who removes ours at once wants no file', () => {
    meanwhile = [renames('newer'), () => rmSync(file)];
    expect(put()).toBe(false);
    expect(readdirSync(home)).toEqual([]);
  });

  test('a file that is removed is not made again', () => {
    meanwhile = [() => rmSync(file)];
    expect(put()).toBe(false);
    expect(readdirSync(home)).toEqual([]);
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
    expect(readdirSync(home).toSorted()).toEqual(['a.json', 'victim']);
  });
});

describe('a fault behind the exchange', () => {
  const huge = 3 * 2 ** 30;

  test('of the second exchange keeps what somebody wrote under a name that nobody removes, and says so', () => {
    meanwhile = [renames('newer')];
    faults = [undefined, 'EIO', 'EIO'];
    expect(put).toThrow(/It is kept as .*a\.json\.mcpo-kept-[0-9a-f]{16}\.$/);
    const [, kept = ''] = readdirSync(home).toSorted();
    expect([text(), readFileSync(join(home, kept), 'utf8')]).toEqual(['ours', 'newer']);
  });

  test('that is no error but a call that the system does not know any more loses nothing either', () => {
    meanwhile = [
      renames('newer'),
      () => {
        canSwap = false;
      },
    ];
    lateRefusal = true;
    expect(put).toThrow(/It is kept as /);
    const [, kept = ''] = readdirSync(home).toSorted();
    expect([text(), readFileSync(join(home, kept), 'utf8')]).toEqual(['ours', 'newer']);
  });

  test('is that somebody writes without end: the last of it is kept', () => {
    meanwhile = Array.from({ length: 1_001 }, (_, at) => renames(`newer ${at}`));
    expect(put).toThrow(/It is kept as /);
    const [, kept = ''] = readdirSync(home).toSorted();
    expect([text(), readFileSync(join(home, kept), 'utf8')]).toEqual(['newer 999', 'newer 1000']);
  });

  test('that goes away is as if nothing had been done', () => {
    meanwhile = [renames('newer')];
    faults = [undefined, 'EIO'];
    expect(put).toThrow('EIO');
    expect([text(), readdirSync(home)]).toEqual(['newer', ['a.json']]);
  });

  test('does not come from a file that is larger than any of ours, renamed or grown in place', () => {
    meanwhile = [
      () => {
        renames('x')();
        truncateSync(file, huge);
      },
    ];
    expect(put()).toBe(false);
    expect(statSync(file).size).toBe(huge);
    writeFileSync(file, 'old');
    writeFileSync(ours, 'ours');
    meanwhile = [() => truncateSync(file, huge)];
    expect(put()).toBe(false);
    expect(statSync(file).size).toBe(huge);
  });

  test('does not come from a file that may not be read', () => {
    meanwhile = [
      () => {
        renames('newer')();
        chmodSync(file, 0o200);
      },
    ];
    expect(asNobody(put)).toBe(false);
    chmodSync(file, 0o600);
    expect(text()).toBe('newer');
  });
});

test.skipIf(process.platform === 'win32')('a change of mode in the last instant is not undone', () => {
  meanwhile = [() => chmodSync(file, 0o640)];
  expect(put()).toBe(false);
  expect([statSync(file).mode & 0o777, text()]).toEqual([0o640, 'old']);
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

test('where there are no hard links either, a write into the old file is still given back', () => {
  canSwap = false;
  linkFault = 'EPERM';
  meanwhile = [writes('newer')];
  expect(put()).toBe(false);
  expect([text(), readdirSync(home)]).toEqual(['newer', ['a.json']]);
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

  test('a fault when what somebody wrote is given back leaves it there all the same', () => {
    meanwhile = [renames('newer')];
    linkFault = 'EIO';
    expect(take).toThrow('EIO');
    expect([text(), readdirSync(home)]).toEqual(['newer', ['a.json']]);
  });
});
