import { type Holder, isOf } from './streams.ts';
import type { Subscriptions } from './subscriptions.ts';

/** A client that goes away without a word leaves its session behind: the oldest one gives way to a new one. */
const SESSIONS_PER_CREDENTIAL = 50;
const SESSIONS = 1_000;
const IDLE_MS = 30 * 60_000;

/** What a client of the 2025 revisions opens, and comes back to by its id. */
export interface Session extends Holder {
  id: string;
  subscriptions: Subscriptions;
  /** Milliseconds since 1970 of its last request. */
  used: number;
  close(): Promise<void>;
}

/** The sessions of this process. Each belongs to the credential that opened it (SECURITY-BAR T26). */
export class Sessions<S extends Session> {
  readonly #sessions = new Map<string, S>();
  readonly #now: () => Date;

  constructor(now: () => Date) {
    this.#now = now;
  }

  /** Undefined for an id that is none, and in the same way for that of somebody else's session. */
  of(id: string, holder: Holder): S | undefined {
    const session = this.#sessions.get(id);
    if (!session || !isOf(session, holder) || session.audience !== holder.audience) return undefined;
    const now = this.#now().getTime();
    if (isIdle(session, now)) {
      void this.#end(session);
      return undefined;
    }
    session.until = holder.until;
    session.used = now;
    return session;
  }

  /** False when there are as many as this server holds, and none of this credential can give way. */
  makeRoom(holder: Holder): boolean {
    const own = [...this.#sessions.values()].filter((session) => isOf(session, holder));
    if (own.length < SESSIONS_PER_CREDENTIAL && this.#sessions.size < SESSIONS) return true;
    const [oldest] = own
      .filter(({ subscriptions }) => !subscriptions.isOpen)
      .toSorted((one, other) => one.used - other.used);
    if (!oldest) return false;
    void this.#end(oldest);
    return true;
  }

  add(session: S): void {
    this.#sessions.set(session.id, session);
  }

  forget(id: string): void {
    this.#sessions.delete(id);
  }

  hearing(audience: string): S[] {
    return [...this.#sessions.values()].filter((session) => session.audience === audience);
  }

  /** Ends those of a credential that was revoked. */
  endOf(workspace: string, actor: string): void {
    for (const session of this.#sessions.values()) if (isOf(session, { workspace, actor })) void this.#end(session);
  }

  /** Ends those whose credential has expired, and those that nobody uses. */
  sweep(now: number): void {
    for (const session of this.#sessions.values()) {
      if (isIdle(session, now) || session.until <= now) void this.#end(session);
    }
  }

  async close(): Promise<void> {
    await Promise.all([...this.#sessions.values()].map((session) => this.#end(session)));
  }

  #end(session: S): Promise<void> {
    this.#sessions.delete(session.id);
    return session.close();
  }
}

const isIdle = ({ subscriptions, used }: Session, now: number): boolean =>
  !subscriptions.isOpen && used + IDLE_MS <= now;
