import { createMcpHandler, isLegacyRequest, type McpHttpHandler, type Transport } from '@modelcontextprotocol/server';
import type { Context } from '../../operations/operation.ts';
import { bounded } from './bounded.ts';
import type { Offer } from './mcp.ts';
import { watchResources } from './resources.ts';
import type { Sessions } from './sessions.ts';
import { SseSessions } from './sse.ts';
import { type Asked, StreamableSessions } from './streamable.ts';
import { audienceOf, everySecond, holderOf, Streams } from './streams.ts';

/** Longer than any answer takes that nobody listens to for longer. */
const UNUSED_MS = 60_000;

/** MCP over Streamable HTTP, for clients of both protocol eras at one address. */
export interface McpOverHttp {
  fetch(asked: Asked): Promise<Response>;
  close(): Promise<void>;
  /** HTTP+SSE of 2024-11-05, where it is switched on. */
  sse?: Pick<SseSessions, 'open' | 'post'>;
}

export interface McpHttpSettings {
  now: () => Date;
  /** Also for clients that know nothing newer than HTTP+SSE. */
  legacy_sse?: boolean;
}

/**
 * One handler for all who may hear of the same changes, so that nobody hears of others. Each request gets a server object of
 * its own, and so does each session (SECURITY-BAR T26).
 */
export function mcpOverHttp(offer: Offer, { now, legacy_sse = false }: McpHttpSettings): McpOverHttp {
  const handlers = new Map<string, Served>();
  const streams = new Streams();
  const sessions = new StreamableSessions(offer, streams, now);
  const sse = new SseSessions(offer, streams, now);
  const registries: Registry[] = [sessions.all, sse.all];
  const told = (audience: string) => registries.flatMap((registry) => registry.hearing(audience));
  const isHeard = (audience: string) => streams.isHeardBy(audience) || told(audience).length > 0;
  const stopSweeping = everySecond(now, (at) => {
    for (const held of [streams, ...registries]) held.sweep(at);
    for (const [audience, { used, stop }] of handlers) {
      if (used + UNUSED_MS > at || isHeard(audience)) continue;
      // There are as many audiences as bindings: each would else read every commit for as long as the process lives. What
      // is being answered keeps its handler.
      handlers.delete(audience);
      stop();
    }
  });
  const serve = (context: Context): Served => {
    const handler = createMcpHandler(
      ({ authInfo, era }) => offer.server({ era, contextOf: () => authInfo?.extra?.['context'] as Context }),
      { onerror: (err) => context.services.log.warn({ err }, 'a message of an MCP client could not be served') },
    );
    const { workspace } = context;
    const audience = audienceOf(context);
    const { ready, stop } = watchResources(context, {
      updated(uri) {
        handler.notify.resourceUpdated(uri);
        for (const { subscriptions } of told(audience)) subscriptions.updated(uri);
      },
      listChanged() {
        handler.notify.resourcesChanged();
        for (const { subscriptions } of told(audience)) subscriptions.listChanged();
      },
      revoked(token_id) {
        for (const held of [streams, ...registries]) held.endOf(workspace, `token:${token_id}`);
      },
    });
    return { handler, ready, stop, used: 0 };
  };
  const servedFor = (context: Context): Served => {
    const audience = audienceOf(context);
    const served = handlers.get(audience) ?? serve(context);
    handlers.set(audience, served);
    served.used = now().getTime();
    return served;
  };
  /** A revocation before the watcher was ready is heard of by nobody: what stays open asks again after that. */
  const whenReady = (asked: Asked, { ready }: Served): Asked => ({
    ...asked,
    stillAccepted: async () => {
      await ready();
      return asked.stillAccepted();
    },
  });
  const overSse: McpOverHttp['sse'] = {
    open: (asked, messages) => sse.open(whenReady(asked, servedFor(asked.context)), messages),
    post: (id, asked) => sse.post(id, asked),
  };
  return {
    ...(legacy_sse && { sse: overSse }),
    async fetch(one) {
      const { request, parsedBody, context } = one;
      const served = servedFor(context);
      const asked = whenReady(one, served);
      const isOfSession = await isLegacyRequest(request, parsedBody);
      const answer = isOfSession ? await sessions.answer(asked) : undefined;
      return answer ?? answerOnce(served.handler, offer, streams, asked);
    },
    async close() {
      stopSweeping();
      for (const registry of registries) await registry.close();
      for (const { handler, stop } of handlers.values()) {
        stop();
        await handler.close();
      }
    },
  };
}

/** What both kinds of sessions have in common. */
type Registry = Pick<Sessions<Transport>, 'hearing' | 'endOf' | 'sweep' | 'close'>;

interface Served {
  handler: McpHttpHandler;
  /** Resolves when everything that is committed from then on is told. Rejects when the store cannot be read. */
  ready: () => Promise<void>;
  stop: () => void;
  /** Milliseconds since 1970 of the last request. */
  used: number;
}

/** A request that stands for itself: all of 2026-07-28, and of the revisions before it what names no session. */
async function answerOnce(handler: McpHttpHandler, offer: Offer, streams: Streams, asked: Asked): Promise<Response> {
  const { request, parsedBody, context, until } = asked;
  const { actor, scopes } = context.principal;
  // The token itself stays outside: no part of the server has a use for it (SECURITY-BAR T24).
  const authInfo = { token: '', clientId: actor, scopes: [...scopes], extra: { context } };
  const wanted = listenedTo(parsedBody);
  if (!wanted) return handler.fetch(request, { authInfo, parsedBody });
  wanted.resourceSubscriptions &&= wanted.resourceSubscriptions.filter((uri) => offer.mayRead(context.principal, uri));
  const over = streams.open(holderOf(context, until), asked);
  return bounded(await handler.fetch(request, { authInfo, parsedBody }), over);
}

/** What a `subscriptions/listen` asks for. The answer names what of it is granted, so it is narrowed in place. */
function listenedTo(body: unknown): { resourceSubscriptions?: string[] } | undefined {
  const { method, params } = (body ?? {}) as { method?: unknown; params?: { notifications?: unknown } };
  if (method !== 'subscriptions/listen') return undefined;
  const notifications = params?.notifications;
  const wanted = typeof notifications === 'object' && notifications !== null ? notifications : {};
  const uris = (wanted as { resourceSubscriptions?: unknown }).resourceSubscriptions;
  const isListOfTexts = Array.isArray(uris) && uris.every((uri) => typeof uri === 'string');
  return isListOfTexts ? (wanted as { resourceSubscriptions: string[] }) : {};
}
