import { type IncomingMessage, request } from 'node:http';
import type { Event } from '../../src/core/event.ts';

export interface Message {
  id?: string;
  event: string;
  data: string;
}

/** A reader of server-sent events, as a browser is one: keeps the last id, and hears of messages one by one. */
export interface EventSource {
  status: number;
  headers: IncomingMessage['headers'];
  messages: Message[];
  events(): Event[];
  /** Until there are so many messages, or the stream has ended. */
  until(count: number): Promise<Message[]>;
  ended: Promise<void>;
  /** Stops reading, so that the other side has to wait. */
  pause(): void;
  resume(): void;
  close(): void;
  /** What stands outside messages: comments and `retry`. */
  rest: string[];
  body(): Promise<string>;
}

const TIMEOUT_MS = 15_000;

/** With a `body`, what the POST of it is answered with. */
export async function openEvents(
  url: string,
  headers: Record<string, string>,
  { heard, body }: { heard?: ((message: Message) => void) | undefined; body?: object } = {},
) {
  const method = body === undefined ? 'GET' : 'POST';
  const sent = request(url, { method, headers: { accept: 'text/event-stream', ...headers } });
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    sent
      .once('response', resolve)
      .once('error', reject)
      .end(body && JSON.stringify(body));
  });
  response.setEncoding('utf8');
  const messages: Message[] = [];
  const rest: string[] = [];
  const waiting = new Set<() => void>();
  let text = '';
  let whole = '';
  response.on('data', (chunk: string) => {
    text += chunk;
    if (response.statusCode !== 200) whole += chunk;
    for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
      const block = text.slice(0, end);
      text = text.slice(end + 2);
      const message = messageIn(block);
      if (message === undefined) rest.push(block);
      else {
        messages.push(message);
        heard?.(message);
      }
    }
    for (const look of waiting) look();
  });
  const ended = new Promise<void>((resolve) => response.once('close', resolve));
  void ended.then(() => {
    for (const look of waiting) look();
  });
  const source: EventSource = {
    status: response.statusCode ?? 0,
    headers: response.headers,
    messages,
    rest,
    ended,
    events: () => messages.filter(({ event }) => event !== 'resync').map(({ data }) => JSON.parse(data)),
    until: (count) =>
      new Promise((resolve, reject) => {
        const over = setTimeout(() => finish(new Error(`${messages.length} of ${count} messages`)), TIMEOUT_MS);
        const finish = (error?: Error) => {
          clearTimeout(over);
          waiting.delete(look);
          if (error) reject(error);
          else resolve(messages);
        };
        const look = () => {
          if (messages.length >= count) finish();
          else if (response.closed) finish(new Error(`the stream ended after ${messages.length} of ${count} messages`));
        };
        waiting.add(look);
        look();
      }),
    pause: () => response.pause(),
    resume: () => response.resume(),
    close: () => sent.destroy(),
    body: async () => {
      await ended;
      return whole;
    },
  };
  sent.on('error', () => undefined);
  return source;
}

function messageIn(block: string): Message | undefined {
  const fields = new Map(
    block.split('\n').map((line) => line.split(/: ?/, 1).concat(line.replace(/^[^:]*: ?/, '')) as [string, string]),
  );
  const [id, event, data] = [fields.get('id'), fields.get('event'), fields.get('data')];
  if (event === undefined || data === undefined) return undefined;
  return { event, data, ...(id !== undefined && { id }) };
}
