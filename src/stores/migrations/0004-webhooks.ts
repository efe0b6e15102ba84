import type { Migration } from 'kysely/migration';
import { type Flavour, table } from './0001-initial.ts';

/** Who is told of events over HTTP, and what they are still to be told. */
export function webhooks(flavour: Flavour): Migration {
  return {
    async up(db) {
      await table(
        db,
        flavour,
        'webhooks',
        ['webhook_id'],
        [
          ['webhook_id', 'text'],
          ['number', 'integer'],
          ['url', 'text'],
          ['events', 'text'],
          ['secret', 'text'],
          ['previous_secret', 'text', 'null'],
          ['previous_until', 'text', 'null'],
          ['created_at', 'text'],
          ['failures', 'integer'],
          ['lease_owner', 'text', 'null'],
          ['lease_until', 'text', 'null'],
          ['claimed_at', 'text', 'null'],
        ],
      ).execute();
      await table(
        db,
        flavour,
        'deliveries',
        ['webhook_id', 'number'],
        [
          ['webhook_id', 'text'],
          ['number', 'integer'],
          ['event', 'text'],
          ['status', 'text'],
          ['attempts', 'integer'],
          ['response_status', 'integer', 'null'],
          ['next_attempt_at', 'text', 'null'],
        ],
      ).execute();
      await db.schema
        .createIndex('deliveries_due')
        .on('deliveries')
        .columns(['workspace', 'webhook_id', 'status', 'next_attempt_at', 'number'])
        .execute();
    },
  };
}
