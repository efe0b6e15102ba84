import { AppError } from '../../core/errors.ts';
import type { Connections } from './connections.ts';
import { Session } from './session.ts';
import { enterAloneText, enterText } from './walls.ts';

/** A transaction, or the part of a shared one that belongs to one writer. */
export interface Turn {
  readonly session: Session;
  /** Answered once it has begun. What only reads may be sent before; should it not begin, that fails as well. */
  readonly opened: Promise<unknown>;
  /** From here on it sees this workspace only, and is alone in it as well. */
  enter(workspace: string): Promise<unknown>;
  /** Throws when nothing was kept. */
  commit(): Promise<void>;
  /** Never fails: what ended the transaction is what the caller hears of. Does nothing after the end. */
  rollback(): Promise<void>;
}

const gaveUp = () =>
  new AppError('UNAVAILABLE', 'PostgreSQL gave up this transaction after a failure; nothing of it was kept.', {
    reason: '40000',
  });

/** To a `commit` after a failure, PostgreSQL answers that it has rolled back, and calls that no error. */
async function commit(session: Session): Promise<void> {
  const { command } = await session.run('commit');
  if (command !== 'COMMIT') throw gaveUp();
}

const ignored = () => undefined;

/** Who hears of it can wait for it later. */
function heardLater<T>(promise: Promise<T>): Promise<T> {
  promise.catch(ignored);
  return promise;
}

/** A transaction of its own. `first`: statements that come before everything else, the entrance included. */
export class SingleTurn implements Turn {
  readonly session: Session;
  readonly opened: Promise<unknown>;
  readonly #committed: () => void;
  #isOver = false;

  constructor(session: Session, first: readonly string[], committed: () => void) {
    this.session = session;
    this.#committed = committed;
    this.opened = heardLater(session.run(['begin', ...first].join('; ')));
  }

  enter(workspace: string): Promise<unknown> {
    return this.session.run(enterAloneText(workspace));
  }

  async commit(): Promise<void> {
    await this.opened;
    if (this.session.isAborted) throw gaveUp();
    this.#isOver = true;
    try {
      await commit(this.session);
    } finally {
      this.#committed();
      this.session.release();
    }
  }

