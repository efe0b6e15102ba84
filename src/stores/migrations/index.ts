import type { Kysely } from 'kysely';
import type { Migration, MigrationProvider } from 'kysely/migration';
import { AppError, NEWER_SCHEMA } from '../../core/errors.ts';
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

/**
 * Every migration in the order of its name. A published one never changes. One that only adds tables, indexes, or columns
 * with a default ends in `-adds`: then the version before it can still read.
 */
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

const ONLY_ADDS = /-adds$/;

const unknownOf = (done: readonly string[]) => done.filter((name) => !Object.hasOwn(MIGRATIONS, name));

/** What a program says that finds more migrations than it knows. */
export function newerSchema(done: readonly string[]): AppError {
  const message = 'The database was made by a newer version of mcp-orchestration. Nothing was changed.';
  const hint = 'Update mcp-orchestration on this machine, or name another store.';
  return new AppError('UNAVAILABLE', message, { reason: NEWER_SCHEMA, migrations: unknownOf(done) }, { hint });
}

/** What a program says of a database with tables that are none of its own: it would change how they behave for whom they belong to. */
export function foreignDatabase(): AppError {
  const message = 'The database belongs to another program. Nothing was changed.';
  const hint = 'Name one that holds nothing else: a new file, or a new database or schema in PostgreSQL.';
  return new AppError('UNAVAILABLE', message, { reason: 'foreign_database' }, { hint });
}

/**
 * Compares what a database has with what this program knows. `added-to`: a newer program has only added to it. Such a one
 * may be read, and not written: a row would lack what the newer one adds to each. Any other migration that we do not know
 * may have given another meaning to the same columns, so it is refused.
 */
export function schemaOf(done: readonly string[]): 'older' | 'current' | 'added-to' {
  const unknown = unknownOf(done);
  // Others use the same library, and its table of the same name.
  if (unknown.length > 0 && unknown.length === done.length) throw foreignDatabase();
  const isComplete = done.length - unknown.length === Object.keys(MIGRATIONS).length;
  if (unknown.length === 0) return isComplete ? 'current' : 'older';
  if (isComplete && unknown.every((name) => ONLY_ADDS.test(name))) return 'added-to';
  throw newerSchema(done);
}

/** For who has no use for one that may only be read, and refuses it as well. True: nothing to do. */
export function isCurrent(done: readonly string[]): boolean {
  const schema = schemaOf(done);
  if (schema === 'added-to') throw newerSchema(done);
  return schema === 'current';
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
