import { type Kysely, sql } from 'kysely';
import type { Migration } from 'kysely/migration';
import { type Flavour, table } from './0001-initial.ts';

/** Workspaces as rows, and tokens that are bound to a client or a profile. */
export function workspaces(flavour: Flavour): Migration {
  return {
    async up(db) {
      await table(
        db,
        flavour,
        'workspaces',
        [],
        [
          ['number', 'integer'],
          ['display_name', 'text'],
          ['created_at', 'text', 'null'],
        ],
      ).execute();
      await insertDefault(db);
      for (const column of ['client_id', 'profile_id']) {
        await db.schema.alterTable('tokens').addColumn(column, flavour.text).execute();
      }
    },
  };
}

/** It was always there, so nobody knows since when. */
const insertDefault = (db: Kysely<unknown>) =>
  sql`insert into workspaces (workspace, number, display_name) values ('default', 0, 'Default')`.execute(db);
