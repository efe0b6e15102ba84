import { randomUUID } from 'node:crypto';
import { type JSONRPCMessage, parseJSONRPCMessage, type Transport } from '@modelcontextprotocol/server';
import { invalidInput } from '../../core/errors.ts';
import { bounded } from './bounded.ts';
import type { Offer } from './mcp.ts';
import { Sessions } from './sessions.ts';
import type { Asked } from './streamable.ts';
import { holderOf, type Streams } from './streams.ts';
import { Subscriptions } from './subscriptions.ts';

/** HTTP+SSE of revision 2024-11-05: a stream for all that the server says, and an address to which the client posts. */
export class SseSessions {
  readonly all: Sessions<SseTransport>;
  readonly #streams: Streams;

  constructor(offer: Offer, streams: Streams, now: () => Date) {
    this.#streams = streams;
    this.all = new Sessions(offer, now);
  }

  /** Opens a session, which lasts as long as its stream. `messages` is the path that the client posts to. */
  async open(asked: Asked, messages: string): Promise<Response> {
    const { request, context, until } = asked;
    const holder = holderOf(context, until);
    const over = this.#streams.open(holder, asked);
    const id = randomUUID();
    const transport = new SseTransport();
    const parts = { id, transport, subscriptions: new Subscriptions(true) };
    const { close } = await this.all.open(asked, parts);
    transport.write('endpoint', `${messages}?sessionId=${id}`);
    if (request.signal.aborted) await close();
    else request.signal.addEventListener('abort', () => void close(), { once: true });
    return bounded(new Response(transport.body, { headers: { 'content-type': 'text/event-stream' } }), over);
  }

  /** Takes one message; its answer comes on the stream. Undefined where there is no such session of this caller. */
  post(id: string, { parsedBody, context, until }: Asked): Response | undefined {
    const session = this.all.of(id, holderOf(context, until));
    if (!session) return undefined;
    const message = readMessage(parsedBody);
    this.all.within(context, () => session.transport.onmessage?.(message));
    return new Response('Accepted', { status: 202 });
  }
}

function readMessage(body: unknown): JSONRPCMessage {
  try {
    return parseJSONRPCMessage(body);
  } catch {
    throw invalidInput('body', 'send a JSON-RPC message');
  }
}

class SseTransport implements Transport {
  onclose?: () => void;
  onerror?: (error: Error) => void;
  onmessage?: (message: JSONRPCMessage) => void;
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  readonly #encoder = new TextEncoder();
  readonly body = new ReadableStream<Uint8Array>({
    start: (controller) => {
      this.#controller = controller;
    },
    cancel: () => void this.close(),
  });

  async start(): Promise<void> {}

  /** JSON and paths have no line ends, so one line of data holds all. */
  write(event: string, data: string): void {
    this.#controller?.enqueue(this.#encoder.encode(`event: ${event}\ndata: ${data}\n\n`));
  }

  async send(message: JSONRPCMessage): Promise<void> {
    this.write('message', JSON.stringify(message));
  }

  async close(): Promise<void> {
    const controller = this.#controller;
    if (!controller) return;
    this.#controller = undefined;
    try {
      controller.close();
    } catch {
      // its reader has cancelled it
    }
    this.onclose?.();
  }
}
