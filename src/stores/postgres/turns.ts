import type { Connections } from './connections.ts';
import { gaveUpError } from './errors.ts';
import { Group } from './group.ts';
import { Lane, PATIENCE_MS } from './lane.ts';
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
    if (this.session.isAborted) throw gaveUpError();
    this.#isOver = true;
    try {
      await this.session.commit();
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
  /** The first in a group has none: the transaction begins with it. */
  readonly #savepoint: string | undefined;
  readonly opened: Promise<unknown>;
  #isOver = false;

  /** Whoever is inside the lane. */
  constructor(place: Place, group: Group) {
    this.#place = place;
    this.#group = group;
    const { workspace, first, lane } = place;
    this.#savepoint = lane.group === group ? group.nextSavepoint() : undefined;
    const begin = this.#savepoint
      ? [`savepoint ${this.#savepoint}`, enterText(workspace)]
      : ['begin', enterAloneText(workspace)];
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
    if (this.session.isAborted) throw gaveUpError();
    this.#isOver = true;
    this.#group.add(this.#savepoint);
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
    const { session } = this.#group;
    const savepoint = this.#savepoint;
    if (session.loss === undefined) {
      const undo = savepoint ? `rollback to savepoint ${savepoint}; release savepoint ${savepoint}` : 'rollback';
      await session.run(undo).catch(() => session.lose(gaveUpError()));
    }
    if (session.loss !== undefined) this.#end(() => this.#group.fail(session.loss));
    else if (savepoint === undefined) this.#end(() => session.release());
    else await this.#letIn();
    if (savepoint !== undefined) await this.#group.settled.catch(ignored);
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
