import { createCipheriv, createDecipheriv, randomBytes, scryptSync } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { AppError } from '../../core/errors.ts';

/** How a key is made of a passphrase. Null in a store: the key is random and lies in `keys/secrets.key`. */
export interface Kdf {
  name: 'scrypt';
  N: number;
  r: number;
  p: number;
  /** Base64. */
  salt: string;
}

/** One value under AES-256-GCM (NIST SP 800-38D) with a random 96-bit nonce. All three are base64. */
export interface Sealed {
  iv: string;
  tag: string;
  ciphertext: string;
}

export const KEY_BYTES = 32;
/** The cost that SECURITY-BAR and OWASP name for stored secrets: about half a second. */
const COST = { N: 2 ** 17, r: 8, p: 1 };

export const newKdf = (): Kdf => ({ name: 'scrypt', ...COST, salt: randomBytes(16).toString('base64') });

/** The name is bound to the value: an entry that is moved under another name does not open. */
const boundTo = (name: string) => Buffer.from(`mcp-orchestration secret v1 ${name}`, 'utf8');

export function seal(key: Buffer, name: string, value: string): Sealed {
  const iv = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', key, iv).setAAD(boundTo(name));
  const ciphertext = Buffer.concat([cipher.update(value, 'utf8'), cipher.final()]);
  const [ivText, tag, text] = [iv, cipher.getAuthTag(), ciphertext].map((bytes) => bytes.toString('base64'));
  return { iv: ivText ?? '', tag: tag ?? '', ciphertext: text ?? '' };
}

/** Throws UNAVAILABLE for a wrong key and for content that was changed: the two cannot be told apart. */
export function unseal(key: Buffer, name: string, sealed: Sealed): string {
  const [iv, tag, ciphertext] = [sealed.iv, sealed.tag, sealed.ciphertext].map((text) => Buffer.from(text, 'base64'));
  try {
    if (iv?.length !== 12 || tag?.length !== 16 || ciphertext === undefined) throw new Error('not a sealed value');
    const decipher = createDecipheriv('aes-256-gcm', key, iv, { authTagLength: 16 }).setAAD(boundTo(name));
    decipher.setAuthTag(tag);
    return Buffer.concat([decipher.update(ciphertext), decipher.final()]).toString('utf8');
  } catch (cause) {
    const hint =
      'Was the key or the passphrase replaced, or the file changed by hand? Restore it, or store the secret again with `mcp-orchestration set-secret`.';
    throw new AppError(
      'UNAVAILABLE',
      `The secret "${name}" cannot be opened.`,
      { reason: 'sealed', name },
      { cause, hint },
    );
  }
}

export const keyPath = (data_dir: string): string => join(data_dir, 'keys', 'secrets.key');

/** The random key of a store without a passphrase; undefined when there is none yet. */
export function readRandomKey(data_dir: string): Buffer | undefined {
  const path = keyPath(data_dir);
  let key: Buffer;
  try {
    key = readFileSync(path);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    const message = `The key of the secret store cannot be read (${(cause as NodeJS.ErrnoException).code}).`;
    throw new AppError('UNAVAILABLE', message, { reason: 'key', path }, { cause });
  }
  if (key.length === KEY_BYTES) return key;
  throw new AppError('UNAVAILABLE', 'The key of the secret store is damaged.', { reason: 'key', path });
}

/** The key of a store with a passphrase. Takes as long as the cost of its `kdf` says. */
export function keyFromPassphrase(path: string, { N, r, p, salt }: Kdf): Buffer {
  return scryptSync(readPassphrase(path), Buffer.from(salt, 'base64'), KEY_BYTES, { N, r, p, maxmem: 256 * N * r });
}

function readPassphrase(path: string): Buffer {
  const refuse = (what: string, cause?: unknown) =>
    new AppError('UNAVAILABLE', `The passphrase file ${what}.`, { reason: 'passphrase', path }, { cause });
  let text: string;
  try {
    const { uid, mode } = statSync(path);
    const self = process.getuid?.();
    if (self !== undefined && (uid !== self || (mode & 0o077) !== 0)) {
      throw refuse('must belong to you, and nobody else may read it (chmod 600)');
    }
    text = readFileSync(path, 'utf8').replace(/\r?\n$/, '');
  } catch (cause) {
    if (cause instanceof AppError) throw cause;
    throw refuse(`cannot be read (${(cause as NodeJS.ErrnoException).code ?? 'unknown'})`, cause);
  }
  if (text === '') throw refuse('is empty');
  return Buffer.from(text, 'utf8');
}
