import { type Kysely, sql, type Transaction } from 'kysely';
import type pg from 'pg';
import { AppError } from '../../core/errors.ts';
import type { Flavour } from '../migrations/0001-initial.ts';
import { foreignDatabase, isCurrent, MIGRATION_TABLE, migrate } from '../migrations/index.ts';
import type { Tables } from '../sql/schema.ts';
import type { Connections } from './connections.ts';
import { CHANNEL } from './listener.ts';
import { EVERY_WORKSPACE, WALL } from './walls.ts';

const POSTGRES: Flavour = { text: sql`text collate "C"`, integer: 'bigint', tableEnd: sql`` };

/** Tells every process that listens, once for each transaction, when it is committed. */
const TELL = `
  create or replace function mcpo_tell() returns trigger language plpgsql as $$
  begin
    perform pg_notify('${CHANNEL}', tg_table_schema || E'\\n' || current_setting('application_name'));
    return null;
  end $$`;

const wallOf = (table: string) => `
  alter table ${table} enable row level security;
  alter table ${table} force row level security;
  drop policy if exists mcpo_wall on ${table};
  create policy mcpo_wall on ${table}
    using (workspace = current_setting('${WALL}', true) or current_setting('${WALL}', true) = '${EVERY_WORKSPACE}');
  create or replace trigger mcpo_tell after insert or update or delete or truncate on ${table}
    for each statement execute function mcpo_tell()`;

/**
 * The second wall between tenants, and the bell, on every table of the schema that has rows of workspaces. Both hold for
 * the owner of the tables as well; for a superuser of PostgreSQL there are no walls.
 */
async function raiseWalls(trx: Transaction<Tables>): Promise<void> {
  await sql.raw(TELL).execute(trx);
  const { rows } = await sql<{ name: string }>`
    select quote_ident(table_name) as name from information_schema.columns
    where table_schema = current_schema and column_name = 'workspace' order by 1`.execute(trx);
  for (const { name } of rows) {
    for (const statement of wallOf(name).split(';\n')) await sql.raw(statement).execute(trx);
  }
}

/** What was migrated, or undefined where nothing is yet. */
export async function migrationsIn(
  query: <R extends pg.QueryResultRow>(text: string) => Promise<R[]>,
  table: string,
): Promise<string[] | undefined> {
  const [found] = await query<{ there: boolean }>(
    `select exists (select from pg_tables where schemaname = current_schema and tablename = '${table}') as there`,
  );
  if (!found?.there) return undefined;
  const rows = await query<{ name: string }>(`select name from "${table}" order by name`);
  return rows.map(({ name }) => name);
}

/** What was migrated so far: nothing is an empty list. */
export async function migrationsDone(connections: Connections): Promise<string[]> {
  return (await migrationsIn((text) => connections.query(text), MIGRATION_TABLE)) ?? [];
}

/** Whatever holds rows in the schema of a database that we have not used yet, and came with no extension of PostgreSQL. */
const OF_OTHERS = `
  select relname from pg_class where relnamespace = quote_ident(current_schema)::regnamespace
    and relkind in ('r', 'p', 'v', 'm', 'f') and relname not like '${MIGRATION_TABLE}%'
    and not exists (
      select from pg_depend where classid = 'pg_class'::regclass and objid = pg_class.oid and deptype = 'e'
    )
  limit 1`;

/**
 * Brings the tables up to date. Of several processes that start at once, the first does it and the others wait. False: there
 * was nothing to do. Throws UNAVAILABLE where the role may not.
 */
export async function migrateTables(connections: Connections, write: Kysely<Tables>): Promise<boolean> {
  // Whoever has nothing to change need not be allowed to.
  if (isCurrent(await migrationsDone(connections))) return false;
  const [may] = await connections.query<{ create: boolean | null }>(
    `select has_schema_privilege(current_schema, 'CREATE') as create`,
  );
  if (may?.create === null) throw noSchema();
  if (!may?.create) throw olderSchema();
  try {
    return await write.transaction().execute(async (trx) => {
      await sql`select pg_advisory_xact_lock(hashtext(current_schema::text), hashtext('migrations'))`.execute(trx);
      const query = async <R>(text: string) => (await sql.raw<R>(text).execute(trx)).rows;
      // Asked again: another process may have been faster.
      const done = (await migrationsIn(query, MIGRATION_TABLE)) ?? [];
      if (isCurrent(done)) return false;
      // The walls and the bell would go onto the tables of others as well, and they would find no rows any more.
      if (done.length === 0 && (await query(OF_OTHERS)).length > 0) throw foreignDatabase();
      await sql`select set_config(${WALL}, ${EVERY_WORKSPACE}, true)`.execute(trx);
      await migrate(trx, POSTGRES);
      await raiseWalls(trx);
      return true;
    });
  } catch (error) {
    throw error instanceof AppError && error.details['reason'] === '42501' ? olderSchema(error) : error;
  }
}

/** What a server needs at run time, and no more: rows, not tables. Throws what PostgreSQL says, in words. */
export async function grantRows(connections: Connections, role: string): Promise<void> {
  const [names] = await connections.query<{ role: string; schema: string }>(
    'select quote_ident($1) as role, quote_ident(current_schema) as schema',
    [role],
  );
  if (names === undefined) return;
  await connections.query(`grant usage on schema ${names.schema} to ${names.role}`);
  await connections.query(
    `grant select, insert, update, delete on all tables in schema ${names.schema} to ${names.role}`,
  );
}

function olderSchema(cause?: unknown): AppError {
  const message = 'The tables in PostgreSQL are missing or older than this program, and this role may not change them.';
  const hint =
    'Run `mcp-orchestration migrate-database` with the URL of the role that owns the tables, or the database.';
  return new AppError('UNAVAILABLE', message, { reason: 'older_schema' }, { cause, hint });
}

/** What PostgreSQL says of a schema that is not there when it is named in a statement; of one in the URL it says nothing. */
function noSchema(): AppError {
  const message = 'There is no schema in PostgreSQL that this role may use for its tables.';
  const hint = 'Make it with `create schema`, or look at search_path in the database URL.';
  return new AppError('UNAVAILABLE', message, { reason: '3F000' }, { hint });
}
