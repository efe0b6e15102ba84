import { randomBytes } from 'node:crypto';
import { isIP, type Socket } from 'node:net';
import pg from 'pg';
import type { AppError } from '../../core/errors.ts';
import { closedError } from '../opened-store.ts';
import { hasAnswered, isBroken, postgresError } from './errors.ts';
import { Sockets } from './sockets.ts';

/** 64-bit integers hold counts and numbers of rows here: exact as a JavaScript number up to 2^53. */
const INT8 = 20;
const types = {
  getTypeParser: ((oid: number, format?: 'text') =>
    oid === INT8 ? Number : pg.types.getTypeParser(oid, format)) as typeof pg.types.getTypeParser,
};

type Limits = Pick<
  pg.ClientConfig,
  | 'connectionTimeoutMillis'
  | 'statement_timeout'
  | 'lock_timeout'
  | 'idle_in_transaction_session_timeout'
  | 'query_timeout'
>;

/** Milliseconds. A request has ten seconds, so PostgreSQL gives up before its caller does. */
const LIMITS: Limits = {
  connectionTimeoutMillis: 5_000,
  statement_timeout: 8_000,
  lock_timeout: 5_000,
  idle_in_transaction_session_timeout: 30_000,
  // For a server that neither answers nor goes away.
  query_timeout: 12_000,
};

/** For what takes as long as it takes: changes of the tables, and copies of all their rows. */
export const PATIENT: Limits = { connectionTimeoutMillis: 5_000, lock_timeout: 60_000 };

/** Readers and writers have connections of their own, so that writers that wait for each other keep no reader waiting. */
const READERS = 6;
const WRITERS = 4;

/** `pipeline`: what does not wait for an answer is sent together, and every statement still fails alone. */
const POOL = { idleTimeoutMillis: 30_000, pipeline: true };

const LOCAL_HOSTS = new Set(['', 'localhost', '127.0.0.1', '::1', '[::1]']);

/** A socket, or this machine: nobody is in between. */
function staysHere(url: URL): boolean {
  const host = url.searchParams.get('host') ?? decodeURIComponent(url.hostname);
  return host.startsWith('/') || LOCAL_HOSTS.has(host.toLowerCase()) || (isIP(host) === 4 && host.startsWith('127.'));
}

/**
 * The certificate of a server elsewhere is checked, its name included, unless the URL leaves TLS out. For other modes, which
 * the driver takes for that one, it writes a warning to stderr.
 */
export function withCheckedTls(text: string): string {
  const url = new URL(text);
  const mode = url.searchParams.get('sslmode');
  if (mode === 'disable' || mode === 'verify-full' || (mode === null && staysHere(url))) return text;
  url.searchParams.set('sslmode', 'verify-full');
  return url.href;
}

/** Where statements go that belong to nobody in particular: those of the listener, and the question whether it is there. */
export function clientOf(url: string, name: string, limits: Limits, stream: () => Socket): pg.Client {
  return new pg.Client({ ...settings(url, name), ...limits, types, stream });
}

/** How long, in milliseconds, PostgreSQL may think about whether it is there. */
const ANSWER_MS = 1_500;

/** Asks on a connection of its own. A refusal is an answer, too. */
async function answers(url: string, name: string): Promise<boolean> {
  const sockets = new Sockets();
  const client = clientOf(url, name, {}, sockets.make);
  client.on('error', () => undefined);
  const over = setTimeout(() => sockets.cut(), ANSWER_MS);
  try {
    await client.connect();
    await client.query('select 1');
    await client.end();
    return true;
  } catch (error) {
    return hasAnswered(error);
  } finally {
    clearTimeout(over);
    sockets.cut();
  }
}

const settings = (url: string, application_name: string) => ({
  connectionString: withCheckedTls(url),
  application_name,
  keepAlive: true,
});

/** One connection while somebody has it. `lost` says that nobody shall get it again. */
export interface Lent {
  client: pg.PoolClient;
  release(lost?: boolean): void;
}

/** The two pools, and who uses them now. */
export class Connections {
  /** The name under which PostgreSQL shows the connections of this store, and by which it knows its own changes. */
  readonly name = `mcp-orchestration/${randomBytes(6).toString('hex')}`;
  /** Of these connections, and of those that belong to nobody in particular. */
  readonly sockets = new Sockets();
  readonly #url: string;
  readonly #readers: pg.Pool;
  readonly #writers: pg.Pool;
  #users = 0;
  #closing: PromiseWithResolvers<void> | undefined;
  #refusal: (() => AppError) | undefined;

  constructor(url: string, limits = LIMITS) {
    this.#url = url;
    const pool = (max: number) => {
      const stream = this.sockets.make;
      const made = new pg.Pool({ ...settings(url, this.name), ...limits, ...POOL, types, max, stream });
      // A connection that ends while nobody asks it anything is found out by the next who does. Unheard, it would end the process.
      made.on('error', () => undefined);
      made.on('connect', (client) => client.on('error', () => undefined));
      return made;
    };
    this.#readers = pool(READERS);
    this.#writers = pool(WRITERS);
  }

  /** Throws UNAVAILABLE after `close`; until what it gives is called, `close` waits. */
  admit(): () => void {
    if (this.#closing) throw closedError();
    this.#users += 1;
    return () => {
      this.#users -= 1;
      if (this.#users === 0) this.#closing?.resolve();
    };
  }

  /** From now on nobody gets a connection to write. */
  refuseWriters(refusal: () => AppError): void {
    this.#refusal = refusal;
  }

  /** Throws UNAVAILABLE when there is none to be had, and after `close`. */
  async lend(to: 'read' | 'write'): Promise<Lent> {
    const leave = this.admit();
    try {
      const { client, release } = await this.lendAdmitted(to);
      return {
        client,
        release: (lost) => {
          release(lost);
          leave();
        },
      };
    } catch (error) {
      leave();
      throw error;
    }
  }

  /** After `close` as well. */
  async lendAdmitted(to: 'read' | 'write'): Promise<Lent> {
    if (to === 'write' && this.#refusal) throw this.#refusal();
    try {
      const client = await (to === 'read' ? this.#readers : this.#writers).connect();
      return { client, release: (lost = false) => client.release(lost) };
    } catch (error) {
      throw postgresError(error);
    }
  }

  /** One statement on a connection of its own turn. */
  async query<R extends pg.QueryResultRow>(text: string, values: unknown[] = []): Promise<R[]> {
    const { client, release } = await this.lend('read');
    try {
      const { rows } = await client.query<R>(text, values);
      release();
      return rows;
    } catch (error) {
      release(isBroken(error));
      throw postgresError(error);
    }
  }

  /**
   * Where PostgreSQL does not answer, all that waits for it fails, and whatever comes later. Where it does, nothing happens.
   * True: it is so.
   */
  async endSilence(): Promise<boolean> {
    if (await answers(this.#url, this.name)) return false;
    this.sockets.cut();
    return true;
  }

  /** Lets everybody finish who has a connection or waits for one. Closing again does nothing. */
  async close(): Promise<void> {
    if (this.#closing) return this.#closing.promise;
    this.#closing = Promise.withResolvers<void>();
    if (this.#users === 0) this.#closing.resolve();
    await this.#closing.promise;
    await Promise.all([this.#readers.end(), this.#writers.end()]);
  }
}
