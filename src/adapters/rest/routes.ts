import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { bindingKey } from '../../core/binding.ts';
import { AppError, invalidInput } from '../../core/errors.ts';
import { mayCall } from '../../operations/admission.ts';
import { fieldsOf, fromText } from '../../operations/fields.ts';
import {
  type Alongside,
  type Answer,
  answer,
  type Context,
  type Operation,
  refusal,
  statusOf,
} from '../../operations/operation.ts';
import type { Store } from '../../stores/store.ts';
import type { UntilCommit } from '../../stores/until-commit.ts';
import { RETRY_AFTER_S } from './errors.ts';
import { keyedRequest, once } from './idempotency.ts';

/** Turns `{client_id}` into Fastify's `:client_id`. */
const routeOf = (path: string) => path.replaceAll(/\{(\w+)\}/g, ':$1');

export interface RouteSettings {
  operations: readonly Operation[];
  contextOf: (request: FastifyRequest) => Context;
  kept: UntilCommit<Written>;
  /** What every answer has. */
  headers: Readonly<Record<string, string>>;
  /** How long an operation may take, in milliseconds. */
  handler_ms: number;
}

export function registerRoutes(app: FastifyInstance, settings: RouteSettings): void {
  const { operations, handler_ms } = settings;
  for (const operation of operations) {
    const { rest } = operation;
    if (!rest) continue;
    app.route({
      method: rest.method,
      url: routeOf(rest.path),
      // Who reads the store alone waits for nothing but its lock, five seconds at most, and is spared the timer.
      // An answer is kept by its address: that of a POST hangs on its body as well.
      handler:
        operation.holdsUntil && rest.method === 'GET'
          ? fromKept(operation, settings)
          : afresh(operation, settings, rest.handler_ms ?? handler_ms),
    });
  }
}

type Handler = (request: FastifyRequest, reply: FastifyReply) => Promise<FastifyReply> | undefined;

const afresh =
  (operation: Operation, { contextOf }: RouteSettings, limit_ms: number): Handler =>
  async (request, reply) => {
    const { answer, replayed } = await inTime(answerTo(operation, contextOf(request), request), limit_ms);
    if (!replayed) return send(answer, request, reply);
    reply.header('idempotency-replayed', 'true');
    return send({ ...answer, etag: undefined, until: undefined }, request, reply);
  };

/**
 * Throws UNAVAILABLE when it takes longer. Not by the `handlerTimeout` of Fastify: that ends with the `close` of the
 * request, which Node tells as soon as a body has been read, so it would hold for requests without one only.
 */
