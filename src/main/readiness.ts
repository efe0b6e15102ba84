import { statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { AppError } from '../core/errors.ts';
import type { App } from './compose.ts';
import type { Config } from './config.ts';

/** With less than this left on its disk the store may fail in the middle of a write. In bytes. */
const LEAST_FREE = 16 * 1024 * 1024;

/** What is told of each reason that a failure can have: no path, nothing of the machine. */
const WORDS: Readonly<Record<string, string>> = {
  SQLITE_BUSY: 'store_locked',
  SQLITE_LOCKED: 'store_locked',
  SQLITE_READONLY: 'store_read_only',
  SQLITE_FULL: 'disk_full',
  SQLITE_CORRUPT: 'store_damaged',
  SQLITE_NOTADB: 'store_damaged',
  foreign_database: 'store_damaged',
  SQLITE_CANTOPEN: 'store_unreachable',
  SQLITE_PERM: 'store_unreachable',
  SQLITE_IOERR: 'store_unusable',
  SQLITE_ABORT: 'store_unusable',
  database_gone: 'store_unreachable',
  database_replaced: 'store_replaced',
  newer_schema: 'store_newer',
  standby: 'store_read_only',
  '25006': 'store_read_only',
  '53100': 'disk_full',
  connection_lost: 'store_unreachable',
  ECONNREFUSED: 'store_unreachable',
  ECONNRESET: 'store_unreachable',
  EAI_AGAIN: 'store_unreachable',
  EHOSTUNREACH: 'store_unreachable',
  ENETUNREACH: 'store_unreachable',
  EPIPE: 'store_unreachable',
  ENOENT: 'store_unreachable',
  ENOTFOUND: 'store_unreachable',
  ETIMEDOUT: 'store_unreachable',
  tls: 'store_unreachable',
  'key unreadable': 'keys_unreadable',
  'key unreachable': 'keys_unreadable',
  'key type': 'keys_unreadable',
  'key missing': 'keys_missing',
  'signer command': 'keys_unreadable',
};

/** Every word that `/readyz` can say. */
export const READINESS_REASONS: readonly string[] = [
  ...new Set([...Object.values(WORDS), 'store_unusable', 'stopping']),
].sort();

/** What PostgreSQL says of itself (SQLSTATE), such as 57P03. No code of Node has a digit at its front. */
const isSqlState = (reason: string) => /^[0-9][0-9A-Z]{4}$|^XX[0-9]{3}$/.test(reason);

/** The word for a failure of the store, the disk or the key; undefined for any other. */
export function reasonOf(error: unknown): string | undefined {
  const reason = error instanceof AppError ? String(error.details['reason']) : '';
  if (Object.hasOwn(WORDS, reason)) return WORDS[reason];
  return isSqlState(reason) ? 'store_unusable' : undefined;
}

/** Whose disk has to have room: that of the database, or that of the key where the database is elsewhere. */
export const storeDirectory = ({ database, home }: Pick<Config, 'database' | 'home'>): string =>
  database.kind === 'sqlite' && database.path !== ':memory:' ? dirname(database.path) : home;

/** What keeps this process from reading, writing and signing, in words of a closed set. */
export async function readinessOf({ store, services }: Pick<App, 'store' | 'services'>, config: Config) {
  const checks = [
    () => store.probe(),
    () => assertFreeSpace(storeDirectory(config)),
    () => assertSigningKey({ store, services }),
  ];
  const failureOf = async (check: () => Promise<void>): Promise<string | undefined> => {
    try {
      await check();
      return undefined;
    } catch (err) {
      services.log.warn({ err }, 'this server is not ready');
      return reasonOf(err) ?? 'store_unusable';
    }
  };
  const found = await Promise.all(checks.map(failureOf));
  return [...new Set(found.filter((reason) => reason !== undefined))];
}

async function assertFreeSpace(directory: string): Promise<void> {
  // A directory that is gone is told by the probe of the store.
  const disk = await statfs(directory).catch(() => undefined);
  if (disk === undefined || disk.bavail * disk.bsize >= LEAST_FREE) return;
  throw new AppError('WRITE_FAILED', 'The disk that holds the database is full.', { reason: 'SQLITE_FULL' });
}

/** An installation without a key is ready: it has not begun to sign. One that has lost its key is not. */
async function assertSigningKey({ store, services: { keys } }: Pick<App, 'store' | 'services'>): Promise<void> {
  if (await keys.exists()) {
    await keys.signer();
    return;
  }
  const known = await store.keys.list('default').catch(() => []);
  if (!known.some(({ status }) => status === 'active')) return;
  throw new AppError('UNAVAILABLE', 'The signing key is gone.', { reason: 'key missing' });
}
