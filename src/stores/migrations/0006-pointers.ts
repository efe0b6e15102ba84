import type { Migration } from 'kysely/migration';
import { type Flavour, table } from './0001-initial.ts';

/** The signed statement which release of a profile is the latest: the newest one of each profile, which is all that is served. */
export function pointers(flavour: Flavour): Migration {
  return {
    async up(db) {
      await table(
        db,
        flavour,
        'pointers',
        ['client_id', 'profile_id'],
        [
          ['client_id', 'text'],
          ['profile_id', 'text'],
          ['number', 'integer'],
          ['sequence', 'integer'],
          ['artifact_id', 'text'],
          ['signing_key_id', 'text'],
          ['issued_at', 'text'],
          ['expires_at', 'text'],
          ['envelope', 'text'],
        ],
      ).execute();
    },
  };
}
