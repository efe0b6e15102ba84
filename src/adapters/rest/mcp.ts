import type { FastifyInstance, FastifyRequest } from 'fastify';
import { invalidInput } from '../../core/errors.ts';
import { SCOPES } from '../../core/scopes.ts';
import type { Context } from '../../operations/operation.ts';
import { originOf } from './guard.ts';

/** What serves MCP behind this door. `main` puts it in: the doors do not know each other. */
export interface McpDoor {
  fetch(request: Request, parsedBody: unknown, context: Context): Promise<Response>;
  close(): Promise<void>;
}

export interface McpSettings {
  mcp: McpDoor;
  /** Who makes tokens besides this server. */
  issuer: string | undefined;
  contextOf: (request: FastifyRequest) => Context;
}

const PATH = '/mcp';

/** MCP Streamable HTTP at `/mcp`, behind the same guard, credentials and body reader as every other route. */
export function registerMcp(app: FastifyInstance, { mcp, issuer, contextOf }: McpSettings): void {
  app.addHook('preClose', () => mcp.close());
  app.route({
    method: ['GET', 'POST', 'DELETE'],
    url: PATH,
    // An answer without a body is none of MCP.
    exposeHeadRoute: false,
    async handler(request, reply) {
      if (Array.isArray(request.body)) throw invalidInput('body', 'send one message at a time, not a batch');
      const gone = new AbortController();
      const over = expiryOf(request, gone);
      reply.raw.once('close', () => {
        clearTimeout(over);
        gone.abort();
      });
      const asked = new Request(new URL(request.url, `http://${request.host}`), {
        method: request.method,
        headers: headersOf(request),
        signal: gone.signal,
      });
      reply.header('cache-control', 'no-store');
      return reply.send(await mcp.fetch(asked, request.body, contextOf(request)));
    },
  });
  // RFC 9728. Without an issuer tokens are made here and by nobody else, so there is no authorization server to name.
  app.get(`/.well-known/oauth-protected-resource${PATH}`, { config: { open: true } }, async (request) => ({
    resource: `${originOf(request)}${PATH}`,
    ...(issuer !== undefined && { authorization_servers: [issuer] }),
    resource_name: 'mcp-orchestration',
    bearer_methods_supported: ['header'],
    scopes_supported: SCOPES,
  }));
}

/** As long as a timer can run, in milliseconds. */
const LONGEST_MS = 2 ** 31 - 1;

/** A stream of changes may be open for days, and ends when the credential does. */
function expiryOf({ caller }: FastifyRequest, gone: AbortController): NodeJS.Timeout | undefined {
  if (caller === undefined || caller.until === Number.POSITIVE_INFINITY) return undefined;
  return setTimeout(() => gone.abort(), Math.min(caller.until - Date.now(), LONGEST_MS)).unref();
}

function headersOf({ headers }: FastifyRequest): Headers {
  const all = new Headers();
  for (const [name, value] of Object.entries(headers)) {
    // The credential was looked at already, and is passed on to nobody.
    if (value === undefined || name === 'authorization' || name === 'x-api-key') continue;
    for (const one of [value].flat()) all.append(name, one);
  }
  return all;
}
