import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { AppError } from '../../core/errors.ts';
import { TIMESTAMP } from '../../core/id-rules.ts';
import { type Kdf, keyFromPassphrase, readRandomKey, type Sealed, unseal } from './cipher.ts';

/** Reading needs no database, no schema library and no lock: the launcher does it before every start of a server. */

export type StoredSecret = { updated_at: string } & (({ backend: 'file' } & Sealed) | { backend: 'keychain' });

export interface SecretFile {
  version: 1;
  kdf: Kdf | null;
  entries: Record<string, StoredSecret>;
}

export interface SecretSettings {
  data_dir: string;
  /** With it a new store is locked by a passphrase instead of a key file. */
  passphrase_file?: string | undefined;
}

export const secretsPath = ({ data_dir }: SecretSettings): string => join(data_dir, 'secrets.json');

export const emptyFile = (kdf: Kdf | null): SecretFile => ({ version: 1, kdf, entries: Object.create(null) });

/** Undefined when nothing was ever stored. Throws UNAVAILABLE for a file that is not what we wrote. */
export function readSecretFile(settings: SecretSettings): { file: SecretFile; text: string } | undefined {
  const path = secretsPath(settings);
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw damaged(path, `cannot be read (${(cause as NodeJS.ErrnoException).code ?? 'unknown'})`, cause);
  }
  return { file: parse(path, text), text };
}

function parse(path: string, text: string): SecretFile {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw damaged(path, 'is no JSON', cause);
  }
  if (!isRecord(value) || value['version'] !== 1)
    throw damaged(path, 'is of a version that this program does not know');
  const { kdf, entries } = value;
  if (!isRecord(entries) || !(kdf === null || isKdf(kdf))) throw damaged(path, 'is not what this program wrote');
  const file = emptyFile(kdf);
  for (const [name, entry] of Object.entries(entries)) {
    if (!isStored(entry)) throw damaged(path, 'has an entry that this program did not write');
    file.entries[name] = entry;
  }
  return file;
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const isKdf = (value: unknown): value is Kdf =>
  isRecord(value) &&
  value['name'] === 'scrypt' &&
  typeof value['salt'] === 'string' &&
  // A file that was changed by somebody must not make us compute for hours.
  ['N', 'r', 'p'].every((key) => Number.isInteger(value[key]) && Number(value[key]) > 0) &&
  Number(value['N']) * Number(value['r']) * Number(value['p']) <= 2 ** 22;

function isStored(value: unknown): value is StoredSecret {
  if (!isRecord(value) || typeof value['updated_at'] !== 'string' || !TIMESTAMP.test(value['updated_at'])) return false;
  if (value['backend'] === 'keychain') return true;
  return value['backend'] === 'file' && ['iv', 'tag', 'ciphertext'].every((key) => typeof value[key] === 'string');
}

function damaged(path: string, what: string, cause?: unknown): AppError {
  const hint = 'Restore the file from a backup, or move it away and store the secrets again.';
  return new AppError('UNAVAILABLE', `The secret store ${what}.`, { reason: 'secret_store', path }, { cause, hint });
}

/** The key that a store is locked with. Throws UNAVAILABLE when the settings do not fit the store. */
export function keyOf(settings: SecretSettings, file: SecretFile): Buffer {
  if (file.kdf !== null) {
    if (settings.passphrase_file !== undefined) return keyFromPassphrase(settings.passphrase_file, file.kdf);
    const hint = 'Set MCP_ORCHESTRATION_KEY_PASSPHRASE_FILE to the file with the passphrase.';
    throw new AppError(
      'UNAVAILABLE',
      'The secret store is locked by a passphrase.',
      { reason: 'passphrase' },
      { hint },
    );
  }
  const key = readRandomKey(settings.data_dir);
  if (key) return key;
  const hint = 'Restore keys/secrets.key, or store the secrets again.';
  throw new AppError('UNAVAILABLE', 'The key of the secret store is gone.', { reason: 'key' }, { hint });
}

/** The value of a secret; undefined when there is none of that name. */
export async function readSecret(settings: SecretSettings, name: string): Promise<string | undefined> {
  const found = readSecretFile(settings);
  const entry = found?.file.entries[name];
  if (found === undefined || entry === undefined) return undefined;
  if (entry.backend === 'file') return unseal(keyOf(settings, found.file), name, entry);
  // Only now: the library of the keychain costs more to load than a file to open.
  const { readKeychain } = await import('./keychain.ts');
  return readKeychain(name);
}
