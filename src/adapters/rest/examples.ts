import { ERRORS, type ErrorCode } from '../../core/errors.ts';
import { inputSchema, outputSchema } from '../../operations/fields.ts';
import type { Operation } from '../../operations/operation.ts';

/** The part of JSON Schema that the schemas of operations are made of. */
interface Schema {
  $ref?: string;
  $defs?: Record<string, Schema>;
  type?: string | string[];
  const?: unknown;
  enum?: unknown[];
  anyOf?: Schema[];
  items?: Schema;
  minimum?: number;
  exclusiveMinimum?: number;
  properties?: Record<string, Schema>;
  required?: string[];
  additionalProperties?: Schema | boolean;
}

const TIME = '2026-11-27T10:30:00.000Z';
const DIGEST = '6f1ed002ab5595859014ebf0951522d9f3a0a2d2f4c1b0b8c7e0d6a1f3b2c4d5';
const UUID = '3f0c2a4e-7d1b-4c58-9a6e-2b5d8f1c0e97';
const PAYLOAD = {
  mcpServers: { memory: { command: 'npx', args: ['-y', '@modelcontextprotocol/server-memory@2026.8.31'] } },
};
const PATH = '/home/ada/.cursor/mcp.json';

/** What a field of that name looks like. A value that does not fit the schema of a field is not used for it. */
const LOOKS: Readonly<Record<string, unknown>> = {
  artifact_id: DIGEST,
  backup_path: '/home/ada/.mcp-orchestration/backups/cursor/3.bak',
  catalog_matches: ['memory'],
  changelog: 'Memory for Cursor',
  client_id: 'cursor',
  config_location: '~/.cursor/mcp.json',
  config_path: PATH,
  count: 1,
  created_at: TIME,
  cursor: 'eyJhZnRlciI6NX0',
  data: { version: '1.0.0', server_count: 1 },
  delivery_id: `dlv_0000000000000005_${UUID}`,
  deployment_id: `dep_${UUID}`,
  description: 'For trying things out.',
  display_name: 'Team A',
  draft: PAYLOAD,
  error: null,
  event_id: '0000000000000005',
  expires_at: '2027-02-25T10:30:00.000Z',
  id: '0000000000000005',
  key_dir: null,
  key_id: DIGEST,
  keyid: DIGEST,
  name: 'ci',
  next: '0000000000000005',
  next_cursor: null,
  payload: PAYLOAD,
  payloadType: 'application/vnd.in-toto+json',
  pointer: null,
  previous_artifact_id: null,
  profile_id: 'default',
  public_key_path: null,
  public_key_pem: '-----BEGIN PUBLIC KEY-----\n...\n-----END PUBLIC KEY-----\n',
  request_id: 'req_6a3d1c52-0f4e-4b7a-8f0e-9d2c5b1a7e34',
  revision: 1,
  scopes: ['config:read', 'events:read'],
  secret: 'whsec_...',
  sequence: 1,
  server: 'memory',
  server_count: 1,
  server_id: 'memory',
  server_name: 'memory',
  servers: ['memory'],
  sig: 'kq3hV0...',
  signature: 'kq3hV0...',
  since: '0000000000000004',
  size: 812,
  status: 200,
  summary: 'Added memory.',
  token: 'mcpo_user_...',
  token_id: `tok_${UUID}`,
  tool_version: '0.2.0',
  url: 'https://hooks.example.com/mcp',
  version: '1.0.0',
  webhook_id: `whk_${UUID}`,
  workspace: 'default',
  actor: `token:tok_${UUID}`,
  added: ['memory'],
  added_count: 1,
  adopted: [],
  args: [],
  available_profile: 'default',
  changes: [],
  config_scope: 'user',
  errors: [],
  findings: [],
  format: 'json',
  generator: 'mcp-orchestration 0.2.0',
  imported: ['memory'],
  inputs: [],
  kept_foreign: [],
  last_used_at: null,
  linked: [],
  linked_to: null,
  machine_id: UUID,
  operation: 'get_latest',
  os: 'linux',
  platform: 'linux, macos, windows',
  policy_set_id: null,
  project: null,
  publisher: `token:tok_${UUID}`,
  recommendation: 'Deploy the latest release.',
  removed: [],
  renderer_version: '2',
  response_status: 204,
  restart_hint: 'Restart Cursor.',
  revoked_at: null,
  schema_ref: '/schemas/payload-v1.json',
  secrets: [],
  servers_added: ['memory'],
  servers_modified: [],
  servers_removed: [],
  servers_unchanged: [],
  payload_changes: [],
  signature_algorithm: 'Ed25519',
  signing_key_id: DIGEST,
  skipped: [],
  succeeded: 1,
  text: '{\n  "mcpServers": {}\n}\n',
  total_changes: 1,
  up_to_date: true,
  updated: [],
  valid: true,
  verified: true,
  warnings: [],
  writable: true,
};

