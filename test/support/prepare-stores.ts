import { openPostgres } from '../../src/stores/postgres.ts';
import { findPostgres, freshDatabase } from './postgres.ts';

/** Before the tests of a store: a database with all tables, of which each test gets a copy. */
export default async function prepareStores(): Promise<() => Promise<void>> {
  const found = await findPostgres();
  if ('missing' in found) throw new Error(found.missing);
  const template = await freshDatabase(found.url);
  await (await openPostgres(template.url)).close();
  process.env['TEST_DATABASE_URL'] = found.url;
  process.env['TEST_TEMPLATE'] = new URL(template.url).pathname.slice(1);
  return template.drop;
}
