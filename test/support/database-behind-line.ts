import { onTestFinished } from 'vitest';
import { startFaultProxy } from '../faults/support/fault-proxy.ts';
import { freshDatabase } from './postgres.ts';

/** A new database, and `url` for it through a line that can fail. Both are gone after the test. */
export async function databaseBehindLine(postgres: string) {
  const database = await freshDatabase(postgres);
  onTestFinished(database.drop);
  const url = new URL(database.url);
  const line = await startFaultProxy({ host: url.hostname, port: Number(url.port || 5432) });
  onTestFinished(line.close);
  url.port = String(line.port);
  return { database, line, url: url.href };
}