/** The input of a call that shows the use: the one beside the operation, or one of what has to be there. */
export function exampleInput(operation: Operation): Record<string, unknown> {
  if (operation.example) return operation.example;
  const schema = inputSchema(operation) as Schema;
  const inPath = [...(operation.rest?.path ?? '').matchAll(/\{(\w+)\}/g)].map((match) => match[1] ?? '');
  return valueFor({ ...schema, required: [...inPath, ...(schema.required ?? [])] }, '', schema) as Record<
    string,
    unknown
  >;
}

/** What is answered to that. Fields that the input names as well say the same. */
export function exampleOutput(operation: Operation): unknown {
  const schema = outputSchema(operation) as Schema;
  const output = valueFor(schema, '', schema) as Record<string, unknown>;
  const given = exampleInput(operation);
  for (const name of Object.keys(output)) {
    if (typeof output[name] === 'string' && typeof given[name] === 'string') output[name] = given[name];
  }
  return output;
}

/** A refusal with this code. */
export function exampleProblem(code: ErrorCode): object {
  const words = code.toLowerCase().replaceAll('_', ' ');
  const message = `${words[0]?.toUpperCase()}${words.slice(1)}.`;
  const { hint } = ERRORS[code];
  return { error: { code, message, details: {}, hint, timestamp: TIME, request_id: LOOKS['request_id'] } };
}

function valueFor(schema: Schema, name: string, root: Schema): unknown {
  if (schema.$ref !== undefined) return valueFor(root.$defs?.[schema.$ref.split('/').at(-1) ?? ''] ?? {}, name, root);
  if (schema.const !== undefined) return schema.const;
  if (schema.enum) return schema.enum[0];
  const look = LOOKS[name];
  if (look !== undefined && fits(look, schema)) return look;
  if (schema.anyOf) return valueFor(schema.anyOf[0] ?? {}, name, root);
  switch ([schema.type].flat()[0]) {
    case 'object':
      return objectOf(schema, root);
    case 'array':
      return [valueFor(schema.items ?? {}, name.replace(/s$/, ''), root)];
    case 'boolean':
      return false;
    case 'integer':
    case 'number':
      return Math.max(0, schema.minimum ?? (schema.exclusiveMinimum ?? -1) + 1);
    case 'null':
      return null;
    default:
      return textOf(name);
  }
}

function textOf(name: string): string {
  if (/_at$|^time$/.test(name)) return TIME;
  if (/artifact_id$|sha256$/.test(name)) return DIGEST;
  if (/_path$/.test(name)) return PATH;
  if (/_url$/.test(name)) return 'https://example.com';
  if (/client_id$/.test(name)) return 'cursor';
  if (/profile_id$/.test(name)) return 'default';
  if (name === 'code') return 'UNPINNED_PACKAGE';
  return name === '' ? '...' : name;
}

const objectOf = ({ properties = {}, required = [] }: Schema, root: Schema) =>
  Object.fromEntries(
    Object.entries(properties).flatMap(([name, field]) =>
      required.includes(name) ? [[name, valueFor(field, name, root)]] : [],
    ),
  );

/** Names are used for several things; the type tells them apart. */
function fits(look: unknown, schema: Schema): boolean {
  const type =
    look === null ? 'null' : Array.isArray(look) ? 'array' : typeof look === 'number' ? 'integer' : typeof look;
  const variants = schema.anyOf ?? [schema];
  return variants.some((variant) => {
    if (variant.type === undefined) return variant.$ref === undefined && type !== 'null';
    if (![variant.type].flat().includes(type)) return false;
    if (Array.isArray(look)) return look.length === 0 || variant.items?.type === 'string';
    return type !== 'object' || variant.properties === undefined || 'mcpServers' in variant.properties;
  });
}
