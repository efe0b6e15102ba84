import { execFileSync } from 'node:child_process';
import {
  chownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeEach, describe, expect, test } from 'vitest';
import { readClientFile } from './read.ts';
import { resolveTarget } from './target.ts';

const uid = process.getuid?.() ?? 0;
const isRoot = uid === 0;
let base: string;
let home: string;
let outside: string;
beforeEach(() => {
  base = realpathSync(mkdtempSync(path.join(tmpdir(), 'target-')));
  home = path.join(base, 'home');
  outside = path.join(base, 'outside');
  mkdirSync(home);
  mkdirSync(outside);
});
const resolve = (file: string, roots = [home]) => resolveTarget({ path: file, uid, allowed_roots: roots });
const refused = (reason: string) => ({ code: 'WRITE_FAILED', details: { reason } });

describe('a path that may be written', () => {
  test('a file that exists, and one that does not exist yet in a directory that does not either', async () => {
    writeFileSync(path.join(home, 'a.json'), '{}');
    expect(await resolve(path.join(home, 'a.json'))).toMatchObject({ path: path.join(home, 'a.json'), exists: true });
    expect(await resolve(path.join(home, 'b/c/d.json'))).toMatchObject({
      path: path.join(home, 'b/c/d.json'),
      exists: false,
    });
    expect(readdirSync(home)).toEqual(['a.json']);
  });
  test('links are written through: to files, to directories, relative, absolute and dangling', async () => {
    mkdirSync(path.join(home, 'dotfiles/deep'), { recursive: true });
    writeFileSync(path.join(home, 'dotfiles/real.json'), '{}');
    symlinkSync('deep/../real.json', path.join(home, 'dotfiles/link.json'));
    symlinkSync(path.join(home, 'dotfiles'), path.join(home, 'config'));
    symlinkSync('./dotfiles/later.json', path.join(home, 'dangling.json'));
    expect(await resolve(path.join(home, 'config/link.json'))).toMatchObject({
      path: path.join(home, 'dotfiles/real.json'),
      exists: true,
    });
    expect(await resolve(path.join(home, 'dangling.json'))).toMatchObject({
      path: path.join(home, 'dotfiles/later.json'),
      exists: false,
    });
  });
  test('the root itself may be behind a link', async () => {
    symlinkSync(home, path.join(base, 'alias'));
    const found = await resolve(path.join(base, 'alias/a.json'), [path.join(base, 'alias')]);
    expect(found.path).toBe(path.join(home, 'a.json'));
  });
  test('a root that does not exist yet allows what will be inside it', async () => {
    expect(await resolve(path.join(home, 'new/a.json'), [path.join(home, 'new')])).toMatchObject({ exists: false });
  });
});

