import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { AppError } from '../../core/errors.ts';
import { readClientFile, sha256Of } from './read.ts';
import { replaceDurably } from './replace.ts';
import { resolveTarget, type Target } from './target.ts';

/** Starting a process takes long on a busy machine. */
const timeout = 30_000;
const uid = process.getuid?.() ?? 0;
const OLD = 'the old file\n'.repeat(1000);
const NEW = 'the new file\n'.repeat(2000);
const digest = (text: string) => sha256Of(Buffer.from(text));
let home: string;
let file: string;
beforeEach(() => {
  home = realpathSync(mkdtempSync(path.join(tmpdir(), 'replace-')));
  file = path.join(home, 'a.json');
});
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

describe('killed at any step, the file is the whole old or the whole new one', () => {
  const steps: [string, string][] = [
    ['file.after-temp', OLD],
    ['file.after-fsync', OLD],
    ['file.before-rename', OLD],
    ['file.after-rename', NEW],
  ];
  const die = (point: string, expected: string | null) => {
    const body = `enableFailpoints('${point}=kill');
      await replaceDurably(${target(file)}, ${JSON.stringify(NEW)}, { expected_sha256: ${JSON.stringify(expected)} });`;
    expect(spawnSync(process.execPath, program(body)).signal).toBe('SIGKILL');
  };
  test.each(steps)('%s', { timeout }, async (point, content) => {
    writeFileSync(file, OLD);
    die(point, digest(OLD));
    expect(readFileSync(file, 'utf8')).toBe(content);
    await replace('afterwards', digest(content));
    expect(readdirSync(home)).toEqual(['a.json']);
  });
  test.each(steps)('%s, when there was no file', { timeout }, async (point, content) => {
    die(point, null);
    expect(existsSync(file) ? readFileSync(file, 'utf8') : OLD).toBe(content);
    await replace('afterwards', existsSync(file) ? digest(content) : null);
    expect(readdirSync(home)).toEqual(['a.json']);
  });
  test('at a random moment, twelve times', { timeout }, async () => {
    writeFileSync(file, OLD);
    const body = `let [a, b] = [${JSON.stringify(OLD)}, ${JSON.stringify(NEW)}];
      const { createHash } = await import('node:crypto');
      console.log('ready');
      for (;;) {
        await replaceDurably(${target(file)}, b, { expected_sha256: createHash('sha256').update(a).digest('hex') });
        [a, b] = [b, a];
      }`;
    for (let round = 0; round < 12; round += 1) {
      writeFileSync(file, OLD);
      const child = spawn(process.execPath, program(body), { stdio: ['ignore', 'pipe', 'ignore'] });
      const ended = new Promise((done) => child.once('exit', done));
      await new Promise((ready) => child.stdout.once('data', ready));
      await new Promise((passed) => setTimeout(passed, Math.random() * 10));
      child.kill('SIGKILL');
      await ended;
      expect([digest(OLD), digest(NEW)]).toContain(digest(readFileSync(file, 'utf8')));
    }
  });
});

test('a reader that polls during 200 replacements never sees a torn file', { timeout }, async () => {
  writeFileSync(file, OLD);
  const body = `const { readFileSync, existsSync } = await import('node:fs');
    let [reads, torn] = [0, 0];
    console.log('ready');
    while (!existsSync(${JSON.stringify(path.join(home, 'stop'))})) {
      const text = readFileSync(${JSON.stringify(file)}, 'utf8');
      reads += 1;
      if (text !== ${JSON.stringify(OLD)} && text !== ${JSON.stringify(NEW)}) torn += 1;
    }
    console.log(JSON.stringify({ reads, torn }));`;
  const reader = spawn(process.execPath, program(body), { stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  reader.stdout.on('data', (chunk) => {
    output += chunk;
  });
  const ended = new Promise((done) => reader.once('close', done));
  await new Promise((ready) => reader.stdout.once('data', ready));
  let [now, next] = [OLD, NEW];
  for (let i = 0; i < 200; i += 1) {
    await replace(next, digest(now));
    [now, next] = [next, now];
  }
  writeFileSync(path.join(home, 'stop'), '');
  await ended;
  const { reads, torn } = JSON.parse(output.split('\n')[1] ?? '{}');
  expect(torn).toBe(0);
  expect(reads).toBeGreaterThan(50);
});

test('an attacker who swaps the file for a link never gets the victim changed', { timeout }, async () => {
  const victim = path.join(home, 'victim');
  writeFileSync(victim, 'untouched');
  writeFileSync(file, OLD);
  const body = `const { renameSync, symlinkSync, writeFileSync, existsSync } = await import('node:fs');
    const pause = () => new Promise((passed) => setTimeout(passed, Math.random() * 20));
    console.log('ready');
    while (!existsSync(${JSON.stringify(path.join(home, 'stop'))})) {
      symlinkSync(${JSON.stringify(victim)}, ${JSON.stringify(path.join(home, 'l'))});
      renameSync(${JSON.stringify(path.join(home, 'l'))}, ${JSON.stringify(path.join(home, 'swapped.json'))});
      await pause();
      writeFileSync(${JSON.stringify(path.join(home, 'f'))}, 'plain');
      renameSync(${JSON.stringify(path.join(home, 'f'))}, ${JSON.stringify(path.join(home, 'swapped.json'))});
      await pause();
    }`;
  const attacker = spawn(process.execPath, program(body), { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = new Promise((done) => attacker.once('exit', done));
  await new Promise((ready) => attacker.stdout.once('data', ready));
  const swapped = path.join(home, 'swapped.json');
  let written = 0;
  // By writes, not by looks: while the link is there a look is over in no time, and hundreds fit into one such moment.
  for (const until = Date.now() + 20_000; written < 100 && Date.now() < until; ) {
    try {
      const found = await resolveTarget({ path: swapped, uid, allowed_roots: [path.join(home, 'none'), home] });
      if (found.path !== swapped) continue;
      const now = await readClientFile(found);
      await replaceDurably(found, 'ours', { expected_sha256: now?.sha256 ?? null });
      written += 1;
    } catch (error) {
      expect(error).toBeInstanceOf(AppError);
    }
  }
  writeFileSync(path.join(home, 'stop'), '');
  expect(await ended).toBe(0);
  expect(readFileSync(victim, 'utf8')).toBe('untouched');
  expect(written).toBe(100);
});
