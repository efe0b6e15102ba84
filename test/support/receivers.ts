import { createHmac } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { onTestFinished } from 'vitest';
import type { Event } from '../../src/core/event.ts';

/** A request that came to a receiver, as far as it was read. */
export interface Received {
  at: number;
  id: string;
  timestamp: number;
  signatures: string[];
  headers: IncomingMessage['headers'];
  body: string;
  event: Event;
}

export interface Receiver {
  place: string;
  url: string;
  received: Received[];
  /** Bytes of answers that were written to the sender. */
  written: () => number;
  connections: () => number;
  /** How it answers from now on. */
  answer: Answer;
  /** Until it has so many requests. */
  until(count: number, ms?: number): Promise<Received[]>;
}
export type Answer = (response: ServerResponse, socket: Socket) => void;

export const good: Answer = (response) => void response.writeHead(204).end();
export const broken: Answer = (response) => void response.writeHead(500).end('not today');

/** Misbehaves at the first request, or at the first few, and is good from then on. */
export function first(bad: Answer, count = 1): Answer {
  let left = count;
  return (response, socket) => {
    left -= 1;
    return (left >= 0 ? bad : good)(response, socket);
  };
}

export async function receiver(answer: Answer = good): Promise<Receiver> {
  const received: Received[] = [];
  const sockets = new Set<Socket>();
  const waiting = new Set<() => void>();
  let connections = 0;
  let earlier = 0;
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks).toString('utf8');
    const header = (name: string) => String(request.headers[name] ?? '');
    received.push({
      at: performance.now(),
      id: header('webhook-id'),
      timestamp: Number(header('webhook-timestamp')),
      signatures: header('webhook-signature').split(' '),
      headers: request.headers,
      body,
      event: JSON.parse(body),
    });
    for (const wake of waiting) wake();
    self.answer(response, request.socket);
  });
  server.on('connection', (socket) => {
    connections += 1;
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.once('close', () => {
      sockets.delete(socket);
      earlier += socket.bytesWritten;
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const self: Receiver = {
    place: `127.0.0.1:${port}`,
    url: `http://127.0.0.1:${port}/hook`,
    received,
    written: () => [...sockets].reduce((sum, { bytesWritten }) => sum + bytesWritten, earlier),
    connections: () => connections,
    answer,
    async until(count, ms = 10_000) {
      const deadline = performance.now() + ms;
      while (received.length < count) {
        const left = deadline - performance.now();
        if (left <= 0) throw new Error(`${received.length} of ${count} requests came within ${ms} ms`);
        const { promise, resolve } = Promise.withResolvers<void>();
        waiting.add(resolve);
        const timer = setTimeout(resolve, left);
        await promise;
        clearTimeout(timer);
        waiting.delete(resolve);
      }
      return received;
    },
  };
  return self;
}

/** What a receiver works out by itself, from what the specification says and nothing of ours. */
export function signatureOf(secret: string, { id, timestamp, body }: Pick<Received, 'id' | 'timestamp' | 'body'>) {
  const key = Buffer.from(secret.replace('whsec_', ''), 'base64');
  return `v1,${createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64')}`;
}
