import type { LocalFacts, NativeFacts, RemoteFacts, Tag } from './native-facts.ts';

/**
 * A JSON Schema for each client's file. Nobody publishes one that could be had as a package, so that they are written from
 * what is documented: required fields, types, and no field that the client does not know (Codex, Zed and others refuse a
 * whole file over one).
 */

type Schema = Record<string, unknown>;

const TEXT = { type: 'string' };
const TEXTS = { type: 'array', items: TEXT };
const TEXT_MAP = { type: 'object', additionalProperties: TEXT };

export function schemaOf(facts: NativeFacts): Schema {
  const entry = { anyOf: entrySchemas(facts) };
  const { also = '*', reserved = [] } = facts.names ?? {};
  const alphabet = also === '*' ? '^.+$' : `^[A-Za-z0-9${also.replace('-', '\\-')}]+$`;
  const names = { pattern: alphabet, ...(reserved.length > 0 && { not: { enum: reserved } }) };
  const servers: Schema = facts.list
    ? { type: 'array', items: entry }
    : { type: 'object', propertyNames: names, additionalProperties: entry };
  const file = facts.pointer.reduceRight<Schema>(
    (schema, key) => ({ type: 'object', required: [key], properties: { [key]: schema }, additionalProperties: false }),
    servers,
  );
  if (!facts.id.startsWith('vscode')) return file;
  return { ...file, properties: { ...(file['properties'] as object), inputs: INPUTS } };
}

/** As VS Code documents it; the other two kinds are never written. */
const INPUTS = {
  type: 'array',
  minItems: 1,
  items: {
    type: 'object',
    required: ['type', 'id', 'description'],
    properties: {
      type: { const: 'promptString' },
      id: { type: 'string', minLength: 1 },
      description: TEXT,
      default: TEXT,
      password: { const: true },
    },
    additionalProperties: false,
  },
};

const entrySchemas = (facts: NativeFacts): Schema[] =>
  (['stdio', 'http', 'sse'] as const).flatMap((kind) =>
    kind === 'stdio' || facts[kind] !== undefined ? [schemaOfEntry(facts, kind)] : [],
  );

/** An entry of one transport; a local one starts the bridge where the client has no such transport. */
export function schemaOfEntry(facts: NativeFacts, kind: 'stdio' | 'http' | 'sse'): Schema {
  const remote = kind === 'stdio' ? undefined : facts[kind];
  return remote === undefined ? localSchema(facts, facts.stdio) : remoteSchema(facts, remote);
}

const localSchema = (facts: NativeFacts, { tag, command, args, env, cwd }: LocalFacts): Schema =>
  entrySchema(facts, 'stdio', tag, {
    [`${command}!`]: args === undefined ? { ...TEXTS, minItems: 1 } : { type: 'string', minLength: 1 },
    ...(args && { [args]: TEXTS }),
    [env]: TEXT_MAP,
    ...(cwd && { [cwd]: TEXT }),
  });

const remoteSchema = (facts: NativeFacts, { tag, url, headers }: RemoteFacts): Schema =>
  entrySchema(facts, 'http', tag, { [`${url}!`]: { type: 'string', pattern: '^https?://' }, [headers]: TEXT_MAP });

/** `fields` with `!` at the end are required, those with `/` stand deeper. */
function entrySchema(facts: NativeFacts, kind: 'stdio' | 'http', tag: Tag | undefined, fields: Schema): Schema {
  const { off, allow, deny, timeout, more = {} } = facts;
  const schema = { type: 'object', required: [] as string[], properties: {} as Schema, additionalProperties: false };
  const all: Schema = {
    ...(facts.list && { 'name!': TEXT }),
    ...(tag && { [`${tag.field}${tag.required ? '!' : ''}`]: { enum: tag.values } }),
    ...fields,
    ...(off && { [off[0]]: { type: 'boolean' } }),
    ...(allow && { [allow]: TEXTS }),
    ...(deny && { [deny]: TEXTS }),
    ...(timeout &&
      timeout.only !== (kind === 'stdio' ? 'http' : 'stdio') && {
        [timeout.field]: { type: 'integer', minimum: 1, ...(timeout.max && { maximum: timeout.max }) },
      }),
    ...more,
  };
  for (const [name, value] of Object.entries(all)) put(schema, name, value);
  return schema;
}

function put(schema: Schema & { required: string[]; properties: Schema }, name: string, value: unknown): void {
  const [field = '', ...deeper] = name.replace(/!$/, '').split('/');
  if (name.endsWith('!') && !schema.required.includes(field)) schema.required.push(field);
  if (deeper.length === 0) {
    schema.properties[field] = value;
    return;
  }
  const below = (schema.properties[field] ?? { type: 'object', properties: {}, additionalProperties: false }) as Schema;
  (below['properties'] as Schema)[deeper.join('/')] = value;
  schema.properties[field] = below;
}
