import type { Kysely } from 'kysely';
import type { Migration } from 'kysely/migration';
import { type Flavour, table } from './0001-initial.ts';

/** What a server for several people and programs needs besides the releases. */
export function platform(flavour: Flavour): Migration {
  return {
    async up(db) {
      await eventTable(db, flavour);
      await idempotencyTable(db, flavour);
      await db.schema
        .createIndex('releases_of_artifact')
        .on('releases')
        .columns(['workspace', 'artifact_id', 'client_id', 'profile_id', 'sequence'])
        .execute();
    },
  };
}

/** What has happened, for who watches. */
async function eventTable(db: Kysely<unknown>, flavour: Flavour): Promise<void> {
  await table(
    db,
    flavour,
    'events',
    ['number'],
    [
      ['number', 'integer'],
      ['type', 'text'],
      ['time', 'text'],
      ['client_id', 'text', 'null'],
      ['profile_id', 'text', 'null'],
      ['artifact_id', 'text', 'null'],
      ['sequence', 'integer', 'null'],
      ['actor', 'text'],
      ['data', 'text'],
    ],
  ).execute();
}

/** Answers to requests that may be repeated. */
async function idempotencyTable(db: Kysely<unknown>, flavour: Flavour): Promise<void> {
  await table(
    db,
    flavour,
    'idempotency',
    ['actor', 'key'],
    [
      ['actor', 'text'],
      ['key', 'text'],
      ['request_sha256', 'text'],
      ['owner', 'text'],
      ['lease_until', 'text'],
      ['expires_at', 'text'],
      ['status', 'integer', 'null'],
      ['body', 'text', 'null'],
    ],
  ).execute();
  await db.schema.createIndex('idempotency_by_expiry').on('idempotency').columns(['workspace', 'expires_at']).execute();
}
