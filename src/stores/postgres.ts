import { setTimeout as sleep } from 'node:timers/promises';
import { CompiledQuery, Kysely } from 'kysely';
import { AppError } from '../core/errors.ts';
import type { Snapshot } from './inspect/inspect.ts';
import { MIGRATION_TABLE, newerSchema, schemaOf } from './migrations/index.ts';
import { closedError, type FanOut, type OpenedStore, type StoreLog, type Surroundings } from './opened-store.ts';
import { Connections, PATIENT } from './postgres/connections.ts';
import { entrance, postgresDialect, type Watching } from './postgres/dialect.ts';
import { isConflict, postgresError } from './postgres/errors.ts';
import { Listener } from './postgres/listener.ts';
import { grantRows, migrateTables, migrationsDone, migrationsIn } from './postgres/schema.ts';
import { Writers } from './postgres/turns.ts';
import { EVERY_WORKSPACE } from './postgres/walls.ts';
import { inOrder } from './sql/databases.ts';
import { type Nouns, nested, queries } from './sql/index.ts';
import type { Tables } from './sql/schema.ts';
import { behindWall } from './sql/walled.ts';
import type { Store } from './store.ts';

/** How often something is begun that PostgreSQL gives up for the sake of others. */
const ATTEMPTS = 6;
/** Workspaces whose queries are kept at hand. */
const MOST_WORKSPACES = 1_000;

/** Repeats what PostgreSQL gave up because of others; it has left nothing behind. */
async function persistently<T>(attempt: () => Promise<T>, repeats: () => void): Promise<T> {
  for (let left = ATTEMPTS - 1; ; left -= 1) {
    try {
      return await attempt();
    } catch (error) {
      if (left === 0 || !isConflict(error)) throw error;
      repeats();
    }
    // Those that met would meet again if they came back together.
    await sleep(Math.random() * 20);
  }
}

/** The store that a transaction is handed. */
function insideTransaction(trx: Kysely<Tables>): Store {
  const direct = queries({ read: trx, write: trx });
  let at: string | undefined;
  let entered: Promise<unknown> = Promise.resolve();
  const under_way = new Set<Promise<unknown>>();
  /** Calls about one workspace may be under way together. One about another lets them end, and then enters there. */
  const enter = (workspace: string) => {
    if (at === workspace) return;
    at = workspace;
    const before = Promise.allSettled(under_way);
    entered = before.then(() => trx.executeQuery(entrance(workspace)));
  };
  const walled = behindWall(direct, (workspace = EVERY_WORKSPACE, call) => {
    enter(workspace);
    const work = entered.then(() => call(direct));
    under_way.add(work);
    const ended = () => under_way.delete(work);
    work.then(ended, ended);
    return work;
  });
  const store: Store = {
    ...walled,
    async transaction(work) {
      try {
        return await nested(trx, () => work(store));
      } catch (error) {
        // What a failed part had entered, it has left again.
        at = undefined;
        throw error;
      }
    },
    async close() {
      throw new Error('a transaction cannot close the store');
    },
  };
  return store;
}

/** What each workspace can see, made when it is first asked for. */
function nounsByWorkspace(kysely: (purpose: 'read' | 'write', workspace: string) => Kysely<Tables>) {
  const known = new Map<string, Nouns>();
  return (workspace: string): Nouns => {
    const found = known.get(workspace);
    if (found) return found;
    if (known.size >= MOST_WORKSPACES) known.clear();
    const made = queries({ read: kysely('read', workspace), write: kysely('write', workspace) });
    known.set(workspace, made);
    return made;
  };
}

/** Can this process write, and does it know the schema that is there now? */
async function probe(connections: Connections): Promise<void> {
  const [state] = await connections.query<{ standby: boolean }>('select pg_is_in_recovery() as standby');
  if (state?.standby) {
    throw new AppError('UNAVAILABLE', 'PostgreSQL takes no writes: this server is a standby.', { reason: 'standby' });
  }
  const done = await migrationsIn((text) => connections.query(text), MIGRATION_TABLE);
  if (done === undefined) {
    throw new AppError('UNAVAILABLE', 'The tables are gone from the database.', { reason: 'database_gone' });
  }
}

async function remarksOn(connections: Connections): Promise<string[]> {
  const [role] = await connections.query<{ passes_walls: boolean }>(
    'select rolsuper or rolbypassrls as passes_walls from pg_roles where rolname = current_user',
  );
  const [setting] = await connections.query<{ commit: string }>(
    `select current_setting('synchronous_commit') as commit`,
  );
  return [
    ...(role?.passes_walls
      ? ['The role of this server passes the walls between workspaces in PostgreSQL. Give it one that is no superuser.']
      : []),
    ...(setting?.commit === 'off'
      ? ['synchronous_commit is off in PostgreSQL: what is acknowledged can be lost when it crashes.']
      : []),
  ];
}

