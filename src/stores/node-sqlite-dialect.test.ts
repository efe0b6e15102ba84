import { rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { Kysely, sql } from 'kysely';
import { expect, onTestFinished, test } from 'vitest';
import { temporaryDirectory } from '../../test/support/workspace.ts';
import { NodeSqliteConnection, nodeSqliteDialect } from './node-sqlite-dialect.ts';

interface Notes {
  notes: { text: string };
}

function open(setup = '') {
  const database = new DatabaseSync(':memory:');
  database.exec(`create table notes (text text not null) strict; ${setup}`);
  const connection = new NodeSqliteConnection(database, { exclusive: true, patienceMs: 100 });
  return { database, connection, db: new Kysely<Notes>({ dialect: nodeSqliteDialect(connection) }) };
}
const write = (db: Kysely<Notes>, text: string) => db.insertInto('notes').values({ text }).execute();

test('a full disk is WRITE_FAILED with the name of the code', async () => {
  const { db } = open('pragma max_page_count = 20;');
  await expect(write(db, 'x'.repeat(500_000))).rejects.toMatchObject({
    code: 'WRITE_FAILED',
    details: { reason: 'SQLITE_FULL' },
  });
  await write(db, 'small');
});

test('a file that may not be written is WRITE_FAILED', async () => {
  const { db } = open('pragma query_only = on;');
  await expect(write(db, 'x')).rejects.toMatchObject({
    code: 'WRITE_FAILED',
    details: { reason: 'SQLITE_READONLY' },
  });
});

test('a transaction in which the disk got full keeps nothing, even when the failure was caught inside', async () => {
  const { db } = open('pragma max_page_count = 20;');
  const work = db.transaction().execute(async (trx) => {
    await write(trx, 'before');
    await expect(write(trx, 'x'.repeat(500_000))).rejects.toMatchObject({ code: 'WRITE_FAILED' });
    throw new Error('stop');
  });
  await expect(work).rejects.toThrow('stop');
  expect(await db.selectFrom('notes').selectAll().execute()).toEqual([]);
});

test('nothing is written one by one after SQLite itself ended the transaction', async () => {
  const { db, database } = open();
  const work = db.transaction().execute(async (trx) => {
    await write(trx, 'before');
    database.exec('rollback');
    await expect(write(trx, 'after')).rejects.toMatchObject({
      code: 'WRITE_FAILED',
      details: { reason: 'SQLITE_ABORT' },
    });
  });
  await expect(work).rejects.toMatchObject({ code: 'WRITE_FAILED', details: { reason: 'SQLITE_ABORT' } });
  expect(await db.selectFrom('notes').selectAll().execute()).toEqual([]);
  await write(db, 'later');
});

test('a failed commit is reported and rolled back', async () => {
  const { db } = open(`
    pragma foreign_keys = on;
    create table parents (id integer primary key);
    create table children (parent integer references parents (id) deferrable initially deferred);
  `);
  const work = db.transaction().execute(async (trx) => {
    await write(trx, 'before');
    await sql`insert into children values (1)`.execute(trx);
  });
  await expect(work).rejects.toThrow('FOREIGN KEY constraint failed');
  expect(await db.selectFrom('notes').selectAll().execute()).toEqual([]);
});

test('writers are served in the order in which they came', async () => {
  const { db } = open();
  const texts = Array.from({ length: 30 }, (_, n) => `${n}`);
  const later: Promise<unknown>[] = [];
  const writers = texts.map((text) =>
    db.transaction().execute(async (trx) => {
      await write(trx, text);
      if (later.length < 5) later.push(write(db, `came later ${later.length}`));
    }),
  );
  await Promise.all(writers);
  await Promise.all(later);
  const rows = await db.selectFrom('notes').selectAll().execute();
  expect(rows.map((row) => row.text)).toEqual([...texts, ...Array.from({ length: 5 }, (_, n) => `came later ${n}`)]);
});

/** A file of its own, looked at by a second connection: what that one sees is committed. */
async function openShared(setup = '') {
  const path = join(await temporaryDirectory('mcpo-group'), 'notes.db');
  const database = new DatabaseSync(path);
  database.exec(`pragma journal_mode = wal; create table notes (text text not null) strict; ${setup}`);
  const connection = new NodeSqliteConnection(database, { exclusive: true, patienceMs: 100 });
  const reader = new DatabaseSync(path, { readOnly: true });
  const seen = () =>
    reader
      .prepare('select text from notes')
      .all()
      .map(({ text }) => text);
  onTestFinished(async () => {
    reader.close();
    await connection.close();
    await rm(dirname(path), { recursive: true });
  });
  return { database, connection, seen, db: new Kysely<Notes>({ dialect: nodeSqliteDialect(connection) }) };
}

test('writers that come together are committed together, and each hears of it when it can be seen by others', async () => {
  const { db, connection, seen } = await openShared();
  const told = await Promise.all(
    ['a', 'b', 'c'].map(async (text) => {
      await db.transaction().execute((trx) => write(trx, text));
      return seen();
    }),
  );
  expect(told).toEqual(Array.from({ length: 3 }, () => ['a', 'b', 'c']));
  expect(connection.commits).toBe(1);
});

test('one of several that come together fails alone, whichever it is', async () => {
  for (const failing of ['a', 'b', 'c']) {
    const { db, seen } = await openShared();
    const outcomes = await Promise.allSettled(
      ['a', 'b', 'c'].map((text) =>
        db.transaction().execute(async (trx) => {
          await write(trx, text);
          if (text === failing) throw new Error(text);
        }),
      ),
    );
    expect(outcomes.map(({ status }) => status)).toEqual(
      ['a', 'b', 'c'].map((text) => (text === failing ? 'rejected' : 'fulfilled')),
    );
    expect(seen()).toEqual(['a', 'b', 'c'].filter((text) => text !== failing));
  }
});

test('a failure is not told before what it may have seen is on the disk', async () => {
  const { db, seen } = await openShared();
  const [, refused] = await Promise.allSettled([
    db.transaction().execute((trx) => write(trx, 'first')),
    db
      .transaction()
      .execute(async (trx) => {
        const rows = await trx.selectFrom('notes').selectAll().execute();
        throw new Error(`there is ${rows[0]?.text}`);
      })
      .catch((error: Error) => [error.message, seen()]),
    db.transaction().execute((trx) => write(trx, 'last')),
  ]);
  expect(refused).toMatchObject({ value: ['there is first', ['first', 'last']] });
});

test('a commit that fails fails for all that came together, and the next ones go on', async () => {
  const { db, seen } = await openShared(`
    pragma foreign_keys = on;
    create table parents (id integer primary key);
    create table children (parent integer references parents (id) deferrable initially deferred);
  `);
  const outcomes = await Promise.allSettled([
    db.transaction().execute((trx) => write(trx, 'a')),
    db.transaction().execute((trx) => sql`insert into children values (1)`.execute(trx)),
    db.transaction().execute((trx) => write(trx, 'c')),
  ]);
  expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
  await db.transaction().execute((trx) => write(trx, 'later'));
  expect(seen()).toEqual(['later']);
});

test('when SQLite gives up the transaction of several, none of them is told that it was kept', async () => {
  const { db, database, seen } = await openShared();
  const outcomes = await Promise.allSettled([
    db.transaction().execute((trx) => write(trx, 'a')),
    db.transaction().execute(async () => database.exec('rollback')),
    db.transaction().execute((trx) => write(trx, 'c')),
  ]);
  const gone = { status: 'rejected', reason: { code: 'WRITE_FAILED', details: { reason: 'SQLITE_ABORT' } } };
  expect(outcomes).toMatchObject([gone, gone, { status: 'fulfilled' }]);
  expect(seen()).toEqual(['c']);
});

test('a statement by itself, and closing, end what waits for its commit', async () => {
  const { db, connection, seen } = await openShared();
  let closed: Promise<void> | undefined;
  await Promise.all([
    db.transaction().execute((trx) => write(trx, 'a')),
    write(db, 'alone'),
    db.transaction().execute(async (trx) => {
      closed = connection.close();
      await write(trx, 'b');
    }),
    db.transaction().execute((trx) => write(trx, 'c')),
  ]);
  await closed;
  expect(seen()).toEqual(['a', 'alone', 'b', 'c']);
});

test('more different statements than the cache holds still run', async () => {
  const { db } = open();
  for (let n = 0; n < 600; n++) await sql`select ${sql.lit(n)}`.execute(db);
  expect((await sql<{ n: number }>`select ${sql.lit(7)} as n`.execute(db)).rows[0]?.n).toBe(7);
});

test('streaming is refused, and destroying Kysely leaves the connection to its owner', async () => {
  const { db, connection, database } = open();
  await write(db, 'x');
  await expect(async () => {
    for await (const row of db.selectFrom('notes').selectAll().stream()) expect(row).toBeUndefined();
  }).rejects.toThrow('read in pages instead of streaming');
  await db.destroy();
  expect(database.isOpen).toBe(true);
  await connection.close();
  expect(database.isOpen).toBe(false);
});
