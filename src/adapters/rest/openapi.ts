import { z } from 'zod';
import { createDocument, type ZodOpenApiOperationObject, type ZodOpenApiPathsObject } from 'zod-openapi';
import { ERRORS, type ErrorCode } from '../../core/errors.ts';
import { Timestamp } from '../../core/ids.ts';
import { WatchInput } from '../../operations/changes.ts';
import type { Operation } from '../../operations/operation.ts';
import { LONGEST_KEY } from './idempotency.ts';

const ErrorEnvelope = z
  .object({
    error: z.object({
      code: z.string(),
      message: z.string(),
      details: z.record(z.string(), z.json()),
      hint: z.string(),
      timestamp: Timestamp,
      request_id: z.string(),
    }),
  })
  .meta({ id: 'Error', description: 'The one shape of every refusal.' });

const IdempotencyHeader = z.object({
  'Idempotency-Key': z.string().min(1).max(LONGEST_KEY).optional().meta({
    description:
      'Chosen by the caller, a new one for each thing to be done. The same request with the same key gets the same answer again for 24 hours, and nothing is done a second time.',
  }),
});

const Replayed = z.object({
  'Idempotency-Replayed': z.literal('true').optional().meta({
    description: 'Nothing was done: this is the answer that the first request with this Idempotency-Key got.',
  }),
});

/** Codes that every route can answer, whatever the operation. */
const SHARED: ErrorCode[] = [
  'INVALID_INPUT',
  'INVALID_JSON',
  'AUTHENTICATION_REQUIRED',
  'INVALID_CREDENTIALS',
  'FORBIDDEN',
  'RATE_LIMITED',
  'INTERNAL_ERROR',
];

/** OpenAPI 3.1, derived from the operations. */
export function openApi(operations: readonly Operation[], version: string): object {
  const paths: ZodOpenApiPathsObject = {};
  for (const operation of operations) {
    if (!operation.rest) continue;
    const { path, method } = operation.rest;
    paths[path] = { ...paths[path], [method.toLowerCase()]: describeRoute(operation) };
  }
  return createDocument({
    openapi: '3.1.0',
    info: {
      title: 'mcp-orchestration',
      version,
      description: 'Control plane for the client-facing configuration of the Model Context Protocol.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    security: [{ bearerAuth: [] }, { apiKeyAuth: [] }],
    components: {
      securitySchemes: {
        bearerAuth: { type: 'http', scheme: 'bearer', bearerFormat: 'mcpo' },
        apiKeyAuth: { type: 'apiKey', in: 'header', name: 'X-API-Key' },
      },
    },
    paths: { ...openPaths(), ...paths },
  });
}

function describeRoute(operation: Operation): ZodOpenApiOperationObject {
  const { method = 'GET', path = '' } = operation.rest ?? {};
  const inPath = new Set([...path.matchAll(/\{(\w+)\}/g)].map((match) => match[1] ?? ''));
  const shape = operation.input.shape;
  const named = Object.keys(shape);
  const pick = (names: string[]) =>
    z.strictObject(Object.fromEntries(names.map((name) => [name, shape[name] as z.ZodType])));
  const others = named.filter((name) => !inPath.has(name));
  const hasBody = method === 'POST' || method === 'PUT';
  const { body: whole } = operation.rest ?? {};
  const body = whole === undefined ? pick(others) : (shape[whole] as z.ZodType);
  const inQuery = hasBody ? others.filter((name) => whole !== undefined && name !== whole) : others;
  return {
    operationId: operation.mcp?.tool ?? operation.id,
    summary: operation.summary,
    ...(operation.description && { description: operation.description }),
    tags: [operation.id.split('.')[0] ?? ''],
    'x-required-scopes': [operation.permission.needs],
    requestParams: {
      path: pathParameters(inPath, shape),
      ...(inQuery.length > 0 && { query: pick(inQuery) }),
      ...(method === 'POST' && { header: IdempotencyHeader }),
    },
    ...(hasBody && {
      requestBody: { required: !body.safeParse({}).success, content: { 'application/json': { schema: body } } },
    }),
    responses: { ...success(operation), ...failures(codesOf(operation)) },
  };
}

const codesOf = ({ rest, errors, passesOn = [] }: Operation): ErrorCode[] => [
  ...SHARED,
  ...errors,
  ...passesOn,
  ...(rest?.method === 'POST' ? (['IDEMPOTENCY_CONFLICT'] as const) : []),
];

/** A path part is always there: what has a default elsewhere is required here. */
function pathParameters(names: ReadonlySet<string>, shape: Record<string, unknown>): z.ZodObject {
  const required = (schema: unknown) =>
    schema instanceof z.ZodDefault ? (schema.unwrap() as z.ZodType) : (schema as z.ZodType);
  return z.object(Object.fromEntries([...names].map((name) => [name, required(shape[name])])));
}

function success(operation: Operation): ZodOpenApiOperationObject['responses'] {
  const response = {
    description: operation.summary,
    ...(operation.rest?.method === 'POST' && { headers: Replayed }),
    content: { 'application/json': { schema: operation.output } },
  };
  return Object.fromEntries((operation.rest?.statuses ?? [200]).map((status) => [String(status), response]));
}

function failures(codes: readonly ErrorCode[]): ZodOpenApiOperationObject['responses'] {
  const byStatus = Map.groupBy(new Set(codes), (code) => ERRORS[code].status);
  return Object.fromEntries(
    [...byStatus].map(([status, group]) => [
      String(status),
      { description: group.join(', '), content: { 'application/json': { schema: ErrorEnvelope } } },
    ]),
  );
}

function openPaths(): ZodOpenApiPathsObject {
  const health = z.object({ status: z.string(), version: z.string() }).meta({ id: 'Health' });
  const get = (summary: string): ZodOpenApiOperationObject => ({
    summary,
    tags: ['service'],
    security: [],
    responses: { '200': { description: summary, content: { 'application/json': { schema: health } } } },
  });
  return {
    '/health': { get: get('Is the server alive?') },
    '/healthz': { get: get('Is the server alive?') },
    '/readyz': { get: get('Is the server ready?') },
    '/v1/events': { get: eventStream() },
  };
}

function eventStream(): ZodOpenApiOperationObject {
  const description = 'Server-sent events. The data of each is an Event; `resync` says that some were lost.';
  return {
    operationId: 'watch_events',
    summary: 'Watch what happens, as a stream of server-sent events',
    description:
      'Five streams of a credential at most. A reader that comes back says in Last-Event-ID what it has seen.',
    tags: ['events'],
    'x-required-scopes': ['events:read'],
    requestParams: { query: WatchInput, header: z.object({ 'Last-Event-ID': z.string().optional() }) },
    responses: {
      '200': { description, content: { 'text/event-stream': { schema: z.string() } } },
      ...failures(SHARED),
    },
  };
}
