import { spawn } from 'node:child_process';
import { AppError } from '../core/errors.ts';
import { type ImportedKey, importPublicKey, verifySignature } from '../core/keys.ts';
import type { Keys, Signer } from './keys.ts';

/** Milliseconds: the time that SECURITY-BAR gives to calls that leave the process. */
const LIMIT_MS = 10_000;
/** Milliseconds that the answer about the public key is believed: a key that was rotated is noticed after that. */
const BELIEVED_MS = 60_000;
/** Bytes. A PEM or a signature has a few hundred. */
const LONGEST_ANSWER = 16 * 1024;

/** What a signer of a company must not learn from our settings. */
function environmentFor(env: Readonly<Record<string, string | undefined>>): Record<string, string | undefined> {
  return Object.fromEntries(
    Object.entries(env).filter(([name]) => name !== 'NODE_OPTIONS' && !name.startsWith('MCP_ORCHESTRATION_')),
  );
}

const failed = (why: string, cause?: unknown): AppError =>
  new AppError(
    'UNAVAILABLE',
    `The signer command ${why}.`,
    { reason: 'signer command' },
    { cause, hint: 'Try the command of MCP_ORCHESTRATION_SIGNER_COMMAND by hand, with the word public-key after it.' },
  );

/**
 * The private key is somewhere else: in a hardware module, a key service, another account. A program signs for us:
 * `COMMAND public-key` prints the public key as SPKI PEM; `COMMAND sign KEY_ID` reads the bytes on standard input and prints
 * the signature in base64 (Ed25519 as RFC 8032 has it, ECDSA P-256 over SHA-256 in DER). It is started without a shell,
 * and every signature is verified before it is used.
 */
export class SignerCommand implements Keys {
  readonly places = null;
  readonly #words: readonly string[];
  readonly #env: Record<string, string | undefined>;
  readonly #signed: (milliseconds: number) => void;
  #known: { until: number; signer: Promise<Signer> } | undefined;

  constructor(
    words: readonly string[],
    env: Readonly<Record<string, string | undefined>>,
    signed: (milliseconds: number) => void = () => undefined,
  ) {
    this.#words = words;
    this.#env = environmentFor(env);
    this.#signed = signed;
  }

  async exists(): Promise<boolean> {
    return true;
  }

  /** Throws UNAVAILABLE when the command gives none that can be used. */
  signer(): Promise<Signer> {
    const now = performance.now();
    if (this.#known !== undefined && now < this.#known.until) return this.#known.signer;
    const signer = this.#ask();
    this.#known = { until: now + BELIEVED_MS, signer };
    // A failure is not believed: the next one asks again.
    signer.catch(() => {
      this.#known = undefined;
    });
    return signer;
  }

  /** The key is made where the command has it. */
  async create(replace: boolean): Promise<boolean> {
    if (!replace) return false;
    const reason = 'the signer command holds the key: replace it there, and it is noticed within a minute';
    throw new AppError('INVALID_INPUT', `A key cannot be made here: ${reason}.`, { field: 'regenerate', reason });
  }

  async #ask(): Promise<Signer> {
    const public_key_pem = (await this.#run(['public-key'], '')).trimEnd().concat('\n');
    const { key_id, algorithm } = this.#imported(public_key_pem);
    const record = { key_id, algorithm, public_key_pem, status: 'active' } as const;
    return {
      key_id,
      algorithm,
      public_key_pem,
      sign: async (bytes) => {
        const begun = performance.now();
        const answer = (await this.#run(['sign', key_id], bytes)).trim();
        const signature = Buffer.from(answer, 'base64');
        if (signature.toString('base64') !== answer) throw failed('printed no base64');
        if (!verifySignature(record, bytes, signature)) {
          this.#known = undefined;
          throw failed('signed with another key, or something else');
        }
        this.#signed(performance.now() - begun);
        return signature;
      },
    };
  }

  #imported(pem: string): ImportedKey {
    try {
      return importPublicKey(pem);
    } catch (cause) {
      throw failed('printed no public key that can be used', cause);
    }
  }

  async #run(args: readonly string[], input: string | Uint8Array): Promise<string> {
    const [program = '', ...first] = this.#words;
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    const child = spawn(program, [...first, ...args], { env: this.#env, stdio: ['pipe', 'pipe', 'ignore'] });
    const giveUp = (why: string) => {
      child.kill('SIGKILL');
      // What it has started itself may live on, and hold the other end: without this the answer would not end before that.
      child.stdout.destroy();
      reject(failed(why));
    };
    const tooLate = setTimeout(() => giveUp('took too long'), LIMIT_MS);
    let answer = '';
    child.once('error', (error) => reject(failed('cannot be started', error)));
    child.stdin.on('error', () => undefined); // it may have gone before it read anything; its exit says more
    child.stdin.end(input);
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      answer += text;
      if (answer.length > LONGEST_ANSWER) giveUp('printed too much');
    });
    child.once('close', (code, signal) => {
      clearTimeout(tooLate);
      if (code === 0) resolve(answer);
      else reject(failed(signal === null ? `ended with ${code}` : 'was killed'));
    });
    return promise;
  }
}
