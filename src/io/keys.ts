import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { statSync } from 'node:fs';
import { link, mkdir, open, readFile, rename, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '../core/errors.ts';
import { type KeyAlgorithm, keyIdOf } from '../core/keys.ts';
import { failpoint } from './failpoint.ts';
import { removeStaleIn, syncDirectory, temporaryBeside } from './temporary.ts';

/** Signs with the private key that is in force now. */
export interface Signer {
  key_id: string;
  algorithm: KeyAlgorithm;
  public_key_pem: string;
  sign(bytes: Uint8Array): Buffer | Promise<Buffer>;
}

/** Where the private key is. */
export interface Keys {
  /** The files, where there are any on this machine. */
  readonly places: { dir: string; private_path: string; public_path: string } | null;
  /** The signer of the key in force. Throws KEYS_NOT_INITIALIZED when there is none. */
  signer(): Promise<Signer>;
  exists(): Promise<boolean>;
  /** Makes a key pair, or replaces the one that is there. False: there is one already, and it stays. */
  create(replace: boolean): Promise<boolean>;
}

/**
 * The directory `keys/` of a data directory: `signing.key` (PKCS#8 PEM, 0600) and `signing.pub` (SPKI PEM).
 * The private key file is the only truth; the public one is a convenience for people and is rewritten when it disagrees.
 * Several processes may share the directory: another one's new key is noticed at the next use.
 */
export class KeyDirectory implements Keys {
  readonly dir: string;
  readonly private_path: string;
  readonly public_path: string;
  readonly #signed: (milliseconds: number) => void;
  #cached: { stamp: string; signer: Signer } | undefined;

  /** `signed` hears how long each signature took. */
  constructor(dir: string, signed: (milliseconds: number) => void = () => undefined) {
    this.dir = dir;
    this.#signed = signed;
    this.private_path = join(dir, 'signing.key');
    this.public_path = join(dir, 'signing.pub');
  }

  /** The signer of the key on disk. Throws KEYS_NOT_INITIALIZED when there is none. */
  async signer(): Promise<Signer> {
    const stamp = this.#stamp();
    if (stamp === undefined) {
      throw new AppError('KEYS_NOT_INITIALIZED', 'There is no signing key yet.', { key_dir: this.dir });
    }
    if (this.#cached?.stamp === stamp) return this.#cached.signer;
    const signer = await this.#load();
    this.#cached = { stamp, signer };
    // Whoever made this key may have been killed before the rest was done. A directory that is read only stays as it is.
    removeStaleIn(this.dir);
    await this.#writePublic(signer).catch(() => undefined);
    return signer;
  }

  get places(): NonNullable<Keys['places']> {
    const { dir, private_path, public_path } = this;
    return { dir, private_path, public_path };
  }

  async exists(): Promise<boolean> {
    return this.#stamp() !== undefined;
  }

  /**
   * Makes a key pair. Without `replace` the first of several processes wins and the others find its key.
   * Returns false when a key was there already and stays.
   */
  async create(replace: boolean): Promise<boolean> {
    await mkdir(this.dir, { recursive: true, mode: 0o700 }).catch((error: unknown) => {
      throw writeFailed(error, 'key directory');
    });
    removeStaleIn(this.dir);
    const { privateKey } = generateKeyPairSync('ed25519');
    const made = await this.#place(privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(), replace);
    await this.#writePublic(await this.signer());
    return made;
  }

  async #place(pem: string, replace: boolean): Promise<boolean> {
    const temporary = await this.#writeTemporary(pem, 0o600);
    failpoint('keys.after-temp');
    try {
      if (replace) await rename(temporary, this.private_path);
      else await link(temporary, this.private_path);
      failpoint('keys.after-place');
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
      throw writeFailed(error, 'signing key');
    } finally {
      await unlink(temporary).catch(() => undefined);
      await syncDirectory(this.dir);
    }
  }

  async #writePublic({ public_key_pem }: Signer): Promise<void> {
    const known = await readFile(this.public_path, 'utf8').catch(() => undefined);
    if (known === public_key_pem) return;
    const temporary = await this.#writeTemporary(public_key_pem, 0o644);
    failpoint('keys.after-public-temp');
    await rename(temporary, this.public_path).catch(async (error: unknown) => {
      await unlink(temporary).catch(() => undefined);
      throw writeFailed(error, 'public key');
    });
    await syncDirectory(this.dir);
  }

  async #writeTemporary(text: string, mode: number): Promise<string> {
    const path = temporaryBeside(this.dir, 'signing');
    try {
      const file = await open(path, 'wx', mode);
      try {
        await file.writeFile(text);
        await file.sync();
      } finally {
        await file.close();
      }
    } catch (error) {
      await unlink(path).catch(() => undefined);
      throw writeFailed(error, 'temporary key file');
    }
    return path;
  }

  async #load(): Promise<Signer> {
    let key: KeyObject;
    try {
      key = createPrivateKey(await readFile(this.private_path));
    } catch (cause) {
      throw new AppError(
        'UNAVAILABLE',
        'The signing key cannot be read.',
        { reason: 'key unreadable' },
        {
          cause,
          hint: `Look at ${this.private_path}: it must be a PKCS#8 PEM file that you may read.`,
        },
      );
    }
    if (key.asymmetricKeyType !== 'ed25519') {
      throw new AppError('UNAVAILABLE', 'The signing key is not an Ed25519 key.', { reason: 'key type' });
    }
    const publicKey = createPublicKey(key);
    return {
      key_id: keyIdOf(publicKey),
      algorithm: 'ed25519',
      public_key_pem: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
      sign: (bytes) => {
        const begun = performance.now();
        const signature = sign(null, bytes, key);
        this.#signed(performance.now() - begun);
        return signature;
      },
    };
  }

  /**
   * Changes whenever another key file takes the name: inode, size and time of change. Asked for every signature, inside the
   * transaction of a release: a look at one inode is quicker than handing it to a thread.
   */
  #stamp(): string | undefined {
    try {
      const { ino, size, mtimeNs, ctimeNs } = statSync(this.private_path, { bigint: true });
      return `${ino}:${size}:${mtimeNs}:${ctimeNs}`;
    } catch (error) {
      if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
      throw new AppError(
        'UNAVAILABLE',
        'The signing key cannot be reached.',
        { reason: 'key unreachable' },
        { cause: error },
      );
    }
  }
}

function writeFailed(cause: unknown, step: string): AppError {
  const reason = (cause as NodeJS.ErrnoException).code ?? 'unknown';
  return new AppError('WRITE_FAILED', `The ${step} could not be written (${reason}).`, { reason, step }, { cause });
}
