import type { FastifyInstance, FastifyRequest, onResponseHookHandler } from 'fastify';
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
  }
  interface FastifyContextConfig {
    /** A success does not end by itself. */
    stream?: boolean;
  }
}

/** Where no route is: such a path is the caller's own text, and is shown nowhere. */
const NO_ROUTE = 'none';
const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS']);
const methodOf = ({ method }: FastifyRequest) => (METHODS.has(method) ? method : 'other');

/**
 * Tells the watchers of every request, by the template of its route. Hooks stand on the route itself, as those for
 * credentials do: looking up a request's route costs more than all that is done here.
 */
export function watchRequests(app: FastifyInstance, watchers: RequestWatchers): void {
  const { spans } = watchers;
  const ours = new WeakSet<object>();
  if (spans) {
    app.decorateRequest('span');
    app.addHook('onRequest', (request, _reply, done) => {
      const { traceparent } = request.headers;
      request.span = spans({
        method: methodOf(request),
        route: request.is404 ? NO_ROUTE : (request.routeOptions.url ?? NO_ROUTE),
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
  app.addHook('onRoute', (route) => {
    const hooks = [route.onResponse ?? []].flat();
    // The HEAD of a GET comes with the hooks of that.
    if (hooks.some((hook) => ours.has(hook))) return;
    const hook = after(watchers, route.url, route.config?.stream === true);
    ours.add(hook);
    route.onResponse = [hook, ...hooks];
  });
  const nowhere = after(watchers, NO_ROUTE, false);
  app.addHook('onResponse', function (request, reply, done) {
    if (request.is404) nowhere.call(this, request, reply, done);
    else done();
  });
}

/** What is done after the answers of one route. A stream lasts as long as somebody listens: that is no time of an answer. */
function after({ times, access_log }: RequestWatchers, route: string, streams: boolean): onResponseHookHandler {
  // Nearly all requests of a route have one method: the last one is not looked up again.
  let last: { method: string; record: ReturnType<NonNullable<typeof times>> } | undefined;
  const recorders = new Map<string, ReturnType<NonNullable<typeof times>>>();
  const recorderOf = (method: string) => {
    if (last?.method === method) return last.record;
    const record = recorders.get(method) ?? times?.(method, route);
    if (record === undefined) return undefined;
    recorders.set(method, record);
    last = { method, record };
    return record;
  };
  return (request, reply, done) => {
    const { statusCode, elapsedTime } = reply;
    const method = methodOf(request);
    if (!streams || statusCode !== 200) recorderOf(method)?.(statusCode, elapsedTime / 1000);
    request.span?.end(statusCode);
    access_log?.info(
      {
        request_id: request.id,
        method,
        route,
        status: statusCode,
        duration_ms: Math.round(elapsedTime * 10) / 10,
        actor: request.caller?.principal.actor,
        trace_id: request.span?.trace_id,
      },
      'request',
    );
    done();
  };
}
