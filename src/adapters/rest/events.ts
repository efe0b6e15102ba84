import type { OutgoingHttpHeaders } from 'node:http';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { AppError } from '../../core/errors.ts';
import { admitted } from '../../operations/admission.ts';
import { WATCH, watchOf } from '../../operations/changes.ts';
import type { Context } from '../../operations/operation.ts';
import type { Services } from '../../operations/services.ts';
import type { Store } from '../../stores/store.ts';
import { EventFeed } from './event-feed.ts';
import { whenGone } from './gone.ts';

/** SECURITY-BAR T27. */
const STREAMS_PER_CREDENTIAL = 5;
const STREAMS = 2_000;
/** What is buffered for one slow reader, in bytes. Beyond it, events wait in the store. */
const MOST_BUFFERED = 1024 * 1024;
const HEARTBEAT_MS = 15_000;
/** After so many milliseconds a browser asks again. */
const RETRY = 'retry: 3000\n\n';

interface EventSettings {
  store: Store;
  services: Services;
  contextOf: (request: FastifyRequest) => Context;
  /** Whether the credential of an admitted request is one still. */
  stillAccepted: (request: FastifyRequest) => Promise<boolean>;
  headers: Readonly<Record<string, string>>;
}

/** `GET /v1/events`: the events of the workspace as they happen, as a stream of server-sent events. Tells how many listen. */
export function registerEvents(
  app: FastifyInstance,
  { store, services, contextOf, stillAccepted, headers }: EventSettings,
): { subscribers(): number } {
  const streams = new Streams();
  const feed = new EventFeed(store, services.bell, services.log, ({ type, data }) => {
    if (type === 'token.revoked') streams.endOf(`token:${data['token_id']}`);
  });
  app.addHook('preClose', async () => streams.end());
  // A stream without a body would be one without an end.
  app.get('/v1/events', { exposeHeadRoute: false, config: { streams: () => true } }, async (request, reply) => {
    const context = contextOf(request);
    const { workspace, principal } = context;
    const { from, filter } = watchOf(admitted(WATCH, context, queryOf(request)));
    const until = request.caller?.until ?? 0;
    const stream = streams.open({ workspace, actor: principal.actor, until, reply });
    reply.hijack();
    const { raw } = reply;
    // The end of the connection is the end of the stream: chunks would make three parts of every write.
    raw.useChunkedEncodingByDefault = false;
    raw.shouldKeepAlive = false;
    raw.writeHead(200, {
      ...headers,
      // Those of the plugins: how many requests are left, and to which origin this may be shown.
      ...(reply.getHeaders() as OutgoingHttpHeaders),
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
      'x-request-id': request.id,
    });
    raw.write(RETRY);
    // A reader that is gone is no fault: its connection closes, and that ends the stream.
    raw.on('error', () => undefined);
    const write = (text: Buffer) => {
      // Not with the next heartbeat: an event that comes before it is not for this reader any more.
      if (context.now().getTime() >= until) raw.end();
      if (raw.writableEnded) return false;
      // At once: Node would else note for every write that the connection is to be uncorked later.
      raw.cork();
      raw.write(text);
      raw.uncork();
      return raw.writableLength < MOST_BUFFERED;
    };
    try {
      const subscription = await feed.watch(workspace, from, filter, { write });
      raw.on('drain', () => subscription.resume());
      stream.onEnd(() => subscription.end());
      // From here on the feed hears of a revocation; one before has gone by.
      if (!(await stillAccepted(request))) raw.end();
    } catch (err) {
      // The answer has begun: the reader comes back, and may find a store that can be read.
      services.log.warn({ err, request_id: request.id }, 'an event stream could not begin');
      raw.end();
    }
  });
  return { subscribers: () => streams.count };
}

/** Query and header, as `changes` takes them. A browser that comes back says in a header what it has seen. */
function queryOf({ headers, query }: FastifyRequest): Record<string, unknown> {
  const seen = headers['last-event-id'];
  return { ...(query as object), ...(typeof seen === 'string' && seen !== '' && { since: seen }) };
}

interface Stream {
  /** An issuer of tokens may name the same person in several workspaces. */
  workspace: string;
  actor: string;
  until: number;
  reply: FastifyReply;
}

/** The open streams of this process. */
class Streams {
  readonly #open = new Set<Stream>();
  /** How many streams each credential has. */
  readonly #held = new Map<string, number>();
  #heartbeat: NodeJS.Timeout | undefined;

  get count(): number {
    return this.#open.size;
  }

  /** Throws RATE_LIMITED. `onEnd` calls back when the connection is gone, also when it is already. */
  open(stream: Stream): { onEnd(work: () => void): void } {
    const whose = JSON.stringify([stream.workspace, stream.actor]);
    const held = this.#held.get(whose) ?? 0;
    if (held >= STREAMS_PER_CREDENTIAL || this.#open.size >= STREAMS) {
      const [limit, of] =
        held >= STREAMS_PER_CREDENTIAL ? [STREAMS_PER_CREDENTIAL, 'one credential'] : [STREAMS, 'this server'];
      throw new AppError('RATE_LIMITED', `There are ${limit} event streams of ${of} already.`, { limit });
    }
    this.#open.add(stream);
    this.#held.set(whose, held + 1);
    this.#heartbeat ??= setInterval(() => this.#beat(), HEARTBEAT_MS).unref();
    const gone = new Promise<void>((resolve) => whenGone(stream.reply, resolve));
    void gone.then(() => this.#remove(stream, whose));
    return { onEnd: (work) => void gone.then(work) };
  }

  #remove(stream: Stream, whose: string): void {
    this.#open.delete(stream);
    const left = (this.#held.get(whose) ?? 1) - 1;
    if (left > 0) this.#held.set(whose, left);
    else this.#held.delete(whose);
  }

  /** Of a credential that is none any more. */
  endOf(actor: string): void {
    for (const stream of this.#open) if (stream.actor === actor) stream.reply.raw.end();
  }

  /** A comment, so that proxies on the way and the reader know that the stream is alive. */
  #beat(): void {
    for (const { until, reply } of this.#open) {
      if (Date.now() >= until) reply.raw.end();
      else if (!reply.raw.writableEnded && reply.raw.writableLength < MOST_BUFFERED) reply.raw.write(':\n\n');
    }
  }

  end(): void {
    clearInterval(this.#heartbeat);
    for (const { reply } of this.#open) reply.raw.end(RETRY);
  }
}
