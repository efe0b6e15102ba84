import {
  type ListResourcesResult,
  McpServer,
  ProtocolError,
  ProtocolErrorCode,
  type ReadResourceResult,
  ResourceNotFoundError,
  ResourceTemplate,
  type ServerContext,
} from '@modelcontextprotocol/server';
import { reaches } from '../../core/binding.ts';
import { nullRecord } from '../../core/null-record.ts';
import { mayCall } from '../../operations/admission.ts';
import { complete } from '../../operations/completions.ts';
import { type Answer, answer, type Context, type Operation, type Principal } from '../../operations/operation.ts';
import { registerPrompts } from './prompts.ts';
import { mayRead } from './resources.ts';
import type { Subscriptions } from './subscriptions.ts';

export interface McpSettings {
  version: string;
  /** Named groups of tools that are switched on; `core` is always on. */
  toolsets: ReadonlySet<string>;
}

/** What one server object is made for: a request, a session, or a pair of streams. */
export interface Connection {
  /** `modern` is 2026-07-28, where who wants to hear of changes asks the handler and not the server object. */
  era: 'legacy' | 'modern';
  /** One context per call: its own request id, the credential's principal. */
  contextOf: () => Context | Promise<Context>;
  /** Of a connection of the 2025 revisions, where changes can reach the client. */
  subscriptions?: Subscriptions | undefined;
}

/** What is served, however it is reached. */
export interface Offer {
  /** A fresh server object: one per connection or request, never shared between callers (SECURITY-BAR T26). */
  server(connection: Connection): McpServer;
  /** Whether the caller may read what stands at the address; undefined where no resource stands. */
  mayRead(principal: Principal, uri: string): boolean | undefined;
}

/** The operations as tools, resources and prompts. */
export const offerOf = (operations: readonly Operation[], settings: McpSettings): Offer => ({
  server: (connection) => mcpServer(operations, settings, connection),
  mayRead: (principal, uri) => mayRead(operations, principal, uri),
});

type Schema = Operation['input'] | Operation['output'];

/** A server object is made for every request: what it shows of a schema is worked out once. */
const advertised = new WeakMap<Schema, ReturnType<typeof advertisement>>();

function advertise(schema: Schema) {
  const known = advertised.get(schema) ?? advertisement(schema);
  advertised.set(schema, known);
  return known;
}

/** Shows the schema but lets every value pass: `invoke` is the one validator, so all doors fail alike. */
function advertisement(schema: Schema) {
  const { jsonSchema, ...standard } = schema['~standard'];
  const written = { input: perTarget(jsonSchema.input), output: perTarget(jsonSchema.output) };
  return { '~standard': { ...standard, jsonSchema: written, validate: (value: unknown) => ({ value }) } };
}

type Convert = Schema['~standard']['jsonSchema']['input'];

function perTarget(convert: Convert): Convert {
  const written = new Map<string, ReturnType<Convert>>();
  return (options) => {
    const known = written.get(options.target) ?? convert(options);
    written.set(options.target, known);
    return known;
  };
}

/** Which operations a connection with these toolsets sees as tools. */
export function toolsOf(operations: readonly Operation[], toolsets: ReadonlySet<string>): Operation[] {
  return operations.filter((operation) => {
    const toolset = operation.mcp?.toolset ?? 'core';
    return operation.mcp?.tool !== undefined && (toolset === 'core' || toolsets.has(toolset));
  });
}

function mcpServer(operations: readonly Operation[], settings: McpSettings, connection: Connection): McpServer {
  const { era, contextOf, subscriptions } = connection;
  const tells = era === 'modern' || subscriptions !== undefined;
  const server = new McpServer(
    { name: 'mcp-orchestration', title: 'MCP orchestration', version: settings.version },
    {
      capabilities: {
        tools: { listChanged: false },
        resources: { subscribe: tells, listChanged: tells },
        prompts: { listChanged: false },
        completions: {},
      },
    },
  );
  for (const operation of toolsOf(operations, settings.toolsets)) registerTool(server, operation, connection);
  for (const operation of operations) registerResource(server, operation, connection);
  registerPrompts(server, connection);
  subscriptions?.serve(server, async (uri) => mayRead(operations, (await contextOf()).principal, uri));
  return server;
}

