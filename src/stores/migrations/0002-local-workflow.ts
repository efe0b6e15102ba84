import { sql } from 'kysely';
import type { Migration } from 'kysely/migration';
import { type Flavour, table } from './0001-initial.ts';

/** Links between profiles, and what undoing and the launcher need to know of a deployment. */
export function localWorkflow(flavour: Flavour): Migration {
  return {
    async up(db) {
      await table(
        db,
        flavour,
        'links',
        ['client_id', 'profile_id'],
        [
          ['client_id', 'text'],
          ['profile_id', 'text'],
          ['source_client_id', 'text'],
          ['source_profile_id', 'text'],
          ['created_at', 'text'],
        ],
      ).execute();
      await db.schema
        .createIndex('links_by_source')
        .on('links')
        .columns(['workspace', 'source_client_id', 'source_profile_id'])
        .execute();
      // One statement a column: SQLite adds no more at once.
      await db.schema.alterTable('deployments').addColumn('project', flavour.text).execute();
      await db.schema
        .alterTable('deployments')
        .addColumn('explicit_path', flavour.integer, (column) => column.notNull().defaultTo(sql.lit(0)))
        .execute();
      await db.schema.alterTable('deployments').addColumn('previous_deployment_id', flavour.text).execute();
      await db.schema
        .createIndex('deployments_of_machine')
        .on('deployments')
        .columns(['workspace', 'machine_id', 'number'])
        .execute();
    },
  };
}
