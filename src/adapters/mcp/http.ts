import { createMcpHandler, type McpHttpHandler } from '@modelcontextprotocol/server';
import type { Context, Operation } from '../../operations/operation.ts';
import { mcpServer } from './mcp.ts';
import { resourcesAbout } from './resources.ts';

export interface McpHttpSettings {
  version: string;
  toolsets: ReadonlySet<string>;
}

/** MCP over Streamable HTTP, for clients of both protocol eras at one address. */
export interface McpOverHttp {
  /** `context` is that of the caller, whose credential was accepted already. */
  fetch(request: Request, parsedBody: unknown, context: Context): Promise<Response>;
  close(): Promise<void>;
}

/**
 * One handler per workspace, so that nobody hears of the changes of another one. Each request gets a server object of its
 * own (SECURITY-BAR T26).
 */
export function mcpOverHttp(operations: readonly Operation[], settings: McpHttpSettings): McpOverHttp {
  const handlers = new Map<string, Served>();
  const make = (context: Context): Served => {
    const handler = createMcpHandler(
      ({ authInfo, era }) =>
        mcpServer(operations, {
          ...settings,
          subscribe: era === 'modern',
          contextOf: () => authInfo?.extra?.['context'] as Context,
        }),
      { onerror: (err) => context.services.log.warn({ err }, 'a message of an MCP client could not be served') },
    );
    return { handler, stop: tellOfResources(handler, context) };
  };
  return {
    async fetch(request, parsedBody, context) {
      const served = handlers.get(context.workspace) ?? make(context);
      handlers.set(context.workspace, served);
      const { actor, scopes } = context.principal;
      // The token itself stays outside: no part of the server has a use for it (SECURITY-BAR T24).
      const authInfo = { token: '', clientId: actor, scopes: [...scopes], extra: { context } };
      return served.handler.fetch(request, { authInfo, parsedBody });
    },
    async close() {
      for (const { handler, stop } of handlers.values()) {
        stop();
        await handler.close();
      }
    },
  };
}

interface Served {
  handler: McpHttpHandler;
  stop: () => void;
}

/** What happens in the workspace, of whichever process, reaches who listens to the resource that it changed. */
function tellOfResources({ notify }: McpHttpHandler, { store, workspace, services }: Context): () => void {
  let last: number | undefined;
  let reading: Promise<void> = Promise.resolve();
  const read = async () => {
    last ??= (await store.events.range(workspace)).newest;
    for (const event of await store.events.since(workspace, last, 1_000)) {
      last = event.number;
      for (const uri of resourcesAbout(event)) notify.resourceUpdated(uri);
    }
  };
  const next = () => {
    reading = reading.then(read).catch((err: unknown) => services.log.warn({ err }, 'events could not be read'));
  };
  next();
  return services.bell.listen(next);
}
