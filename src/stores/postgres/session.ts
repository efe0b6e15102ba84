import type pg from 'pg';
import type { Lent } from './connections.ts';
import { gaveUpError, isBroken, isConsequence, postgresError } from './errors.ts';

/** Far above the number of different SQL texts in the store; only a guard against growth without bound. */
const MAX_STATEMENTS = 500;

/**
 * PostgreSQL plans a text once for each connection and name. The same text has the same name everywhere, so that a
 * connection knows all that it has seen.
 */
const names = new Map<string, string>();
function nameOf(text: string): string | undefined {
  const known = names.get(text);
  if (known !== undefined || names.size >= MAX_STATEMENTS) return known;
  const name = `mcpo_${names.size + 1}`;
  names.set(text, name);
  return name;
}

/** A connection for as long as it is lent. What is asked is sent at once and answered in its order. */
export class Session {
  readonly #lent: Lent;
  #loss: unknown;
  #failure: unknown;

  constructor(lent: Lent) {
    this.#lent = lent;
  }

  query(text: string, values: readonly unknown[] = []): Promise<pg.QueryResult> {
    return this.#ask({ name: nameOf(text), text, values: [...values] });
  }

  /** Statements without values, sent as one text: after one that fails, none of the others is carried out. */
  run(text: string): Promise<pg.QueryResult> {
    return this.#ask({ text });
  }

  async #ask(config: pg.QueryConfig): Promise<pg.QueryResult> {
    const { client } = this.#lent;
    // What is asked before the loop goes on leaves in one packet: sending costs more than most statements.
    const { stream } = client.connection;
    stream.cork();
    process.nextTick(() => stream.uncork());
    try {
      const answer = await client.query(config);
      this.#failure = undefined;
      return answer;
    } catch (error) {
      if (this.#failure !== undefined && isConsequence(error)) throw this.#failure;
      const failure = postgresError(error);
      this.#failure = failure;
      if (isBroken(error)) this.lose(failure);
      throw failure;
    }
  }

  /** Throws when nothing was kept. */
  async commit(): Promise<void> {
    try {
      const { command } = await this.run('commit');
      // To a commit after a failure, PostgreSQL answers that it has rolled back, and calls that no error.
      if (command !== 'COMMIT') throw gaveUpError();
    } catch (error) {
      // When the commit itself was cancelled, the transaction is still open.
      this.lose(error);
      throw error;
    }
  }

  /** Nobody shall get this connection again; PostgreSQL undoes what is open in it. */
  lose(failure: unknown): void {
    this.#loss ??= failure;
  }

  /** Why the connection is worth nothing any more; undefined while it is good. */
  get loss(): unknown {
    return this.#loss;
  }

  /**
   * Whether the last statement that was answered has failed. In a transaction all that follow fail as well, until it is
   * rolled back, or a part of it. (The driver learns the state of the transaction only after it has told of the failure.)
   */
  get isAborted(): boolean {
    return this.#failure !== undefined;
  }

  get client(): pg.PoolClient {
    return this.#lent.client;
  }

  release(): void {
    this.#lent.release(this.#loss !== undefined);
  }
}
