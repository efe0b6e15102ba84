import { z } from 'zod';
import type { ZodOpenApiOperationObject, ZodOpenApiPathsObject } from 'zod-openapi';
import type { ErrorCode } from '../../core/errors.ts';
import { ErrorEnvelope } from './envelope.ts';

type Responses = ZodOpenApiOperationObject['responses'];
/** What a route refuses, by status. `guarded`: it asks for credentials. `body`: it reads one. `also`: codes of its own. */
export type Refusals = (of: { guarded: boolean; body: boolean; also?: ErrorCode[] }) => Responses;

/** What is said on these routes is MCP, which has its own descriptions; the scope depends on the tool that is called. */
export const mcpPaths = (legacy_sse: boolean, refusals: Refusals): ZodOpenApiPathsObject => ({
  '/mcp': { post: send(refusals), get: listen(refusals), delete: end(refusals) },
  ...(legacy_sse && { '/sse': { get: open(refusals) }, '/messages': { post: post(refusals) } }),
});

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
const SessionId = z.string().meta({
  description: 'Of the session that an `initialize` opened.',
  param: { example: '3f2a6e1c-6d0b-4e57-9a3e-0c5d8b7a1f42' },
});

const common = { tags: ['mcp'], 'x-required-scopes': [] };
const message = { jsonrpc: '2.0', id: 1, method: 'tools/list' } as const;
const requestBody = { required: true, content: { 'application/json': { schema: Message, example: message } } };
const stream = { 'text/event-stream': { schema: z.string() } };
const problem = { jsonrpc: '2.0' as const, error: { code: -32600, message: 'Invalid Request' }, id: null };

/** By the SDK or before it: with an error of JSON-RPC, or with one of the codes of this server. */
const refused = (...codes: string[]) => ({
  description: [...codes, 'an error of JSON-RPC'].join(', '),
  content: { 'application/json': { schema: z.union([ErrorEnvelope, RpcError]), example: problem } },
});

const send = (refusals: Refusals): ZodOpenApiOperationObject => ({
  operationId: 'mcp',
  summary: 'Send one MCP message (Streamable HTTP)',
  description:
    'Send `Accept: application/json, text/event-stream`. An `initialize` opens a session and names it in Mcp-Session-Id; what names none is answered all the same.',
  ...common,
  requestParams: { header: z.object({ 'Mcp-Session-Id': SessionId.optional() }) },
  requestBody,
  responses: {
    '200': {
      description: 'An answer, or a stream of them',
      headers: z.object({ 'Mcp-Session-Id': SessionId.optional() }),
      content: {
        'application/json': { schema: Message, example: { jsonrpc: '2.0', id: 1, result: {} } },
        ...stream,
      },
    },
    '202': { description: 'A notification was taken; no body.' },
    ...refusals({ guarded: true, body: true }),
    '400': refused('INVALID_INPUT', 'INVALID_JSON'),
    '404': refused(),
    '406': refused(),
    '415': refused('UNSUPPORTED_MEDIA_TYPE'),
  },
});

const listen = (refusals: Refusals): ZodOpenApiOperationObject => ({
  operationId: 'mcp_listen',
  summary: 'Hear what an MCP session is told that answers no request',
  description:
    'Send `Accept: text/event-stream`. One stream of a session, five of a credential. Only for sessions of the revisions before 2026-07-28.',
  ...common,
  requestParams: { header: z.object({ 'Mcp-Session-Id': SessionId }) },
  responses: {
    '200': { description: 'A stream of MCP messages', content: stream },
    ...refusals({ guarded: true, body: false }),
    '400': refused('INVALID_INPUT'),
    '404': refused(),
    '405': refused(),
    '406': refused(),
    '409': refused(),
  },
});

const end = (refusals: Refusals): ZodOpenApiOperationObject => ({
  operationId: 'mcp_end',
  summary: 'End an MCP session',
  ...common,
  requestParams: { header: z.object({ 'Mcp-Session-Id': SessionId }) },
  responses: {
    '200': { description: 'It has ended; no body.' },
    ...refusals({ guarded: true, body: true }),
    '400': refused('INVALID_INPUT', 'INVALID_JSON'),
    '404': refused(),
    '405': refused(),
  },
});

const open = (refusals: Refusals): ZodOpenApiOperationObject => ({
  operationId: 'mcp_sse',
  summary: 'Open an MCP session of HTTP+SSE, for clients that know only revision 2024-11-05',
  description: 'The first event, `endpoint`, says where to post. The session lasts as long as this stream.',
  ...common,
  responses: {
    '200': { description: 'A stream of MCP messages', content: stream },
    ...refusals({ guarded: true, body: false }),
  },
});

const post = (refusals: Refusals): ZodOpenApiOperationObject => ({
  operationId: 'mcp_messages',
  summary: 'Send one MCP message of a session that `/sse` opened',
  description: 'The answer comes on the stream of the session.',
  ...common,
  requestParams: {
    query: z.object({ sessionId: SessionId.meta({ ...SessionId.meta(), description: 'As `endpoint` said it.' }) }),
  },
  requestBody,
  responses: {
    '202': { description: 'The message was taken.', content: { 'text/plain': { schema: z.string() } } },
    ...refusals({ guarded: true, body: true, also: ['NOT_FOUND'] }),
  },
});
