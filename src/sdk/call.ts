import { failure, type McpOrchestrationError, objectIn, refusalIn, unexpected } from './errors.ts';
import type { KeptAnswers } from './kept.ts';
import type { CallOptions } from './options.ts';
import { badInput, type HttpRequest, isSendable, requestOf } from './request.ts';
import type { Route } from './route.ts';
import { TooLong, textOf } from './stream.ts';
import { backoff, following, LONGEST_TIMER_MS, pause, retryAfter } from './timing.ts';

/** How a client reaches its server. */
export interface Connection {
  /** Without a slash at its end. */
  base: string;
  /** The credential, as a header. */
  credential: Readonly<Record<string, string>>;
  fetch: typeof globalThis.fetch;
  /** How often a request is sent again. */
  retries: number;
  /** The longest answer that is read. */
  maxAnswerBytes: number;
  kept: KeptAnswers;
}

const TIMEOUT_MS = 60_000;
const FIRST_WAIT_MS = 200;
const LONGEST_WAIT_MS = 10_000;

/** Neither cookies nor caches of a browser take part, and no redirect carries the credential elsewhere: it is an answer. */
export const FETCH_SETTINGS = { credentials: 'omit', cache: 'no-store', redirect: 'manual' } as const;

/** Does what a method of the client says, and gives the output of the operation. */
export async function call(
  connection: Connection,
  route: Route,
  input: Readonly<Record<string, unknown>>,
  { signal: outer, timeoutMs = TIMEOUT_MS, idempotencyKey }: CallOptions,
): Promise<unknown> {
  const request = requestOf(route, input);
  if (!isSendable(idempotencyKey ?? '')) throw badInput('idempotencyKey', 'no header can carry it');
  const headers = {
    accept: 'application/json',
    ...connection.credential,
    ...(request.body !== undefined && { 'content-type': 'application/json' }),
    ...(request.method === 'POST' && { 'idempotency-key': idempotencyKey ?? newKey() }),
  };
  const { signal, end, leave } = following(outer);
  const deadline = Date.now() + timeoutMs;
  const hint = 'Try again, or give the call more time.';
  const timer = setTimeout(
    () => end(failure('TIMED_OUT', `There was no answer in ${timeoutMs} ms.`, hint)),
    Math.min(timeoutMs, LONGEST_TIMER_MS),
  );
  let lost: McpOrchestrationError | undefined;
  try {
    for (let attempt = 0; ; attempt += 1) {
      const result = await once(connection, request, headers, signal);
      if (!('error' in result)) return result.value;
      // It may have been there until the try before, which got no answer: nobody knows.
      if (lost && request.method === 'DELETE' && result.error.status === 404) throw lost;
      if (mayHaveGoneThrough(result.error)) lost = result.error;
      const wait = result.after ?? backoff(FIRST_WAIT_MS, attempt, LONGEST_WAIT_MS);
      if (!result.again || attempt >= connection.retries || Date.now() + wait > deadline) throw result.error;
      await pause(wait, signal);
    }
  } finally {
    clearTimeout(timer);
    leave();
  }
}

/** 502 and 504 come from a proxy that cannot know what became of the request; a server that takes too long goes on with it. */
const mayHaveGoneThrough = ({ status, details }: McpOrchestrationError): boolean =>
  [0, 502, 504].includes(status) || details['reason'] === 'still_at_work';

/** What one try came to. */
type Result = { value: unknown } | { error: McpOrchestrationError; again: boolean; after?: number | undefined };

/** Rejected only when the signal ended it. */
async function once(
  connection: Connection,
  request: HttpRequest,
  headers: Record<string, string>,
  signal: AbortSignal,
): Promise<Result> {
  const address = connection.base + request.target;
  const known = request.method === 'GET' ? connection.kept.get(address) : undefined;
  try {
    const response = await connection.fetch(address, {
      ...FETCH_SETTINGS,
      method: request.method,
      headers: known ? { ...headers, 'if-none-match': known.etag } : headers,
      ...(request.body !== undefined && { body: request.body }),
      signal,
    });
    const text = await textOf(response, connection.maxAnswerBytes);
    if (response.status === 304 && known) return { value: JSON.parse(known.text) };
    const value = response.ok ? objectIn(text) : undefined;
    if (value === undefined) return refused(request, response, text);
    const etag = response.headers.get('etag');
    if (request.method === 'GET' && etag !== null) connection.kept.keep(address, etag, text);
    return { value };
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    if (error instanceof TooLong) return { error: unexpected(error.message), again: false };
    return { error: unreachable(connection, error), again: !request.conditional };
  }
}

export const unreachable = ({ base }: Connection, cause: unknown): McpOrchestrationError =>
  failure('CONNECTION_FAILED', `There is no connection to ${base}.`, 'Look whether the server runs there.', cause);

function refused(request: HttpRequest, response: Response, text: string): Result {
  const error = refusalIn(response.status, text, response.headers.get('x-request-id'));
  const again = mayHaveGoneThrough(error)
    ? !request.conditional
    : [429, 503].includes(error.status) || error.details['reason'] === 'in_progress';
  return { error, again, after: retryAfter(response.headers) };
}

/** `randomUUID` is there in pages of secure origins only. */
const newKey = (): string =>
  [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, '0')).join('');