function registerTool(server: McpServer, operation: Operation, { contextOf }: Connection): void {
  const config = {
    description: operation.description ? `${operation.summary}. ${operation.description}` : operation.summary,
    inputSchema: advertise(operation.input),
    outputSchema: advertise(operation.output),
    annotations: {
      readOnlyHint: operation.effect === 'read',
      destructiveHint:
        operation.effect === 'delete' || (operation.effect !== 'read' && operation.transaction === 'own'),
      idempotentHint: operation.effect === 'read' || operation.idempotent === true,
      openWorldHint: false,
    },
  };
  const name = operation.mcp?.tool ?? operation.id;
  server.registerTool(name, config, async (input: unknown, { mcpReq }: ServerContext) => {
    const result = await answered(operation, await contextOf(), input, { name, meta: mcpReq._meta });
    if (!result.ok) {
      return { isError: true, content: [{ type: 'text' as const, text: JSON.stringify({ error: result.problem }) }] };
    }
    return {
      content: [{ type: 'text' as const, text: JSON.stringify(result.output) }],
      structuredContent: result.output,
    };
  });
}

/** `meta` may name the trace that the call is a part of (SEP-414: `traceparent` of W3C Trace Context, without a prefix). */
function answered(
  operation: Operation,
  context: Context,
  input: unknown,
  { name, meta }: { name: string; meta: Readonly<Record<string, unknown>> | undefined },
): Promise<Answer> {
  const given = meta?.['traceparent'];
  const traceparent = typeof given === 'string' ? given : undefined;
  const activity = { kind: 'call', door: 'mcp', name, traceparent } as const;
  return context.services.observer.during(activity, () => answer(operation, context, input));
}

function registerResource(server: McpServer, operation: Operation, { contextOf }: Connection): void {
  const resource = operation.mcp?.resource;
  if (!resource) return;
  const metadata = { description: operation.summary, mimeType: 'application/json' };
  const read = async (uri: URL, input: Record<string, unknown>, { mcpReq }: ServerContext) =>
    contents(uri, await answered(operation, await contextOf(), input, { name: resource.uri, meta: mcpReq._meta }));
  const variables = [...resource.uri.matchAll(/\{(\w+)\}/g)].map((match) => match[1] ?? '');
  if (variables.length === 0) {
    server.registerResource(resource.name, resource.uri, metadata, (uri, asked) => read(uri, {}, asked));
    return;
  }
  // The SDK looks up in it whatever name a client asks for.
  const completers = nullRecord(
    variables.map((variable) => [
      variable,
      async (prefix: string, asked?: { arguments?: Record<string, string> }) =>
        complete(await contextOf(), variable, prefix, asked?.arguments ?? {}),
    ]),
  );
  const list = resource.existing && (async () => listed(operation, await contextOf()));
  const template = new ResourceTemplate(resource.uri, { list, complete: completers });
  server.registerResource(resource.name, template, metadata, (uri, values, asked) =>
    read(uri, Object.fromEntries(Object.entries(values).map(([name, value]) => [name, String(value)])), asked),
  );
}

/** So many of a kind are named; who knows more of them reads them all the same. */
const MOST_LISTED = 500;

/** What there is of a template, for who may read it. */
async function listed(operation: Operation, context: Context): Promise<ListResourcesResult> {
  const { name, uri, existing } = operation.mcp?.resource ?? { name: '', uri: '' };
  const { principal } = context;
  const all = mayCall(operation, principal) ? ((await existing?.(context)) ?? []) : [];
  const found = all.filter((place) => reaches(principal.binding, place));
  const resources = found.slice(0, MOST_LISTED).map((values) => {
    const path = Object.values(values).join('/');
    const at = uri.replaceAll(/\{(\w+)\}/g, (_, variable: string) => values[variable] ?? '');
    return { uri: at, name: `${name} of ${path}`, mimeType: 'application/json' };
  });
  return { resources };
}

function contents(uri: URL, result: Answer): ReadResourceResult {
  if (result.ok)
    return { contents: [{ uri: uri.href, mimeType: 'application/json', text: JSON.stringify(result.output) }] };
  const { problem, status } = result;
  if (status === 404) {
    const notFound = new ResourceNotFoundError(uri.href, problem.message);
    Object.assign(notFound.data as object, { error: problem });
    throw notFound;
  }
  const code = status < 500 ? ProtocolErrorCode.InvalidParams : ProtocolErrorCode.InternalError;
  throw new ProtocolError(code, problem.message, { error: problem });
}
