import type { Migration } from 'kysely/migration';
import { type Flavour, table } from './0001-initial.ts';

/** What a machine keeps that gets its releases from a server: whose signature it trusts, and how far it has come. */
export function pull(flavour: Flavour): Migration {
  return {
    async up(db) {
      await table(
        db,
        flavour,
        'pins',
        ['key_id'],
        [
          ['key_id', 'text'],
          ['public_key_pem', 'text', 'null'],
          ['pinned_at', 'text'],
        ],
      ).execute();
      await table(
        db,
        flavour,
        'pulls',
        ['client_id', 'profile_id'],
        [
          ['client_id', 'text'],
          ['profile_id', 'text'],
          ['server', 'text'],
          ['sequence', 'integer'],
          ['number', 'integer'],
          ['pulled_at', 'text'],
        ],
      ).execute();
    },
  };
}
