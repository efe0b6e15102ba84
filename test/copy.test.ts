import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { Kysely } from 'kysely';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { copyStore, digestOf } from '../src/stores/copy.ts';
import { inspect } from '../src/stores/inspect/inspect.ts';
import { NodeSqliteConnection, nodeSqliteDialect } from '../src/stores/node-sqlite-dialect.ts';
import type { Tables } from '../src/stores/sql/schema.ts';
import { openSqlite } from '../src/stores/sqlite.ts';
import { type OpenHome, openHome } from './support/open-home.ts';

const payload = (name: string, padding = 0) => ({
  mcpServers: { [name]: { command: 'node', args: [name, 'ü"\u{1f600}', 'x'.repeat(padding)] } },
});

/** A new database with all tables and nothing of ours in it. */
async function emptyDatabase(directory: string, name: string) {
  mkdirSync(directory, { recursive: true });
  const path = join(directory, name);
  await (await openSqlite(path)).close();
  const connection = new NodeSqliteConnection(new DatabaseSync(path), { exclusive: true, patienceMs: 1000 });
  onTestFinished(() => connection.close());
  return { path, db: new Kysely<Tables>({ dialect: nodeSqliteDialect(connection) }) };
}

describe('copying a store into another database', () => {
  let home: OpenHome;
  beforeAll(async () => {
    home = await openHome();
    await home.call('link_profile', { client_id: 'vscode', source_client_id: 'cursor' });
    for (let n = 0; n < 300; n += 1)
      await home.call('publish_config', { client_id: 'cursor', payload: payload(`n${n}`) });
    for (let n = 0; n < 5; n += 1) {
      await home.call('publish_config', { client_id: 'zed', payload: payload(`large${n}`, 800_000) });
    }
    await home.call('deploy_config', { client_id: 'cursor' });
    await home.call('subscribe_webhook', { url: 'https://example.com/', events: ['config.published'] });
    await home.call('create_workspace', { workspace: 'alpha' });
    await home.call('publish_config', { client_id: 'kiro', payload: payload('last') });
  });
  afterAll(() => home.close());

  const copyInto = (to: Kysely<Tables>, progress?: (doing: string) => void) =>
    home.app.store.snapshot(({ tables: from }) => copyStore({ from, to, ...(progress && { progress }) }));

  it('brings every row, and both sides have the same digests', async () => {
    const { path, db } = await emptyDatabase(home.home, 'whole.db');
    const copied = await copyInto(db);
    const { tables, problems } = await home.app.services.inspectStore();
    expect(problems).toEqual([]);
    expect(copied.map(({ table, rows }) => ({ table, rows }))).toEqual(tables);
    expect(copied.find(({ table }) => table === 'releases')?.rows).toBe(606);
    const target = await openSqlite(path);
    onTestFinished(() => target.close());
    expect(await target.snapshot((snapshot) => inspect(snapshot))).toEqual({ tables, problems: [], left_out: [] });
  });

  it('goes on after it was broken off at any table', async () => {
    const { db } = await emptyDatabase(home.home, 'broken-off.db');
    for (const table of ['keys', 'artifacts', 'releases', 'audit', 'deliveries']) {
      const breakOff = copyInto(db, (doing) => {
        if (doing.startsWith(`Copying ${table}:`)) throw new Error('stop');
      });
      await expect(breakOff).rejects.toThrow('stop');
    }
    expect((await digestOf(db, 'artifacts')).rows).toBeGreaterThan(300);
    const again = await copyInto(db);
    expect(again).toEqual(await copyInto((await emptyDatabase(home.home, 'at-once.db')).db));
  });

  it('is refused when the other side has a row more, or another one', async () => {
    const { db } = await emptyDatabase(home.home, 'differs.db');
    await copyInto(db);
    await db.updateTable('audit').set({ actor: 'somebody' }).where('number', '=', 7).execute();
    await expect(copyInto(db)).rejects.toMatchObject({ details: { reason: 'copy_differs', table: 'audit' } });
    await db.deleteFrom('audit').where('number', '=', 7).execute();
    await db.insertInto('counters').values({ workspace: 'default', counter: 'x', value: 1 }).execute();
    await expect(copyInto(db)).rejects.toMatchObject({ details: { table: 'counters' } });
  });
});