  async rollback(): Promise<void> {
    if (this.#isOver) return;
    this.#isOver = true;
    await this.opened.catch(ignored);
    if (this.session.loss === undefined) {
      await this.session.run('rollback').catch((error: unknown) => this.session.lose(error));
    }
    this.session.release();
  }
}

/** Milliseconds. Other processes wait for the lock meanwhile, and the first of the group for its answer. */
const LONGEST_GROUP_MS = 20;
/** PostgreSQL keeps at most 64 savepoints of a transaction at hand; some are left to the parts of each turn. */
const MOST_MEMBERS = 30;

/**
 * Transactions of one workspace that follow each other without a gap are one transaction of PostgreSQL, each a savepoint in
 * it, so that the disk is waited for once. None of their callers hears of success before all of it is on the disk; one that
 * fails is undone alone. Should the commit fail, it fails for all of them.
 */
class Group {
  readonly session: Session;
  #until = Number.POSITIVE_INFINITY;
  readonly #outcome = Promise.withResolvers<void>();
  readonly settled = heardLater(this.#outcome.promise);
  #members = 0;
  /** The last one has done something by which others would be kept waiting. */
  isLast = false;
  /** What is left to say of the member before, together with the beginning of the next. */
  unsaid: string[] = [];

  constructor(session: Session) {
    this.session = session;
  }

  /** Those that are done, and wait for the commit. */
  get members(): number {
    return this.#members;
  }

  add(): void {
    if (this.#members === 0) this.#until = performance.now() + LONGEST_GROUP_MS;
    else this.unsaid = ['release savepoint member'];
    this.#members += 1;
  }

  get isFull(): boolean {
    return this.isLast || this.#members >= MOST_MEMBERS || performance.now() >= this.#until;
  }

  /** Never fails; those who wait for `settled` are told. */
  async commit(committed: () => void): Promise<void> {
    try {
      await commit(this.session);
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

/** Milliseconds: as long as for the lock of another process. */
const PATIENCE_MS = 5_000;

const lockedError = () =>
  new AppError('UNAVAILABLE', 'Other changes kept the workspace locked for too long.', { reason: '55P03' });

/** Where the writers of a workspace wait for each other: first come, first served, and nobody for ever. */
class Lane {
  readonly #waiting = new Set<() => void>();
  #isTaken = false;
  /** The transaction that is open for whoever comes in next. */
  group: Group | undefined;

  /** Throws UNAVAILABLE when it takes too long. */
  async enter(patience_ms: number): Promise<void> {
    if (!this.#isTaken) {
      this.#isTaken = true;
      return;
    }
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const letIn = () => {
      clearTimeout(timer);
      resolve();
    };
    const timer = setTimeout(() => {
      this.#waiting.delete(letIn);
      reject(lockedError());
    }, patience_ms);
    this.#waiting.add(letIn);
    await promise;
  }

  leave(): void {
    const [next] = this.#waiting;
    if (next === undefined) {
      this.#isTaken = false;
      return;
    }
    this.#waiting.delete(next);
    next();
  }

  /** Asked by who is inside: does anybody come in behind, once he leaves? */
  get isWaitedFor(): boolean {
    return this.#waiting.size > 0;
  }

  get isEmpty(): boolean {
    return !this.#isTaken;
  }
}

interface Place {
  lane: Lane;
  workspace: string;
  /** Statements that come before everything else, the entrance excepted. */
  first: readonly string[];
  committed: () => void;
  /** Nothing is held any more. */
  left: () => void;
}

class SharedTurn implements Turn {
  readonly #place: Place;
  readonly #group: Group;
  readonly opened: Promise<unknown>;
  #isOver = false;

  /** Whoever is inside the lane. */
  constructor(place: Place, group: Group) {
    this.#place = place;
    this.#group = group;
    const { workspace, first, lane } = place;
    const begin =
      lane.group === group ? ['savepoint member', enterText(workspace)] : ['begin', enterAloneText(workspace)];
    lane.group = group;
    this.opened = heardLater(group.session.run([...group.unsaid, ...begin, ...first].join('; ')));
    group.unsaid = [];
  }

  get session(): Session {
    return this.#group.session;
  }

  enter(workspace: string): Promise<unknown> {
    // Those who wait for another workspace need not wait for a whole group of this one.
    if (workspace !== this.#place.workspace) this.#group.isLast = true;
    return this.session.run(enterAloneText(workspace));
  }

  async commit(): Promise<void> {
    await this.opened;
    if (this.session.isAborted) throw gaveUp();
    this.#isOver = true;
    this.#group.add();
    await this.#letIn();
    await this.#group.settled;
  }

  /**
   * What others of the group have done stays. It may have been the reason for the failure: so that, too, is told when it is
   * on the disk.
   */
  async rollback(): Promise<void> {
    if (this.#isOver) return;
    this.#isOver = true;
    await this.opened.catch(ignored);
    const { session, members } = this.#group;
    if (session.loss === undefined) {
      const undo = members > 0 ? 'rollback to savepoint member; release savepoint member' : 'rollback';
      await session.run(undo).catch(() => session.lose(gaveUp()));
    }
    if (session.loss !== undefined) this.#end(() => this.#group.fail(session.loss));
    else if (members === 0) this.#end(() => session.release());
    else await this.#letIn();
    if (members > 0) await this.#group.settled.catch(ignored);
  }

  /** Whoever is next goes on in the same transaction, unless there is nobody, or the first has waited for long enough. */
  async #letIn(): Promise<void> {
    const { lane, committed, left } = this.#place;
    if (lane.isWaitedFor && !this.#group.isFull) {
      left();
      return;
    }
    await this.#group.commit(committed);
    this.#end(ignored);
  }

  #end(work: () => void): void {
    work();
    this.#place.lane.group = undefined;
    this.#place.left();
  }
}

/** The writers of one store: in each workspace one after another, and only who is inside has a connection. */
export class Writers {
  readonly #connections: Connections;
  readonly #committed: () => void;
  readonly #patience_ms: number;
  readonly #lanes = new Map<string, Lane>();

  /** `patience_ms` is how long a writer waits for those before it. */
  constructor(connections: Connections, committed: () => void, patience_ms = PATIENCE_MS) {
    this.#patience_ms = patience_ms;
    this.#connections = connections;
    this.#committed = committed;
  }

  /** For who is admitted. Throws UNAVAILABLE when there is no connection to be had, and when it takes too long. */
  async enter(workspace: string, first: readonly string[]): Promise<Turn> {
    const lane = this.#lanes.get(workspace) ?? new Lane();
    this.#lanes.set(workspace, lane);
    await lane.enter(this.#patience_ms);
    const left = () => {
      lane.leave();
      if (lane.isEmpty) this.#lanes.delete(workspace);
    };
    try {
      const group = lane.group ?? new Group(new Session(await this.#connections.lendAdmitted('write')));
      return new SharedTurn({ lane, workspace, first, committed: this.#committed, left }, group);
    } catch (error) {
      left();
      throw error;
    }
  }
}
