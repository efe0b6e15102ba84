import { setImmediate as turn } from 'node:timers/promises';
import { Kysely } from 'kysely';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { audit, draft, key, OTHER, profile, W } from '../../../test/contract/store-rows.ts';
import { findPostgres, freshDatabase, type TestDatabase } from '../../../test/support/postgres.ts';
import type { OpenedStore } from '../opened-store.ts';
import { openPostgres } from '../postgres.ts';
import type { Tables } from '../sql/schema.ts';
import type { Store } from '../store.ts';
import { Connections } from './connections.ts';
import { entrance, postgresDialect } from './dialect.ts';
import { Writers } from './turns.ts';

const found = await findPostgres();
const server = 'url' in found ? found.url : '';
if ('missing' in found) process.stderr.write(`SKIPPED writers on PostgreSQL: ${found.missing}\n`);

describe.skipIf(server === '')('writers of one workspace', () => {
  let database: TestDatabase;
  let store: OpenedStore;
  let ends: (() => Promise<void>)[] = [];
  beforeAll(async () => {
    database = await freshDatabase(server);
  });
  beforeEach(async () => {
    store = await openPostgres(database.url);
    const emptying = await admin();
    await emptying.query('delete from audit; delete from drafts; delete from counters');
    await emptying.end();
  });
  afterEach(async () => {
    await store.close();
    for (const end of ends) await end();
    ends = [];
  });
  afterAll(() => database.drop());

  async function admin(): Promise<pg.Client> {
    const client = new pg.Client({ connectionString: database.admin });
    await client.connect();
    client.on('error', () => undefined);
    ends.push(() => client.end());
    return client;
  }
  const write = (id: string, also: (tx: Store) => Promise<unknown> = async () => undefined) =>
    store.transaction(async (tx) => {
      await tx.audit.append(W, audit(id));
      await also(tx);
    });
  /** In the order in which they were written. */
  const written = async (workspace = W) => {
    const { rows } = await store.audit.list(workspace, { limit: 200 });
    return rows.map(({ request_id }) => request_id).toReversed();
  };
  /** A writer that is inside, and goes on when it is told to: then those who came meanwhile wait behind it. */
  function inside(id: string) {
    const [entered, goOn] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const done = write(id, () => {
      entered.resolve();
      return goOn.promise;
    });
    return { entered: entered.promise, goOn: () => turn().then(goOn.resolve), done };
  }

  it('wait with one connection in all while another process has it; readers and other workspaces are served', async () => {
    const other = await admin();
    await other.query(`select pg_advisory_lock(hashtext('public'), hashtext('${W}'))`);
    const ids = Array.from({ length: 40 }, (_, n) => `r${n}`);
    const acknowledged: string[] = [];
    const writers = ids.map(async (id, n) => {
      // As parts of a batch that is done as a whole, too.
      await (n % 2 === 0
        ? write(id)
        : store.transaction((tx) => tx.transaction((part) => part.audit.append(W, audit(id)))));
      acknowledged.push(id);
    });
    const waiting = `select count(*)::int as waiting from pg_locks where locktype = 'advisory' and not granted
      and database = (select oid from pg_database where datname = current_database())`;
    await expect.poll(async () => (await other.query(waiting)).rows).toEqual([{ waiting: 1 }]);
    expect(await store.drafts.get(W, 'cursor', 'dev')).toBeUndefined();
    await store.transaction((tx) => tx.drafts.save(OTHER, draft()));
    await store.drafts.save(OTHER, draft({ revision: 2 }));
    expect((await other.query(waiting)).rows).toEqual([{ waiting: 1 }]);
    expect(acknowledged).toEqual([]);
    await other.query('select pg_advisory_unlock_all()');
    await Promise.all(writers);
    expect(await written()).toEqual(acknowledged);
    expect(acknowledged.toSorted()).toEqual(ids.toSorted());
    for (const kind of [0, 1]) {
      const came = ids.filter((_, n) => n % 2 === kind);
      expect(acknowledged.filter((id) => came.includes(id))).toEqual(came);
    }
  });

  it('are committed together when they come together, and told when it is done', async () => {
    const first = inside('r1');
    await first.entered;
    const told: string[] = [];
    const ofFirst = first.done.then(() => told.push('r1'));
    const second = write('r2', async (tx) => {
      const { rows } = await tx.audit.list(W, { limit: 9 });
      expect(rows.map(({ request_id }) => request_id)).toEqual(['r2', 'r1']);
      expect(await written()).toEqual([]);
      expect(told).toEqual([]);
    });
    const { commits } = store.statistics();
    await first.goOn();
    await Promise.all([ofFirst, second]);
    expect(store.statistics().commits).toBe(commits + 1);
    expect(await written()).toEqual(['r1', 'r2']);
  });

  const stop = async () => {
    throw new Error('stop');
  };
  const withNul = (tx: Store) => tx.profiles.create(W, profile({ description: 'a\0b' }));

  it.each([
    ['they throw', stop, { message: 'stop' }],
    ['PostgreSQL refuses a statement', withNul, { code: 'INVALID_INPUT' }],
    ['that was caught', (tx: Store) => withNul(tx).catch(() => undefined), { code: 'UNAVAILABLE' }],
    ['a part of them fails', (tx: Store) => tx.transaction(withNul), { code: 'INVALID_INPUT' }],
  ])('undo only what is theirs when %s', async (_name, fail, error) => {
    const first = inside('r1');
    await first.entered;
    const { commits } = store.statistics();
    const failed = write('r2', fail);
    await first.goOn();
    await expect(failed).rejects.toMatchObject(error);
    await first.done;
    expect(store.statistics().commits).toBe(commits + 1);
    const [, failedAlone] = await Promise.allSettled([write('r3'), write('r4', fail), write('r5')]);
    expect(failedAlone.status).toBe('rejected');
    expect(await written()).toEqual(['r1', 'r3', 'r5']);
  });

  it('begin anew when the first of them throws', async () => {
    const first = write('r1', stop);
    const second = write('r2');
    await expect(first).rejects.toThrow('stop');
    await second;
    expect(await written()).toEqual(['r2']);
  });

  it('all fail with a lost connection, and nothing of theirs is kept; those behind are served', async () => {
    const first = inside('r1');
    await first.entered;
    const second = inside('r2');
    const third = write('r3');
    await first.goOn();
    await second.entered;
    const killer = await admin();
    await killer.query(
      'select pg_terminate_backend(pid, 5000) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()',
    );
    await second.goOn();
    const results = await Promise.allSettled([first.done, second.done, third]);
    expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'fulfilled']);
    for (const result of results.slice(0, 2)) expect(result).toMatchObject({ reason: { code: 'UNAVAILABLE' } });
    expect(await written()).toEqual(['r3']);
  });

  /** Somebody cancels the connection just when it gets the first text like this: of that text, nothing is carried out. */
  function cancelledBefore(like: RegExp): void {
    const { query } = pg.Client.prototype as { query: (...args: unknown[]) => unknown };
    const spy = vi.spyOn(pg.Client.prototype as { query: typeof query }, 'query');
    spy.mockImplementation(function (this: pg.Client, asked, ...more) {
      const { text } = asked as { text: string };
      if (!like.test(text)) return query.call(this, asked, ...more);
      spy.mockRestore();
      return query.call(this, { text: `select pg_cancel_backend(pg_backend_pid()), pg_sleep(1); ${text}` });
    });
    ends.push(async () => spy.mockRestore());
  }

  it('are told of success only when theirs is there, also where the beginning of the next one is cancelled', async () => {
    const first = inside('r1');
    await first.entered;
    const second = inside('r2');
    const writers = { r1: first.done, r2: second.done, r3: write('r3'), r4: write('r4') };
    await first.goOn();
    await second.entered;
    cancelledBefore(/^release savepoint /);
    await second.goOn();
    const results = await Promise.allSettled(Object.values(writers));
    const acknowledged = Object.keys(writers).filter((_, n) => results[n]?.status === 'fulfilled');
    expect(acknowledged).not.toContain('r3');
    expect(acknowledged).toContain('r4');
    expect(await written()).toEqual(acknowledged);
  });

  it('leave no connection behind in a transaction when their commit is cancelled', async () => {
    cancelledBefore(/^commit$/);
    await expect(write('r1')).rejects.toMatchObject({ code: 'UNAVAILABLE', details: { reason: '57014' } });
    expect(await store.drafts.save(W, draft())).toBe(true);
    expect(await written()).toEqual([]);
  });

  it('hear of the failure, not of what failed because of it', async () => {
    const refusals = await store
      .transaction(async (tx) => {
        const before = tx.drafts.get(W, 'cursor', 'dev');
        const put = (key_id: string) => before.then(() => tx.keys.put(W, key({ key_id })));
        // The second of the same kind counts on what PostgreSQL was to keep of the first, and fails in another way.
        return Promise.allSettled([put('k1'), put('k2'), withNul(tx)]).then((results) => Promise.reject(results));
      })
      .catch((results: unknown) => results);
    expect(refusals).toMatchObject(
      Array.from({ length: 3 }, () => ({ status: 'rejected', reason: { code: 'INVALID_INPUT' } })),
    );
  });

  it('are repeated alone when two workspaces wait for each other', async () => {
    const runs: string[] = [];
    const arrived = Promise.withResolvers<void>();
    const crossing = (id: string, first: string, second: string) =>
      store.transaction(async (tx) => {
        await tx.audit.append(first, audit(id));
        runs.push(id);
        if (new Set(runs).isSupersetOf(new Set(['there', 'back']))) arrived.resolve();
        await arrived.promise;
        await tx.audit.append(second, audit(id));
      });
    const before = inside('r1');
    await before.entered;
    const writers = [crossing('there', W, OTHER), crossing('back', OTHER, W), write('r2')];
    await before.goOn();
    await Promise.all([before.done, ...writers]);
    expect(runs).toHaveLength(3);
    expect(store.statistics().busy_retries).toBe(1);
    expect((await written()).toSorted()).toEqual(['back', 'r1', 'r2', 'there']);
    expect((await written(OTHER)).toSorted()).toEqual(['back', 'there']);
  });

  it('are not told of success after a statement has failed, also where that was caught', async () => {
    const spoilt = write('r1', (tx) => withNul(tx).catch(() => undefined));
    await expect(spoilt).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    expect(await written()).toEqual([]);
  });

  it('do not wait for ever, and leave the row in which they waited', async () => {
    const connections = new Connections(database.url);
    ends.push(() => connections.close());
    const watching = { committed: () => undefined };
    const writers = new Writers(connections, watching.committed, 50);
    const settings = { connections, purpose: 'write', workspace: undefined, watching, writers } as const;
    const db = new Kysely<Tables>({ dialect: postgresDialect(settings) });
    const hold = Promise.withResolvers<void>();
    const enter = (until: Promise<void> = Promise.resolve()) =>
      db.transaction().execute(async (trx) => {
        await trx.executeQuery(entrance(W));
        await trx.selectFrom('drafts').select('revision').where('workspace', '=', W).execute();
        await until;
      });
    const first = enter(hold.promise);
    await expect(enter()).rejects.toMatchObject({ code: 'UNAVAILABLE', details: { reason: '55P03' } });
    hold.resolve();
    await first;
    await enter();
  });
});
