import { once } from 'node:events';
import { type Readable, Transform, type Writable } from 'node:stream';
import { setImmediate, setTimeout } from 'node:timers/promises';
import type { JSONRPCMessage, McpServer, RequestId, Transport } from '@modelcontextprotocol/server';
import { StdioServerTransport, serveStdio } from '@modelcontextprotocol/server/stdio';
import { type Context, refusal } from '../../operations/operation.ts';
import { strictFrames } from './frames.ts';
import type { Connection, Offer } from './mcp.ts';
import { type ResourceListener, watchResources } from './resources.ts';
import { Subscriptions } from './subscriptions.ts';

/** How long a server whose input has ended goes on answering what was asked before. */
const DRAIN_LIMIT_MS = 10_000;

/**
 * Serves MCP over a pair of streams, for clients of both protocol eras, until the input ends and what was asked is
 * answered. Nothing but protocol goes to `stdout`.
 */
export async function serveMcpStdio(
  offer: Offer,
  contextOf: () => Context,
  streams: { stdin: Readable; stdout: Writable },
): Promise<void> {
  const open = new OpenRequests();
  // The transport closes when its input ends, so the end of the input is held back until every request has its answer.
  const input = new Transform({
    transform: (chunk, _encoding, done) => done(null, chunk),
    flush: (done) => void open.settled().then(() => done()),
  });
  const ended = once(input, 'close');
  const strict = strictFrames(
    async (error) => refusal(error, contextOf()),
    (line) => void streams.stdout.write(`${line}\n`),
  );
  streams.stdin.once('close', () => strict.end());
  // `pipe` does not hand an error on: a fault of ours ends the server with words instead of a stack.
  strict.once('error', (error) => input.destroy(error));
  const transport = watched(new StdioServerTransport(streams.stdin.pipe(strict).pipe(input), streams.stdout), open);
  const told = new Told(offer, contextOf);
  const handle = serveStdio(({ era }) => told.server(era), { transport });
  const watch = watchResources(contextOf(), told);
  await ended;
  watch.stop();
  await handle.close();
}

/**
 * The server object of the connection, which hears of changes. The SDK makes one to look at what the client says first, and
 * may make another one to stay with: it is the last one that counts.
 */
class Told implements ResourceListener {
  readonly #offer: Offer;
  readonly #contextOf: Connection['contextOf'];
  #listener: ResourceListener | undefined;

  constructor(offer: Offer, contextOf: Connection['contextOf']) {
    this.#offer = offer;
    this.#contextOf = contextOf;
  }

  server(era: Connection['era']): McpServer {
    const subscriptions = era === 'legacy' ? new Subscriptions(true) : undefined;
    const made = this.#offer.server({ era, contextOf: this.#contextOf, subscriptions });
    this.#listener = subscriptions ?? listenerOf(made);
    return made;
  }

  updated(uri: string): void {
    this.#listener?.updated(uri);
  }

  listChanged(): void {
    this.#listener?.listChanged();
  }
}

/** Of 2026-07-28: the SDK passes on what the client has asked for, and drops the rest. */
const listenerOf = ({ server }: McpServer): ResourceListener => ({
  updated: (uri) => void server.sendResourceUpdated({ uri }).catch(() => undefined),
  listChanged: () => void server.sendResourceListChanged().catch(() => undefined),
});

/** The requests that wait for an answer. */
class OpenRequests {
  readonly #ids = new Set<RequestId>();
  #done: () => void = () => undefined;

  received(message: JSONRPCMessage): void {
    if (!('method' in message)) return;
    // A subscription stays open for as long as the connection does.
    if ('id' in message && message.method !== 'subscriptions/listen') this.#ids.add(message.id);
    if (message.method === 'notifications/cancelled') this.#close(message.params?.['requestId'] as RequestId);
  }

  sent(message: JSONRPCMessage): void {
    if (!('method' in message) && message.id !== undefined) this.#close(message.id);
  }

  /** Resolves when no request is open any more, or when waiting has lasted too long. */
  async settled(): Promise<void> {
    await setImmediate(); // what was read last is still on its way to `received`
    if (this.#ids.size === 0) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#done = resolve;
    await Promise.race([promise, setTimeout(DRAIN_LIMIT_MS, undefined, { ref: false })]);
  }

  #close(id: RequestId): void {
    this.#ids.delete(id);
    if (this.#ids.size === 0) this.#done();
  }
}

/** The same transport, which tells what passes through it. */
function watched(wire: StdioServerTransport, open: OpenRequests): Transport {
  const transport: Transport = {
    start: () => {
      wire.onmessage = (message) => {
        open.received(message);
        transport.onmessage?.(message);
      };
      wire.onclose = () => transport.onclose?.();
      wire.onerror = (error) => transport.onerror?.(error);
      return wire.start();
    },
    send: (message) => wire.send(message).finally(() => open.sent(message)),
    close: () => wire.close(),
  };
  return transport;
}
