import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import cors from '@fastify/cors';
import fastify, {
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  type onRequestHookHandler,
} from 'fastify';
import helmet from 'helmet';
import { z } from 'zod';
import { AppError } from '../../core/errors.ts';
import { Payload } from '../../core/payload.ts';
import { parseStrictJson } from '../../core/strict-json.ts';
import { type Context, type Operation, refusal } from '../../operations/operation.ts';
import type { Services } from '../../operations/services.ts';
import type { Store } from '../../stores/store.ts';
import { UntilCommit } from '../../stores/until-commit.ts';
import { authenticate, type Caller, isStillAccepted, type KnownToken, UseCounter } from './auth.ts';
import { corsOf } from './cors.ts';
import { registerDocs } from './docs.ts';
import { answerClientError, answerInEnvelope, fromFastify, problemOfStatus, RETRY_AFTER_S } from './errors.ts';
import { registerEvents } from './events.ts';
import { type GuardSettings, guardRequest, originOf } from './guard.ts';
import { heldReadiness, type Readiness, registerHealth } from './health.ts';
import { limitRates, type SharedCount, WrongCredentials } from './limits.ts';
import { type McpDoor, registerMcp } from './mcp.ts';
import { type MetricsPage, registerMetrics } from './metrics.ts';
import { openApi } from './openapi.ts';
import { methodsOf, notFound, registerRoutes, routesOf, type Written } from './routes.ts';
import { type RequestWatchers, watchRequests } from './watch.ts';

const BODY_LIMIT = 1024 * 1024;

export interface RestSettings extends GuardSettings {
  operations: readonly Operation[];
  store: Store;
  /** Differs whenever anything was committed to the store since it was last asked. */
  dataVersion: () => string;
  services: Services;
  api_key: string | undefined;
  /** Requests a second of one credential, twice as many in a burst; no limits when left out, none on wrong credentials either. */
  rate_limit?: number | undefined;
  /** What several servers count together; left out, each counts for itself. */
  shared_count?: SharedCount | undefined;
  /** An OpenID Connect issuer, and who its tokens stand for. */
  oidc?: { issuer: string; callerOf: (token: string) => Promise<Caller> } | undefined;
  /** Addresses and networks of proxies that say for whom they ask; nobody, when it is empty or left out. */
  trusted_proxies?: readonly string[];
  /** Certificate and key as PEM; left out, the server speaks plain HTTP. */
  tls?: { cert: Buffer; key: Buffer } | undefined;
  /** MCP at `/mcp`; left out, that path is none. */
  mcp?: McpDoor;
  now: () => Date;
  /** How long an operation may take, in milliseconds; 10,000 when it is left out. */
  handler_ms?: number;
  /** Left out, nobody watches the requests. */
  watchers?: RequestWatchers;
  /** Makes the page at `/metrics`; left out, there is none. */
  metrics?: (counts: Counts) => MetricsPage;
  /** Left out, this server is ready until it stops. */
  readiness?: Readiness;
  /** Whether a stop has begun. */
  stopping?: () => boolean;
}

/** What only this door can count. */
export interface Counts {
  caches: Readonly<Record<'answers' | 'tokens', { readonly hits: number; readonly misses: number }>>;
  subscribers(): number;
  /** What `/readyz` would say: why this server is not ready. */
  readiness: Readiness;
}

declare module 'fastify' {
  interface FastifyRequest {
    caller?: Caller;
  }
  interface FastifyContextConfig {
    /** No credentials are needed. */
    open?: boolean;
  }
}

