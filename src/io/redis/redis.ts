import { createHash, randomBytes } from 'node:crypto';
import type { Result } from 'ioredis';
import { AppError } from '../../core/errors.ts';
import { optionsOf, RedisConnection, type RedisLog } from './connection.ts';

/** Nothing longer is kept there, or believed to be ours. In bytes. */
const LONGEST = 1024 * 1024;
/** What was not asked for in an hour is as well asked of the store. In seconds. */
const KEPT_S = 60 * 60;

/**
 * One round trip, and no count without an end: a count that lost its time to live gets one with the next. Milliseconds.
 */
const COUNT = `
  local count = redis.call('INCR', KEYS[1])
  local left = redis.call('PTTL', KEYS[1])
  if left < 0 then
    left = tonumber(ARGV[1])
    redis.call('PEXPIRE', KEYS[1], left)
  end
  return {count, left}`;

declare module 'ioredis' {
  interface RedisCommander<Context> {
    mcpoCount(key: string, window_ms: number): Result<unknown, Context>;
  }
}

export interface RedisSettings {
  url: string;
  /** Installations of different names never meet, although they use one Redis. */
  namespace: string;
  log: RedisLog;
}

/** Texts that others may read and change: whoever takes one has to check it. */
export interface Texts {
  /** Undefined at once when nobody can be asked. */
  get(key: string): Promise<string | undefined> | undefined;
  /** Neither is waited for. */
  put(key: string, text: string): void;
  drop(key: string): void;
}

/** What several processes do together while Redis is there. Nothing of it fails, and nothing of it is the record. */
export interface SharedRedis {
  up(): boolean;
  start(): void;
  texts: Texts;
  /** How often it was counted in the window that runs, this time included; undefined when nobody knows now. */
  count(key: string, window_ms: number): Promise<{ count: number; left_ms: number } | undefined> | undefined;
  /** Tells the others that this process has committed something. */
  tell(): void;
  /** Calls back when another process tells it. */
  hear(listener: () => void): void;
  close(): Promise<void>;
}

/** For what installations are told apart by: 16 hexadecimal digits that say nothing of the text. */
export const namespaceOf = (identity: string): string =>
  createHash('sha256').update(identity).digest('hex').slice(0, 16);

/** Connects when it is first used. Throws INVALID_INPUT when the driver is not installed. */
export async function openRedis({ url, namespace, log }: RedisSettings): Promise<SharedRedis> {
  const { Redis } = await driver();
  const client = new Redis({ ...optionsOf(url), replyMapping: 'legacy' });
  client.defineCommand('mcpoCount', { numberOfKeys: 1, lua: COUNT });
  const key = (...parts: string[]) => ['mcpo', namespace, ...parts].join(':');
  const changed = key('changed');
  const connection = new RedisConnection(client, log, changed);
  const own = randomBytes(6).toString('hex');
  return {
    up: () => connection.up,
    start: () => connection.start(),
    texts: textsIn(connection, key),
    // Names of people may be in what is counted: Redis gets to see digests.
    count: (of, window_ms) =>
      connection
        .ask((redis) => redis.mcpoCount(key('count', namespaceOf(of)), window_ms))
        ?.then((answer) => countIn(answer, window_ms)),
    tell: oneAtATime(() => connection.ask((redis) => redis.publish(changed, own))),
    hear: (listener) => connection.hear((from) => from !== own && listener()),
    close: () => connection.close(),
  };
}

async function driver(): Promise<Pick<typeof import('ioredis'), 'Redis'>> {
  try {
    return await import('ioredis');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw cause;
    const reason = 'the package ioredis is not installed';
    throw new AppError(
      'INVALID_INPUT',
      `MCP_ORCHESTRATION_REDIS_URL: ${reason}.`,
      { field: 'MCP_ORCHESTRATION_REDIS_URL', reason },
      { cause, hint: 'Install it beside this program: npm install ioredis@6.0.0. Or unset the variable.' },
    );
  }
}

function textsIn(connection: RedisConnection, key: (...parts: string[]) => string): Texts {
  return {
    // Of what is too long for us no more is read than shows that.
    get: (of) =>
      connection.ask((redis) => redis.getrange(key('text', of), 0, LONGEST))?.then((text) => text || undefined),
    put(of, text) {
      if (Buffer.byteLength(text) <= LONGEST)
        void connection.ask((redis) => redis.set(key('text', of), text, 'EX', KEPT_S));
    },
    drop: (of) => void connection.ask((redis) => redis.unlink(key('text', of))),
  };
}

/** A number that somebody else may have written is not believed when it cannot be one of ours. */
function countIn(answer: unknown, window_ms: number): { count: number; left_ms: number } | undefined {
  const [count, left] = Array.isArray(answer) ? answer : [];
  if (!Number.isSafeInteger(count) || count < 1 || !Number.isSafeInteger(left) || left < 0) return undefined;
  return { count, left_ms: Math.min(left, window_ms) };
}

/** What is asked for while it runs is done once more after it: many commits are told as few. */
function oneAtATime(work: () => Promise<unknown> | undefined): () => void {
  let running = false;
  let again = false;
  const run = () => {
    again = false;
    const done = work();
    if (done === undefined) return;
    running = true;
    void done.then(() => {
      running = false;
      if (again) run();
    });
  };
  return () => {
    if (running) again = true;
    else run();
  };
}
