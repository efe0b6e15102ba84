import type { FastifyInstance, FastifyReply, FastifyRequest, onRequestHookHandler } from 'fastify';
import type { Log } from '../../operations/services.ts';

/** The part of a trace that one request is. */
export interface RequestSpan {
  trace_id: string;
  /** What is done for the request becomes a part of it. */
  run(work: () => void): void;
  end(status: number): void;
}

/** Who watches the requests; what is left out is not done. */
export interface RequestWatchers {
  /** Asked once for each route and method: what to call after every answer. */
  times?: ((method: string, route: string) => (status: number, seconds: number) => void) | undefined;
  /** One line for each request. */
  access_log?: Log | undefined;
  spans?:
    | ((request: { method: string; route: string; request_id: string; traceparent: string | undefined }) => RequestSpan)
    | undefined;
}

declare module 'fastify' {
  interface FastifyRequest {
    span?: RequestSpan;
    tell?: Tell;
  }
  interface FastifyContextConfig {
    /** Of which requests a success does not end by itself. */
    streams?: (request: FastifyRequest) => boolean;
  }
}

/** Where no route is: such a path is the caller's own text, and is shown nowhere. */
const NO_ROUTE = 'none';
const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS']);
const methodOf = ({ method }: FastifyRequest) => (METHODS.has(method) ? method : 'other');
/** Of a request whose caller was gone before the answer began; nginx calls it so too, and no answer has it. */
const GONE = 499;

/**
 * Tells the watchers of every request once it is over, by the template of its route. Every route says on itself which one it
 * is, because looking that up for a request costs more than all that is done here; and the end of the connection's part in
 * it is heard of directly, because Fastify knows only answers that were written, and asks two listeners for each.
 * Gives what is to be called for a request that is refused before any hook.
 */
export function watchRequests(
  app: FastifyInstance,
  watchers: RequestWatchers,
): (request: FastifyRequest, reply: FastifyReply) => void {
  if (watchers.spans) traceRequests(app, watchers.spans);
  const teller = tellerOf(watchers);
  const ours = new WeakSet<object>();
  app.decorateRequest('tell');
  app.addHook('onRequest', (request, reply, done) => {
    const begun = performance.now();
    reply.raw.on('close', () => {
      // Few have no route: those that are refused before, and those for which there is none.
      const tell = request.tell ?? teller(routeOf(request), request.routeOptions.config.streams);
      tell(request, reply, performance.now() - begun);
    });
    done();
  });
  app.addHook('onRoute', (route) => {
    const hooks = [route.onRequest ?? []].flat();
    // The HEAD of a GET comes with the hooks of that.
    if (hooks.some((hook) => ours.has(hook))) return;
    const tell = teller(route.url, route.config?.streams);
    const hook: onRequestHookHandler = (request, _reply, done) => {
      request.tell = tell;
      done();
    };
    ours.add(hook);
    route.onRequest = [hook, ...hooks];
  });
  const tellOfNowhere = teller(NO_ROUTE);
  return (request, reply) => void reply.raw.on('close', () => tellOfNowhere(request, reply, 0));
}

const routeOf = ({ is404, routeOptions }: FastifyRequest) => (is404 ? NO_ROUTE : (routeOptions.url ?? NO_ROUTE));

function traceRequests(app: FastifyInstance, spans: NonNullable<RequestWatchers['spans']>): void {
  app.decorateRequest('span');
  app.addHook('onRequest', (request, _reply, done) => {
    const { traceparent } = request.headers;
    request.span = spans({
      method: methodOf(request),
      route: routeOf(request),
      request_id: request.id,
      // Not `tracestate`, which is free text of the caller.
      traceparent: typeof traceparent === 'string' ? traceparent : undefined,
    });
    done();
  });
  // Not before: reading a body ends in an event of the connection, which knows nothing of the request.
  app.addHook('preHandler', (request, _reply, done) => {
    if (request.span) request.span.run(done);
    else done();
  });
}

type Tell = (request: FastifyRequest, reply: FastifyReply, milliseconds: number) => void;

/** What is told of the requests of one route. A stream lasts as long as somebody listens: that is no time of an answer. */
function tellerOf({ times, access_log }: RequestWatchers) {
  type Record = ReturnType<NonNullable<typeof times>>;
  const records = new Map<string, Record>();
  const recordOf = (method: string, route: string) => {
    const key = `${method} ${route}`;
    const record = records.get(key) ?? times?.(method, route);
    if (record !== undefined) records.set(key, record);
    return record;
  };
  return (route: string, streams?: (request: FastifyRequest) => boolean): Tell => {
    // Nearly all requests of a route have one method: the last one is not looked up again.
    let last: { method: string; record: Record | undefined } | undefined;
    return (request, { raw }, milliseconds) => {
      const status = raw.headersSent ? raw.statusCode : GONE;
      const method = methodOf(request);
      if (last?.method !== method) last = { method, record: recordOf(method, route) };
      if (status !== 200 || !streams?.(request)) last.record?.(status, milliseconds / 1000);
      request.span?.end(status);
      access_log?.info(
        {
          request_id: request.id,
          method,
          route,
          status,
          duration_ms: Math.round(milliseconds * 10) / 10,
          actor: request.caller?.principal.actor,
          trace_id: request.span?.trace_id,
        },
        'request',
      );
    };
  };
}
