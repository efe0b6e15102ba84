import { randomUUID } from 'node:crypto';
import { isInitializeRequest, WebStandardStreamableHTTPServerTransport } from '@modelcontextprotocol/server';
import type { Context } from '../../operations/operation.ts';
import { bounded } from './bounded.ts';
import type { Offer } from './mcp.ts';
import { type Session, Sessions } from './sessions.ts';
import { holderOf, type Streams } from './streams.ts';
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

type StreamableSession = Session<WebStandardStreamableHTTPServerTransport>;

/**
 * Sessions of Streamable HTTP, as the revisions before 2026-07-28 have them: only there can a client of those be told that
 * something changed.
 */
export class StreamableSessions {
  readonly all: Sessions<WebStandardStreamableHTTPServerTransport>;
  readonly #streams: Streams;

  constructor(offer: Offer, streams: Streams, now: () => Date) {
    this.#streams = streams;
    this.all = new Sessions(offer, now);
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
    const newId = randomUUID();
    const transport = new WebStandardStreamableHTTPServerTransport({ sessionIdGenerator: () => newId });
    const parts = { id: newId, transport, subscriptions: new Subscriptions(false) };
    return this.#within(await this.all.open(asked, parts), asked);
  }

  async #within(session: StreamableSession, asked: Asked): Promise<Response> {
    if (asked.request.method === 'GET') return this.#listen(session, asked);
    const { request, parsedBody, context } = asked;
    return this.all.within(context, () => session.transport.handleRequest(request, { parsedBody }));
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
}

const refused = (status: number, code: number, message: string) =>
  Response.json({ jsonrpc: '2.0', error: { code, message }, id: null }, { status });
