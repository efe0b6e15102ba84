import { createPublicKey, generateKeyPairSync, verify } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, test } from 'vitest';
import { enableFailpoints } from './failpoint.ts';
import { KeyDirectory } from './keys.ts';

let home: string;
let dir: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'mcpo-keys-'));
  dir = join(home, 'keys');
});
afterEach(() => {
  enableFailpoints('');
  rmSync(home, { recursive: true });
});
const file = (name: string) => readFileSync(join(dir, name), 'utf8');
const bytes = Buffer.from('what is signed');

describe('the key directory', () => {
  it('has no signer before a key is made', async () => {
    const keys = new KeyDirectory(dir);
    expect(await keys.exists()).toBe(false);
    await expect(keys.signer()).rejects.toMatchObject({ code: 'KEYS_NOT_INITIALIZED', details: { key_dir: dir } });
  });

  it('makes a private and a public file, and signs what the public one verifies', async () => {
    const keys = new KeyDirectory(dir);
    expect(await keys.create(false)).toBe(true);
    expect(readdirSync(dir).toSorted()).toEqual(['signing.key', 'signing.pub']);
    expect([dir, join(dir, 'signing.key')].map((path) => statSync(path).mode & 0o777)).toEqual([0o700, 0o600]);
    expect(file('signing.key')).toMatch(/^-----BEGIN PRIVATE KEY-----\n/);
    const signer = await keys.signer();
    expect(signer.public_key_pem).toBe(file('signing.pub'));
    expect(signer.key_id).toMatch(/^[0-9a-f]{64}$/);
    expect(verify(null, bytes, createPublicKey(file('signing.pub')), await signer.sign(bytes))).toBe(true);
  });

  it('keeps an existing key unless told to replace it', async () => {
    const keys = new KeyDirectory(dir);
    await keys.create(false);
    const first = (await keys.signer()).key_id;
    expect(await keys.create(false)).toBe(false);
    expect((await keys.signer()).key_id).toBe(first);
    expect(await keys.create(true)).toBe(true);
    expect((await keys.signer()).key_id).not.toBe(first);
    expect((await keys.signer()).public_key_pem).toBe(file('signing.pub'));
  });

  it('sees at once that another process replaced the key', async () => {
    const [ours, theirs] = [new KeyDirectory(dir), new KeyDirectory(dir)];
    await ours.create(false);
    await ours.signer();
    await theirs.create(true);
    expect((await ours.signer()).key_id).toBe((await theirs.signer()).key_id);
  });

  it('lets one of five that start together win', async () => {
    const made = await Promise.all(Array.from({ length: 5 }, () => new KeyDirectory(dir).create(false)));
    expect(made.filter((won) => won)).toHaveLength(1);
    expect(readdirSync(dir).toSorted()).toEqual(['signing.key', 'signing.pub']);
  });

  it('writes the public file anew when it is missing or another one', async () => {
    await new KeyDirectory(dir).create(false);
    const wanted = file('signing.pub');
    for (const wrong of ['another key', undefined]) {
      if (wrong === undefined) rmSync(join(dir, 'signing.pub'));
      else writeFileSync(join(dir, 'signing.pub'), wrong);
      await new KeyDirectory(dir).signer();
      expect(file('signing.pub')).toBe(wanted);
    }
  });

  it('keeps no copy of a private key when a step fails', async () => {
    enableFailpoints('keys.after-place=throw');
    await expect(new KeyDirectory(dir).create(false)).rejects.toMatchObject({ code: 'WRITE_FAILED' });
    expect(readdirSync(dir)).toEqual(['signing.key']);
  });
});

test('a key that is none, or of another kind, is refused and stays', async () => {
  await new KeyDirectory(dir).create(false);
  const other = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'pkcs8', format: 'pem' });
  for (const content of ['garbage', String(other)]) {
    writeFileSync(join(dir, 'signing.key'), content);
    await expect(new KeyDirectory(dir).signer()).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    expect(file('signing.key')).toBe(content);
  }
});

test('a place where no directory can be made is named as such', async () => {
  writeFileSync(join(home, 'file'), '');
  await expect(new KeyDirectory(join(home, 'file/keys')).create(false)).rejects.toMatchObject({
    code: 'WRITE_FAILED',
    details: { reason: 'ENOTDIR' },
  });
});
