import { randomBytes } from 'node:crypto';
import { link, mkdir, open, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { AppError } from '../../core/errors.ts';
import { codeOf, step } from '../client-files/faults.ts';
import { withWriterLock } from '../client-files/lock.ts';
import { sha256Of } from '../client-files/read.ts';
import { replaceDurably } from '../client-files/replace.ts';
import { removeStaleIn, syncDirectory, temporaryBeside } from '../temporary.ts';
import { KEY_BYTES, keyPath, newKdf, readRandomKey, seal } from './cipher.ts';
import { deleteKeychain, hasKeychain, writeKeychain } from './keychain.ts';
import {
  emptyFile,
  keyOf,
  readSecret,
  readSecretFile,
  type SecretFile,
  type SecretSettings,
  secretsPath,
} from './read.ts';

export type SecretBackend = 'keychain' | 'file';

/**
 * The secrets of this account on this machine. Values are in the keychain of the system where there is one, else in
 * `secrets.json` under AES-256-GCM; the names and times are in that file either way.
 */
export interface SecretStore {
  /** Returns where the value is kept, and whether there was one before. */
  set(name: string, value: string, at: string): Promise<{ backend: SecretBackend; replaced: boolean }>;
  get(name: string): Promise<string | undefined>;
  /** In the order of their names. */
  names(): Promise<{ name: string; backend: SecretBackend; updated_at: string }[]>;
  /** False when there is none of that name. */
  delete(name: string): Promise<boolean>;
}

const LOCK_WAIT_MS = 8_000;

export function openSecrets(settings: SecretSettings): SecretStore {
  const locked = <T>(work: () => Promise<T>) =>
    withWriterLock(join(settings.data_dir, 'secrets.lock'), LOCK_WAIT_MS, work);
  return {
    get: (name) => readSecret(settings, name),
    async names() {
      const entries = Object.entries(readSecretFile(settings)?.file.entries ?? {});
      return entries
        .map(([name, { backend, updated_at }]) => ({ name, backend, updated_at }))
        .toSorted((a, b) => (a.name < b.name ? -1 : 1));
    },
    set: (name, value, at) => locked(() => setSecret(settings, name, value, at)),
    delete: (name) => locked(() => deleteSecret(settings, name)),
  };
}

async function setSecret(settings: SecretSettings, name: string, value: string, at: string) {
  const found = readSecretFile(settings);
  const file = found?.file ?? emptyFile(settings.passphrase_file === undefined ? null : newKdf());
  // A passphrase was asked for, so the value stays under it.
  const backend: SecretBackend = file.kdf === null && (await hasKeychain()) ? 'keychain' : 'file';
  const before = file.entries[name];
  if (backend === 'keychain') {
    await writeKeychain(name, value);
    file.entries[name] = { backend, updated_at: at };
  } else {
    if (file.kdf === null) await makeRandomKey(settings, Object.values(file.entries));
    file.entries[name] = { backend, updated_at: at, ...seal(keyOf(settings, file), name, value) };
  }
  await write(settings, file, found?.text);
  if (before?.backend === 'keychain' && backend === 'file') await deleteKeychain(name);
  return { backend, replaced: before !== undefined };
}

async function deleteSecret(settings: SecretSettings, name: string): Promise<boolean> {
  const found = readSecretFile(settings);
  const entry = found?.file.entries[name];
  if (found === undefined || entry === undefined) return false;
  delete found.file.entries[name];
  await write(settings, found.file, found.text);
  if (entry.backend === 'keychain') await deleteKeychain(name);
  return true;
}

async function write(settings: SecretSettings, file: SecretFile, before: string | undefined): Promise<void> {
  const path = secretsPath(settings);
  const target = { path, requested_path: path, exists: before !== undefined, uid: process.getuid?.() ?? null };
  const expected_sha256 = before === undefined ? null : sha256Of(Buffer.from(before, 'utf8'));
  await replaceDurably(target, `${JSON.stringify(file, null, 2)}\n`, { expected_sha256, failpoint: 'secrets' });
}

/** The first of several processes wins; a key that is gone is not replaced while something is locked with it. */
async function makeRandomKey(
  { data_dir }: SecretSettings,
  entries: readonly { backend: SecretBackend }[],
): Promise<void> {
  if (readRandomKey(data_dir) !== undefined) return;
  if (entries.some(({ backend }) => backend === 'file')) {
    const hint = 'Restore keys/secrets.key. If it is lost, move secrets.json away and store the secrets again.';
    throw new AppError('UNAVAILABLE', 'The key of the secret store is gone.', { reason: 'key' }, { hint });
  }
  const path = keyPath(data_dir);
  await step('create', path, async () => {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    removeStaleIn(dirname(path));
    const temporary = temporaryBeside(dirname(path), 'secrets.key');
    try {
      const handle = await open(temporary, 'wx', 0o600);
      try {
        await handle.writeFile(randomBytes(KEY_BYTES));
        await handle.sync();
      } finally {
        await handle.close();
      }
      await link(temporary, path).catch((error: unknown) => {
        if (codeOf(error) !== 'EEXIST') throw error;
      });
      await syncDirectory(dirname(path));
    } finally {
      await unlink(temporary).catch(() => undefined);
    }
  });
}