/** The HTTP server, not yet listening. Knows HTTP, and no operation by name. */
export async function restServer(settings: RestSettings): Promise<FastifyInstance> {
  const { services, now } = settings;
  const at = (request_id: string) => ({ now, request_id, services });
  const problemAt = () => ({ timestamp: now().toISOString(), request_id: requestId(undefined) });
  const security = securityHeaders(settings.tls !== undefined);
  const app: FastifyInstance = fastify({
    bodyLimit: BODY_LIMIT,
    // Names and versions of servers are longer than what Fastify takes by itself.
    routerOptions: { maxParamLength: 1000 },
    requestTimeout: 30_000,
    keepAliveTimeout: 5_000,
    forceCloseConnections: 'idle',
    // Until its connections are gone, it answers on them.
    return503OnClosing: false,
    requestIdHeader: false,
    trustProxy: settings.trusted_proxies?.length ? [...settings.trusted_proxies] : false,
    ...listenerOf(settings.tls),
    genReqId: (raw) => requestId(raw.headers['x-request-id']),
    clientErrorHandler: (error, socket) => answerClientError(error, socket, problemAt()),
    // No hook is called for these.
    frameworkErrors: (error, request, reply) => {
      watch?.(request, reply);
      void sendProblem(fromFastify(error, BODY_LIMIT) ?? error, request, reply.headers(security), at(request.id));
    },
  });
  answerInEnvelope(app.server, problemAt);
  const routes = routesOf(app);
  const watch = settings.watchers && watchRequests(app, settings.watchers);
  readJsonOnly(app);
  // Before any plugin: a route keeps the handler that was there when it came.
  app.setErrorHandler((error: Error & { code?: string; statusCode?: number }, request, reply) =>
    sendProblem(fromFastify(error, BODY_LIMIT) ?? error, request, reply, at(request.id)),
  );
  app.setNotFoundHandler((request, reply) => {
    const methods = methodsOf(routes, request.url.split('?')[0] ?? '');
    if (methods.length === 0) throw notFound(request);
    reply.header('allow', methods.join(', '));
    throw new AppError('METHOD_NOT_ALLOWED', `This path takes ${methods.join(', ')}.`, { allowed: methods });
  });
  const uses = new UseCounter(settings.store, now, services.log);
  app.addHook('onClose', () => uses.stop());
  app.decorateRequest('caller');
  app.addHook('onRequest', (request, _reply, done) => {
    guardRequest(request, settings);
    done();
  });
  app.addHook('onSend', (request, reply, _payload, done) => {
    reply.headers(security).header('x-request-id', request.id);
    if (reply.statusCode === 401) reply.header('www-authenticate', challengeFor(request));
    done();
  });
  if (settings.cors_origins.size > 0) await app.register(cors, corsOf(settings.cors_origins));
  const answers = new UntilCommit<Written>(settings.dataVersion, 200);
  const tokens = new UntilCommit<KnownToken>(settings.dataVersion, 1000);
  const authentication = {
    store: settings.store,
    known: tokens,
    api_key: settings.api_key,
    jwt: settings.oidc?.callerOf,
    now,
    used: (workspace: string, token_id: string) => uses.count(workspace, token_id),
  };
  const wrong = settings.rate_limit === undefined ? undefined : new WrongCredentials(settings.shared_count);
  authenticateEverywhere(app, (request, done) => {
    const admit = (found: Caller) => {
      request.caller = found;
      done();
    };
    const refuse = async (error: Error) => done((await wrong?.count(request.ip, error)) ?? error);
    try {
      const caller = authenticate(request, authentication);
      if (caller instanceof Promise) caller.then(admit, refuse);
      else admit(caller);
    } catch (error) {
      void refuse(error as Error);
    }
  });
  const stillAccepted = (request: FastifyRequest) => isStillAccepted(request, authentication);
  const contextFor = (request: FastifyRequest): Context => ({
    ...contextOf(settings, request),
    stillAccepted: () => stillAccepted(request),
  });
  if (settings.rate_limit !== undefined) await limitRates(app, settings.rate_limit, settings.shared_count);
  registerRoutes(app, {
    operations: settings.operations,
    contextOf: contextFor,
    kept: answers,
    headers: security,
    handler_ms: settings.handler_ms ?? 10_000,
  });
  const { subscribers } = registerEvents(app, {
    store: settings.store,
    services,
    contextOf: contextFor,
    stillAccepted,
    headers: security,
  });
  const readiness = heldReadiness(settings.readiness ?? (async () => []), settings.stopping ?? (() => false));
  if (settings.metrics) {
    const page = settings.metrics({ caches: { answers, tokens }, subscribers, readiness });
    registerMetrics(app, page, contextFor);
  }
  registerHealth(app, services.version, readiness);
  if (settings.mcp) {
    const mcpContext = (request: FastifyRequest): Context => ({ ...contextFor(request), door: 'mcp' });
    registerMcp(app, { mcp: settings.mcp, issuer: settings.oidc?.issuer, contextOf: mcpContext, stillAccepted });
  }
  registerPages(app, settings);
  return app;
}

/** The limits of SECURITY-BAR T27, which Node has in the same place for both kinds of server. */
const HTTP_LIMITS = {
  maxHeaderSize: 16 * 1024,
  headersTimeout: 15_000,
  connectionsCheckingInterval: 5_000,
  // Node's own answer to a request without a host is empty: the guard gives the one that every refusal has.
  requireHostHeader: false,
};

/** One type for both: TLS changes nothing of what happens behind it. */
const listenerOf = (tls: RestSettings['tls']): { http: typeof HTTP_LIMITS } =>
  (tls === undefined ? { http: HTTP_LIMITS } : { https: { ...HTTP_LIMITS, ...tls, handshakeTimeout: 15_000 } }) as {
    http: typeof HTTP_LIMITS;
  };

type Admission = (request: FastifyRequest, done: (error?: Error) => void) => void;

/**
 * On every route that does not say that it is open, and where there is none. The hook stands on the route itself, because
 * looking up a route's settings costs as much for each request as everything else that is done there.
 */
