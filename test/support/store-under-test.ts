/**
 * Where the products under test keep everything. Ordinarily in SQLite, in the home directory of each. `npm run
 * test:stores` runs the same tests with `TEST_STORE=postgres`, and once more with `TEST_STORE=postgres-redis`: each
 * workspace then has a database of its own on the server, copied from one with all tables.
 */
const STORE = process.env['TEST_STORE'] ?? 'sqlite';

/** Whether the store is a file in the data directory. */
export const IN_FILE = STORE === 'sqlite';

interface StoreOfWorkspace {
  env: Record<string, string>;
  remove(): Promise<void>;
}

export async function storeOfWorkspace(): Promise<StoreOfWorkspace> {
  if (STORE === 'sqlite') return { env: {}, remove: async () => undefined };
  const { freshDatabase } = await import('./postgres.ts');
  const { TEST_DATABASE_URL = '', TEST_TEMPLATE = '', TEST_REDIS_URL = '' } = process.env;
  const database = await freshDatabase(TEST_DATABASE_URL, TEST_TEMPLATE);
  const redis = STORE === 'postgres-redis' && { MCP_ORCHESTRATION_REDIS_URL: TEST_REDIS_URL };
  return { env: { MCP_ORCHESTRATION_DATABASE_URL: database.url, ...redis }, remove: database.drop };
}
