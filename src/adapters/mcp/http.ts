import { createMcpHandler, type McpHttpHandler } from '@modelcontextprotocol/server';
import { bindingKey, reaches } from '../../core/binding.ts';
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
 * One handler for all who may hear of the same changes, so that nobody hears of others. Each request gets a server object of its
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
    const open = new OpenRequests();
    return { handler, open, stop: tellOfResources(handler, open, context) };
  };
  return {
    async fetch(request, parsedBody, context) {
      const key = audienceOf(context);
      const served = handlers.get(key) ?? make(context);
      handlers.set(key, served);
      const { actor, scopes } = context.principal;
      const revoked = served.open.of(actor, request.signal);
      // The token itself stays outside: no part of the server has a use for it (SECURITY-BAR T24).
      const authInfo = { token: '', clientId: actor, scopes: [...scopes], extra: { context } };
      const asked = new Request(request, { signal: AbortSignal.any([request.signal, revoked]) });
      return served.handler.fetch(asked, { authInfo, parsedBody });
    },
    async close() {
      for (const { handler, stop } of handlers.values()) {
        stop();
        await handler.close();
      }
    },
  };
}

const mayRead = ({ principal }: Context): boolean => principal.scopes.has('config:read');

const audienceOf = (context: Context): string =>
  `${context.workspace} ${bindingKey(context.principal.binding)} ${mayRead(context)}`;

interface Served {
  handler: McpHttpHandler;
  open: OpenRequests;
  stop: () => void;
}

/** What is being answered, by who asked: a subscription may be open for days, and ends with its credential. */
class OpenRequests {
  readonly #open = new Map<string, Set<AbortController>>();

  /** A signal that says that the credential is none any more. `ended` is the one of the request, which always comes. */
  of(actor: string, ended: AbortSignal): AbortSignal {
    const controller = new AbortController();
    const all = this.#open.get(actor) ?? new Set();
    this.#open.set(actor, all.add(controller));
    const forget = () => {
      all.delete(controller);
      if (all.size === 0 && this.#open.get(actor) === all) this.#open.delete(actor);
    };
    ended.addEventListener('abort', forget, { once: true });
    return controller.signal;
  }

  end(actor: string): void {
    for (const controller of this.#open.get(actor) ?? []) controller.abort();
  }
}

/** What happens in the workspace, of whichever process, reaches who listens to the resource that it changed, and may read it. */
function tellOfResources({ notify }: McpHttpHandler, open: OpenRequests, context: Context): () => void {
  const { store, workspace, services, principal } = context;
  const mayHear = (event: Parameters<typeof resourcesAbout>[0]) =>
    mayRead(context) && reaches(principal.binding, event);
  let last: number | undefined;
  let reading: Promise<void> = Promise.resolve();
  const read = async () => {
    last ??= (await store.events.range(workspace)).newest;
    for (const event of await store.events.since(workspace, last, 1_000)) {
      last = event.number;
      if (event.type === 'token.revoked') open.end(`token:${event.data['token_id']}`);
      if (mayHear(event)) for (const uri of resourcesAbout(event)) notify.resourceUpdated(uri);
    }
  };
  const next = () => {
    reading = reading.then(read).catch((err: unknown) => services.log.warn({ err }, 'events could not be read'));
  };
  next();
  return services.bell.listen(next);
}
