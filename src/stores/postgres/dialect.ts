import {
  CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  type QueryResult,
} from 'kysely';
import type { PoolClient } from 'pg';
import type { Around } from '../opened-store.ts';
import type { Connections } from './connections.ts';
import { Session } from './session.ts';
import { SingleTurn, type Turn, type Writers } from './turns.ts';
import { ENTER, EVERY_WORKSPACE, enterAloneText } from './walls.ts';

/** The workspace that a connection is in outside transactions. */
const entered = new WeakMap<PoolClient, string>();

/** What a store counts, and what its statements run inside. */
export interface Watching {
  committed(): void;
  around?: Around | undefined;
}

const ENTRANCE = 'enter the workspace';

/** By this a transaction says which workspace it is about from here on: the first time, it begins there. */
export const entrance = (workspace: string): CompiledQuery => CompiledQuery.raw(ENTRANCE, [workspace]);

/** Where statements are sent. What only reads may be sent before it is `opened`. */
type Place = Pick<Turn, 'session' | 'opened'>;

/** What Kysely holds while it works on something: of PostgreSQL it has nothing before the first statement. */
class Connection implements DatabaseConnection {
  readonly #settings: DialectSettings;
  #outside: Promise<Place> | undefined;
  #turn: Promise<Turn> | undefined;
  /** In a transaction only. */
  #leave: (() => void) | undefined;
  #isOver = false;
  /** Parts that were begun before it was known which workspace they are about. */
  readonly #parts: string[] = [];
  #mayOvertake = true;
  #last: Promise<unknown> = Promise.resolve();

  constructor(settings: DialectSettings) {
    this.#settings = settings;
  }

  executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
    const { around } = this.#settings.watching;
    if (around === undefined) return this.#execute(query);
    return around(/^\w+/.exec(query.sql)?.[0] ?? '', () => this.#execute(query));
  }

  async #execute<R>(query: CompiledQuery): Promise<QueryResult<R>> {
    // In a shared transaction it would become part of what somebody else does.
    if (this.#isOver) throw new Error('a statement came after the end of its transaction');
    if (query.sql === ENTRANCE) {
      await this.#enter(String(query.parameters[0]));
      return { rows: [] };
    }
    if (this.#leave) {
      if (this.#turn === undefined && this.#settings.writers !== undefined && isPart(query)) {
        this.#parts.push(query.sql);
        return { rows: [] };
      }
      this.#turn ??= this.#begin(undefined);
      return this.#send(await this.#turn, query);
    }
    this.#outside ??= this.#open();
    const place = await this.#outside;
    try {
      return await this.#send(place, query);
    } finally {
      // Also after a failure: the connection may have been lost after the change was made.
      if (query.query.kind !== 'SelectQueryNode') this.#settings.watching.committed();
    }
  }

  async #send<R>({ session, opened }: Place, { sql, parameters, query }: CompiledQuery): Promise<QueryResult<R>> {
    // A change would stand alone if the transaction did not begin.
    if (query.kind !== 'SelectQueryNode') this.#mayOvertake = false;
    if (!this.#mayOvertake) await opened;
    const answer = session.query(sql, parameters);
    this.#last = answer.catch(() => undefined);
    await opened;
    const { rows, rowCount } = await answer;
    return { rows: rows as R[], numAffectedRows: BigInt(rowCount ?? 0) };
  }

  streamQuery<R>(): AsyncIterableIterator<QueryResult<R>> {
    throw new Error('read in pages instead of streaming');
  }

  async #open(): Promise<Place> {
    const { connections, purpose, workspace } = this.#settings;
    const session = new Session(await connections.lend(purpose));
    const { client } = session;
    if (workspace === undefined || entered.get(client) === workspace) return { session, opened: Promise.resolve() };
    entered.set(client, workspace);
    const opened = session.query(ENTER, [workspace]);
    opened.catch(() => entered.delete(client));
    return { session, opened };
  }

  async #enter(workspace: string): Promise<void> {
    if (this.#turn) await (await this.#turn).enter(workspace);
    else {
      this.#turn = this.#begin(workspace);
      await this.#turn;
    }
  }

  async #begin(workspace: string | undefined): Promise<Turn> {
    const { connections, purpose, writers, watching } = this.#settings;
    const parts = this.#parts;
    if (writers && workspace !== undefined && workspace !== EVERY_WORKSPACE) return writers.enter(workspace, parts);
    const session = new Session(await connections.lendAdmitted(purpose));
    const first = workspace === undefined ? parts : [enterAloneText(workspace), ...parts];
    return new SingleTurn(session, first, watching.committed);
  }

  /** Without a workspace, it begins with the first statement. */
  async begin(): Promise<void> {
    this.#leave = this.#settings.connections.admit();
    const { workspace } = this.#settings;
    if (workspace !== undefined) await this.#enter(workspace);
  }

  async commit(): Promise<void> {
    this.#isOver = true;
    await this.#last;
    const turn = await this.#turn;
    await turn?.commit();
  }

  async rollback(): Promise<void> {
    this.#isOver = true;
    const turn = await this.#turn?.catch(() => undefined);
    await turn?.rollback();
  }

  async release(): Promise<void> {
    this.#isOver = true;
    const place = await this.#outside?.catch(() => undefined);
    place?.session.release();
    this.#leave?.();
  }
}

/** The beginning or the end of a part of a transaction, which can fail alone. */
const isPart = ({ sql, query }: CompiledQuery): boolean =>
  query.kind === 'RawNode' && /^(?:savepoint|release savepoint|rollback to savepoint) \w+$/.test(sql);

export interface DialectSettings {
  connections: Connections;
  purpose: 'read' | 'write';
  /** Where statements go outside of transactions of the store; undefined: those transactions say it themselves. */
  workspace: string | undefined;
  watching: Watching;
  /** Where transactions wait for each other, and are committed together; undefined: each is on its own. */
  writers?: Writers | undefined;
}

class PostgresDriver implements Driver {
  readonly #settings: DialectSettings;

  constructor(settings: DialectSettings) {
    this.#settings = settings;
  }

  async init(): Promise<void> {}

  async acquireConnection(): Promise<Connection> {
    return new Connection(this.#settings);
  }

  beginTransaction(connection: Connection): Promise<void> {
    return connection.begin();
  }

  commitTransaction(connection: Connection): Promise<void> {
    return connection.commit();
  }

  rollbackTransaction(connection: Connection): Promise<void> {
    return connection.rollback();
  }

  releaseConnection(connection: Connection): Promise<void> {
    return connection.release();
  }

  /** Nothing: the connections belong to who opened them. */
  async destroy(): Promise<void> {}
}

/** Kysely over the connections of one store. */
export function postgresDialect(settings: DialectSettings): Dialect {
  return {
    createAdapter: () => new PostgresAdapter(),
    createDriver: () => new PostgresDriver(settings),
    createIntrospector: (db) => new PostgresIntrospector(db),
    createQueryCompiler: () => new PostgresQueryCompiler(),
  };
}
