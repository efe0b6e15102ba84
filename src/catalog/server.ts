import { z } from 'zod';
import { ServerId } from '../core/ids.ts';

/**
 * A known MCP server as data: what it needs and how an entry is made of it. Templates: `{name}` is the value of a
 * parameter, `{name.basename}` its last path segment, `{package_version}` the pinned version. Flags that are left out
 * are false, texts that are left out are unknown.
 */

export const FieldType = z.enum(['string', 'int', 'bool', 'path', 'url', 'enum']);
export type FieldType = z.infer<typeof FieldType>;

const field = {
  type: FieldType,
  description: z.string().min(1),
  required: z.boolean().optional(),
  /** A literal value is refused: only a reference may stand in a configuration. */
  secret: z.boolean().optional(),
  example: z.string().optional(),
  aliases: z.array(z.string().min(1)).optional(),
  /** What an `enum` admits. */
  choices: z.array(z.string()).optional(),
  /** What a `url` may begin with; http and https when left out. */
  schemes: z.array(z.string()).optional(),
};

export const Parameter = z.strictObject({
  name: z.string().regex(/^[a-z][a-z0-9_]*$/),
  ...field,
  /** Takes a list; each value becomes one round of an `each` item. */
  repeated: z.boolean().optional(),
  /** Stands in when the caller gives nothing. */
  default: z.union([z.string(), z.boolean()]).optional(),
});
export type Parameter = z.infer<typeof Parameter>;

export const Variable = z.strictObject({
  name: z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/),
  ...field,
  /** The server's own default, for the reader; written to an entry only for a required variable. */
  default: z.string().optional(),
});
export type Variable = z.infer<typeof Variable>;

/** One or more arguments: always; only when a parameter is set (a bool: true) or `env:NAME` is; once per value. */
const ArgumentItem = z.union([
  z.string(),
  z.strictObject({ when: z.string(), args: z.array(z.string()) }),
  z.strictObject({ each: z.string(), args: z.array(z.string()) }),
]);

export const PackageRef = z.strictObject({
  registry: z.enum(['npm', 'pypi', 'oci', 'nuget']),
  identifier: z.string().min(1),
  /** The exact version that is written; null: none, so that what runs can change. */
  version_seen: z.string().min(1).nullable(),
});

const remarks = { note: z.string().optional() };

export const StdioTransport = z.strictObject({
  type: z.literal('stdio'),
  runtime: z.enum(['npx', 'uvx', 'docker', 'dnx', 'command']),
  package: PackageRef.nullable(),
  command: z.string().min(1),
  args: z.array(ArgumentItem),
  parameters: z.array(Parameter),
  env: z.array(Variable),
  /** At least one of these groups must be complete. */
  env_any_of: z.array(z.array(z.string()).min(1)).optional(),
  /** Not made by the vendor of the service. */
  community: z.boolean().optional(),
  /** What the machine must have, in words. */
  requires: z.string().optional(),
  ...remarks,
});
export type StdioTransport = z.infer<typeof StdioTransport>;

/** Left out when it is not required and its parameter is not set. */
const Header = z.strictObject({
  name: z.string().min(1),
  value: z.string().min(1),
  required: z.boolean().optional(),
  secret: z.boolean().optional(),
  description: z.string(),
});

export const RemoteTransport = z.strictObject({
  type: z.enum(['streamable-http', 'sse']),
  url: z.string().min(1),
  auth: z.enum(['none', 'bearer', 'oauth', 'header']),
  auth_optional: z.boolean().optional(),
  oauth: z
    .strictObject({
      client_registration: z.enum([
        'dynamic-or-client-chosen',
        'pre-registered',
        'approved-clients',
        'client-specific',
        'unverified',
      ]),
      note: z.string().optional(),
    })
    .optional(),
  headers: z.array(Header),
  /** Added to the URL, encoded, only when the parameter is set. */
  query: z.array(z.strictObject({ name: z.string().min(1), value: z.string().min(1) })).optional(),
  parameters: z.array(Parameter),
  /** Other endpoints of the vendor, for the reader. */
  alternatives: z.array(z.string()).optional(),
  ...remarks,
});
export type RemoteTransport = z.infer<typeof RemoteTransport>;

