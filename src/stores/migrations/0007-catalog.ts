import type { Migration } from 'kysely/migration';
import { type Flavour, table } from './0001-initial.ts';

/** Servers that somebody put into the catalog beside the ones that are known out of the box: a row for each version. */
export function catalog(flavour: Flavour): Migration {
  return {
    async up(db) {
      await table(
        db,
        flavour,
        'catalog',
        ['registry', 'name', 'version'],
        [
          ['registry', 'text'],
          ['name', 'text'],
          ['version', 'text'],
          ['number', 'integer'],
          ['server_id', 'text'],
          ['raw', 'text'],
          ['raw_sha256', 'text'],
          ['definition', 'text'],
          ['findings', 'text'],
          ['registry_meta', 'text'],
          ['first_seen_at', 'text'],
          ['last_seen_at', 'text'],
        ],
      ).execute();
    },
  };
}
