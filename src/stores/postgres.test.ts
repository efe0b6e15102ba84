import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises';
import { Kysely, sql } from 'kysely';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { storeContract } from '../../test/contract/store.ts';
import {
  artifact,
  audit,
  draft,
  event,
  OTHER,
  profile,
  release,
  token,
  W,
  webhook,
} from '../../test/contract/store-rows.ts';
import { startFaultProxy } from '../../test/faults/support/fault-proxy.ts';
import { findPostgres, freshDatabase, OWNER, type TestDatabase } from '../../test/support/postgres.ts';
import type { OpenedStore } from './opened-store.ts';
import { Connections } from './postgres/connections.ts';
import { postgresDialect } from './postgres/dialect.ts';
import { isBroken, postgresError } from './postgres/errors.ts';
import { migrateDatabase, openPostgres } from './postgres.ts';
import { queries } from './sql/index.ts';
import type { Tables } from './sql/schema.ts';

const found = await findPostgres();
const server = 'url' in found ? found.url : '';
if ('missing' in found) process.stderr.write(`SKIPPED the store on PostgreSQL: ${found.missing}\n`);

it('takes a line that broke while it was written to for a lost connection, not for an answer of PostgreSQL', () => {
  const broken = Object.assign(new Error('write EPIPE'), { code: 'EPIPE', syscall: 'write' });
  expect(postgresError(broken)).toMatchObject({ code: 'UNAVAILABLE', details: { reason: 'EPIPE' } });
  expect(isBroken(broken)).toBe(true);
});

