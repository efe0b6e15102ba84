import type { Kysely } from 'kysely';
import type { FanOut, OpenedStore, StoreLog, Surroundings } from '../stores/opened-store.ts';
import type { Tables } from '../stores/sql/schema.ts';
import { fillSqlite, openSqlite } from '../stores/sqlite.ts';
import type { Database } from './config.ts';

interface StoreOptions {
  around?: Surroundings;
  fan_out?: FanOut | undefined;
  log?: StoreLog;
}

/** The driver of PostgreSQL is loaded where it is used: most calls are short ones on the file of one person. */
export async function openStore(database: Database, options: StoreOptions = {}): Promise<OpenedStore> {
  if (database.kind === 'sqlite') return openSqlite(database.path, options);
  const { openPostgres } = await import('../stores/postgres.ts');
  return openPostgres(database.url, options);
}

/** Brings the tables up to date and lets the work write into them past the store: for what puts in whole stores. */
export async function fillStore<T>(database: Database, work: (tables: Kysely<Tables>) => Promise<T>): Promise<T> {
  if (database.kind === 'sqlite') return fillSqlite(database.path, work);
  const { fillPostgres } = await import('../stores/postgres.ts');
  return fillPostgres(database.url, work);
}
