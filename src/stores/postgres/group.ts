import type { Session } from './session.ts';

/** Milliseconds. Other processes wait for the lock meanwhile, and the first of the group for its answer. */
const LONGEST_GROUP_MS = 20;
/** PostgreSQL keeps at most 64 savepoints of a transaction at hand; some are left to the parts of each turn. */
const MOST_MEMBERS = 30;

/**
 * Transactions of one workspace that follow each other without a gap are one transaction of PostgreSQL, each a savepoint in
 * it, so that the disk is waited for once. None of their callers hears of success before all of it is on the disk; one that
 * fails is undone alone. Should the commit fail, it fails for all of them.
 */
export class Group {
  readonly session: Session;
  #until = Number.POSITIVE_INFINITY;
  readonly #outcome = Promise.withResolvers<void>();
  readonly settled = this.#outcome.promise;
  /** Those that are done, and wait for the commit. */
  #members = 0;
  #savepoints = 0;
  /** The last one has done something by which others would be kept waiting. */
  isLast = false;
  /** What is left to say of the member before, together with the beginning of the next. */
  unsaid: string[] = [];

  constructor(session: Session) {
    this.session = session;
    // Who waits for it comes later.
    this.settled.catch(() => undefined);
  }

  /**
   * No two have the same name: should a member's own never have been made, its rollback must fail, instead of going back to
   * that of the member before.
   */
  nextSavepoint(): string {
    this.#savepoints += 1;
    return `member_${this.#savepoints}`;
  }

  /** `savepoint`: what it has done since; the first has none. */
  add(savepoint: string | undefined): void {
    if (savepoint === undefined) this.#until = performance.now() + LONGEST_GROUP_MS;
    else this.unsaid = [`release savepoint ${savepoint}`];
    this.#members += 1;
  }

  get isFull(): boolean {
    return this.isLast || this.#members >= MOST_MEMBERS || performance.now() >= this.#until;
  }

  /** Never fails; those who wait for `settled` are told. */
  async commit(committed: () => void): Promise<void> {
    try {
      await this.session.commit();
      committed();
      this.#outcome.resolve();
    } catch (error) {
      // It may have been kept all the same: a connection is lost before the answer as well as before the commit.
      committed();
      this.#outcome.reject(error);
    }
    this.session.release();
  }

  /** The connection is thrown away, and all that was done in it with it. */
  fail(error: unknown): void {
    this.session.lose(error);
    this.session.release();
    this.#outcome.reject(error);
  }
}