function authenticateEverywhere(app: FastifyInstance, admission: Admission): void {
  const ours = new WeakSet<object>();
  app.addHook('onRoute', (route) => {
    const hooks = [route.onRequest ?? []].flat();
    // The HEAD of a GET comes with the hooks of that.
    if (hooks.some((hook) => ours.has(hook))) return;
    const hook: onRequestHookHandler = (request, _reply, done) => {
      if (route.config?.open || isPreflight(request)) done();
      else admission(request, done);
    };
    ours.add(hook);
    route.onRequest = [hook, ...hooks];
  });
  app.addHook('onRequest', (request, _reply, done) => {
    if (!request.is404 || isPreflight(request)) done();
    else admission(request, done);
  });
}

/** A browser asks this before it sends credentials; it is answered in full by the CORS plugin, or refused. */
const isPreflight = ({ method, headers }: FastifyRequest): boolean =>
  method === 'OPTIONS' && headers.origin !== undefined && headers['access-control-request-method'] !== undefined;

function contextOf({ store, services, now }: RestSettings, request: FastifyRequest): Context {
  const { caller } = request;
  if (!caller) throw new AppError('AUTHENTICATION_REQUIRED', 'This route needs credentials.');
  const { workspace, principal } = caller;
  return { store, services, now, door: 'rest', request_id: request.id, workspace, principal };
}

/** An MCP client finds out from the second part which scopes there are (RFC 9728, 5.1). */
function challengeFor(request: FastifyRequest): string {
  const realm = 'Bearer realm="mcp-orchestration"';
  if (!/^\/mcp(?:\?|$)/.test(request.url)) return realm;
  return `${realm}, resource_metadata="${originOf(request)}/.well-known/oauth-protected-resource/mcp"`;
}

/** The caller's id when it is harmless, so that both sides log the same one. */
const requestId = (given: string | string[] | undefined) =>
  typeof given === 'string' && /^[A-Za-z0-9._-]{1,64}$/.test(given) ? given : `req_${randomUUID()}`;

/** Only `application/json`, and only through the strict reader: what Fastify reads by default is taken out. */
function readJsonOnly(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (_request, body, done) => {
    try {
      done(null, body.length === 0 ? undefined : parseStrictJson(body as Buffer, { maxBytes: BODY_LIMIT }));
    } catch (error) {
      done(error as Error);
    }
  });
}

function sendProblem(
  error: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
  at: Parameters<typeof refusal>[1],
): FastifyReply {
  const status = (error as { statusCode?: number }).statusCode;
  reply.header('x-request-id', request.id).header('cache-control', 'no-store');
  if (!(error instanceof AppError) && status !== undefined && status >= 400 && status !== 500) {
    const problem = problemOfStatus(status, { timestamp: at.now().toISOString(), request_id: at.request_id });
    return reply.code(status).send({ error: problem });
  }
  const refused = refusal(error, at);
  if (refused.status === 429) reply.header('retry-after', String(refused.problem.details['retry_after'] ?? 1));
  if (refused.status === 503) reply.header('retry-after', RETRY_AFTER_S);
  return reply.code(refused.status).send({ error: refused.problem });
}

/**
 * The same for every answer, so they are made once: helmet's own plugin makes them for each request anew. Left out is what
 * only browsers of the past know, or what the Content-Security-Policy says already.
 */
const securityHeaders = (tls: boolean) =>
  headersOf(
    helmet({
      contentSecurityPolicy: { useDefaults: false, directives: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] } },
      referrerPolicy: { policy: 'no-referrer' },
      crossOriginOpenerPolicy: { policy: 'same-origin' },
      // Of this host alone: its subdomains may belong to somebody else.
      strictTransportSecurity: tls && { maxAge: 31_536_000, includeSubDomains: false },
      crossOriginResourcePolicy: { policy: 'same-origin' },
      originAgentCluster: false,
      xFrameOptions: false,
      xDnsPrefetchControl: false,
      xDownloadOptions: false,
      xPermittedCrossDomainPolicies: false,
      xXssProtection: false,
    }),
  );

function headersOf(middleware: ReturnType<typeof helmet>): Record<string, string> {
  const headers: Record<string, string> = {};
  const response = {
    setHeader: (name: string, value: string) => {
      headers[name.toLowerCase()] = value;
    },
    removeHeader: () => undefined,
  };
  middleware({} as IncomingMessage, response as unknown as ServerResponse, (error) => {
    if (error) throw error;
  });
  return headers;
}

/** The pages that describe the API are open in local mode only. */
function registerPages(app: FastifyInstance, { operations, services, mcp }: RestSettings): void {
  // Clients probe these before they have credentials: nothing is there yet, and that is what they are told.
  app.all('/.well-known/*', { config: { open: true } }, async (request) => {
    throw notFound(request);
  });
  const open = services.mode === 'local';
  const legacy_sse = mcp?.sse !== undefined;
  let document: object | undefined;
  const payloadSchema = z.toJSONSchema(Payload);
  // Long, and seldom asked for.
  app.get('/openapi.json', { config: { open } }, async () => {
    document ??= openApi({ operations, version: services.version, open, legacy_sse });
    return document;
  });
  app.get('/schemas/payload-v1.json', { config: { open } }, async () => payloadSchema);
  registerDocs(app, open);
}
