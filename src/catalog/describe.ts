import { AppError } from '../core/errors.ts';
import { nearest } from '../core/nearest.ts';
import { proposedReference, statusWarning } from './expand.ts';
import { CATALOG, successorOf } from './index.ts';
import { firstOf, needed, packageOf, variablesOf } from './listed.ts';
import type {
  CatalogServer,
  CatalogTransport,
  FieldType,
  Parameter,
  RemoteTransport,
  StdioTransport,
  Variable,
} from './server.ts';
import type { DescribedParameter, DescribedTransport, DescribedVariable, Origin, ServerDescription } from './shapes.ts';
import { publicWord, type TransportWord } from './transport.ts';

function describeVariable(field: Parameter | Variable): DescribedVariable {
  return {
    name: field.name,
    type: field.type,
    description: field.description,
    required: needed(field),
    secret: field.secret === true,
    ...(field.default !== undefined && { default: field.default }),
    ...(field.choices !== undefined && { choices: field.choices }),
    ...(field.example !== undefined && { example: field.example }),
    ...(field.aliases !== undefined && { aliases: field.aliases }),
  };
}

const describeParameter = (field: Parameter): DescribedParameter => ({
  ...describeVariable(field),
  repeated: field.repeated === true,
});

function split<Field extends { required: boolean }>(fields: Field[]): { required: Field[]; optional: Field[] } {
  return { required: fields.filter((field) => field.required), optional: fields.filter((field) => !field.required) };
}

/** A field is shown as its first transport has it, and as required when any transport requires it. */
function union<Field extends DescribedVariable>(
  perTransport: readonly { type: TransportWord; fields: Field[] }[],
): Field[] {
  const found = new Map<string, { field: Field; required: boolean; words: Set<TransportWord> }>();
  for (const { type, fields } of perTransport) {
    for (const field of fields) {
      const known = found.get(field.name) ?? { field, required: false, words: new Set() };
      found.set(field.name, { ...known, required: known.required || field.required, words: known.words.add(type) });
    }
  }
  return [...found.values()].map(({ field, required, words }) => ({ ...field, required, transports: [...words] }));
}

/** The start command with what must be given as `<name>`, or where a remote server is. */
function installationOf(transport: CatalogTransport): string {
  const version = packageOf(transport)?.version_seen ?? '';
  const fill = (text: string) =>
    text.replaceAll('{package_version}', version).replace(/\{([a-z0-9_]+)(?:\.basename)?\}/g, '<$1>');
  if (transport.type !== 'stdio') return `nothing to install: the client connects to ${fill(transport.url)}`;
  const required = new Set(transport.parameters.filter(needed).map(({ name }) => name));
  const args = transport.args.flatMap((item) => {
    if (typeof item === 'string') return [item];
    return 'each' in item && required.has(item.each) ? item.args : [];
  });
  return [transport.command, ...args].map(fill).join(' ');
}

function describeTransport(transport: CatalogTransport): DescribedTransport {
  const local: Partial<StdioTransport> = transport.type === 'stdio' ? transport : {};
  const remote: Partial<RemoteTransport> = transport.type === 'stdio' ? {} : transport;
  return {
    type: publicWord(transport.type),
    ...(local.runtime !== undefined && { runtime: local.runtime, package: local.package ?? null }),
    ...(remote.url !== undefined && { url: remote.url, auth: remote.auth, oauth: remote.oauth }),
    ...(remote.auth_optional !== undefined && { auth_optional: remote.auth_optional }),
    installation: installationOf(transport),
    parameters: transport.parameters.map(describeParameter),
    env_vars: split(variablesOf(transport).map(describeVariable)),
    ...(local.env_any_of !== undefined && { env_any_of: local.env_any_of }),
    ...(remote.alternatives !== undefined && { alternatives: remote.alternatives }),
    ...(local.requires !== undefined && { requires: local.requires }),
    community: local.community === true,
    note: transport.note ?? null,
  };
}

const SAMPLES: Readonly<Record<FieldType, string | undefined>> = {
  string: undefined,
  enum: undefined,
  int: '1',
  bool: 'true',
  path: '/absolute/path',
  url: 'https://example.com',
};

/** A value that would be accepted: a reference for a secret, else an example, a choice or a plausible word. */
function sampleOf(server: CatalogServer, field: Parameter | Variable, kind: 'parameter' | 'variable'): string {
  if (field.secret) return proposedReference(server.server_id, field, kind);
  return field.example ?? field.choices?.[0] ?? SAMPLES[field.type] ?? field.name.toUpperCase();
}

const quoted = (word: string): string => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`);

function usageExample(server: CatalogServer): string {
  const first = firstOf(server);
  const group = first.type === 'stdio' ? (first.env_any_of?.[0] ?? []) : [];
  const params = first.parameters
    .filter(needed)
    .map((field) => ['--param', `${field.name}=${sampleOf(server, field, 'parameter')}`]);
  const env = variablesOf(first)
    .filter((field) => needed(field) || group.includes(field.name))
    .map((field) => ['--env', `${field.name}=${sampleOf(server, field, 'variable')}`]);
  return ['mcp-orchestration', 'add-server', server.server_id, ...params.flat(), ...env.flat()].map(quoted).join(' ');
}

/** What to throw for an id that is not there. Names what replaced it, or what is near among `servers`. */
export function unknownServer(server_id: string, servers: readonly Pick<CatalogServer, 'server_id'>[]): AppError {
  const successor = successorOf(server_id);
  const near = nearest(
    server_id,
    servers.map((server) => server.server_id),
  );
  const words = near.map((id) => `"${id}"`).join(', ');
  const advice = successor ? ` It is called "${successor}" now.` : near.length > 0 ? ` Did you mean ${words}?` : '';
  return new AppError('SERVER_NOT_FOUND', `There is no server "${server_id}" in the catalog.${advice}`, {
    server_id,
    nearest: near,
    ...(successor !== undefined && { successor }),
  });
}

/** Everything about one server. Throws SERVER_NOT_FOUND. */
export function describeServer(
  server_id: string,
  catalog: readonly CatalogServer[] = CATALOG,
  origin: Origin | null = null,
): ServerDescription {
  const server = catalog.find((one) => one.server_id === server_id);
  if (server === undefined) throw unknownServer(server_id, catalog);
  const { display_name, description, documentation_url, tags, status } = server;
  const warning = statusWarning(server);
  const each = server.transports.map((transport) => ({ type: publicWord(transport.type), transport }));
  return {
    server_id,
    registry_name: server.registry_name ?? null,
    display_name,
    description,
    vendor: server.vendor ?? null,
    transport: publicWord(firstOf(server).type),
    transports: server.transports.map(describeTransport),
    parameters: union(
      each.map(({ type, transport }) => ({ type, fields: transport.parameters.map(describeParameter) })),
    ),
    env_vars: split(
      union(each.map(({ type, transport }) => ({ type, fields: variablesOf(transport).map(describeVariable) }))),
    ),
    installation: [...new Set(server.transports.map(installationOf))].join('; or '),
    documentation_url,
    repository_url: server.repository_url ?? null,
    license: server.license ?? null,
    tags: [...tags],
    status,
    replaced_by: server.replaced_by ?? null,
    note: server.note ?? null,
    warnings: [...(warning === undefined ? [] : [warning]), ...server.warnings],
    origin,
    usage_example: usageExample(server),
  };
}
