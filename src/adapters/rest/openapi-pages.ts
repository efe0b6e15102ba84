import { z } from 'zod';
import type { ZodOpenApiOperationObject, ZodOpenApiPathsObject } from 'zod-openapi';
import { WatchInput } from '../../operations/changes.ts';
import { ErrorEnvelope } from './envelope.ts';

type Responses = ZodOpenApiOperationObject['responses'];
type Refusals = (of: { guarded: boolean; body: boolean }) => Responses;

/** The routes that are no operations. `open`: what describes the API needs no credentials. */
export function pagePaths(open: boolean, refusals: Refusals): ZodOpenApiPathsObject {
  const page = (summary: string, content: object, isOpen: boolean): ZodOpenApiOperationObject => ({
    summary,
    tags: ['service'],
    ...(isOpen ? { security: [] } : { 'x-required-scopes': [] }),
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
    '/openapi.json': { get: page('This document', json(Document, { openapi: '3.1.0', info: {}, paths: {} }), open) },
    '/schemas/payload-v1.json': {
      get: page('The JSON Schema of a payload', json(z.looseObject({}), { type: 'object' }), open),
    },
    '/docs/': { get: page('The documentation, as a page', { 'text/html': { schema: z.string() } }, open) },
    '/.well-known/oauth-protected-resource/mcp': {
      get: page('What protects `/mcp` (RFC 9728)', json(ProtectedResource, PROTECTED_RESOURCE), true),
    },
    '/mcp': { post: mcp(refusals) },
    '/v1/events': { get: eventStream(refusals) },
  };
}

const Health = z.object({ status: z.string(), version: z.string() }).meta({ id: 'Health' });
const Document = z.looseObject({ openapi: z.string(), info: z.looseObject({}), paths: z.looseObject({}) });

const ProtectedResource = z.object({
  resource: z.string(),
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

const Id = z.union([z.string(), z.number(), z.null()]);
const Message = z.looseObject({
  jsonrpc: z.literal('2.0'),
  id: Id.optional(),
  method: z.string().optional(),
  params: z.looseObject({}).optional(),
});
const RpcError = z.looseObject({
  jsonrpc: z.literal('2.0'),
  error: z.looseObject({ code: z.int(), message: z.string() }),
  id: Id.optional(),
});

/** What is said there is MCP, which has its own descriptions; the scope depends on the tool that is called. */
function mcp(refusals: Refusals): ZodOpenApiOperationObject {
  const message = { jsonrpc: '2.0', id: 1, method: 'tools/list' } as const;
  const answer = {
    'application/json': { schema: Message, example: { jsonrpc: '2.0', id: 1, result: {} } },
    'text/event-stream': { schema: z.string() },
  };
  const problem = { jsonrpc: '2.0' as const, error: { code: -32600, message: 'Invalid Request' }, id: null };
  const refused = (description: string) => ({
    description,
    content: { 'application/json': { schema: z.union([ErrorEnvelope, RpcError]), example: problem } },
  });
  return {
    operationId: 'mcp',
    summary: 'Send one MCP message (Streamable HTTP)',
    description:
      'Send `Accept: application/json, text/event-stream`. There are no sessions: GET and DELETE are answered with 405.',
    tags: ['mcp'],
    'x-required-scopes': [],
    requestBody: { required: true, content: { 'application/json': { schema: Message, example: message } } },
    responses: {
      '200': { description: 'An answer, or a stream of them', content: answer },
      '202': { description: 'A notification was taken; no body.' },
      ...refusals({ guarded: true, body: true }),
      '400': refused('INVALID_INPUT, INVALID_JSON, an error of JSON-RPC'),
      '404': refused('NOT_FOUND, an error of JSON-RPC'),
      '406': refused('An error of JSON-RPC'),
    },
  };
}

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