describe('a path that may not', () => {
  test('outside, next to the root, the root itself, and out through a link or dots', async () => {
    symlinkSync(outside, path.join(home, 'out'));
    mkdirSync(path.join(base, 'home2'));
    for (const file of [
      path.join(outside, 'a'),
      path.join(base, 'home2/a'),
      path.join(home, 'out/a'),
      `${home}/../outside/a`,
    ]) {
      await expect(resolve(file)).rejects.toMatchObject(refused('outside_allowed_roots'));
    }
    await expect(resolve(home)).rejects.toMatchObject({ code: 'WRITE_FAILED' });
    await expect(resolve(path.join(home, 'a'), [])).rejects.toMatchObject(refused('outside_allowed_roots'));
  });
  test('a relative path, and one with NUL', async () => {
    await expect(resolve('a.json')).rejects.toMatchObject(refused('not_absolute'));
    await expect(resolve(`${home}/a\0b`)).rejects.toMatchObject(refused('not_absolute'));
  });
  test('a loop of links', async () => {
    symlinkSync('b', path.join(home, 'a'));
    symlinkSync('a', path.join(home, 'b'));
    await expect(resolve(path.join(home, 'a'))).rejects.toMatchObject(refused('ELOOP'));
  });
  test('a directory, a file on the way, a name that is too long', async () => {
    mkdirSync(path.join(home, 'd'));
    writeFileSync(path.join(home, 'f'), '');
    await expect(resolve(path.join(home, 'd'))).rejects.toMatchObject(refused('EISDIR'));
    await expect(resolve(path.join(home, 'f/a.json'))).rejects.toMatchObject(refused('ENOTDIR'));
    await expect(resolve(path.join(home, 'x'.repeat(300)))).rejects.toMatchObject(refused('ENAMETOOLONG'));
  });
  test('a pipe and a socket, neither of which is opened', async () => {
    execFileSync('mkfifo', [path.join(home, 'pipe')]);
    const server = createServer().listen(path.join(home, 'socket'));
    await new Promise((ready) => server.once('listening', ready));
    await expect(resolve(path.join(home, 'pipe'))).rejects.toMatchObject(refused('not_a_regular_file'));
    await expect(resolve(path.join(home, 'socket'))).rejects.toMatchObject(refused('not_a_regular_file'));
    await new Promise((closed) => server.close(closed));
  });
  test('a device', async () => {
    await expect(resolve('/dev/null', ['/dev'])).rejects.toMatchObject({ code: 'WRITE_FAILED' });
  });
  test.runIf(isRoot)('the file or the link of another user', async () => {
    writeFileSync(path.join(home, 'theirs.json'), '{}');
    chownSync(path.join(home, 'theirs.json'), 12345, 12345);
    symlinkSync('mine.json', path.join(home, 'link'));
    execFileSync('chown', ['-h', '12345', path.join(home, 'link')]);
    await expect(resolve(path.join(home, 'theirs.json'))).rejects.toMatchObject(refused('foreign_owner'));
    await expect(resolve(path.join(home, 'link'))).rejects.toMatchObject(refused('foreign_owner'));
  });
});

describe('reading', () => {
  const file = () => path.join(home, 'a.json');
  test('gives text with its byte-order mark, digest and mode; nothing for no file', async () => {
    expect(await readClientFile(await resolve(file()))).toBeNull();
    writeFileSync(file(), '\uFEFF{}\r\n', { mode: 0o640 });
    expect(await readClientFile(await resolve(file()))).toMatchObject({
      text: '\uFEFF{}\r\n',
      sha256: '9e1ab83190bccc9ea53ba40f856fbe5e5718bbc45eaf43a0cbd4f42fd4f01657',
      mode: 0o640,
      uid,
    });
  });
  test('refuses what is not UTF-8 and what is too large', async () => {
    writeFileSync(file(), Buffer.from([0x7b, 0xff, 0x7d]));
    await expect(readClientFile(await resolve(file()))).rejects.toMatchObject({
      code: 'CLIENT_FILE_UNPARSABLE',
      details: { reason: 'not_utf8' },
    });
    writeFileSync(file(), Buffer.alloc(16 * 1024 * 1024 + 1, 0x20));
    await expect(readClientFile(await resolve(file()))).rejects.toMatchObject({
      code: 'CLIENT_FILE_UNPARSABLE',
      details: { reason: 'too_large' },
    });
  });
  test('waits for somebody who has emptied the file and is still writing it', async () => {
    const target = await resolve(file());
    writeFileSync(file(), '');
    const writing = sleep(60).then(() => writeFileSync(file(), '{"theirs": 1}'));
    expect(await readClientFile(target)).toMatchObject({ text: '{"theirs": 1}' });
    await writing;
  });
  test('takes a file for empty that stays so, at once when it has been so for long', async () => {
    const target = await resolve(file());
    writeFileSync(file(), '');
    expect(await readClientFile(target)).toMatchObject({ text: '' });
    utimesSync(file(), 1, 1);
    const started = performance.now();
    expect(await readClientFile(target)).toMatchObject({ text: '' });
    expect(performance.now() - started).toBeLessThan(200);
  });
  test('does not follow a link, nor wait for a pipe, that took the place of the file', async () => {
    const target = await resolve(file());
    writeFileSync(path.join(outside, 'victim'), 'secret');
    symlinkSync(path.join(outside, 'victim'), file());
    await expect(readClientFile(target)).rejects.toMatchObject(refused('ELOOP'));
    const pipe = await resolve(path.join(home, 'p'));
    execFileSync('mkfifo', [pipe.path]);
    await expect(readClientFile(pipe)).rejects.toMatchObject(refused('not_a_regular_file'));
  });
});
