import { z } from 'zod';

/**
 * The client-neutral configuration (DESIGN 4.6): what is drafted, validated, signed and rendered.
 * Two readings of it exist. `Payload` is the strict one that releases obey. `DraftPayload` is the loose one of drafts:
 * faults *inside* an entry are stored and reported as findings, so that nobody loses work in progress.
 */

/** A name a server goes by inside a payload: 1 to 128 characters without controls. */
export const ServerName = z
  .string()
  .min(1)
  .max(128)
  .regex(/^[^\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+$/u, 'a server name holds no control or invisible formatting characters');

/** Names outside this pattern are legal but break in some clients (facts: trap 21). */
export const PORTABLE_SERVER_NAME = /^[a-z0-9][a-z0-9-]{0,63}$/;

const EnvName = z.string().regex(/^[^=\0]+$/, 'an environment variable name holds no "=" and no NUL');
const ToolFilter = z.strictObject({ allow: z.array(z.string()).optional(), deny: z.array(z.string()).optional() });

const common = {
  disabled: z.boolean().optional(),
  tools: ToolFilter.optional(),
  timeout_ms: z.number().int().positive().optional(),
  /** Fields that only one client knows, by client id. */
  'x-client': z.record(z.string(), z.record(z.string(), z.json())).optional(),
};

export const StdioEntry = z.strictObject({
  command: z.string().min(1),
  args: z.array(z.string()),
  env: z.record(EnvName, z.string()).optional(),
  cwd: z.string().min(1).optional(),
  ...common,
});
export type StdioEntry = z.infer<typeof StdioEntry>;

export const RemoteEntry = z.strictObject({
  type: z.enum(['http', 'sse']),
  url: z.string().min(1),
  headers: z.record(z.string(), z.string()).optional(),
  ...common,
});
export type RemoteEntry = z.infer<typeof RemoteEntry>;

export const Entry = z.union([StdioEntry, RemoteEntry]);
export type Entry = z.infer<typeof Entry>;

export { isRemote } from './entry-kind.ts';

/** `${input:NAME}`: what a person is asked for on the machine that applies. */
export const InputDeclaration = z.strictObject({
  description: z.string(),
  default: z.string().optional(),
  required: z.boolean(),
});

/** The package that carries remote servers to clients without remote support; fixed at publish. */
export const Bridge = z.strictObject({ package: z.string().min(1), version: z.string().min(1) });
export type Bridge = z.infer<typeof Bridge>;

export const Payload = z
  .strictObject({
    mcpServers: z.record(ServerName, Entry),
    inputs: z.record(z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/), InputDeclaration).optional(),
    bridge: Bridge.optional(),
  })
  .meta({ id: 'Payload', description: 'Client-neutral configuration: which MCP servers, started how.' });
export type Payload = z.infer<typeof Payload>;

/** Anything JSON can say, as it came out of the strict reader. */
export type JsonValue = null | boolean | number | string | JsonValue[] | { [key: string]: JsonValue };

/**
 * Any JSON value. What reaches a schema of ours has passed a strict reader or `assertJsonValue` before: checking it once
 * more value by value would cost more than everything else that is done with a large payload.
 */
export const AnyJson = z.unknown() as unknown as z.ZodType<z.core.util.JSONType>;

/** What a draft may hold: an object with an object `mcpServers` whose members are objects. */
export const DraftPayload = z
  .looseObject({ mcpServers: z.record(z.string(), z.record(z.string(), AnyJson)) })
  .meta({ id: 'DraftPayload', description: 'A payload in the making: faults inside an entry become findings.' });
export type DraftPayload = z.infer<typeof DraftPayload>;

export const EMPTY_PAYLOAD: DraftPayload = { mcpServers: {} };