export const CatalogTransport = z.union([StdioTransport, RemoteTransport]);
export type CatalogTransport = z.infer<typeof CatalogTransport>;

const PLACEHOLDER = /\{([a-z][a-z0-9_]*)(?:\.basename)?\}/g;
const namesIn = (template: string): string[] => [...template.matchAll(PLACEHOLDER)].map((match) => match[1] ?? '');

/** Every text in which placeholders are replaced, with the names that are certain to have a value there. */
function templatesOf(transport: CatalogTransport): { text: string; sure: string[] }[] {
  if (transport.type !== 'stdio') {
    const headers = transport.headers.flatMap(({ name, value }) => [
      { text: name, sure: [] },
      { text: value, sure: namesIn(value) },
    ]);
    const query = (transport.query ?? []).map(({ value }) => ({ text: value, sure: namesIn(value) }));
    return [{ text: transport.url, sure: [] }, ...headers, ...query];
  }
  const items = transport.args.flatMap((item) => {
    if (typeof item === 'string') return [{ text: item, sure: [] }];
    const condition = 'each' in item ? item.each : item.when;
    return item.args.map((text) => ({ text, sure: [condition] }));
  });
  return [{ text: transport.command, sure: [] }, ...items];
}

/** What is wrong with the templates of a transport, in words; nothing when every placeholder always has a value. */
function templateFaults(transport: CatalogTransport): string[] {
  const known = new Map(transport.parameters.map((parameter) => [parameter.name, parameter]));
  const versioned = transport.type === 'stdio' && transport.package?.version_seen;
  return templatesOf(transport).flatMap(({ text, sure }) =>
    namesIn(text).flatMap((name) => {
      if (name === 'package_version') return versioned ? [] : [`"${text}" names a version, but the package has none`];
      const parameter = known.get(name);
      if (!parameter) return [`"${text}" names no parameter of this transport`];
      if (parameter.repeated && !sure.includes(name)) return [`"${text}" takes a list outside "each"`];
      const certain = sure.includes(name) || parameter.required || parameter.default !== undefined;
      return certain ? [] : [`"${text}" may be without a value`];
    }),
  );
}

/** `when` and `each` must test something that is declared, and only `each` can hold a list. */
function conditionFaults(transport: CatalogTransport): string[] {
  if (transport.type !== 'stdio') return [];
  const repeated = new Map(transport.parameters.map((parameter) => [parameter.name, parameter.repeated === true]));
  const variables = new Set(transport.env.map((variable) => variable.name));
  const groups = (transport.env_any_of ?? []).flat().filter((name) => !variables.has(name));
  const items = transport.args.flatMap((item) => {
    if (typeof item === 'string') return [];
    if ('each' in item) return repeated.get(item.each) === true ? [] : [`each: "${item.each}" is not repeated`];
    const known = item.when.startsWith('env:') ? variables.has(item.when.slice(4)) : repeated.get(item.when) === false;
    return known ? [] : [`when: "${item.when}" is not declared as one value`];
  });
  return [...items, ...groups.map((name) => `env_any_of: "${name}" is not declared`)];
}

/** With templates that always have their values. */
export const Transport = CatalogTransport.superRefine((transport, context) => {
  for (const message of [...templateFaults(transport), ...conditionFaults(transport)]) {
    context.addIssue({ code: 'custom', message });
  }
});

export const CatalogServer = z.strictObject({
  server_id: ServerId,
  /** Name in the official MCP registry. */
  registry_name: z.string().optional(),
  display_name: z.string().min(1),
  description: z.string().min(1),
  vendor: z.string().optional(),
  first_party: z.boolean(),
  categories: z.array(z.string()).min(1),
  tags: z.array(z.string()),
  /** Best first: the order decides which one is taken when the caller does not say. */
  transports: z.array(Transport).min(1),
  documentation_url: z.string(),
  repository_url: z.string().optional(),
  license: z.string().optional(),
  maintained: z.boolean(),
  status: z.enum(['active', 'archived', 'deprecated', 'template']),
  note: z.string().optional(),
  /** Id of the catalog server to use instead. */
  replaced_by: ServerId.optional(),
  /** How sure the facts are. */
  confidence: z.enum(['high', 'medium', 'low']),
  warnings: z.array(z.string()),
});
export type CatalogServer = z.infer<typeof CatalogServer>;
