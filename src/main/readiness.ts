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
  database_gone: 'store_unreachable',
  database_replaced: 'store_replaced',
  newer_schema: 'store_newer',
  standby: 'store_read_only',
  '25006': 'store_read_only',
  '53100': 'disk_full',
  connection_lost: 'store_unreachable',
  ECONNREFUSED: 'store_unreachable',
  ECONNRESET: 'store_unreachable',
  ENOENT: 'store_unreachable',
  ENOTFOUND: 'store_unreachable',
  ETIMEDOUT: 'store_unreachable',
  tls: 'store_unreachable',
  'key unreadable': 'keys_unreadable',
  'key unreachable': 'keys_unreadable',
  'key type': 'keys_unreadable',
  'key missing': 'keys_missing',
};

/** What keeps this process from reading, writing and signing, in words of a closed set. */
export async function readinessOf({ store, services }: Pick<App, 'store' | 'services'>, config: Config) {
  const checks = [
    () => store.probe(),
    () => assertFreeSpace(writtenTo(config)),
    () => assertSigningKey({ store, services }),
  ];
  const reasonOf = async (check: () => Promise<void>): Promise<string | undefined> => {
    try {
      await check();
      return undefined;
    } catch (err) {
      services.log.warn({ err }, 'this server is not ready');
      const reason = err instanceof AppError ? String(err.details['reason']) : '';
      return Object.hasOwn(WORDS, reason) ? WORDS[reason] : 'store_unusable';
    }
  };
  const found = await Promise.all(checks.map(reasonOf));
  return [...new Set(found.filter((reason) => reason !== undefined))];
}

const writtenTo = ({ database, home }: Config): string =>
  database.kind === 'sqlite' && database.path !== ':memory:' ? dirname(database.path) : home;

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
