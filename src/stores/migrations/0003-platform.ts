import type { Migration } from 'kysely/migration';
import { type Flavour, table } from './0001-initial.ts';

/** What a service needs besides: events for who watches. */
export function platform(flavour: Flavour): Migration {
  return {
    async up(db) {
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
      await db.schema
        .createIndex('releases_of_artifact')
        .on('releases')
        .columns(['workspace', 'artifact_id', 'client_id', 'profile_id', 'sequence'])
        .execute();
    },
  };
}
