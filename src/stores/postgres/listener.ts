import type { Socket } from 'node:net';
import type pg from 'pg';
import { closedError, type StoreLog } from '../opened-store.ts';
import { clientOf } from './connections.ts';
import { reasonOf, silentError } from './errors.ts';

/** Where the triggers of the tables tell of changes: the schema and the name of the connection that made them. */
export const CHANNEL = 'mcp_orchestration';

/** Milliseconds. Both together less than a second: within so long a token that was revoked elsewhere has to be refused. */
const BEAT = 400;
const BEAT_TIMEOUT = 500;
const CONNECT_TIMEOUT = 5_000;
const FIRST_PAUSE = 50;
const LONGEST_PAUSE = 2_000;
/** While nothing can be heard, whatever was read is believed for so long. */
const DEAF_TICK = 250;
/** What somebody else tells of is heard here as well within so long, or this connection is as good as down. */
const ECHO = 50;

const DEAF = 'PostgreSQL tells of no changes by others; the server reads everything anew four times a second';
const HEARS_AGAIN = 'PostgreSQL tells of changes again';

export interface ListenerSettings {
  url: string;
  /** Changes by connections of this name are known here already. */
  own: string;
  /** Makes the socket of each of its connections. */
  socket: () => Socket;
  /** Called whenever something may have been committed by somebody else, as far as that is told. */
  changed: () => void;
  /** Is told once when nothing is heard any more, and once when it is again. */
  log: StoreLog;
}

/**
 * Hears of what other processes commit. While the connection is down nothing is heard, so everything counts as changed
 * four times a second; once it is back, everything counts as changed once more, for what was missed.
 */
export class Listener {
  readonly #settings: ListenerSettings;
  #client: pg.Client | undefined;
  #schema: string | undefined;
  /** What was told of it; undefined while nothing came of the first try. */
  #hears: boolean | undefined;
  #changes = 0;
  #stopped = false;
  #pause = FIRST_PAUSE;
  #timer: NodeJS.Timeout | undefined;
  #heardAt = Number.NEGATIVE_INFINITY;
  #echo: NodeJS.Timeout | undefined;
  #working: Promise<void> | undefined;

  constructor(settings: ListenerSettings) {
    this.#settings = settings;
  }

  /** A text that differs whenever something may have been committed by somebody else since it was last asked. */
  version(): string {
    if (this.#schema !== undefined) return `${this.#changes}`;
    this.#start();
    return `${this.#changes}~${Math.floor(performance.now() / DEAF_TICK)}`;
  }

  /** Undefined while nobody has tried yet. */
  get hears(): boolean | undefined {
    return this.#hears;
  }

  /**
   * Somebody told of a commit in another way. Counted is it only when it is not heard here as well: what counts twice is
   * read twice.
   */
  told(): void {
    if (this.#schema === undefined) {
      this.#change();
      return;
    }
    const at = performance.now();
    this.#echo ??= setTimeout(() => {
      this.#echo = undefined;
      if (this.#heardAt < at - ECHO) this.#change();
    }, ECHO).unref();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    clearTimeout(this.#echo);
    const client = this.#client;
    this.#lose(client, closedError());
    await this.#working;
    await client?.end().catch(() => undefined);
  }

  #start(): void {
    if (this.#stopped || this.#working || this.#timer) return;
    this.#working = this.#connect().finally(() => {
      this.#working = undefined;
    });
  }

  async #connect(): Promise<void> {
    const { url, own, socket } = this.#settings;
    const limits = { connectionTimeoutMillis: CONNECT_TIMEOUT, query_timeout: CONNECT_TIMEOUT };
    const client = clientOf(url, own, limits, socket);
    this.#client = client;
    client.on('error', (error) => this.#lose(client, error));
    client.on('end', () => this.#lose(client, new Error('Connection ended')));
    client.on('notification', ({ payload }) => this.#heard(payload ?? ''));
    try {
      await client.connect();
      await client.query(`listen ${CHANNEL}`);
      const { rows } = await client.query<{ schema: string }>('select current_schema::text as schema');
      if (this.#stopped) return void (await client.end());
      this.#schema = rows[0]?.schema ?? '';
      this.#tellHearing();
      this.#change();
      this.#later(BEAT, () => this.#beat(client));
    } catch (error) {
      this.#lose(client, error);
      await client.end().catch(() => undefined);
    }
  }

  /** A peer that vanished without a word is known by its silence alone. */
  #beat(client: pg.Client): void {
    const goOn = () => {
      if (this.#client !== client) return;
      this.#pause = FIRST_PAUSE;
      this.#later(BEAT, () => this.#beat(client));
    };
    const giveUp = (error: unknown) => {
      this.#lose(client, error);
      client.end().catch(() => undefined);
    };
    const silence = setTimeout(() => giveUp(silentError()), BEAT_TIMEOUT).unref();
    client
      .query('select 1')
      .then(goOn, giveUp)
      .finally(() => clearTimeout(silence));
  }

  #heard(payload: string): void {
    const [schema, name] = payload.split('\n');
    if (schema !== this.#schema) return;
    this.#heardAt = performance.now();
    if (name !== this.#settings.own) this.#change();
  }

  #change(): void {
    this.#changes += 1;
    this.#settings.changed();
  }

  #lose(client: pg.Client | undefined, error: unknown): void {
    if (client === undefined || this.#client !== client) return;
    this.#client = undefined;
    this.#schema = undefined;
    this.#change();
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#stopped) return;
    this.#tellLoss(error);
    this.#later(this.#pause, () => {
      this.#timer = undefined;
      this.#start();
    });
    this.#pause = Math.min(this.#pause * 2, LONGEST_PAUSE);
  }

  #tellLoss(err: unknown): void {
    if (this.#hears !== false) this.#settings.log.warn({ reason: reasonOf(err), err }, DEAF);
    this.#hears = false;
  }

  #tellHearing(): void {
    if (this.#hears === false) this.#settings.log.info({}, HEARS_AGAIN);
    this.#hears = true;
  }

  #later(ms: number, work: () => void): void {
    this.#timer = setTimeout(work, ms);
    this.#timer.unref();
  }
}
