import { type Connection, FETCH_SETTINGS, unreachable } from './call.ts';
import { McpOrchestrationError, objectIn, refusalIn, unexpected } from './errors.ts';
import type { Event } from './operations.ts';
import type { EventOptions, Resync } from './options.ts';
import { badInput, isSendable, queryOf } from './request.ts';
import { type Message, messagesOf, TooLong, textOf } from './stream.ts';
import { backoff, following, pause, retryAfter } from './timing.ts';

/** The first wait before coming back, until the server names another. */
const RETRY_MS = 3_000;
const LONGEST_WAIT_MS = 30_000;
/** A server that says "at once" and ends every stream would else be asked without a break. */
const SHORTEST_WAIT_MS = 100;
/** The server gives a sign of life every 15 seconds. */
const SILENCE_MS = 45_000;

/**
 * What happens, as it happens. Goes on after a break where it was, for as long as it takes. Rejected when the server
 * refuses for good (credentials, scope, a word that is no type), and when what answers is no such stream.
 */
export async function* events(
  connection: Connection,
  { types, client_id, profile_id, since, signal: outer }: EventOptions,
): AsyncGenerator<Event | Resync, void, undefined> {
  if (!isSendable(since ?? '')) throw badInput('since', 'it is no id of an event');
  const query = queryOf(
    Object.entries({ types: types?.join(','), client_id, profile_id }).filter(([, value]) => value !== undefined),
  );
  const { signal, end, leave } = following(outer);
  let seen = since;
  let first = RETRY_MS;
  let failures = 0;
  try {
    while (!signal.aborted) {
      let asked: number | undefined;
      try {
        for await (const message of open(connection, `/v1/events${query}`, seen, signal)) {
          failures = 0;
          seen = message.id ?? seen;
          first = message.retry ?? first;
          const event = eventIn(message);
          if (event) yield event;
        }
      } catch (error) {
        if (signal.aborted) return;
        if (!(error instanceof Passing)) throw error;
        asked = error.after;
      }
      const wait = Math.max(SHORTEST_WAIT_MS, asked ?? 0, backoff(first, failures, LONGEST_WAIT_MS));
      await pause(wait, signal).catch(() => undefined);
      failures += 1;
    }
  } finally {
    end();
    leave();
  }
}

function eventIn({ event, data }: Message): Event | Resync | undefined {
  if (event === 'resync') return { type: 'resync' };
  if (data === undefined) return undefined;
  const found = objectIn(data);
  if (found === undefined) throw unexpected('A message of the event stream is no event.');
  return found as Event;
}

/** A failure that is worth another try. */
class Passing extends Error {
  readonly after: number | undefined;
  constructor(cause: unknown, after?: number) {
    super('the stream broke off', { cause });
    this.after = after;
  }
}

/** One connection. Throws `Passing`, or what the server says for good. */
async function* open(
  connection: Connection,
  target: string,
  seen: string | undefined,
  outer: AbortSignal,
): AsyncGenerator<Message, void, undefined> {
  const { signal, end, leave } = following(outer);
  let silence = setTimeout(end, SILENCE_MS);
  const heard = () => {
    clearTimeout(silence);
    silence = setTimeout(end, SILENCE_MS);
  };
  try {
    const response = await connection.fetch(connection.base + target, {
      ...FETCH_SETTINGS,
      headers: {
        accept: 'text/event-stream',
        ...connection.credential,
        ...(seen !== undefined && { 'last-event-id': seen }),
      },
      signal,
    });
    if (!response.ok || response.body === null) throw await refusalOf(response, connection);
    if (!isStream(response)) throw unexpected('The answer is no stream of events.');
    yield* messagesOf(response.body, heard);
  } catch (error) {
    if (error instanceof TooLong) throw unexpected(error.message);
    if (error instanceof McpOrchestrationError || error instanceof Passing) throw error;
    throw new Passing(unreachable(connection, error));
  } finally {
    clearTimeout(silence);
    end();
    leave();
  }
}

const isStream = ({ headers }: Response): boolean =>
  headers.get('content-type')?.split(';')[0]?.trim().toLowerCase() === 'text/event-stream';

async function refusalOf(response: Response, { maxAnswerBytes }: Connection): Promise<Error> {
  const text = await textOf(response, maxAnswerBytes);
  const refusal = refusalIn(response.status, text, response.headers.get('x-request-id'));
  const passing = [429, 502, 503, 504].includes(response.status);
  return passing ? new Passing(refusal, retryAfter(response.headers)) : refusal;
}
