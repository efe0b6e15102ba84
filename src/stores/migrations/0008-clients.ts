import type { Migration } from 'kysely/migration';
import { type Flavour, table } from './0001-initial.ts';

/** Client applications that somebody described to this installation, beside the ones that are known out of the box. */
export function clients(flavour: Flavour): Migration {
  return {
    async up(db) {
      await table(
        db,
        flavour,
        'clients',
        ['client_id'],
        [
          ['client_id', 'text'],
          ['definition', 'text'],
          ['added_at', 'text'],
        ],
      ).execute();
    },
  };
}
