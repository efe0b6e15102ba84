import { execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chmod, chown, readdir, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { freePort } from './listen.ts';
import { temporaryDirectory } from './workspace.ts';

const run = promisify(execFile);

/** Where a server that was found can be administered: the URL of a superuser. */
export type Found = { url: string } | { missing: string };

const answers = (host: string, port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect({ host, port, timeout: 1_000 });
    const end = (open: boolean) => {
      socket.destroy();
      resolve(open);
    };
    socket.once('connect', () => end(true));
    socket.once('error', () => end(false));
    socket.once('timeout', () => end(false));
  });

async function isSuperuser(url: string): Promise<boolean> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 3_000 });
  try {
    await client.connect();
    const { rows } = await client.query('select rolsuper from pg_roles where rolname = current_user');
    return rows[0]?.rolsuper === true;
  } catch {
    return false;
  } finally {
    await client.end().catch(() => undefined);
  }
}

const isRootOnDebian = () => process.getuid?.() === 0 && existsSync('/etc/debian_version');

/** The directory of `initdb` and `pg_ctl`; installed with apt-get where that can be. */
async function binaries(): Promise<string | undefined> {
  for (const attempt of ['as it is', 'after installing'] as const) {
    const versions = await readdir('/usr/lib/postgresql').catch(() => []);
    const newest = versions.toSorted((a, b) => Number(b) - Number(a))[0];
    if (newest !== undefined && existsSync(`/usr/lib/postgresql/${newest}/bin/initdb`)) {
      return `/usr/lib/postgresql/${newest}/bin`;
    }
    const path = await run('sh', ['-c', 'dirname "$(command -v initdb)"']).catch(() => undefined);
    if (path && existsSync(join(path.stdout.trim(), 'initdb'))) return path.stdout.trim();
    if (attempt === 'after installing' || !isRootOnDebian()) return undefined;
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    await run('apt-get', ['install', '-y', '--no-install-recommends', 'postgresql'], { env }).catch(() => undefined);
  }
  return undefined;
}

/** A server of this test alone, which may be killed and restarted. */
export interface Cluster {
  url: string;
  port: number;
  start(): Promise<void>;
  /** `immediate` is a crash: nothing is written out, and the next start recovers from the log. */
  stop(mode: 'fast' | 'immediate'): Promise<void>;
  remove(): Promise<void>;
}

/** PostgreSQL does not start as root: there its own account is used. */
async function unprivileged(): Promise<{ uid: number; gid: number } | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  const [uid, gid] = await Promise.all(
    ['-u', '-g'].map(async (flag) => Number((await run('id', [flag, 'postgres'])).stdout.trim())),
  );
  return { uid: uid ?? 0, gid: gid ?? 0 };
}

/** Undefined: PostgreSQL is not on this machine and cannot be put there. */
export async function throwAwayCluster(): Promise<Cluster | undefined> {
  const bin = await binaries();
  if (bin === undefined) return undefined;
  const directory = await temporaryDirectory('mcpo-postgres');
  const account = await unprivileged();
  await chmod(directory, 0o700);
  if (account) await chown(directory, account.uid, account.gid);
  const port = await freePort();
  const data = join(directory, 'data');
  const call = (program: string, args: string[]) =>
    new Promise<void>((resolve, reject) => {
      const child = spawn(join(bin, program), args, { ...account, cwd: directory, stdio: 'ignore' });
      child.once('error', reject);
      child.once('close', (code) => (code === 0 ? resolve() : reject(new Error(`${program} ended with ${code}`))));
    });
  await call('initdb', ['-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--no-locale', '-N']);
  const options = `-p ${port} -c listen_addresses=127.0.0.1 -c unix_socket_directories=${directory} -c max_connections=60`;
  const cluster: Cluster = {
    url: `postgres://postgres@127.0.0.1:${port}/postgres`,
    port,
    start: () => call('pg_ctl', ['-D', data, '-l', join(directory, 'log'), '-w', '-o', options, 'start']),
    stop: (mode) => call('pg_ctl', ['-D', data, '-w', '-m', mode, 'stop']),
    async remove() {
      await cluster.stop('immediate').catch(() => undefined);
      await rm(directory, { recursive: true, force: true });
    },
  };
  await cluster.start();
  return cluster;
}

async function find(): Promise<Found> {
  const given = process.env['TEST_DATABASE_URL'];
  if (given) return { url: given };
  if (await answers('127.0.0.1', 5432)) {
    for (const user of ['postgres', process.env['USER'] ?? 'root', 'root']) {
      const url = `postgres://${user}@127.0.0.1:5432/postgres`;
      if (await isSuperuser(url)) return { url };
    }
  }
  const cluster = await throwAwayCluster();
  if (cluster) {
    process.once('exit', () => void cluster.stop('immediate'));
    return { url: cluster.url };
  }
  return { missing: 'no PostgreSQL: set TEST_DATABASE_URL, or start one on 127.0.0.1:5432, or install it' };
}

let found: Promise<Found> | undefined;
/**
 * A real server: `TEST_DATABASE_URL`, else the one on 127.0.0.1:5432, else a throw-away one. On a laptop without any of
 * them tests are skipped and say why; in CI that is a failure.
 */
export function findPostgres(): Promise<Found> {
  found ??= find().then((result) => {
    if ('missing' in result && process.env['CI']) throw new Error(result.missing);
    return result;
  });
  return found;
}

/** The role of the tests: it owns its databases and is no superuser, so that walls are walls for it. */
export const OWNER = 'mcpo_test';

async function asSuperuser(url: string, ...statements: string[]): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    for (const statement of statements) await client.query(statement);
  } finally {
    await client.end();
  }
}

const sameServer = (url: string, database: string, user?: string): string => {
  const other = new URL(url);
  other.pathname = `/${database}`;
  if (user !== undefined) {
    other.username = user;
    other.password = user;
  }
  return other.href;
};

export interface TestDatabase {
  /** As the owner of everything in it, who is no superuser. */
  url: string;
  /** As a superuser of the server. */
  admin: string;
  /** Ends all connections to it first. */
  drop(): Promise<void>;
}

/** An empty database of its own, or a copy of `template`. */
export async function freshDatabase(server: string, template?: string): Promise<TestDatabase> {
  const name = `mcpo_test_${randomBytes(6).toString('hex')}`;
  const role = `do $$ begin create role ${OWNER} login password '${OWNER}'; exception when duplicate_object or unique_violation then null; end $$`;
  const copy = template === undefined ? '' : ` template ${template}`;
  await asSuperuser(server, role, `create database ${name} owner ${OWNER}${copy}`);
  return {
    url: sameServer(server, name, OWNER),
    admin: sameServer(server, name),
    drop: () => asSuperuser(server, `drop database if exists ${name} with (force)`),
  };
}
