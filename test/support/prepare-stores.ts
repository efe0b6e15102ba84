import { openPostgres } from '../../src/stores/postgres.ts';
import { findPostgres, freshDatabase, type TestDatabase } from './postgres.ts';
import { findRedis } from './redis.ts';

let template: TestDatabase | undefined;

/** Before the tests of a store: a database with all tables, of which each test gets a copy; and a Redis for all of them. */
export async function setup(): Promise<void> {
  const found = await findPostgres();
  if ('missing' in found) throw new Error(found.missing);
  template = await freshDatabase(found.url);
  await (await openPostgres(template.url)).close();
  process.env['TEST_DATABASE_URL'] = found.url;
  process.env['TEST_TEMPLATE'] = new URL(template.url).pathname.slice(1);
  if (process.env['TEST_STORE'] !== 'postgres-redis') return;
  const redis = await findRedis();
  if ('missing' in redis) throw new Error(redis.missing);
  process.env['TEST_REDIS_URL'] = redis.url;
}

export async function teardown(): Promise<void> {
  await template?.drop();
}
