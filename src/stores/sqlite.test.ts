import {
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setImmediate, setTimeout as sleep } from 'node:timers/promises';
import { afterAll, describe, expect, it } from 'vitest';
import { storeContract } from '../../test/contract/store.ts';
import { artifact, audit, draft, profile, release, W } from '../../test/contract/store-rows.ts';
import { openSqlite } from './sqlite.ts';

const root = mkdtempSync(join(tmpdir(), 'mcpo-store-'));
let files = 0;
function freshPath(): string {
  files += 1;
  return join(root, `home-${files}`, 'data', 'state.db');
}
afterAll(() => rmSync(root, { recursive: true, force: true }));

storeContract('SQLite in memory', () => openSqlite(':memory:'));
storeContract('SQLite in a file', () => openSqlite(freshPath()));

describe('locks', () => {
  it('answers UNAVAILABLE after the timeout, and reads and timers go on meanwhile', async () => {
    const path = freshPath();
    const store = await openSqlite(path, { busyTimeoutMs: 150 });
    const other = new DatabaseSync(path);
    other.exec('begin immediate');
    const work = store.transaction((tx) => tx.drafts.save(W, draft()));
    const write = store.profiles.create(W, profile());
    let ticks = 0;
    const timer = setInterval(() => {
      ticks += 1;
    }, 5);
    expect(await store.tokens.count()).toBe(0);
    await expect(work).rejects.toMatchObject({ code: 'UNAVAILABLE', details: { reason: 'SQLITE_BUSY' } });
    await expect(write).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    clearInterval(timer);
    expect(ticks).toBeGreaterThan(5);
    other.exec('rollback');
    expect(await store.drafts.save(W, draft())).toBe(true);
    other.close();
    await store.close();
  });

  it('writes as soon as the other process lets go', async () => {
    const path = freshPath();
    const store = await openSqlite(path);
    const other = new DatabaseSync(path);
    other.exec('begin immediate');
    const saved = store.drafts.save(W, draft());
    await sleep(50);
    other.exec('commit');
    expect(await saved).toBe(true);
    other.close();
    await store.close();
  });

  it('lets two stores of one process take turns, each in transactions that wait', async () => {
    const path = freshPath();
    const stores = await Promise.all([openSqlite(path), openSqlite(path)]);
    const increments = stores.flatMap((store) =>
      Array.from({ length: 10 }, () =>
        store.transaction(async (tx) => {
          const revision = (await tx.drafts.get(W, 'cursor', 'dev'))?.revision ?? 0;
          await sleep(1);
          return tx.drafts.save(W, draft({ revision: revision + 1 }));
        }),
      ),
    );
    expect(await Promise.all(increments)).toEqual(Array.from({ length: 20 }, () => true));
    expect((await stores[0]?.drafts.get(W, 'cursor', 'dev'))?.revision).toBe(20);
    for (const store of stores) await store.close();
  });

  it('reads what is committed at once while a transaction runs', async () => {
    const store = await openSqlite(freshPath());
    await store.drafts.save(W, draft());
    await store.transaction(async (tx) => {
      await tx.drafts.save(W, draft({ revision: 2 }));
      expect((await store.drafts.get(W, 'cursor', 'dev'))?.revision).toBe(1);
    });
    expect((await store.drafts.get(W, 'cursor', 'dev'))?.revision).toBe(2);
    await store.close();
  });
});

it('transactions that wait for each other leave the event loop its turns', async () => {
  const store = await openSqlite(freshPath());
  let turns = 0;
  let done = false;
  const counting = (async () => {
    while (!done) {
      await setImmediate();
      turns += 1;
    }
  })();
  const slowly = (at: number) =>
    store.transaction(async (tx) => {
      const until = performance.now() + 10;
      while (performance.now() < until);
      await tx.audit.append(W, audit(`r${at}`));
    });
  await Promise.all(Array.from({ length: 30 }, (_, at) => slowly(at)));
  done = true;
  await counting;
  expect(turns, 'of 300 ms').toBeGreaterThanOrEqual(8);
  await store.close();
});

describe('dataVersion', () => {
  it.each(['in memory', 'in a file'])('changes with every commit and with nothing else (%s)', async (where) => {
    const store = await openSqlite(where === 'in memory' ? ':memory:' : freshPath());
    const versions = [store.dataVersion()];
    const note = () => versions.push(store.dataVersion());
    await store.drafts.save(W, draft());
    note();
    await store.transaction((tx) => tx.audit.append(W, audit('r1')));
    note();
    expect(new Set(versions).size).toBe(3);
    await store.drafts.get(W, 'cursor', 'dev');
    note();
    const stopped = store.transaction(async (tx) => {
      await tx.drafts.save(W, draft({ revision: 2 }));
      throw new Error('stop');
    });
    await expect(stopped).rejects.toThrow('stop');
    note();
    expect(new Set(versions).size).toBe(3);
    await store.close();
    expect(() => store.dataVersion()).toThrow('The database is closed');
  });

  it('changes when another connection commits', async () => {
    const path = freshPath();
    const [mine, theirs] = [await openSqlite(path), await openSqlite(path)];
    const before = mine.dataVersion();
    expect(mine.dataVersion()).toBe(before);
    await theirs.drafts.save(W, draft());
    await setImmediate();
    expect(mine.dataVersion()).not.toBe(before);
    await mine.close();
    await theirs.close();
  });
});

