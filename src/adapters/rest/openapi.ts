import { z } from 'zod';
import { createDocument, type ZodOpenApiOperationObject, type ZodOpenApiPathsObject } from 'zod-openapi';
import { ERRORS, type ErrorCode } from '../../core/errors.ts';
import { safeParse } from '../../core/safe-parse.ts';
import type { Operation } from '../../operations/operation.ts';
import { ErrorEnvelope } from './envelope.ts';
import { exampleInput, exampleOutput, exampleProblem } from './examples.ts';
import { LONGEST_KEY } from './idempotency.ts';
import type { Refusals } from './openapi-mcp.ts';
import { pagePaths } from './openapi-pages.ts';

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

/** Codes that every route can answer, whatever it does. */
const EVERYWHERE: ErrorCode[] = [
  'INVALID_INPUT',
  'HOST_NOT_ALLOWED',
  'ORIGIN_NOT_ALLOWED',
  'UNSUPPORTED_MEDIA_TYPE',
  'INTERNAL_ERROR',
  'UNAVAILABLE',
];

/** Codes that every route behind credentials can answer as well. */
const GUARDED: ErrorCode[] = [
  ...EVERYWHERE,
  'AUTHENTICATION_REQUIRED',
  'INVALID_CREDENTIALS',
  'FORBIDDEN',
  'RATE_LIMITED',
];

/** Codes that come with a body. */
const WITH_BODY: ErrorCode[] = ['INVALID_JSON', 'PAYLOAD_TOO_LARGE'];

export interface DocumentSettings {
  operations: readonly Operation[];
  version: string;
  /** The pages that describe the API need no credentials: local mode. */
  open: boolean;
  /** MCP over HTTP+SSE is switched on. */
  legacy_sse: boolean;
}

/** OpenAPI 3.1, derived from the operations: every route that the server has. */
export function openApi({ operations, version, open, legacy_sse }: DocumentSettings): object {
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
      examples: problemExamples(),
    },
    paths: { ...pagePaths({ open, legacy_sse }, refusals), ...paths },
  });
}

/** One for each code; the answers refer to them. */
const problemExamples = () =>
  Object.fromEntries(
    Object.entries(ERRORS).map(([code, { meaning }]) => [
      code,
      { summary: meaning, value: exampleProblem(code as ErrorCode) },
    ]),
  );

const refusals: Refusals = ({ guarded, body, also = [] }) =>
  failures([...(guarded ? GUARDED : EVERYWHERE), ...(body ? WITH_BODY : []), ...also]);

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
  const example = exampleInput(operation);
  const sent =
    whole === undefined
      ? Object.fromEntries(Object.entries(example).filter(([name]) => others.includes(name)))
      : example[whole];
  return {
    operationId: operation.mcp?.tool ?? operation.id,
    summary: operation.summary,
    ...(operation.description && { description: operation.description }),
    tags: [operation.id.split('.')[0] ?? ''],
    'x-required-scopes': [operation.permission.needs],
    requestParams: {
      path: shown(pathParameters(inPath, shape), example),
      ...(inQuery.length > 0 && { query: shown(pick(inQuery), example) }),
      header: headersOf(operation),
    },
    ...(hasBody && {
      requestBody: {
        required: !safeParse(body, {}).success,
        content: { 'application/json': { schema: body, example: sent } },
      },
    }),
    responses: {
      ...success(operation),
      ...notModified(operation),
      ...failures(codesOf(operation)),
      ...changed(operation),
    },
  };
}

const codesOf = ({ rest, errors, passesOn = [] }: Operation): ErrorCode[] => [
  ...GUARDED,
  // A body is looked at whenever there is one, also where none belongs.
  ...WITH_BODY,
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

/** Parameters, each with its value of the example. */
const shown = (fields: z.ZodObject, example: Readonly<Record<string, unknown>>): z.ZodObject =>
  z.strictObject(
    Object.fromEntries(
      Object.entries(fields.shape as Record<string, z.ZodType>).map(([name, schema]) => [
        name,
        name in example ? schema.meta({ ...schema.meta(), param: { example: example[name] } }) : schema,
      ]),
    ),
  );

const ifRevision = ({ input }: Operation) => 'if_revision' in input.shape;

function headersOf(operation: Operation): z.ZodObject {
  const { method, etag } = operation.rest ?? {};
  return z.object({
    ...(method === 'POST' && IdempotencyHeader.shape),
    ...(etag && {
      'If-None-Match': z.string().optional().meta({ description: 'The ETag of an answer that you have.' }),
    }),
    ...(ifRevision(operation) && {
      'If-Match': z.string().optional().meta({ description: 'The ETag of the draft; the same as `if_revision`.' }),
    }),
  });
}

const Tagged = z.object({ ETag: z.string().meta({ description: 'Strong: for `If-None-Match` and `If-Match`.' }) });

function success(operation: Operation): ZodOpenApiOperationObject['responses'] {
  const headers = {
    ...(operation.rest?.method === 'POST' && Replayed.shape),
    ...(operation.rest?.etag && Tagged.shape),
  };
  const response = {
    description: operation.summary,
    ...(Object.keys(headers).length > 0 && { headers: z.object(headers) }),
    content: { 'application/json': { schema: operation.output, example: exampleOutput(operation) } },
  };
  return Object.fromEntries((operation.rest?.statuses ?? [200]).map((status) => [String(status), response]));
}

const notModified = ({ rest }: Operation): ZodOpenApiOperationObject['responses'] =>
  rest?.etag ? { '304': { description: 'It is what `If-None-Match` names; no body.', headers: Tagged } } : {};

/** `If-Match` has its own status for what `if_revision` is told with 409. */
const changed = (operation: Operation): ZodOpenApiOperationObject['responses'] =>
  ifRevision(operation) ? { '412': refusal(['DRAFT_CHANGED']) } : {};

/** Headers that say what to do about a refusal. */
const ADVICE: Readonly<Record<number, z.ZodObject>> = {
  401: z.object({ 'WWW-Authenticate': z.string() }),
  429: z.object({ 'Retry-After': z.string().meta({ description: 'Seconds.' }) }),
};

function failures(codes: readonly ErrorCode[]): ZodOpenApiOperationObject['responses'] {
  const byStatus = Map.groupBy(new Set(codes), (code) => ERRORS[code].status);
  return {
    ...Object.fromEntries(
      [...byStatus].map(([status, group]) => [
        String(status),
        { ...refusal(group), ...(ADVICE[status] && { headers: ADVICE[status] }) },
      ]),
    ),
    default: {
      description: 'What the HTTP layer refuses: the code is the reason phrase in upper snake case.',
      content: { 'application/json': { schema: ErrorEnvelope } },
    },
  };
}

const refusal = (codes: readonly ErrorCode[]) => ({
  description: codes.join(', '),
  content: {
    'application/json': {
      schema: ErrorEnvelope,
      examples: Object.fromEntries(codes.map((code) => [code, { $ref: `#/components/examples/${code}` }])),
    },
  },
});
