import type { Tables } from '../sql/schema.ts';

export type TableName = keyof Tables;

/**
 * The primary key of every table, in the order in which they can be filled: what a row refers to comes before it. A table
 * that is missing here does not compile.
 */
export const KEYS = {
  workspaces: ['workspace'],
  counters: ['workspace', 'counter'],
  keys: ['workspace', 'key_id'],
  pins: ['workspace', 'key_id'],
  clients: ['workspace', 'client_id'],
  catalog: ['workspace', 'registry', 'name', 'version'],
  profiles: ['workspace', 'client_id', 'profile_id'],
  drafts: ['workspace', 'client_id', 'profile_id'],
  artifacts: ['workspace', 'artifact_id'],
  releases: ['workspace', 'client_id', 'profile_id', 'sequence'],
  pointers: ['workspace', 'client_id', 'profile_id'],
  pulls: ['workspace', 'client_id', 'profile_id'],
  links: ['workspace', 'client_id', 'profile_id'],
  tokens: ['workspace', 'token_id'],
  deployments: ['workspace', 'deployment_id'],
  audit: ['workspace', 'number'],
  events: ['workspace', 'number'],
  idempotency: ['workspace', 'actor', 'key'],
  webhooks: ['workspace', 'webhook_id'],
  deliveries: ['workspace', 'webhook_id', 'number'],
} as const satisfies { [T in TableName]: readonly (keyof Tables[T] & string)[] };

export const TABLES = Object.keys(KEYS) as TableName[];

/** Columns that may hold a megabyte: pages of such rows are cut by their size. */
export const HEAVY: { [T in TableName]?: readonly (keyof Tables[T] & string)[] } = {
  artifacts: ['canonical'],
  drafts: ['payload'],
  catalog: ['raw', 'definition', 'findings'],
  clients: ['definition'],
  deployments: ['ledger'],
  idempotency: ['body'],
};

/** What names a row to a person. */
export const keyOf = (table: TableName, row: object): string =>
  KEYS[table].map((column) => String(Reflect.get(row, column))).join('/');
