import { type CreateTableBuilder, type Kysely, sql } from 'kysely';
import type { Migration } from 'kysely/migration';

/** What one database writes differently from another in the definition of a table. */
export interface Flavour {
  /** Text that compares by bytes, so that lists are ordered alike everywhere. */
  text: 'text' | ReturnType<typeof sql<string>>;
  /** Counts and numbers of rows. */
  integer: 'integer' | 'bigint';
  /** What ends `create table`. */
  tableEnd: ReturnType<typeof sql<unknown>>;
}
export const SQLITE: Flavour = { text: 'text', integer: 'integer', tableEnd: sql`strict` };

type Column = [name: string, type: 'text' | 'integer', nullable?: 'null'];

/** Every table is keyed by the workspace first: no row is found without naming its tenant. */
export function table(
  db: Kysely<unknown>,
  { text, integer, tableEnd }: Flavour,
  name: string,
  key: string[],
  columns: Column[],
) {
  const all: Column[] = [['workspace', 'text'], ...columns];
  let builder: CreateTableBuilder<string, string> = db.schema.createTable(name);
  for (const [column, type, nullable] of all) {
    builder = builder.addColumn(column, type === 'text' ? text : integer, (c) => (nullable ? c : c.notNull()));
  }
  return builder.addPrimaryKeyConstraint(`${name}_pk`, ['workspace', ...key]).modifyEnd(tableEnd);
}

async function configurationTables(db: Kysely<unknown>, flavour: Flavour): Promise<void> {
  await table(
    db,
    flavour,
    'drafts',
    ['client_id', 'profile_id'],
    [
      ['client_id', 'text'],
      ['profile_id', 'text'],
      ['revision', 'integer'],
      ['payload', 'text'],
      ['updated_at', 'text'],
    ],
  ).execute();
  await table(
    db,
    flavour,
    'profiles',
    ['client_id', 'profile_id'],
    [
      ['client_id', 'text'],
      ['profile_id', 'text'],
      ['display_name', 'text'],
      ['description', 'text'],
      ['created_at', 'text'],
    ],
  ).execute();
  await table(
    db,
    flavour,
    'artifacts',
    ['artifact_id'],
    [
      ['artifact_id', 'text'],
      ['canonical', 'text'],
      ['created_at', 'text'],
    ],
  ).execute();
}

async function releaseTable(db: Kysely<unknown>, flavour: Flavour): Promise<void> {
  await table(
    db,
    flavour,
    'releases',
    ['client_id', 'profile_id', 'sequence'],
    [
      ['client_id', 'text'],
      ['profile_id', 'text'],
      ['sequence', 'integer'],
      ['artifact_id', 'text'],
      ['version', 'text'],
      ['previous_artifact_id', 'text', 'null'],
      ['changelog', 'text', 'null'],
      ['server_count', 'integer'],
      ['policy_digest', 'text', 'null'],
      ['signing_key_id', 'text'],
      ['issued_at', 'text'],
      ['expires_at', 'text', 'null'],
      ['envelope', 'text'],
    ],
  )
    .addForeignKeyConstraint('releases_artifact', ['workspace', 'artifact_id'], 'artifacts', [
      'workspace',
      'artifact_id',
    ])
    .execute();
  await db.schema
    .createIndex('releases_by_artifact')
    .on('releases')
    .columns(['workspace', 'client_id', 'profile_id', 'artifact_id', 'sequence'])
    .execute();
}

async function accessTables(db: Kysely<unknown>, flavour: Flavour): Promise<void> {
  await table(
    db,
    flavour,
    'keys',
    ['key_id'],
    [
      ['key_id', 'text'],
      ['algorithm', 'text'],
      ['public_key_pem', 'text'],
      ['status', 'text'],
      ['created_at', 'text'],
    ],
  ).execute();
  await table(
    db,
    flavour,
    'tokens',
    ['token_id'],
    [
      ['token_id', 'text'],
      ['number', 'integer'],
      ['digest', 'text'],
      ['name', 'text'],
      ['kind', 'text'],
      ['scopes', 'text'],
      ['created_at', 'text'],
      ['expires_at', 'text', 'null'],
      ['last_used_at', 'text', 'null'],
      ['use_count', 'integer'],
      ['revoked_at', 'text', 'null'],
    ],
  )
    .addUniqueConstraint('tokens_digest', ['digest'])
    .addUniqueConstraint('tokens_number', ['workspace', 'number'])
    .execute();
}

async function deploymentTable(db: Kysely<unknown>, flavour: Flavour): Promise<void> {
  await table(
    db,
    flavour,
    'deployments',
    ['deployment_id'],
    [
      ['deployment_id', 'text'],
      ['number', 'integer'],
      ['machine_id', 'text'],
      ['client_id', 'text'],
      ['profile_id', 'text'],
      ['artifact_id', 'text'],
      ['sequence', 'integer'],
      ['config_scope', 'text'],
      ['config_path', 'text'],
      ['target_path', 'text'],
      ['pointer', 'text'],
      ['status', 'text'],
      ['pinned', 'integer'],
      ['before_sha256', 'text', 'null'],
      ['after_sha256', 'text'],
      ['backup_path', 'text', 'null'],
      ['renderer_version', 'text'],
      ['native_sha256', 'text'],
      ['ledger', 'text'],
      ['deployed_at', 'text'],
    ],
  ).execute();
  const indexes: [name: string, status: 'done' | 'intent', columns: string[]][] = [
    ['deployments_by_file', 'done', ['target_path', 'pointer']],
    ['deployments_by_path', 'done', ['config_path', 'pointer']],
    ['deployments_by_profile', 'done', ['client_id', 'profile_id']],
    ['deployments_unsettled', 'intent', []],
  ];
  for (const [name, status, columns] of indexes) {
    const index = db.schema.createIndex(name).on('deployments');
    await index
      .columns(['workspace', 'machine_id', ...columns, 'number'])
      .where(sql.ref('status'), '=', sql.lit(status))
      .execute();
  }
}

async function logTables(db: Kysely<unknown>, flavour: Flavour): Promise<void> {
  await table(
    db,
    flavour,
    'audit',
    ['number'],
    [
      ['number', 'integer'],
      ['at', 'text'],
      ['operation', 'text'],
      ['effect', 'text'],
      ['actor', 'text'],
      ['door', 'text'],
      ['client_id', 'text', 'null'],
      ['profile_id', 'text', 'null'],
      ['request_id', 'text'],
      ['facts', 'text'],
    ],
  ).execute();
  await table(
    db,
    flavour,
    'counters',
    ['counter'],
    [
      ['counter', 'text'],
      ['value', 'integer'],
    ],
  ).execute();
}

export function initial(flavour: Flavour): Migration {
  return {
    async up(db) {
      await configurationTables(db, flavour);
      await releaseTable(db, flavour);
      await accessTables(db, flavour);
      await deploymentTable(db, flavour);
      await logTables(db, flavour);
    },
  };
}