describe('the file', () => {
  it('is one file after the last close, in WAL mode, with strict tables keyed by the workspace first', async () => {
    const path = freshPath();
    const store = await openSqlite(path);
    await store.drafts.save(W, draft());
    await store.close();
    expect(readdirSync(join(path, '..'))).toEqual(['state.db']);
    const database = new DatabaseSync(path);
    expect(database.prepare('pragma journal_mode').get()?.journal_mode).toBe('wal');
    const tables = database
      .prepare("select name, strict from pragma_table_list where schema = 'main' and name not like 'sqlite%'")
      .all()
      .filter(({ name }) => !String(name).startsWith('kysely_'));
    expect(tables.map(({ name }) => name).toSorted()).toEqual(
      [
        'artifacts',
        'audit',
        'catalog',
        'clients',
        'counters',
        'deliveries',
        'deployments',
        'drafts',
        'events',
        'idempotency',
        'keys',
        'links',
        'pins',
        'pointers',
        'profiles',
        'pulls',
        'releases',
        'tokens',
        'webhooks',
        'workspaces',
      ].toSorted(),
    );
    for (const { name, strict } of tables) {
      const key = database.prepare('select name from pragma_table_info(?) where pk = 1').get(String(name));
      expect([name, strict, key?.name]).toEqual([name, 1, 'workspace']);
    }
    database.close();
  });

  it('of version 0.1.0 is brought up to date with everything that is in it', async () => {
    const path = freshPath();
    mkdirSync(join(path, '..'), { recursive: true });
    const database = new DatabaseSync(path);
    database.exec(readFileSync(new URL('../../test/fixtures/databases/0.1.0.sql', import.meta.url), 'utf8'));
    const before = database.prepare('select * from deployments order by number').all();
    database.close();
    const store = await openSqlite(path);
    const machine_id = String(before[0]?.machine_id);
    const { rows } = await store.deployments.list(W, machine_id, {}, { limit: 10 });
    expect(rows).toStrictEqual(
      before.toReversed().map(({ workspace: _, number: _number, ...row }) => ({
        ...row,
        project: null,
        explicit_path: false,
        previous_deployment_id: null,
        pinned: false,
        ledger: JSON.parse(String(row.ledger)),
      })),
    );
    expect(await store.deployments.currents(W, machine_id)).toStrictEqual(rows.slice(0, 1));
    expect(
      (await store.releases.list(W, 'cursor', 'default', { limit: 10 })).rows.map(({ sequence }) => sequence),
    ).toEqual([2, 1]);
    expect(await store.links.list(W)).toEqual([]);
    await store.close();
    await (await openSqlite(path)).close();
  });

  it('is refused when a newer program has migrated it, and nothing is changed', async () => {
    const path = freshPath();
    await (await openSqlite(path)).close();
    const database = new DatabaseSync(path);
    database.exec("insert into kysely_migration values ('0099-later', '2030-01-01T00:00:00.000Z')");
    database.close();
    await expect(openSqlite(path)).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      message: 'The database was made by a newer version of mcp-orchestration. Nothing was changed.',
      details: { reason: 'newer_schema', migrations: ['0099-later'] },
    });
  });

  it('is refused when it belongs to another program', async () => {
    const path = freshPath();
    mkdirSync(join(path, '..'), { recursive: true });
    const database = new DatabaseSync(path);
    database.exec('create table bookmarks (url text)');
    database.close();
    await expect(openSqlite(path)).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      details: { reason: 'foreign_database' },
    });
  });

  it('is refused as WRITE_FAILED when it is no database, is damaged, or cannot be made', async () => {
    const path = freshPath();
    const store = await openSqlite(path);
    for (let n = 0; n < 50; n++) await store.artifacts.put(W, artifact(`a${n}`, { canonical: 'x'.repeat(5000) }));
    await store.close();
    const size = statSync(path).size;
    writeSync(openSync(path, 'r+'), Buffer.alloc(size - 4096, 0xff), 0, size - 4096, 4096);
    await expect(openSqlite(path)).rejects.toMatchObject({
      code: 'WRITE_FAILED',
      details: { reason: 'SQLITE_CORRUPT' },
    });
    writeFileSync(path, 'this is no database, but it is long enough to look for a header in it'.repeat(100));
    await expect(openSqlite(path)).rejects.toMatchObject({
      code: 'WRITE_FAILED',
      details: { reason: 'SQLITE_NOTADB' },
    });
    await expect(openSqlite(join(path, 'below', 'state.db'))).rejects.toMatchObject({
      code: 'WRITE_FAILED',
      details: { reason: 'ENOTDIR' },
    });
    await expect(openSqlite(join(path, '..'))).rejects.toMatchObject({
      code: 'WRITE_FAILED',
      details: { reason: 'SQLITE_CANTOPEN' },
    });
  });

  it('answers a release that names no artifact with a plain error, because that is a bug and no bad luck', async () => {
    const store = await openSqlite(freshPath());
    const appended = store.releases.append(W, release(1));
    await expect(appended).rejects.toMatchObject({
      code: 'ERR_SQLITE_ERROR',
      message: 'FOREIGN KEY constraint failed',
    });
    await store.close();
  });
});
