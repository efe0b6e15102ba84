import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { enableFailpoints } from './failpoint.ts';
import { machineId } from './machine.ts';

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'mcpo-machine-'));
});
afterEach(() => {
  enableFailpoints('');
  rmSync(home, { recursive: true });
});

test('the id is made once, kept in a private file and found again', async () => {
  const id = await machineId(home);
  expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  expect(await machineId(home)).toBe(id);
  expect(readFileSync(join(home, 'machine-id'), 'utf8')).toBe(`${id}\n`);
  expect(statSync(join(home, 'machine-id')).mode & 0o777).toBe(0o600);
  expect(readdirSync(home)).toEqual(['machine-id']);
});

test('ten that ask at the same moment get the same one', async () => {
  const ids = await Promise.all(Array.from({ length: 10 }, () => machineId(home)));
  expect(new Set(ids).size).toBe(1);
  expect(readdirSync(home)).toEqual(['machine-id']);
});

test('a failed step leaves nothing behind and says so', async () => {
  enableFailpoints('machine.after-temp=throw');
  await expect(machineId(home)).rejects.toMatchObject({ code: 'WRITE_FAILED' });
  expect(readdirSync(home)).toEqual([]);
});

test('a home that is missing, and an id that is none, are refused without changing anything', async () => {
  await expect(machineId(join(home, 'nowhere'))).rejects.toMatchObject({
    code: 'WRITE_FAILED',
    details: { reason: 'ENOENT' },
  });
  writeFileSync(join(home, 'machine-id'), 'garbage');
  await expect(machineId(home)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  expect(readFileSync(join(home, 'machine-id'), 'utf8')).toBe('garbage');
  rmSync(join(home, 'machine-id'));
  mkdirSync(join(home, 'machine-id'));
  await expect(machineId(home)).rejects.toMatchObject({ code: 'UNAVAILABLE', details: { reason: 'EISDIR' } });
});
