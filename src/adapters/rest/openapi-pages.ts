import { z } from 'zod';
import type { ZodOpenApiOperationObject, ZodOpenApiPathsObject } from 'zod-openapi';
import { WatchInput } from '../../operations/changes.ts';
import { mcpPaths, type Refusals } from './openapi-mcp.ts';

/** The routes that are no operations. `open`: what describes the API needs no credentials. `legacy_sse`: it is served. */
export function pagePaths(
  { open, legacy_sse }: { open: boolean; legacy_sse: boolean },
  refusals: Refusals,
): ZodOpenApiPathsObject {
  const page = (
    summary: string,
    content: object,
    isOpen: boolean,
    scopes: string[] = [],
  ): ZodOpenApiOperationObject => ({
    summary,
    tags: ['service'],
    ...(isOpen ? { security: [] } : { 'x-required-scopes': scopes }),
    responses: {
      '200': { description: summary, content: content as Record<string, never> },
      ...refusals({ guarded: !isOpen, body: false }),
    },
  });
  const json = (schema: z.ZodType, example: unknown) => ({ 'application/json': { schema, example } });
  const health = json(Health, { status: 'ok', version: '0.2.0' });
  return {
    '/health': { get: page('Is the server alive?', health, true) },
    '/healthz': { get: page('Is the server alive?', health, true) },
    '/readyz': { get: page('Is the server ready?', health, true) },
    '/metrics': {
      get: page('Figures for Prometheus', { 'text/plain': { schema: z.string() } }, false, ['metrics:read']),
    },
    '/openapi.json': { get: page('This document', json(Document, { openapi: '3.1.0', info: {}, paths: {} }), open) },
    '/schemas/payload-v1.json': {
      get: page('The JSON Schema of a payload', json(z.looseObject({}), { type: 'object' }), open),
    },
    '/docs/': { get: page('The documentation, as a page', { 'text/html': { schema: z.string() } }, open) },
    '/.well-known/oauth-protected-resource/mcp': {
      get: page('What protects `/mcp` (RFC 9728)', json(ProtectedResource, PROTECTED_RESOURCE), true),
    },
    '/.well-known/mcp-server.json': {
      get: page('What this server is, for gateways and MCP clients', json(Manifest, MANIFEST), true),
    },
    ...mcpPaths(legacy_sse, refusals),
    '/v1/events': { get: eventStream(refusals) },
  };
}

const Health = z.object({ status: z.string(), version: z.string() }).meta({ id: 'Health' });
const Document = z.looseObject({ openapi: z.string(), info: z.looseObject({}), paths: z.looseObject({}) });

const ProtectedResource = z.object({
  resource: z.string(),
  authorization_servers: z.array(z.string()).optional(),
  resource_name: z.string(),
  bearer_methods_supported: z.array(z.string()),
  scopes_supported: z.array(z.string()),
});
const PROTECTED_RESOURCE = {
  resource: 'http://127.0.0.1:8000/mcp',
  resource_name: 'mcp-orchestration',
  bearer_methods_supported: ['header'],
  scopes_supported: ['config:read'],
};

const Manifest = z.looseObject({
  manifest_version: z.string(),
  name: z.string(),
  version: z.string(),
  description: z.string(),
  mcp: z.looseObject({
    transport: z.looseObject({
      http: z.object({ url: z.string(), auth: z.string(), sse_endpoint: z.string().optional() }),
    }),
    tools: z.array(z.object({ name: z.string(), description: z.string(), input_schema: z.looseObject({}) })),
  }),
});
const MANIFEST = {
  manifest_version: '1',
  name: 'mcp-orchestration',
  version: '0.2.0',
  description: 'Control plane for the MCP configuration of AI clients.',
  mcp: {
    transport: { http: { url: 'http://127.0.0.1:8000/mcp', auth: 'bearer' } },
    tools: [{ name: 'list_clients', description: 'List the known clients', input_schema: { type: 'object' } }],
  },
};

function eventStream(refusals: Refusals): ZodOpenApiOperationObject {
  const description = 'Server-sent events. The data of each is an Event; `resync` says that some were lost.';
  const example = 'id: 0000000000000005\nevent: config.published\ndata: {"id":"0000000000000005"}\n\n';
  return {
    operationId: 'watch_events',
    summary: 'Watch what happens, as a stream of server-sent events',
    description:
      'Five streams of a credential at most. The first message has an id and no data: the place where the stream begins. A reader that comes back says in Last-Event-ID what it has seen.',
    tags: ['events'],
    'x-required-scopes': ['events:read'],
    requestParams: { query: WatchInput, header: z.object({ 'Last-Event-ID': z.string().optional() }) },
    responses: {
      '200': { description, content: { 'text/event-stream': { schema: z.string(), example } } },
      ...refusals({ guarded: true, body: false }),
    },
  };
}
