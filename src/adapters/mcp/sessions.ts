import { AsyncLocalStorage } from 'node:async_hooks';
import type { Transport } from '@modelcontextprotocol/server';
import type { Context } from '../../operations/operation.ts';
import type { Offer } from './mcp.ts';
import type { Asked } from './streamable.ts';
import { type Holder, holderOf, isOf } from './streams.ts';
import type { Subscriptions } from './subscriptions.ts';

/** A client that goes away without a word leaves its session behind: the oldest one gives way to a new one. */
const SESSIONS_PER_CREDENTIAL = 50;
const SESSIONS = 1_000;
const IDLE_MS = 30 * 60_000;

/** What a client of the 2025 revisions opens, and comes back to by its id. */
export interface Session<T extends Transport = Transport> extends Holder {
  id: string;
  transport: T;
  subscriptions: Subscriptions;
  /** Milliseconds since 1970 of its last request. */
  used: number;
  /** Never rejected: it is the end of the session also where something fails. */
  close(): Promise<void>;
}

/**
 * The sessions of this process. Each belongs to the credential that opened it, and has a server object of its own
 * (SECURITY-BAR T26).
 */
export class Sessions<T extends Transport> {
  readonly #sessions = new Map<string, Session<T>>();
  readonly #offer: Offer;
  readonly #now: () => Date;
  /** A session outlives its requests: what it does, it does for the one that it answers. */
  readonly #context = new AsyncLocalStorage<Context>();

  constructor(offer: Offer, now: () => Date) {
    this.#offer = offer;
    this.#now = now;
  }

  /** Counts from the call on, so that those who ask at the same time do not get more than there are. */
  async open(
    { context, until }: Pick<Asked, 'context' | 'until'>,
    { id, transport, subscriptions }: Pick<Session<T>, 'id' | 'transport' | 'subscriptions'>,
  ): Promise<Session<T>> {
    const server = this.#offer.server({ era: 'legacy', contextOf: () => this.#contextNow(), subscriptions });
    server.server.onclose = () => void this.#sessions.delete(id);
    const close = () =>
      server.close().catch((err: unknown) => context.services.log.warn({ err }, 'an MCP session could not be closed'));
    const session = { ...holderOf(context, until), id, transport, subscriptions, used: this.#now().getTime(), close };
    this.#sessions.set(id, session);
    try {
      await server.connect(transport);
    } catch (error) {
      await this.#end(session);
      throw error;
    }
    return session;
  }

  /** What a session does in there, it does for this request. */
  within<R>(context: Context, work: () => R): R {
    return this.#context.run(context, work);
  }

  #contextNow(): Context {
    const context = this.#context.getStore();
    if (!context) throw new Error('a session answers nobody now');
    return context;
  }

  /** Undefined for an id that is none, and in the same way for that of somebody else's session. */
  of(id: string, holder: Holder): Session<T> | undefined {
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

  hearing(audience: string): Session<T>[] {
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

  #end(session: Session<T>): Promise<void> {
    this.#sessions.delete(session.id);
    return session.close();
  }
}

const isIdle = ({ subscriptions, used }: Session, now: number): boolean =>
  !subscriptions.isOpen && used + IDLE_MS <= now;
