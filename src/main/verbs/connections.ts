import type { IncomingMessage, ServerResponse } from 'node:http';
import { Server, type Socket } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { FastifyInstance } from 'fastify';

/** So long, in milliseconds, connections that are open when a stop begins may bring one more request. */
const LAST_MS = 500;
/** So long, in milliseconds, a stop waits for who has not finished asking: all of it takes less than 10 s. */
const MOST_MS = 7_500;

/**
 * The connections of a server, for an end that fails no request. A client that keeps its connection may send the next
 * request at any time: it is answered, and told that the connection ends with that.
 */
export class Connections {
  readonly #server: FastifyInstance;
  /** The latest answer on each, begun or sent: no more than this is done for a request, because every one pays for it. */
  readonly #latest = new Map<Socket, ServerResponse>();
  /** On which nothing was asked yet: browsers open some in advance, and Node takes them for busy ones. */
  readonly #unused = new Map<string, Socket>();
  #accepted = 0;
  #stopping = false;

  constructor(server: FastifyInstance) {
    this.#server = server;
    server.server.on('connection', (socket: Socket) => this.#opened(socket));
    // Before anybody answers it.
    server.server.prependListener('request', ({ socket }: IncomingMessage, response: ServerResponse) => {
      if (!this.#latest.has(socket)) this.#used(socket);
      this.#latest.set(socket, response);
      if (this.#stopping) sayLast(response);
    });
  }

  #used(socket: Socket): void {
    this.#unused.delete(endOf(socket));
    socket.once('close', () => this.#latest.delete(socket));
  }

  #opened(socket: Socket): void {
    this.#accepted += 1;
    const end = endOf(socket);
    this.#unused.set(end, socket);
    socket.once('close', () => this.#unused.delete(end));
  }

  /** Takes no new connection, answers what was asked, ends streams, and cuts off who does not come to an end. */
  async close(): Promise<void> {
    const cutOff = setTimeout(() => this.#server.server.closeAllConnections(), MOST_MS);
    await this.#letIn();
    const nobodyIsConnected = this.#stopListening();
    // Not before: who is told so connects anew at once, and what waits at a door that closes is reset.
    this.#stopping = true;
    for (const response of this.#latest.values()) sayLast(response);
    await nobodyIsConnected;
    // A connection that had a request in flight when the stop began would else be kept for its next one.
    const sweep = setInterval(() => this.#server.server.closeIdleConnections(), 50);
    const closed = this.#server.close();
    for (const socket of this.#unused.values()) socket.destroy();
    await closed;
    clearTimeout(cutOff);
    clearInterval(sweep);
  }

  /** Who has connected already: libuv accepts one connection in each turn of the event loop. */
  async #letIn(): Promise<void> {
    const until = performance.now() + LAST_MS;
    let before: number;
    do {
      before = this.#accepted;
      await nextTurn();
      // The first turn may have looked at the door before this began.
      await nextTurn();
    } while (this.#accepted > before && performance.now() < until);
  }

  /** The `close` of an HTTP server would also close connections that are idle just now, under the next request. */
  async #stopListening(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const over = setTimeout(resolve, LAST_MS);
    Server.prototype.close.call(this.#server.server, () => resolve());
    await promise;
    clearTimeout(over);
  }
}

function sayLast(response: ServerResponse): void {
  if (!response.headersSent) response.setHeader('connection', 'close');
}

/** By its other end, because a request over TLS comes from another socket object than the connection. */
const endOf = ({ remoteAddress, remotePort }: Socket) => `${remoteAddress} ${remotePort}`;