async function inTime<T>(work: Promise<T>, limit_ms: number): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(tooSlow(limit_ms)), limit_ms);
  try {
    return await Promise.race([work, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

function tooSlow(limit_ms: number): AppError {
  const message = `This took longer than ${limit_ms / 1000} s, and may still be carried out.`;
  const hint =
    'Look at what became of it before you try again. With an Idempotency-Key, a repetition does nothing twice.';
  return new AppError('UNAVAILABLE', message, { reason: 'still_at_work' }, { hint });
}

type Answered = Awaited<ReturnType<typeof once<Written>>>;

async function answerTo(operation: Operation, context: Context, request: FastifyRequest): Promise<Answered> {
  // Who may not call this is told so, and uses up no key.
  const keyed = mayCall(operation, context.principal) ? keyedRequest(request) : undefined;
  if (!keyed) return { answer: await writtenFor(operation, context, request), replayed: false };
  return once(keyed, context, (keep) => writtenFor(operation, context, request, keep));
}

/** What a request is answered. `keep` is told the answer inside the transaction of the operation, where it opens one. */
async function writtenFor(
  operation: Operation,
  context: Context,
  request: FastifyRequest,
  keep?: (answer: Written, store: Store) => Promise<void>,
): Promise<Written> {
  try {
    const { input, conditional } = inputOf(operation, request);
    const alongside: Alongside | undefined =
      keep && ((store, output) => keep(written(operation, { ok: true, output }), store));
    return written(operation, await answer(operation, context, input, alongside), conditional);
  } catch (error) {
    return written(operation, refusal(error, context));
  }
}

/** Most requests ask for what was asked before. Whether the caller may is asked every time, or was for the same binding. */
const fromKept =
  (operation: Operation, { contextOf, kept, headers }: RouteSettings): Handler =>
  (request, reply) => {
    const context = contextOf(request);
    const key = `${context.workspace} ${bindingKey(context.principal.binding)} ${request.url}`;
    const write = async () => written(operation, await answer(operation, context, inputOf(operation, request).input));
    // Whoever may not call gets a refusal of their own, and nothing of what others are being answered.
    if (!mayCall(operation, context.principal)) return write().then((refusal) => send(refusal, request, reply));
    const known = kept.get(key);
    if (known !== undefined && holds(known, context)) {
      sendAgain(known, request, reply, headers);
      return undefined;
    }
    return kept.read(key, write, (fresh) => holds(fresh, context)).then((fresh) => send(fresh, request, reply));
  };

const holds = ({ until }: Written, { now }: Context): boolean => until !== undefined && now().getTime() < until;

/** An answer as it is sent. */
export interface Written {
  status: number;
  body: string;
  /** With its quotes. */
  etag: string | undefined;
  /** False: the tag is there for `If-Match`, and says nothing about the content. */
  revalidates?: boolean;
  /** Milliseconds since 1970 until which it may be sent again while nothing is committed; undefined: only this once. */
  until: number | undefined;
  /** It holds a secret that is shown once. */
  secret: boolean;
  /** How it is sent again, once it was. */
  sent?: Sent;
}

interface Sent {
  head: readonly string[];
  body: string | Buffer;
  encoding: BufferEncoding;
}

/**
 * Node writes a text in one piece with the head, which it copies for that, and bytes in a second one, which it does not:
 * for a few kilobytes the piece is dearer, for many the copy.
 */
const LONGEST_TEXT = 4096;

function sentAgain({ body, etag }: Written, headers: RouteSettings['headers']): Sent {
  const length = Buffer.byteLength(body);
  const head = [
    ...Object.entries(headers).flat(),
    ...(etag === undefined ? ['cache-control', 'no-store'] : ['etag', etag, 'cache-control', REVALIDATED]),
    'content-type',
    JSON_TYPE,
    'content-length',
    String(length),
  ];
  if (length > LONGEST_TEXT) return { head, body: Buffer.from(body), encoding: 'utf8' };
  // Cheaper to write, and the same bytes where there is nothing but ASCII.
  return { head, body, encoding: length === body.length ? 'latin1' : 'utf8' };
}

function written(operation: Operation, result: Answer, conditional = false): Written {
  if (!result.ok) {
    const status = conditional && result.problem.code === 'DRAFT_CHANGED' ? 412 : result.status;
    return {
      status,
      body: JSON.stringify({ error: result.problem }),
      etag: undefined,
      until: undefined,
      secret: false,
    };
  }
  const output = result.output as never;
  const { etag, revalidates, showsSecret } = operation.rest ?? {};
  const until = operation.holdsUntil?.(output);
  return {
    status: statusOf(operation, output),
    body: JSON.stringify(output),
    etag: etag && `"${etag(output)}"`,
    revalidates: revalidates?.(output) !== false,
    until: until === null ? Number.POSITIVE_INFINITY : until === undefined ? undefined : Date.parse(until),
    secret: showsSecret?.(output) === true,
  };
}

/** Path, query and body parts as the one input object; `If-Match` becomes `if_revision`. */
function inputOf(
  operation: Operation,
  request: FastifyRequest,
): { input: Record<string, unknown>; conditional: boolean } {
  const path = request.params as Record<string, string>;
  const query = queryOf(operation, request);
  const body = bodyOf(operation, request);
  for (const name of Object.keys(path)) {
    for (const part of [query, body]) {
      if (name in part && part[name] !== path[name]) throw invalidInput(name, 'the path says something else');
    }
  }
  const input = { ...query, ...body, ...path };
  const revision = revisionOf(operation, request);
  if (revision === undefined) return { input, conditional: false };
  if (typeof input['if_revision'] === 'number' && input['if_revision'] !== revision) {
    throw invalidInput('if_revision', 'the If-Match header says something else');
  }
  return { input: { ...input, if_revision: revision }, conditional: true };
}

function queryOf(operation: Operation, request: FastifyRequest): Record<string, unknown> {
  const fields = new Map(fieldsOf(operation).map((field) => [field.name, field]));
  const entries = Object.entries(request.query as Record<string, string | string[]>).map(([name, value]) => {
    if (Array.isArray(value)) throw invalidInput(name, 'give it once');
    const field = fields.get(name);
    return [name, field ? fromText(field, value) : value];
  });
  return Object.fromEntries(entries);
}

function bodyOf({ rest }: Operation, { body }: FastifyRequest): Record<string, unknown> {
  if (body === undefined || body === null) return {};
  if (rest?.body !== undefined) return { [rest.body]: body };
  if (typeof body === 'object' && !Array.isArray(body)) return body as Record<string, unknown>;
  throw invalidInput('body', 'the body is one JSON object');
}

function revisionOf(operation: Operation, request: FastifyRequest): number | undefined {
  const header = request.headers['if-match'];
  if (header === undefined || header.trim() === '*' || !('if_revision' in operation.input.shape)) return undefined;
  const revision = /^"(\d{1,15})"$/.exec(header)?.[1];
  if (revision === undefined) throw invalidInput('if-match', 'give one ETag of the draft, for example "3", or *');
  return Number(revision);
}

const JSON_TYPE = 'application/json; charset=utf-8';
/** Kept by the caller alone, who asks each time whether it is still true. */
const REVALIDATED = 'private, no-cache';

function send(
  { status, body, etag, revalidates }: Written,
  request: FastifyRequest,
  reply: FastifyReply,
): FastifyReply {
  if (status === 503) reply.header('retry-after', RETRY_AFTER_S);
  if (etag === undefined) reply.header('cache-control', 'no-store');
  else {
    reply.header('etag', etag).header('cache-control', REVALIDATED);
    if (revalidates && matches(request.headers['if-none-match'], etag)) return reply.code(304).send();
  }
  return reply.code(status).header('content-type', JSON_TYPE).send(body);
}

/**
 * The same as `send`, for what is asked most often, without all that a framework does for answers that it does not know yet.
 * A 304 has what it may change in the answer that its reader has, and no more (RFC 9110, 15.4.5).
 */
function sendAgain(
  known: Written,
  request: FastifyRequest,
  reply: FastifyReply,
  headers: RouteSettings['headers'],
): void {
  const { status, etag, revalidates } = known;
  const { raw } = reply;
  reply.hijack();
  const own = ['x-request-id', request.id];
  // Those of the plugins: how many requests are left, and to which origin this may be shown.
  for (const [name, value] of Object.entries(reply.getHeaders())) own.push(name, String(value));
  if (etag !== undefined && revalidates && matches(request.headers['if-none-match'], etag)) {
    raw.writeHead(304, [...own, 'etag', etag, 'cache-control', REVALIDATED]).end();
    return;
  }
  known.sent ??= sentAgain(known, headers);
  raw.writeHead(status, [...known.sent.head, ...own]).end(known.sent.body, known.sent.encoding);
}

/** RFC 9110, 13.1.2: the weak comparison, over a list of tags or `*`. */
const matches = (header: string | undefined, etag: string) =>
  header !== undefined &&
  (header.trim() === '*' || header.split(',').some((tag) => tag.trim().replace(/^W\//, '') === etag));

/** A route as Fastify knows it: `/v1/clients/:client_id/profiles`. */
export interface Route {
  methods: string[];
  pattern: RegExp;
}

/** Every route that is registered from now on. The one for all paths (CORS preflight) is none that a person can call. */
export function routesOf(app: FastifyInstance): readonly Route[] {
  const routes: Route[] = [];
  app.addHook('onRoute', ({ method, url }) => {
    if (url === '*' || url === '/*') return;
    const pattern = url.replaceAll('.', '\\.').replaceAll(/:\w+/g, '[^/]+').replace(/\*$/, '.*');
    routes.push({ methods: [method].flat(), pattern: new RegExp(`^${pattern}$`) });
  });
  return routes;
}

/** Which methods a path takes, for 405 and its `Allow` header. */
export function methodsOf(routes: readonly Route[], path: string): string[] {
  return [...new Set(routes.flatMap(({ methods, pattern }) => (pattern.test(path) ? methods : [])))];
}

export const notFound = (request: FastifyRequest): AppError =>
  new AppError('NOT_FOUND', `There is no route ${request.method} ${(request.url.split('?')[0] ?? '').slice(0, 200)}.`);
