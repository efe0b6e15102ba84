import type { FastifyInstance, FastifyReply, FastifyRequest, onResponseHookHandler } from 'fastify';
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
    isTold?: boolean;
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
 * Tells the watchers of every request, by the template of its route. What is done after an answer stands on the route
 * itself, as the hook for credentials does: looking up a request's route costs more than all that is done here.
 * Gives what is to be called for a request that is refused before any hook.
 */
export function watchRequests(
  app: FastifyInstance,
  watchers: RequestWatchers,
): (request: FastifyRequest, reply: FastifyReply) => void {
  if (watchers.spans) traceRequests(app, watchers.spans);
  const teller = tellerOf(watchers);
  const ours = new WeakSet<object>();
  app.decorateRequest('isTold', false);
  app.addHook('onRequest', (request, reply, done) => {
    reply.raw.on('close', () => {
      // Few: who is answered was told of already.
      if (!request.isTold) teller(routeOf(request), request.routeOptions.config.streams)(request, reply);
    });
    done();
  });
  app.addHook('onRoute', (route) => {
    const hooks = [route.onResponse ?? []].flat();
    // The HEAD of a GET comes with the hooks of that.
    if (hooks.some((hook) => ours.has(hook))) return;
    const hook = afterAnswers(teller(route.url, route.config?.streams));
    ours.add(hook);
    route.onResponse = [hook, ...hooks];
  });
  const tellOfNowhere = teller(NO_ROUTE);
  const nowhere = afterAnswers(tellOfNowhere);
  app.addHook('onResponse', function (request, reply, done) {
    if (request.is404) nowhere.call(this, request, reply, done);
    else done();
  });
  return (request, reply) => void reply.raw.on('close', () => tellOfNowhere(request, reply));
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

type Tell = (request: FastifyRequest, reply: FastifyReply) => void;

const afterAnswers =
  (tell: Tell): onResponseHookHandler =>
  (request, reply, done) => {
    tell(request, reply);
    done();
  };

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
    return (request, reply) => {
      if (request.isTold) return;
      request.isTold = true;
      const { elapsedTime, raw } = reply;
      const status = raw.headersSent ? reply.statusCode : GONE;
      const method = methodOf(request);
      if (last?.method !== method) last = { method, record: recordOf(method, route) };
      if (status !== 200 || !streams?.(request)) last.record?.(status, elapsedTime / 1000);
      request.span?.end(status);
      access_log?.info(
        {
          request_id: request.id,
          method,
          route,
          status,
          duration_ms: Math.round(elapsedTime * 10) / 10,
          actor: request.caller?.principal.actor,
          trace_id: request.span?.trace_id,
        },
        'request',
      );
    };
  };
}
