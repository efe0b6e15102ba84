import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, realpathSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import { type Backup, planBackup, readBackup, removeBackups, storedBackups } from './backup.ts';
import { sha256Of } from './read.ts';

let home: string;
let directory: string;
beforeEach(() => {
  home = realpathSync(mkdtempSync(path.join(tmpdir(), 'backup-')));
  directory = path.join(home, 'deep/backups');
});
const at = (second: number) => `2026-11-22T10:00:${String(second).padStart(2, '0')}.000Z`;
const backUp = async (backup: Backup) => {
  const { path: copy, make } = await planBackup(backup);
  await make();
  return copy;
};
const store = (content: string | Uint8Array, second: number, file = '/home/u/a.json') =>
  backUp({ content, directory, file, at: at(second) });

test('a backup is private and holds the bytes', async () => {
  const before = process.umask(0);
  const copy = await store(Buffer.from([0xff, 0x00]), 1);
  process.umask(before);
  expect([...readFileSync(copy)]).toEqual([0xff, 0x00]);
  expect([statSync(copy).mode & 0o777, statSync(directory).mode & 0o777]).toEqual([0o600, 0o700]);
  expect(path.basename(copy)).toMatch(/^[0-9a-f]{16}-20261122T100001000Z-000\.bak$/);
});

test('the last five of each file stay', async () => {
  const other = await store('other', 0, '/home/u/b.json');
  const copies: string[] = [];
  for (let second = 1; second <= 7; second += 1) copies.push(await store(`text ${second}`, second));
  const left = readdirSync(directory).map((name) => path.join(directory, name));
  expect(left.toSorted()).toEqual([other, ...copies.slice(2)].toSorted());
});

test('one that is needed stays beside the last five', async () => {
  const first = await store('first', 0);
  const needed = new Set([first]);
  const file = '/home/u/a.json';
  for (let second = 1; second <= 7; second += 1) {
    await backUp({ content: 'later', directory, file, at: at(second), needed });
  }
  expect(readdirSync(directory)).toHaveLength(6);
  expect(readFileSync(first, 'utf8')).toBe('first');
});

test('the one that was just made stays, also where the clock went back', async () => {
  for (let second = 10; second < 15; second += 1) await store('later by the clock', second);
  const copy = await store('what is about to change', 1);
  expect(readFileSync(copy, 'utf8')).toBe('what is about to change');
});

test('a list shows when each was made, how long it is and its digest, and passes over what is no backup', async () => {
  expect(await storedBackups(directory)).toEqual([]);
  const later = await store('later', 2);
  const other = await store('other', 1, '/home/u/b.json');
  writeFileSync(path.join(directory, 'notes.txt'), 'mine');
  symlinkSync(later, path.join(directory, path.basename(later).replace('000.bak', '001.bak')));
  const listed = await storedBackups(directory);
  const sizeAndDigest = (text: string) => ({ size: text.length, sha256: sha256Of(Buffer.from(text)) });
  expect(listed).toMatchObject([
    { path: other, created_at: at(1), ...sizeAndDigest('other') },
    { path: later, created_at: at(2), ...sizeAndDigest('later') },
  ]);
  expect(new Set(listed.map(({ of }) => of)).size).toBe(2);
  await removeBackups([other]);
  expect((await storedBackups(directory)).map((backup) => backup.path)).toEqual([later]);
});

test('one that is gone or is not what was kept is told apart', async () => {
  const copy = await store('text', 1);
  const digest = sha256Of(Buffer.from('text'));
  expect(String(await readBackup(copy, digest))).toBe('text');
  writeFileSync(copy, 'other');
  expect(await readBackup(copy, digest)).toBe('damaged');
  await removeBackups([copy]);
  expect(await readBackup(copy, digest)).toBe('missing');
});

test('two of the same millisecond do not overwrite each other', async () => {
  const [first, second] = [await store('one', 1), await store('two', 1)];
  expect([readFileSync(first, 'utf8'), readFileSync(second, 'utf8')]).toEqual(['one', 'two']);
});

test('a process that dies right after the backup has a whole one', () => {
  const body = `import { planBackup } from ${JSON.stringify(new URL('./backup.ts', import.meta.url).href)};
    import { enableFailpoints } from ${JSON.stringify(new URL('../failpoint.ts', import.meta.url).href)};
    enableFailpoints('file.after-backup=kill');
    const copy = { content: 'all of it', directory: ${JSON.stringify(directory)}, file: '/f', at: '${at(1)}' };
    await (await planBackup(copy)).make();`;
  const { signal } = spawnSync(process.execPath, ['--input-type=module-typescript', '-e', body]);
  const [name = ''] = readdirSync(directory);
  expect({ signal, text: readFileSync(path.join(directory, name), 'utf8') }).toEqual({
    signal: 'SIGKILL',
    text: 'all of it',
  });
});

test('a directory that cannot be made is a named failure', async () => {
  const failure = backUp({ content: '', directory: '/dev/null/x', file: '/f', at: at(1) });
  await expect(failure).rejects.toMatchObject({ code: 'WRITE_FAILED', details: { step: 'mkdir', reason: 'ENOTDIR' } });
});
