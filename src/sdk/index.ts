import { type Connection, call } from './call.ts';
import { unexpected } from './errors.ts';
import { events } from './events.ts';
import { KeptAnswers } from './kept.ts';
import { type Event, type Lists, type Methods, ROUTES } from './operations.ts';
import type { CallOptions, EventOptions, Resync } from './options.ts';
import { isSendable } from './request.ts';
import type { Route } from './route.ts';

export { type ClientErrorCode, McpOrchestrationError, type Problem } from './errors.ts';
export type * from './operations.ts';
export type { CallOptions, EventOptions, Resync } from './options.ts';

export interface ClientOptions {
  /** Where the server is, for example `http://127.0.0.1:8000`; behind a proxy with the path that leads to it. */
  url: string | URL;
  /** Sent as `Authorization: Bearer`. */
  token?: string | undefined;
  /** Sent as `X-API-Key`, instead of a token. */
  apiKey?: string | undefined;
  /** Instead of the global `fetch`. */
  fetch?: typeof globalThis.fetch | undefined;
  /** How often a request is sent again that got no answer, or 429, 502, 503 or 504; 2 when left out. */
  retries?: number | undefined;
  /** The longest answer that is read; 64 MiB when left out. */
  maxAnswerBytes?: number | undefined;
}

const MOST_BYTES = 64 * 1024 * 1024;

/** The operations of a server, as methods. What they refuse or fail with is a `McpOrchestrationError`. */
export interface McpOrchestration extends Methods {
  /** Lists that come in pages, item by item. */
  readonly all: Lists;
  /** Watches what happens, and comes back after a break without losing any of it. Needs the scope `events:read`. */
  events(options?: EventOptions): AsyncGenerator<Event | Resync, void, undefined>;
}

/** Connects to nothing yet. Throws a TypeError when the options cannot be meant. */
export function createClient(options: ClientOptions): McpOrchestration {
  const connection = connectionOf(options);
  const methods: Record<string, unknown> = {};
  const lists: Record<string, unknown> = {};
  for (const [name, route] of Object.entries<Route>(ROUTES)) {
    methods[name] = (input: object = {}, options: CallOptions = {}) => call(connection, route, { ...input }, options);
    const { items } = route;
    if (items === undefined) continue;
    lists[name] = (input: object = {}, options: CallOptions = {}) =>
      itemByItem(connection, { ...route, items }, input, options);
  }
  return {
    ...methods,
    all: lists,
    events: (options: EventOptions = {}) => events(connection, options),
  } as unknown as McpOrchestration;
}

function connectionOf({
  url,
  token,
  apiKey,
  fetch = globalThis.fetch,
  retries = 2,
  maxAnswerBytes = MOST_BYTES,
}: ClientOptions): Connection {
  const { protocol, username, password, search, hash, href } = new URL(url);
  if (!/^https?:$/.test(protocol) || username || password || search || hash) {
    throw new TypeError('url is an http or https address without credentials, query and fragment');
  }
  if (token !== undefined && apiKey !== undefined) throw new TypeError('give token or apiKey, not both');
  const credential: Record<string, string> = {};
  if (token !== undefined) credential['authorization'] = `Bearer ${sendable('token', token)}`;
  if (apiKey !== undefined) credential['x-api-key'] = sendable('apiKey', apiKey);
  // A browser's fetch must not be called as a method of something else.
  const ask: typeof fetch = (input, init) => fetch(input, init);
  const base = href.replace(/\/+$/, '');
  return { base, credential, fetch: ask, retries, maxAnswerBytes, kept: new KeptAnswers() };
}

/** A file ends with a line end, which no header has; `fetch` takes it away too. The error does not say what was given. */
function sendable(name: string, value: string): string {
  const text = value.trim();
  if (!isSendable(text)) throw new TypeError(`${name} has characters that no credential has`);
  return text;
}

async function* itemByItem(
  connection: Connection,
  route: Route & { items: string },
  input: object,
  options: CallOptions,
): AsyncGenerator<unknown, void, undefined> {
  let next: object | undefined = {};
  while (next) {
    const page = (await call(connection, route, { ...input, ...next }, options)) as Record<string, unknown>;
    const items = page[route.items];
    if (!Array.isArray(items)) throw unexpected(`The answer has no list "${route.items}".`);
    yield* items as unknown[];
    const cursor: unknown = page['next_cursor'];
    next = typeof cursor === 'string' ? { cursor } : undefined;
  }
}
