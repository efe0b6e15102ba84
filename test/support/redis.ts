import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { Redis } from 'ioredis';
import { freePort } from './listen.ts';
import { temporaryDirectory } from './workspace.ts';

const run = promisify(execFile);

/** Where a Redis was found. */
type Found = { url: string } | { missing: string };

const isRootOnDebian = () => process.getuid?.() === 0 && existsSync('/etc/debian_version');

/** The path of `redis-server`; installed with apt-get where that can be. */
async function binary(): Promise<string | undefined> {
  for (const attempt of ['as it is', 'after installing'] as const) {
    const found = await run('sh', ['-c', 'command -v redis-server || command -v valkey-server']).catch(() => undefined);
    if (found) return found.stdout.trim();
    if (attempt === 'after installing' || !isRootOnDebian()) return undefined;
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    await run('apt-get', ['install', '-y', '--no-install-recommends', 'redis-server'], { env }).catch(() => undefined);
  }
  return undefined;
}

/** A Redis of this test alone. It keeps nothing: after a start it is empty. */
export interface OwnRedis {
  url: string;
  /** Does nothing while it runs. */
  start(): Promise<void>;
  /** As a crash. */
  stop(): Promise<void>;
  /** It neither answers nor goes away, until it goes on. */
  freeze(): void;
  goOn(): void;
  flush(): Promise<void>;
  /** Asks as an administrator. */
  as<T>(work: (redis: Redis) => Promise<T>): Promise<T>;
  remove(): Promise<void>;
}

/** Whether there is an answer: that a password is needed is one as well. */
const says = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port, timeout: 1_000 }, () => socket.write('PING\r\n'));
    const end = (answer: boolean) => {
      socket.destroy();
      resolve(answer);
    };
    socket.once('data', () => end(true));
    socket.once('error', () => end(false));
    socket.once('timeout', () => end(false));
  });

/** What one asks with, for as long as it takes. */
async function asked<T>(url: string, work: (redis: Redis) => Promise<T>): Promise<T> {
  const redis = new Redis(url, { lazyConnect: true, retryStrategy: () => null });
  redis.on('error', () => undefined);
  try {
    await redis.connect();
    return await work(redis);
  } finally {
    redis.disconnect();
  }
}

/** Undefined: there is none on this machine and it cannot be put there. */
export async function throwAwayRedis(...settings: string[]): Promise<OwnRedis | undefined> {
  const program = await binary();
  if (program === undefined) return undefined;
  const directory = await temporaryDirectory('mcpo-redis');
  const port = await freePort();
  const args = ['--bind', '127.0.0.1', '--port', `${port}`, '--dir', directory, '--save', '', '--appendonly', 'no'];
  const url = `redis://127.0.0.1:${port}`;
  let child = spawn(program, [...args, ...settings], { stdio: 'ignore' });
  const isRunning = () => child.exitCode === null && child.signalCode === null;
  const answers = async () => {
    for (let left = 200; left > 0; left -= 1) {
      if (await says(port)) return;
      await sleep(25);
    }
    throw new Error('redis-server does not answer');
  };
  const redis: OwnRedis = {
    url,
    async start() {
      if (isRunning()) return;
      child = spawn(program, [...args, ...settings], { stdio: 'ignore' });
      await answers();
    },
    async stop() {
      if (!isRunning()) return;
      child.kill('SIGKILL');
      await once(child, 'close');
    },
    freeze: () => void child.kill('SIGSTOP'),
    goOn: () => void child.kill('SIGCONT'),
    flush: () => asked(url, async (it) => void (await it.flushall())),
    as: (work) => asked(url, work),
    async remove() {
      await redis.stop();
      await rm(directory, { recursive: true, force: true });
    },
  };
  process.once('exit', () => child.kill('SIGKILL'));
  try {
    await answers();
    return redis;
  } catch (error) {
    await redis.remove();
    throw error;
  }
}

/** Copies of artifacts, of whichever installation: they are read from its store again. */
export const forgetTexts = (url: string): Promise<void> =>
  asked(url, async (redis) => {
    const keys = await redis.keys('mcpo:*:text:*');
    if (keys.length > 0) await redis.unlink(keys);
  });

async function find(): Promise<Found> {
  const given = process.env['TEST_REDIS_URL'];
  if (given) return { url: given };
  const usual = 'redis://127.0.0.1:6379';
  if (await asked(usual, (redis) => redis.ping()).catch(() => undefined)) return { url: usual };
  const own = await throwAwayRedis();
  if (own) return { url: own.url };
  return { missing: 'no Redis: set TEST_REDIS_URL, or start one on 127.0.0.1:6379, or install redis-server' };
}

let found: Promise<Found> | undefined;
/**
 * A real one: `TEST_REDIS_URL`, else the one on 127.0.0.1:6379, else a throw-away one. On a laptop without any of them
 * tests are skipped and say why; in CI that is a failure.
 */
export function findRedis(): Promise<Found> {
  found ??= find().then((result) => {
    if ('missing' in result && process.env['CI']) throw new Error(result.missing);
    return result;
  });
  return found;
}

/** For tests that stop it: one of their own, or a word that they are skipped; in CI that is a failure. */
export async function ownRedis(what: string, ...settings: string[]): Promise<OwnRedis | undefined> {
  const redis = await throwAwayRedis(...settings);
  if (redis) return redis;
  const missing = `${what}: there is no redis-server on this machine`;
  if (process.env['CI']) throw new Error(missing);
  process.stderr.write(`SKIPPED ${missing}\n`);
  return undefined;
}
