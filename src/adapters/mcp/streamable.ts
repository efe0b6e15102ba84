import { AsyncLocalStorage } from 'node:async_hooks';
import { randomUUID } from 'node:crypto';
import { isInitializeRequest, WebStandardStreamableHTTPServerTransport } from '@modelcontextprotocol/server';
import type { Context } from '../../operations/operation.ts';
import { bounded } from './bounded.ts';
import type { Offer } from './mcp.ts';
import { type Session, Sessions } from './sessions.ts';
import { type Holder, holderOf, type Streams } from './streams.ts';
import { Subscriptions } from './subscriptions.ts';

/** One request, whose credential was accepted already. */
export interface Asked {
  request: Request;
  parsedBody: unknown;
  context: Context;
  /** Milliseconds since 1970 at which the credential stops being one. */
  until: number;
  /** Whether it is one still: what stays open asks again when it hears of revocations. */
  stillAccepted(): Promise<boolean>;
}

interface StreamableSession extends Session {
  transport: WebStandardStreamableHTTPServerTransport;
}

/**
 * Sessions of Streamable HTTP, as the revisions before 2026-07-28 have them: only there can a client of those be told that
 * something changed. Every session has a server object of its own.
 */
export class StreamableSessions {
  readonly all: Sessions<StreamableSession>;
  readonly #streams: Streams;
  readonly #offer: Offer;
  readonly #now: () => Date;
  /** A session outlives its requests: what it does, it does for the one that it answers. */
  readonly #context = new AsyncLocalStorage<Context>();

  constructor(offer: Offer, streams: Streams, now: () => Date) {
    this.#offer = offer;
    this.#streams = streams;
    this.#now = now;
    this.all = new Sessions(now);
  }

  /** Undefined for a request that belongs to no session and opens none. */
  async answer(asked: Asked): Promise<Response | undefined> {
    const { request, parsedBody, context, until } = asked;
    const holder = holderOf(context, until);
    const id = request.headers.get('mcp-session-id');
    if (id !== null) {
      const session = this.all.of(id, holder);
      return session ? this.#within(session, asked) : refused(404, -32_001, 'There is no such session.');
    }
    if (request.method !== 'POST') return refused(400, -32_000, 'Open a session first, and name it in Mcp-Session-Id.');
    if (!isInitializeRequest(parsedBody) || !this.all.makeRoom(holder)) return undefined;
    return this.#within(await this.#open(holder), asked);
  }

  async #open(holder: Holder): Promise<StreamableSession> {
    const id = randomUUID();
    const transport = new WebStandardStreamableHTTPServerTransport({ sessionIdGenerator: () => id });
    const subscriptions = new Subscriptions(false);
    const server = this.#offer.server({ era: 'legacy', contextOf: () => this.#contextNow(), subscriptions });
    await server.connect(transport);
    server.server.onclose = () => this.all.forget(id);
    const used = this.#now().getTime();
    const session = { ...holder, id, subscriptions, transport, used, close: () => server.close() };
    this.all.add(session);
    return session;
  }

  async #within(session: StreamableSession, asked: Asked): Promise<Response> {
    if (asked.request.method === 'GET') return this.#listen(session, asked);
    const { request, parsedBody, context } = asked;
    return this.#context.run(context, () => session.transport.handleRequest(request, { parsedBody }));
  }

  /** The stream on which a session is told what answers no request. */
  async #listen({ transport, subscriptions, ...holder }: StreamableSession, asked: Asked): Promise<Response> {
    const { request } = asked;
    const over = this.#streams.open(holder, asked);
    const answer = await transport.handleRequest(request);
    if (!answer.ok) return answer;
    if (!request.signal.aborted) {
      request.signal.addEventListener('abort', () => subscriptions.shut(), { once: true });
      subscriptions.open();
    }
    return bounded(answer, over);
  }

  #contextNow(): Context {
    const context = this.#context.getStore();
    if (!context) throw new Error('a session answers nobody now');
    return context;
  }
}

const refused = (status: number, code: number, message: string) =>
  Response.json({ jsonrpc: '2.0', error: { code, message }, id: null }, { status });
