import type { Redis, RedisOptions } from 'ioredis';

/** Milliseconds. Nobody waits longer for what only saves time. */
const ANSWER_MS = 100;
const BEAT_MS = 1_000;
const LONGEST_PAUSE_MS = 2_000;

export interface RedisLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}

/** Where and as whom; the query of a URL is none of the settings. */
export function optionsOf(text: string): RedisOptions {
  const url = new URL(text);
  const named = { username: decodeURIComponent(url.username), password: decodeURIComponent(url.password) };
  return {
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: Number(url.port || 6379),
    db: Number(url.pathname.slice(1) || 0),
    ...(named.username !== '' && { username: named.username }),
    ...(named.password !== '' && { password: named.password }),
    // The certificate is checked, its name included.
    ...(url.protocol === 'rediss:' && { tls: {} }),
    lazyConnect: true,
    connectTimeout: 5_000,
    enableOfflineQueue: false,
    autoResubscribe: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    // A peer that vanished without a word is known by its silence alone.
    socketTimeout: 2 * BEAT_MS,
    retryStrategy: (times) => Math.min(50 * 2 ** Math.min(times - 1, 10), LONGEST_PAUSE_MS),
  };
}

/** What can be said of a failure: a code of the system, or the first word of what Redis answers. Never more of its text. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown';
  if ('code' in error && typeof error.code === 'string') return error.code;
  return /^[A-Z]{2,20}\b/.exec(error.message)?.[0] ?? 'connection_lost';
}

/** Redis answered, and said no; everything else is no answer. */
const isRefusal = (error: unknown): error is Error => error instanceof Error && error.name === 'ReplyError';

/**
 * A connection that may be lost at any time, and fails nobody: what is asked while it is down, or answered too late, is
 * answered with undefined. It is made when something is asked for the first time, and made again by itself.
 */
export class RedisConnection {
  readonly #client: Redis;
  readonly #log: RedisLog;
  readonly #channel: string;
  readonly #listeners = new Set<(message: string) => void>();
  readonly #refusals = new Set<string>();
  /** What is told of it; undefined while nobody has tried. */
  #up: boolean | undefined;
  /** Whether it is asked: after a late answer it is not, until it has answered again. */
  #usable = false;
  #reason = 'connection_lost';
  #begun = false;
  #closed = false;
  #beating: NodeJS.Timeout | undefined;

  /** `client` has not connected yet; everything that is heard is heard on one channel. */
  constructor(client: Redis, log: RedisLog, channel: string) {
    this.#client = client;
    this.#log = log;
    this.#channel = channel;
    // Without somebody who listens, the driver writes the text of errors to stderr.
    client.on('error', (error) => {
      this.#reason = reasonOf(error);
    });
    client.on('ready', () => void this.#ready());
    client.on('close', () => this.#lost(this.#reason));
    client.on('message', (_channel: string, message: string) => {
      for (const listener of this.#listeners) listener(message);
    });
  }

  get up(): boolean {
    return this.#up === true;
  }

  /** Begins to connect, if nobody has yet. */
  start(): void {
    if (this.#begun || this.#closed) return;
    this.#begun = true;
    // What came of it is told by the events, this time and every time after.
    this.#client.connect().catch(() => undefined);
  }

  /** Undefined at once while it is down, and later when there was no answer in time or Redis refused. */
  ask<T>(command: (client: Redis) => Promise<T>): Promise<T | undefined> | undefined {
    if (this.#usable) return this.#asked(command);
    this.start();
    return undefined;
  }

  /** Calls back with every message on the channel that comes while the connection is up. */
  hear(listener: (message: string) => void): void {
    this.#listeners.add(listener);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#usable = false;
    clearTimeout(this.#beating);
    if (this.#begun) this.#client.disconnect();
  }

  async #asked<T>(command: (client: Redis) => Promise<T>): Promise<T | undefined> {
    try {
      const answer = await within(ANSWER_MS, command(this.#client));
      if (answer !== undefined) return answer.value;
      this.#silent();
    } catch (error) {
      if (isRefusal(error)) this.#refused(reasonOf(error));
    }
    return undefined;
  }

  /** So that not everybody waits for it, it is asked again only after it has answered. */
  #silent(): void {
    if (!this.#usable) return;
    this.#usable = false;
    this.#beat();
  }

  #refused(reason: string): void {
    if (this.#refusals.has(reason)) return;
    this.#refusals.add(reason);
    this.#log.warn({ reason }, 'Redis refuses a command; the server goes on without it');
  }

  /** The driver chooses the database, and goes on in the first one where that is refused. */
  async #chosen(): Promise<boolean> {
    const { db = 0 } = this.#client.options;
    if (db === 0) return true;
    try {
      await this.#client.select(db);
      return true;
    } catch (error) {
      if (isRefusal(error)) {
        this.#reason = 'no_such_database';
        // Tried again later: it may be given more databases.
        this.#client.disconnect(true);
      }
      return false;
    }
  }

  async #ready(): Promise<void> {
    if (!(await this.#chosen())) return;
    try {
      await this.#client.subscribe(this.#channel);
    } catch (error) {
      // May it not listen, it is a cache all the same.
      if (isRefusal(error)) this.#refused(reasonOf(error));
    }
    this.#beat();
  }

  #answered(): void {
    this.#usable = true;
    if (this.#up !== true) this.#log.info({}, 'Redis is in use');
    this.#up = true;
  }

  #lost(reason: string): void {
    this.#usable = false;
    this.#reason = 'connection_lost';
    if (this.#closed) return;
    clearTimeout(this.#beating);
    this.#down(reason);
  }

  #down(reason: string): void {
    if (this.#up !== false) this.#log.warn({ reason }, 'Redis is out of reach; the server goes on without it');
    this.#up = false;
  }

  /** Asks whether it is there, once a second. The driver ends a connection on which nothing comes any more. */
  #beat(): void {
    clearTimeout(this.#beating);
    if (this.#closed || this.#client.status !== 'ready') return;
    within(BEAT_MS, this.#client.ping()).then(
      (answer) => this.#beaten(answer !== undefined),
      // Connections that end have told it already.
      (error: unknown) => isRefusal(error) && this.#beaten(true),
    );
  }

  #beaten(answered: boolean): void {
    if (this.#closed || this.#client.status !== 'ready') return;
    if (answered) this.#answered();
    else {
      this.#usable = false;
      this.#down('no_answer');
    }
    this.#beating = setTimeout(() => this.#beat(), BEAT_MS);
    this.#beating.unref();
  }
}

/** Undefined when it takes longer. An answer that lay waiting while this process was busy is taken. */
function within<T>(ms: number, work: Promise<T>): Promise<{ value: T } | undefined> {
  return new Promise((resolve, reject) => {
    const giveUp = () => resolve(undefined);
    const timer = setTimeout(() => setImmediate(() => setImmediate(giveUp)), ms);
    timer.unref();
    work.then(
      (value) => {
        clearTimeout(timer);
        resolve({ value });
      },
      (error: unknown) => {
        clearTimeout(timer);
        reject(error);
      },
    );
  });
}
