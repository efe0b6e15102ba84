import type { Kysely } from 'kysely';
import type { Migration, MigrationProvider } from 'kysely/migration';
import { AppError } from '../../core/errors.ts';
import type { Tables } from '../sql/schema.ts';
import { type Flavour, initial } from './0001-initial.ts';
import { localWorkflow } from './0002-local-workflow.ts';
import { platform } from './0003-platform.ts';
import { webhooks } from './0004-webhooks.ts';
import { workspaces } from './0005-workspaces.ts';
import { pointers } from './0006-pointers.ts';
import { catalog } from './0007-catalog.ts';
import { clients } from './0008-clients.ts';
import { pull } from './0009-pull.ts';

/** Every migration in the order of its name. A published one never changes. */
const MIGRATIONS: Record<string, (flavour: Flavour) => Migration> = {
  '0001-initial': initial,
  '0002-local-workflow': localWorkflow,
  '0003-platform': platform,
  '0004-webhooks': webhooks,
  '0005-workspaces': workspaces,
  '0006-pointers': pointers,
  '0007-catalog': catalog,
  '0008-clients': clients,
  '0009-pull': pull,
};

/** Where Kysely's migrator notes what was done: the one record of the state of a schema. */
export const MIGRATION_TABLE = 'kysely_migration';

/**
 * Compares what a database has with what this program knows. True: nothing to do. A schema with a migration that we do
 * not know was made by a newer program and may mean something else by the same columns, so it is refused.
 */
export function isCurrent(done: readonly string[]): boolean {
  const unknown = done.filter((name) => !Object.hasOwn(MIGRATIONS, name));
  if (unknown.length > 0) {
    const message = 'The database was made by a newer version of mcp-orchestration. Nothing was changed.';
    const hint = 'Update mcp-orchestration on this machine, or use another data directory.';
    throw new AppError('UNAVAILABLE', message, { reason: 'newer_schema', migrations: unknown }, { hint });
  }
  return done.length === Object.keys(MIGRATIONS).length;
}

/** Brings the schema up to date inside a transaction that nobody else can run at the same time. */
export async function migrate(trx: Kysely<Tables>, flavour: Flavour): Promise<void> {
  // Loaded here, because a start on a current schema has no use for it.
  const { Migrator } = await import('kysely/migration');
  const provider: MigrationProvider = {
    getMigrations: async () =>
      Object.fromEntries(Object.entries(MIGRATIONS).map(([name, make]) => [name, make(flavour)] as const)),
  };
  const { error } = await new Migrator({ db: trx, provider, migrationTableName: MIGRATION_TABLE }).migrateToLatest();
  if (error) throw error;
}
