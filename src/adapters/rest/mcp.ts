import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { invalidInput } from '../../core/errors.ts';
import { SCOPES } from '../../core/scopes.ts';
import type { Context } from '../../operations/operation.ts';
import { whenGone } from './gone.ts';
import { originOf } from './guard.ts';
import { notFound } from './routes.ts';

interface Asked {
  request: Request;
  parsedBody: unknown;
  context: Context;
  /** Milliseconds since 1970 at which the credential stops being one. */
  until: number;
  /** Whether it is one still. */
  stillAccepted(): Promise<boolean>;
}

/** What serves MCP behind this door. `main` puts it in: the doors do not know each other. */
export interface McpDoor {
  fetch(asked: Asked): Promise<Response>;
  /** What `/.well-known/mcp-server.json` says to who has no credentials; `at` is where this server was asked. */
  manifest?(at: string): Promise<object>;
  /** HTTP+SSE, where it is switched on. `post` gives undefined where there is no such session of the caller. */
  sse?: {
    open(asked: Asked, messages: string): Promise<Response>;
    post(id: string, asked: Asked): Response | undefined;
  };
  close(): Promise<void>;
}

export interface McpSettings {
  mcp: McpDoor;
  /** Who makes tokens besides this server. */
  issuer: string | undefined;
  contextOf: (request: FastifyRequest) => Context;
  stillAccepted: (request: FastifyRequest) => Promise<boolean>;
}

const PATH = '/mcp';
/** Where clients of HTTP+SSE post; `/sse` says so to them. */
const MESSAGES = '/messages';

/** MCP Streamable HTTP at `/mcp`, behind the same guard, credentials and body reader as every other route. */
export function registerMcp(app: FastifyInstance, { mcp, issuer, contextOf, stillAccepted }: McpSettings): void {
  app.addHook('preClose', () => mcp.close());
  const askedBy = (request: FastifyRequest, reply: FastifyReply): Asked => {
    if (Array.isArray(request.body)) throw invalidInput('body', 'send one message at a time, not a batch');
    const gone = new AbortController();
    whenGone(reply, () => gone.abort());
    reply.header('cache-control', 'no-store');
    const sent = new Request(new URL(request.url, `http://${request.host}`), {
      method: request.method,
      headers: headersOf(request),
      signal: gone.signal,
    });
    const until = request.caller?.until ?? 0;
    return {
      request: sent,
      parsedBody: request.body,
      context: contextOf(request),
      until,
      stillAccepted: () => stillAccepted(request),
    };
  };
  app.route({
    method: ['GET', 'POST', 'DELETE'],
    url: PATH,
    // An answer without a body is none of MCP.
    exposeHeadRoute: false,
    config: { streams: listens },
    handler: async (request, reply) => reply.send(await mcp.fetch(askedBy(request, reply))),
  });
  const { sse } = mcp;
  if (sse) {
    app.get('/sse', { exposeHeadRoute: false, config: { streams: listens } }, async (request, reply) =>
      reply.send(await sse.open(askedBy(request, reply), MESSAGES)),
    );
    app.post(MESSAGES, async (request, reply) => {
      const { sessionId } = request.query as { sessionId?: unknown };
      const accepted = typeof sessionId === 'string' ? sse.post(sessionId, askedBy(request, reply)) : undefined;
      if (!accepted) throw notFound(request);
      return reply.send(accepted);
    });
  }
  if (mcp.manifest) {
    app.get('/.well-known/mcp-server.json', { config: { open: true } }, async (request) =>
      mcp.manifest?.(originOf(request)),
    );
  }
  // RFC 9728. Without an issuer tokens are made here and by nobody else, so there is no authorization server to name.
  app.get(`/.well-known/oauth-protected-resource${PATH}`, { config: { open: true } }, async (request) => ({
    resource: `${originOf(request)}${PATH}`,
    ...(issuer !== undefined && { authorization_servers: [issuer] }),
    resource_name: 'mcp-orchestration',
    bearer_methods_supported: ['header'],
    scopes_supported: SCOPES,
  }));
}

/** Who is told what happens, and not only answered. */
const listens = ({ method, body }: FastifyRequest): boolean =>
  method === 'GET' || (body as { method?: unknown } | null | undefined)?.method === 'subscriptions/listen';

function headersOf({ headers }: FastifyRequest): Headers {
  const all = new Headers();
  for (const [name, value] of Object.entries(headers)) {
    // The credential was looked at already, and is passed on to nobody.
    if (value === undefined || name === 'authorization' || name === 'x-api-key') continue;
    for (const one of [value].flat()) all.append(name, one);
  }
  return all;
}
