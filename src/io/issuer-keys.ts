import { createLocalJWKSet, errors, type JSONWebKeySet, type JWTVerifyGetKey } from 'jose';
import { AppError } from '../core/errors.ts';

/** All of one look: discovery document and keys. */
const READ_MS = 5_000;
const MOST_BYTES = 256 * 1024;
/** Keys are looked at again when they are older than this; a key that was withdrawn is accepted no longer. */
const FRESH_MS = 10 * 60_000;
/** So long keys are used when the issuer cannot be asked any more. */
const USABLE_MS = 60 * 60_000;
/** Between two looks, whoever asks for whatever key: a guesser does not make us flood the issuer. */
const PAUSE_MS = 10_000;

export interface IssuerSettings {
  /** As it stands in tokens. */
  issuer: string;
  /** http is asked on this machine only, and only when this is set. */
  loopback_http: boolean;
  log: { warn(fields: object, message: string): void };
  /** Milliseconds that only grow. */
  clock?: () => number;
}

/**
 * The public keys of an OpenID Connect issuer: found by its discovery document (OpenID Connect Discovery 1.0, section 4),
 * kept, and read again when they are old or a token names one that is not among them.
 */
export class IssuerKeys {
  readonly #settings: IssuerSettings;
  readonly #clock: () => number;
  #find: JWTVerifyGetKey | undefined;
  #readAt = Number.NEGATIVE_INFINITY;
  #triedAt = Number.NEGATIVE_INFINITY;
  #reading: Promise<boolean> | undefined;

  constructor(settings: IssuerSettings) {
    this.#settings = settings;
    this.#clock = settings.clock ?? (() => performance.now());
  }

  /** Throws UNAVAILABLE when there are no keys to look in, and the error of `jose` when the key is not among them. */
  readonly find: JWTVerifyGetKey = async (header, token) => {
    if (this.#age() > FRESH_MS) await this.#read();
    if (this.#find === undefined || this.#age() > USABLE_MS)
      throw new AppError('UNAVAILABLE', 'The issuer of this token cannot be asked for its keys now.');
    try {
      return await this.#find(header, token);
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey) || !(await this.#read())) throw error;
      return this.#find(header, token);
    }
  };

  readonly #age = () => this.#clock() - this.#readAt;

  /** Whether there are new keys. One look at a time, for all who wait. */
  async #read(): Promise<boolean> {
    if (this.#reading !== undefined) return this.#reading;
    if (this.#clock() - this.#triedAt < PAUSE_MS) return false;
    this.#triedAt = this.#clock();
    this.#reading = this.#look();
    try {
      return await this.#reading;
    } finally {
      this.#reading = undefined;
    }
  }

  async #look(): Promise<boolean> {
    const { issuer, loopback_http, log } = this.#settings;
    try {
      const signal = AbortSignal.timeout(READ_MS);
      const document = await readObject(`${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`, signal);
      if (document['issuer'] !== issuer) throw new Error('the discovery document is of another issuer');
      const keys = await readObject(admitted(document['jwks_uri'], loopback_http), signal);
      this.#find = createLocalJWKSet(keys as unknown as JSONWebKeySet);
      this.#readAt = this.#clock();
      return true;
    } catch (err) {
      log.warn({ err }, 'the keys of the OpenID Connect issuer could not be read');
      return false;
    }
  }
}

function admitted(uri: unknown, loopback_http: boolean): string {
  const url = typeof uri === 'string' && URL.canParse(uri) ? new URL(uri) : undefined;
  const loopback = url?.protocol === 'http:' && ['127.0.0.1', '[::1]', 'localhost'].includes(url.hostname);
  if (url?.protocol === 'https:' || (loopback && loopback_http)) return url.href;
  throw new Error('the discovery document names no https address of keys');
}

async function readObject(url: string, signal: AbortSignal): Promise<Record<string, unknown>> {
  const response = await fetch(url, { signal, redirect: 'error', headers: { accept: 'application/json' } });
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length;
    if (bytes > MOST_BYTES) throw new Error(`${url} answers more than ${MOST_BYTES} bytes`);
    chunks.push(chunk);
  }
  if (response.status !== 200) throw new Error(`${url} answers ${response.status}`);
  const value: unknown = JSON.parse(Buffer.concat(chunks).toString('utf8'));
  if (typeof value !== 'object' || value === null) throw new Error(`${url} answers no JSON object`);
  return value as Record<string, unknown>;
}