/** All workspaces at one instant. Nothing can be written in it, and PostgreSQL finds no damage by itself. */
const snapshotOf = <T>(read: Kysely<Tables>, work: (snapshot: Snapshot) => Promise<T>): Promise<T> =>
  read.transaction().execute(async (tables) => {
    // Before anything is asked: afterwards the instant would be that of each question.
    await tables.executeQuery(CompiledQuery.raw('set transaction isolation level repeatable read, read only'));
    await tables.executeQuery(entrance(EVERY_WORKSPACE));
    return work({ tables, damage: async () => [] });
  });

const UNWATCHED: Watching = { committed: () => undefined };

/**
 * Brings the tables up to date, and lets a role use them that may not change them. `migrated`: there was something to do.
 * Throws UNAVAILABLE.
 */
export async function migrateDatabase(url: string, grant_to?: string): Promise<{ migrated: boolean }> {
  const connections = new Connections(url, PATIENT);
  const settings = { connections, purpose: 'write', workspace: undefined, watching: UNWATCHED } as const;
  try {
    const migrated = await migrateTables(connections, new Kysely<Tables>({ dialect: postgresDialect(settings) }));
    if (grant_to !== undefined) await grantRows(connections, grant_to);
    return { migrated };
  } catch (error) {
    throw postgresError(error);
  } finally {
    await connections.close();
  }
}

/** Brings the tables up to date and lets the work write into those of every workspace, past the store. */
export async function fillPostgres<T>(url: string, work: (tables: Kysely<Tables>) => Promise<T>): Promise<T> {
  await migrateDatabase(url);
  const connections = new Connections(url, PATIENT);
  const settings = { connections, purpose: 'write', workspace: EVERY_WORKSPACE, watching: UNWATCHED } as const;
  try {
    return await work(new Kysely<Tables>({ dialect: postgresDialect(settings) }));
  } catch (error) {
    throw postgresError(error);
  } finally {
    await connections.close();
  }
}

export interface PostgresOptions {
  around?: Surroundings | undefined;
  fan_out?: FanOut | undefined;
  log?: StoreLog | undefined;
}

const SILENT: StoreLog = { info: () => undefined, warn: () => undefined };

/**
 * The store on PostgreSQL, for any number of processes. `url` may name a schema with `?options=-csearch_path=NAME`, which
 * has to exist. The tables are made and brought up to date where the role may do that.
 */
export async function openPostgres(
  url: string,
  { around, fan_out, log = SILENT }: PostgresOptions = {},
): Promise<OpenedStore> {
  const connections = new Connections(url);
  let changed = () => {};
  const { name: own, sockets } = connections;
  const listener = new Listener({ url, own, socket: sockets.make, changed: () => changed(), log });
  fan_out?.hear(() => listener.told());
  let commits = 0;
  let repeats = 0;
  let closed = false;
  const watching: Watching = {
    committed: () => {
      commits += 1;
      fan_out?.tell();
      changed();
    },
    around: around?.statement,
  };
  const repeated = () => {
    repeats += 1;
  };
  const waiting = { write: new Writers(connections, watching.committed), read: undefined };
  const dialectFor = (purpose: 'read' | 'write', workspace?: string) =>
    postgresDialect({ connections, purpose, workspace, watching, writers: waiting[purpose] });
  const kysely = (purpose: 'read' | 'write', workspace?: string) =>
    new Kysely<Tables>({ dialect: dialectFor(purpose, workspace) });
  const dialect = dialectFor('write');
  const transactions = new Kysely<Tables>({ dialect });
  const nounsOf = nounsByWorkspace(kysely);
  const shape = nounsOf(EVERY_WORKSPACE);
  const transaction: Store['transaction'] = (work) =>
    persistently(
      () => transactions.transaction().execute(async (trx) => work(insideTransaction(await inOrder(trx, dialect)))),
      repeated,
    );
  const store: OpenedStore = {
    ...behindWall(shape, (workspace = EVERY_WORKSPACE, call) => persistently(() => call(nounsOf(workspace)), repeated)),
    transaction: around ? (work) => around.transaction(() => transaction(work)) : transaction,
    async close() {
      closed = true;
      await listener.stop();
      await connections.close();
    },
    dataVersion() {
      if (closed) throw closedError();
      return `${commits}/${listener.version()}`;
    },
    remarks: () => remarksOn(connections),
    onChange(listener) {
      changed = listener;
    },
    async endSilence() {
      if (await connections.endSilence()) log.warn({}, 'PostgreSQL does not answer: what waits for it is given up');
    },
    hears: () => listener.hears,
    statistics: () => ({ commits, busy_retries: repeats }),
    probe: () => probe(connections),
    snapshot: (work) => snapshotOf(kysely('read'), work),
  };
  try {
    const done = await migrationsDone(connections);
    const schema = schemaOf(done);
    if (schema === 'older') await migrateDatabase(url);
    if (schema !== 'added-to') return store;
    const refusal = () => newerSchema(done);
    connections.refuseWriters(refusal);
    return { ...store, refusal };
  } catch (error) {
    await store.close();
    throw postgresError(error);
  }
}
