import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { enableFailpoints } from '../failpoint.ts';
import { temporaryBeside } from '../temporary.ts';
import { sha256Of } from './read.ts';
import { removeDurably, replaceDurably } from './replace.ts';
import type { Target } from './target.ts';

const uid = process.getuid?.() ?? 0;
const isRoot = uid === 0;
const OLD = 'the old file\n'.repeat(1000);
const NEW = 'the new file\n'.repeat(2000);
const digest = (text: string) => sha256Of(Buffer.from(text));
let home: string;
let file: string;
beforeEach(() => {
  home = realpathSync(mkdtempSync(path.join(tmpdir(), 'replace-')));
  file = path.join(home, 'a.json');
});
afterEach(() => enableFailpoints(''));
const targetOf = (name: string): Target => ({ path: name, requested_path: name, exists: false, uid });
const replace = (text = NEW, expected: string | null = digest(OLD), name = file) =>
  replaceDurably(targetOf(name), text, { expected_sha256: expected });

/** Runs a program that imports the product's sources as Node runs them. */
const program = (body: string) => [
  '--input-type=module-typescript',
  '-e',
  `import { replaceDurably } from ${JSON.stringify(new URL('./replace.ts', import.meta.url).href)};
   import { enableFailpoints } from ${JSON.stringify(new URL('../failpoint.ts', import.meta.url).href)};
   ${body}`,
];
const target = (name: string) => JSON.stringify(targetOf(name));

describe('replacing', () => {
  test('keeps mode and leaves no other file behind', async () => {
    writeFileSync(file, OLD);
    chmodSync(file, 0o644);
    await replace();
    expect(readFileSync(file, 'utf8')).toBe(NEW);
    expect(statSync(file).mode & 0o7777).toBe(0o644);
    expect(readdirSync(home)).toEqual(['a.json']);
  });
  test.runIf(isRoot)('keeps owner and group', async () => {
    writeFileSync(file, OLD);
    chownSync(file, 12345, 23456);
    await replaceDurably({ ...targetOf(file), uid: 12345 }, NEW, { expected_sha256: digest(OLD) });
    expect(statSync(file)).toMatchObject({ uid: 12345, gid: 23456 });
  });
  test('makes a missing file and its directories private', async () => {
    const deep = path.join(home, 'x/y/a.json');
    const before = process.umask(0);
    await replace(NEW, null, deep);
    process.umask(before);
    expect([statSync(deep).mode & 0o777, statSync(path.dirname(deep)).mode & 0o777]).toEqual([0o600, 0o700]);
    await replaceDurably(targetOf(file), Buffer.from([0xff]), { expected_sha256: null, mode: 0o644 });
    expect(statSync(file).mode & 0o777).toBe(0o644);
  });
  test('takes away what killed writers left, and nothing that lives or is not ours', async () => {
    writeFileSync(file, OLD);
    const dead = spawnSync(process.execPath, ['-e', '0']).pid;
    const alive = path.basename(temporaryBeside(home, 'a.json'));
    const names = [alive.replace(`-${process.pid}-`, `-${dead}-`), alive, '.a.json.mcpo-x.tmp'];
    for (const name of names) writeFileSync(path.join(home, name), '');
    await replace();
    expect(readdirSync(home).toSorted()).toEqual([names[1], names[2], 'a.json'].toSorted());
  });
});

describe('a file that is not the expected one is left alone', () => {
  const changed = { code: 'CLIENT_FILE_CHANGED' };
  test('changed, gone, or there although there was none', async () => {
    writeFileSync(file, 'somebody was here');
    await expect(replace()).rejects.toMatchObject(changed);
    await expect(replace(NEW, null)).rejects.toMatchObject(changed);
    expect(readFileSync(file, 'utf8')).toBe('somebody was here');
    rmSync(file);
    await expect(replace()).rejects.toMatchObject(changed);
    expect(readdirSync(home)).toEqual([]);
  });
  test('a link that took its place is not followed', async () => {
    const victim = path.join(home, 'victim');
    writeFileSync(victim, OLD);
    symlinkSync(victim, file);
    await expect(replace()).rejects.toMatchObject({ code: 'WRITE_FAILED', details: { reason: 'ELOOP' } });
    expect(readFileSync(victim, 'utf8')).toBe(OLD);
  });
  test('a directory that became a link is noticed', async () => {
    const directory = path.join(home, 'd');
    mkdirSync(directory);
    writeFileSync(path.join(directory, 'a.json'), OLD);
    renameSync(directory, path.join(home, 'moved'));
    symlinkSync(path.join(home, 'moved'), directory);
    await expect(replace(NEW, digest(OLD), path.join(directory, 'a.json'))).rejects.toMatchObject(changed);
    expect(readFileSync(path.join(home, 'moved/a.json'), 'utf8')).toBe(OLD);
  });
  test('of many who make the same missing file, one wins and the others are told', async () => {
    const texts = Array.from({ length: 20 }, (_, i) => `text ${i}`);
    const results = await Promise.allSettled(texts.map((text) => replace(text, null)));
    const won = results.filter(({ status }) => status === 'fulfilled');
    expect(won).toHaveLength(1);
    expect(texts[results.findIndex(({ status }) => status === 'fulfilled')]).toBe(readFileSync(file, 'utf8'));
    for (const result of results) if (result.status === 'rejected') expect(result.reason).toMatchObject(changed);
    expect(readdirSync(home)).toEqual(['a.json']);
  });
});