describe.skipIf(server === '')('PostgreSQL', () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await freshDatabase(server);
  });
  afterAll(() => database.drop());

  /** Statements of somebody who administers the server. */
  async function asAdmin(...statements: string[]): Promise<Record<string, unknown>[]> {
    const client = new pg.Client({ connectionString: database.admin });
    await client.connect();
    try {
      let rows: Record<string, unknown>[] = [];
      for (const statement of statements) ({ rows } = await client.query(statement));
      return rows;
    } finally {
      await client.end();
    }
  }

  const TABLES = `select quote_ident(tablename) as name from pg_tables where schemaname = 'public' and tablename not like 'kysely%' order by tablename desc`;

  async function openEmpty(): Promise<OpenedStore> {
    const store = await openPostgres(database.url);
    const tables = (await asAdmin(TABLES)).map(({ name }) => name);
    const first = `insert into workspaces (workspace, number, display_name) values ('default', 0, 'Default')`;
    await asAdmin('begin', ...tables.map((table) => `delete from ${table}`), first, 'commit');
    return store;
  }
  async function open(): Promise<OpenedStore> {
    const store = await openEmpty();
    onTestFinished(() => store.close());
    return store;
  }
  async function another(url = database.url): Promise<OpenedStore> {
    const store = await openPostgres(url);
    onTestFinished(() => store.close());
    return store;
  }
  const killOthers = () =>
    asAdmin(
      `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()`,
    );

  storeContract('PostgreSQL', openEmpty);

  describe('walls', () => {
    it('stand around every table, for its owner as well', async () => {
      await open();
      const rows = await asAdmin(`
        select c.relname as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
        where n.nspname = 'public' and c.relkind = 'r' and c.relname not like 'kysely%'
          and not (c.relrowsecurity and c.relforcerowsecurity
            and exists (select from pg_policy p where p.polrelid = c.oid)
            and exists (select from pg_trigger t where t.tgrelid = c.oid and t.tgname = 'mcpo_tell'))`);
      expect(rows).toEqual([]);
    });

    it('hide the rows of other workspaces from a query that names none, and keep it from writing there', async () => {
      const store = await open();
      await store.drafts.save(W, draft());
      await store.drafts.save(OTHER, draft());
      const client = new pg.Client({ connectionString: database.url });
      await client.connect();
      onTestFinished(() => client.end());
      const seen = async () => (await client.query('select workspace from drafts order by 1')).rows;
      expect(await seen()).toEqual([]);
      await client.query(`select set_config('mcp_orchestration.workspace', $1, false)`, [W]);
      expect(await seen()).toEqual([{ workspace: W }]);
      expect((await client.query('update drafts set revision = 9')).rowCount).toBe(1);
      expect((await client.query('delete from drafts where workspace = $1', [OTHER])).rowCount).toBe(0);
      const smuggled = client.query(`insert into counters values ($1, 'audit', 1)`, [OTHER]);
      await expect(smuggled).rejects.toMatchObject({ code: '42501' });
    });

    it('are entered anew after a part of a transaction failed, and for each workspace of one', async () => {
      const store = await open();
      await store.transaction(async (tx) => {
        await tx.drafts.save(W, draft());
        const part = tx.transaction(async (inner) => {
          await inner.drafts.save(OTHER, draft());
          throw new Error('stop');
        });
        await expect(part).rejects.toThrow('stop');
        await tx.audit.append(W, audit('r1'));
        await tx.audit.append(OTHER, audit('r2'));
        expect(await tx.tokens.count()).toBe(0);
        await tx.audit.append(W, audit('r3'));
      });
      expect((await store.audit.list(W, { limit: 9 })).rows.map(({ request_id }) => request_id)).toEqual(['r3', 'r1']);
      expect((await store.audit.list(OTHER, { limit: 9 })).rows).toHaveLength(1);
      expect(await store.drafts.get(OTHER, 'cursor', 'dev')).toBeUndefined();
    });
  });

  describe('dataVersion', () => {
    it('grows at once with what this process commits, and stands still otherwise', async () => {
      const store = await open();
      await expect.poll(() => store.dataVersion()).not.toContain('~');
      await sleep(50);
      const before = store.dataVersion();
      await store.drafts.get(W, 'cursor', 'dev');
      await sleep(300);
      expect(store.dataVersion()).toBe(before);
      await store.drafts.save(W, draft());
      expect(store.dataVersion()).not.toBe(before);
    });

    it('grows with what others commit: another process, and somebody with a program of the database', async () => {
      const [mine, theirs] = [await open(), await another()];
      await expect.poll(() => mine.dataVersion()).not.toContain('~');
      await sleep(50);
      for (const change of [
        () => theirs.drafts.save(W, draft()),
        () => theirs.transaction((tx) => tx.audit.append(W, audit('r1'))),
        () => asAdmin(`delete from drafts`),
      ]) {
        const before = mine.dataVersion();
        await change();
        await expect.poll(() => mine.dataVersion(), { interval: 2, timeout: 1_000 }).not.toBe(before);
      }
    });

    it('grows with what is told in another way only where it is not heard as well', async () => {
      const told: (() => void)[] = [];
      let tells = 0;
      const fan_out = {
        tell: () => {
          tells += 1;
        },
        hear: (listener: () => void) => void told.push(listener),
      };
      await open();
      const mine = await openPostgres(database.url, { fan_out });
      onTestFinished(() => mine.close());
      const theirs = await another();
      await expect.poll(() => mine.dataVersion()).not.toContain('~');
      await sleep(50);
      let before = mine.dataVersion();
      await theirs.drafts.save(W, draft());
      await expect.poll(() => mine.dataVersion(), { interval: 2 }).not.toBe(before);
      before = mine.dataVersion();
      told[0]?.();
      await sleep(150);
      expect(mine.dataVersion()).toBe(before);
      told[0]?.();
      await expect.poll(() => mine.dataVersion(), { interval: 2, timeout: 1_000 }).not.toBe(before);
      expect(tells).toBe(0);
      await mine.drafts.save(W, draft({ revision: 2 }));
      expect(tells).toBe(1);
    });

    it('says so when it has grown, for own and foreign commits', async () => {
      const [mine, theirs] = [await open(), await another()];
      let calls = 0;
      mine.onChange?.(() => {
        calls += 1;
      });
      await expect.poll(() => mine.dataVersion()).not.toContain('~');
      await sleep(50);
      for (const store of [mine, theirs]) {
        const before = calls;
        await store.audit.append(W, audit('r1'));
        await expect.poll(() => calls, { interval: 2 }).toBeGreaterThan(before);
      }
    });

    it('counts everything as changed while nothing can be heard, and once more when it can be again', async () => {
      const store = await open();
      await expect.poll(() => store.dataVersion()).not.toContain('~');
      const before = store.dataVersion();
      await killOthers();
      await expect.poll(() => store.dataVersion(), { interval: 2 }).not.toBe(before);
      await expect.poll(() => store.dataVersion(), { timeout: 5_000 }).not.toContain('~');
      expect(store.dataVersion()).not.toBe(before);
    });

    it('counts what others commit as changed within a second, although the line to PostgreSQL swallows everything', async () => {
      const theirs = await open();
      const { hostname: host, port } = new URL(database.url);
      const line = await startFaultProxy({ host, port: Number(port) });
      onTestFinished(() => line.close());
      const through = new URL(database.url);
      through.port = String(line.port);
      const mine = await openPostgres(through.href);
      onTestFinished(async () => {
        line.becomes({ kind: 'none' });
        await mine.close();
      });
      await expect.poll(() => mine.dataVersion()).not.toContain('~');
      line.becomes({ kind: 'drop' });
      await sleep(300);
      const before = mine.dataVersion();
      const at = performance.now();
      await theirs.drafts.save(W, draft());
      await expect.poll(() => mine.dataVersion(), { interval: 5, timeout: 3_000 }).not.toBe(before);
      expect(performance.now() - at).toBeLessThan(1_500);
    });
  });

  describe('a lost connection', () => {
    it('takes all of a transaction with it, also what comes after it was lost', async () => {
      const store = await open();
      const work = store.transaction(async (tx) => {
        await tx.drafts.save(W, draft());
        await killOthers();
        await store.tokens.count().catch(() => undefined);
        await tx.audit.append(W, audit('r1'));
      });
      await expect(work).rejects.toMatchObject({ code: 'UNAVAILABLE' });
      expect(await store.drafts.get(W, 'cursor', 'dev')).toBeUndefined();
      expect((await store.audit.list(W, { limit: 5 })).rows).toEqual([]);
    });

    it('is replaced for the next call, reader or writer', async () => {
      const store = await open();
      await store.drafts.save(W, draft());
      await killOthers();
      const answered = async (ask: () => Promise<unknown>) => {
        await expect.poll(() => ask().catch(() => 'failed'), { timeout: 2_000 }).not.toBe('failed');
      };
      await answered(() => store.drafts.get(W, 'cursor', 'dev'));
      await answered(() => store.transaction((tx) => tx.audit.append(W, audit('r1'))));
    });
  });

  it('repeats a transaction that PostgreSQL gave up because two waited for each other', async () => {
    const store = await open();
    const arrived = Promise.withResolvers<void>();
    let both = 0;
    let runs = 0;
    const crossing = (first: string, second: string) =>
      store.transaction(async (tx) => {
        runs += 1;
        await tx.audit.append(first, audit(first));
        both += 1;
        if (both === 2) arrived.resolve();
        await arrived.promise;
        await tx.audit.append(second, audit(first));
      });
    await Promise.all([crossing(W, OTHER), crossing(OTHER, W)]);
    expect(runs).toBe(3);
    expect(store.statistics().busy_retries).toBe(1);
    for (const workspace of [W, OTHER]) expect((await store.audit.list(workspace, { limit: 9 })).rows).toHaveLength(2);
  });

  it('numbers events in the order in which they become visible, whoever writes', async () => {
    const stores = [await open(), await another(), await another()];
    const seen: number[] = [];
    let done = false;
    const watch = (async () => {
      while (!done) {
        const rows = await stores[0]?.events.since(W, seen.at(-1) ?? 0, 100);
        seen.push(...(rows ?? []).map(({ number }) => number));
        await turn();
      }
    })();
    const event = {
      type: 'config.draft_changed',
      time: '2026-01-01T00:00:00.000Z',
      client_id: null,
      profile_id: null,
    } as const;
    const row = { ...event, artifact_id: null, sequence: null, actor: 'a', data: {} };
    const write = async (store: OpenedStore) => {
      for (let n = 0; n < 40; n += 1) await store.events.append(W, row, 10_000);
    };
    await Promise.all([...stores, ...stores].map(write));
    await expect.poll(() => seen.length).toBe(240);
    done = true;
    await watch;
    expect(seen).toEqual(Array.from({ length: 240 }, (_, index) => index + 1));
  });

  it('is made by one of several processes that start at once, and found by the others', async () => {
    const fresh = await freshDatabase(server);
    const stores = await Promise.all(Array.from({ length: 5 }, () => openPostgres(fresh.url)));
    for (const store of stores) expect((await store.workspaces.list({ limit: 5 })).rows).toHaveLength(1);
    await Promise.all(stores.map((store) => store.close()));
    await fresh.drop();
  });

  it('goes on as it knows the tables when a newer version adds a column to them', async () => {
    const fresh = await freshDatabase(server);
    const store = await openPostgres(fresh.url);
    onTestFinished(async () => {
      await store.close();
      await fresh.drop();
    });
    await store.webhooks.insert(W, webhook({ events: [] }));
    const deliver = async () => {
      const number = await store.events.append(W, event(), 100);
      await store.webhooks.deliver(W, 'whk_1', number);
    };
    await deliver();
    const newer = new pg.Client({ connectionString: fresh.admin });
    await newer.connect();
    await newer.query(`alter table events add column approval text default 'none'`);
    await newer.end();
    await deliver();
    const { rows } = await store.webhooks.deliveries(W, 'whk_1', { limit: 5 });
    expect(rows.map(({ event: told }) => Object.keys(told).includes('approval'))).toEqual([false, false]);
  });

  it('serves a role that may change rows and nothing else, and says what to do where the tables are missing', async () => {
    await open();
    const fresh = await freshDatabase(server);
    onTestFinished(() => fresh.drop());
    const role = `${OWNER}_runtime`;
    await asAdmin(
      `do $$ begin create role ${role} login password '${role}'; exception when duplicate_object then null; end $$`,
    );
    expect(await migrateDatabase(database.url, role)).toEqual({ migrated: false });
    const as = (url: string) => url.replaceAll(`${OWNER}:${OWNER}`, `${role}:${role}`);
    const store = await another(as(database.url));
    expect(await store.drafts.save(W, draft())).toBe(true);
    await store.transaction((tx) => tx.tokens.insert(W, token('t1')));
    await store.probe();
    await expect(openPostgres(as(fresh.url))).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      details: { reason: 'older_schema' },
      hint: expect.stringContaining('migrate-database'),
    });
  });

  it('answers UNAVAILABLE where there is no server, no database or no such role, and never with a password', async () => {
    const secret = 'made-up-password-look-at-it';
    for (const [url, reason] of [
      [`postgres://${OWNER}:${secret}@127.0.0.1:1/x`, 'ECONNREFUSED'],
      [`${database.url.replace(/\/[^/]*$/, '/no_such_database')}`, '3D000'],
    ] as const) {
      const failed = await openPostgres(url).catch((error: unknown) => error);
      expect(failed).toMatchObject({
        code: 'UNAVAILABLE',
        details: { reason },
        hint: expect.stringContaining('database URL'),
      });
      expect(JSON.stringify(failed)).not.toContain(secret);
    }
  });

  it('says what a superuser is for the walls, and what is lost without synchronous commits', async () => {
    const store = await open();
    expect(await store.remarks()).toEqual([]);
    const lax = new URL(database.admin);
    lax.searchParams.set('options', '-csynchronous_commit=off');
    expect(await (await another(lax.href)).remarks()).toEqual([
      expect.stringContaining('walls'),
      expect.stringContaining('synchronous_commit'),
    ]);
  });

  it('refuses a NUL as input that cannot be stored, and stays usable', async () => {
    const store = await open();
    const odd = store.profiles.create(W, profile({ description: 'a\0b' }));
    await expect(odd).rejects.toMatchObject({ code: 'INVALID_INPUT' });
    await store.artifacts.put(W, artifact());
    expect(await store.profiles.list(W)).toEqual([]);
  });

  it('plans each statement once for a connection', async () => {
    await open();
    const connections = new Connections(database.url);
    const watching = { committed: () => undefined };
    const db = new Kysely<Tables>({
      dialect: postgresDialect({ connections, purpose: 'read', workspace: W, watching }),
    });
    const planned = await db.connection().execute(async (one) => {
      for (const id of ['a', 'b', 'c', 'd']) {
        await one.selectFrom('drafts').selectAll().where('workspace', '=', W).where('client_id', '=', id).execute();
      }
      const counted = sql<{
        uses: number;
      }>`select generic_plans + custom_plans as uses from pg_prepared_statements where statement like '%"drafts"%' and statement not like '%pg_prepared%'`;
      return (await counted.execute(one)).rows;
    });
    await connections.close();
    expect(planned).toEqual([{ uses: 4 }]);
  });

  it('plans the question for the latest release once, however many there are', async () => {
    const store = await open();
    await store.artifacts.put(W, artifact());
    await store.releases.append(W, release(1));
    await asAdmin(
      `insert into releases select (jsonb_populate_record(r, jsonb_build_object('sequence', n))).* from releases r, generate_series(2, 2000) n`,
      'analyze releases',
    );
    const connections = new Connections(database.url);
    onTestFinished(() => connections.close());
    const watching = { committed: () => undefined };
    const db = new Kysely<Tables>({
      dialect: postgresDialect({ connections, purpose: 'read', workspace: W, watching }),
    });
    const [planned] = await db.connection().execute(async (one) => {
      const { releases } = queries({ read: one, write: one });
      const { client_id, profile_id } = release(1);
      for (let asked = 0; asked < 20; asked += 1) {
        expect(await releases.latest(W, client_id, profile_id)).toMatchObject({ sequence: 2000 });
      }
      const counted = sql<{
        anew: number;
      }>`select custom_plans as anew from pg_prepared_statements where statement like '%"releases"%' and statement not like '%pg_prepared%'`;
      return (await counted.execute(one)).rows;
    });
    // PostgreSQL tries five times whether the values matter.
    expect(planned).toEqual({ anew: 5 });
  });
});