describe('faults', () => {
  const points = ['file.after-temp', 'file.after-fsync', 'file.before-rename'];
  test.each(points)('a fault at %s leaves the old file and no temporary one', async (point) => {
    writeFileSync(file, OLD);
    enableFailpoints(`${point}=throw`);
    await expect(replace()).rejects.toMatchObject({
      code: 'WRITE_FAILED',
      details: { reason: 'unexpected', step: 'write' },
    });
    expect(readFileSync(file, 'utf8')).toBe(OLD);
    expect(readdirSync(home)).toEqual(['a.json']);
  });
  test('a fault behind the rename says that the new file is in place', async () => {
    writeFileSync(file, OLD);
    enableFailpoints('file.after-rename=throw');
    await expect(replace()).rejects.toMatchObject({ code: 'WRITE_FAILED', details: { replaced: true } });
    expect(readFileSync(file, 'utf8')).toBe(NEW);
  });
  test('a directory where the file should be, and a file where a directory should be', async () => {
    mkdirSync(file);
    await expect(replace()).rejects.toMatchObject({ code: 'WRITE_FAILED', details: { reason: 'EISDIR' } });
    writeFileSync(path.join(home, 'f'), '');
    const inside = replace(NEW, null, path.join(home, 'f/a.json'));
    await expect(inside).rejects.toMatchObject({ code: 'WRITE_FAILED', details: { reason: 'ENOTDIR' } });
  });
  test('a directory that may not be written', () => {
    writeFileSync(file, OLD);
    chmodSync(home, 0o555);
    const options = isRoot ? { uid: 65534, gid: 65534 } : {};
    if (isRoot) chownSync(file, 65534, 65534);
    const victim = JSON.stringify({ ...targetOf(file), uid: isRoot ? 65534 : uid });
    const body = `await replaceDurably(${victim}, 'x', { expected_sha256: '${digest(OLD)}' })
      .catch((error) => console.log(JSON.stringify([error.code, error.details.reason, error.details.step])));`;
    const { stdout, stderr } = spawnSync(process.execPath, program(body), { ...options, encoding: 'utf8' });
    chmodSync(home, 0o755);
    expect(stdout.trim() || stderr).toBe('["WRITE_FAILED","EACCES","create"]');
    expect(readFileSync(file, 'utf8')).toBe(OLD);
  });
  test.runIf(existsSync('/usr/bin/prlimit'))('a disk that takes no more bytes', () => {
    writeFileSync(file, OLD);
    const body = `process.on('SIGXFSZ', () => {});
      await replaceDurably(${target(file)}, 'x'.repeat(1_000_000), { expected_sha256: '${digest(OLD)}' })
        .catch((error) => console.log(JSON.stringify([error.code, error.details.reason, error.details.step])));`;
    const limited = ['--fsize=65536', process.execPath, ...program(body)];
    const { stdout, stderr } = spawnSync('prlimit', limited, { encoding: 'utf8' });
    expect(stdout.trim() || stderr).toBe('["WRITE_FAILED","EFBIG","write"]');
    expect(readFileSync(file, 'utf8')).toBe(OLD);
    expect(readdirSync(home)).toEqual(['a.json']);
  });
});

describe('removing', () => {
  const removeFile = () => removeDurably(targetOf(file), { expected_sha256: digest(OLD) });

  test('takes the file away and leaves nothing behind', async () => {
    writeFileSync(file, OLD);
    await removeFile();
    expect(readdirSync(home)).toEqual([]);
  });

  test.each([
    ['changed', () => writeFileSync(file, NEW)],
    ['gone', () => undefined],
  ])('is refused when the file is %s', async (_what, spoil) => {
    spoil();
    const before = existsSync(file);
    await expect(removeFile()).rejects.toMatchObject({ code: 'CLIENT_FILE_CHANGED' });
    expect(existsSync(file)).toBe(before);
  });

  test('a fault behind it says that the file is gone', async () => {
    writeFileSync(file, OLD);
    enableFailpoints('file.after-rename=throw');
    await expect(removeFile()).rejects.toMatchObject({ code: 'WRITE_FAILED', details: { replaced: true } });
    expect(existsSync(file)).toBe(false);
  });
});
