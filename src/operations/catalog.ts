import { z } from 'zod';
import { readServerDocument, type ServerDocument } from '../catalog/registry/document.ts';
import { transportWords } from '../catalog/transport.ts';
import { AppError } from '../core/errors.ts';
import { Finding } from '../core/finding.ts';
import { ServerId } from '../core/ids.ts';
import { AnyJson, type JsonValue } from '../core/payload.ts';
import { assertNoSecret } from '../core/secrets/detector.ts';
import { visible } from '../core/validation/invisible.ts';
import type { CatalogRow } from '../stores/rows.ts';
import { FROM_FILE, idFor, isFree, statusOfRow } from './added-servers.ts';
import { type Context, defineOperation, type RunContext, type TextStyle } from './operation.ts';
import { counted } from './words.ts';

/** Putting servers into the catalog: from a server.json that somebody has, or from a registry that is set up. */

const Added = z.object({
  status: z.enum(['added', 'unchanged']).meta({ description: '`unchanged`: the same document was there already.' }),
  server_id: z.string().meta({ description: 'The id to add it to a draft by.' }),
  registry_name: z.string(),
  version: z.string(),
  raw_sha256: z.string().meta({ description: 'SHA-256 of the RFC 8785 form of the document, as it is kept.' }),
  transports: z.array(z.enum(['stdio', 'http', 'sse'])).meta({
    description: 'Empty when nothing can be started or connected to; then the server is kept, and not offered.',
  }),
  withdrawn: z.boolean().meta({ description: 'It says that it is deleted; then it is kept, and not offered.' }),
  findings: z.array(Finding).meta({
    description: 'Where the document is not as the schema has it. `error`: that part could not be taken over.',
  }),
});
type Added = z.infer<typeof Added>;

const WantedId = ServerId.optional().meta({
  description: 'The id in the catalog; made of the name when left out.',
});
const permission = { needs: 'catalog:write', agents: false, bound: 'never' } as const;
const toolset = 'governance';

/** Keeps a document as an immutable version. Runs inside a transaction. */
async function keep(
  context: Context,
  registry: string,
  document: ServerDocument,
  wanted: string | undefined,
): Promise<Added> {
  const { store, workspace } = context;
  const { registry_name, version, raw_sha256, definition, findings } = document;
  const added: Omit<Added, 'status' | 'server_id' | 'withdrawn'> = {
    registry_name,
    version,
    raw_sha256,
    transports: transportWords(definition?.transports ?? []),
    findings,
  };
  const at = context.now().toISOString();
  const key = { registry, name: registry_name, version };
  const known = await store.catalog.get(workspace, key);
  if (known !== undefined) {
    assertSame(known, document, wanted);
    const wasGone = isWithdrawn(known);
    const registry_meta = document.registry_meta ?? (wasGone ? null : known.registry_meta);
    await store.catalog.see(workspace, { ...key, registry_meta, last_seen_at: at });
    const withdrawn = isWithdrawn({ ...known, registry_meta });
    return { status: wasGone && !withdrawn ? 'added' : 'unchanged', server_id: known.server_id, withdrawn, ...added };
  }
  const server_id = await chooseId(context, registry_name, wanted);
  const { raw, registry_meta } = document;
  const row = { ...key, server_id, raw: raw as JsonValue, raw_sha256, definition, findings, registry_meta };
  const kept = { ...row, first_seen_at: at, last_seen_at: at };
  await store.catalog.add(workspace, kept);
  return { status: 'added', server_id, withdrawn: isWithdrawn(kept), ...added };
}

const isWithdrawn = (row: CatalogRow) => statusOfRow(row).status === 'deleted';

/** A version never changes: other contents under the same number are somebody's mistake, or worse. */
function assertSame(known: CatalogRow, document: ServerDocument, wanted: string | undefined): void {
  const { registry_name, version, raw_sha256 } = document;
  const details = { server_id: known.server_id, version };
  if (known.raw_sha256 !== raw_sha256) {
    const hint = 'A version that was added never changes. Give the changed document another version.';
    const message = `Version ${version} of ${registry_name} is in the catalog already, with other contents.`;
    throw new AppError('SERVER_ALREADY_EXISTS', message, details, { hint });
  }
  if (wanted !== undefined && wanted !== known.server_id) throw knownAs(registry_name, known.server_id);
}

const knownAs = (name: string, server_id: string) =>
  new AppError('SERVER_ALREADY_EXISTS', `${name} is in the catalog already, as "${server_id}".`, { server_id });

async function chooseId({ store, workspace }: Context, name: string, wanted: string | undefined): Promise<string> {
  const rows = await store.catalog.list(workspace);
  const id = idFor(name, rows);
  if (wanted === undefined || wanted === id) return id;
  if (rows.some((row) => row.name === name)) throw knownAs(name, id);
  if (isFree(wanted, rows)) return wanted;
  throw new AppError('SERVER_ALREADY_EXISTS', `There is a server "${wanted}" in the catalog already.`, {
    server_id: wanted,
  });
}

function textOf({ status, server_id, version, transports, withdrawn, findings }: Added, style: TextStyle) {
  const rows = findings.map(({ severity, code, path, message }) => [
    severity === 'error' ? style.bad(severity) : style.warn(severity),
    code,
    visible(path),
    message,
  ]);
  const word = status === 'added' ? style.good('Added') : 'Already there:';
  const out = [
    `${word} ${style.bold(server_id)}, version ${version}; ${counted(findings.length, 'finding')}.`,
    ...(rows.length > 0 ? [style.table(['', 'what', 'where', 'in words'], rows)] : []),
  ].join('\n');
  if (withdrawn) return { out, note: 'This version says that it is deleted, so it is not offered.' };
  const next = `Next: mcp-orchestration describe-server ${server_id}`;
  return { out, note: transports.length > 0 ? next : 'Nothing in it can be started, so it is not offered.' };
}

export const addCatalogServer = defineOperation({
  id: 'catalog.addServer',
  summary: 'Put a server into the catalog, from its server.json',
  description:
    'Documents of all releases of the schema are taken, and odd ones as well: what is not as the schema has it is reported. The document is kept as it is, and never changes.',
  effect: 'write',
  idempotent: true,
  input: z.strictObject({
    document: AnyJson.meta({ description: 'The server.json, or an answer of a registry that has it as `server`.' }),
    server_id: WantedId,
  }),
  example: {
    document: {
      $schema: 'https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json',
      name: 'com.example/weather',
      description: 'Forecasts for places by name',
      version: '1.2.0',
      packages: [
        { registryType: 'npm', identifier: '@example/weather', version: '1.2.0', transport: { type: 'stdio' } },
      ],
    },
  },
  output: Added,
  errors: ['SERVER_ALREADY_EXISTS', 'SECRET_IN_CONFIG'],
  permission,
  rest: {
    method: 'POST',
    path: '/v1/catalog/servers',
    statuses: [201, 200],
    status: ({ status }) => (status === 'added' ? 201 : 200),
  },
  mcp: { tool: 'add_catalog_server', toolset },
  cli: { verb: 'add-catalog-server', positional: ['document'], flags: { document: 'file' }, text: textOf },
  async run(context, { document, server_id }) {
    const read = readServerDocument(document as JsonValue);
    assertNoSecret({ mcpServers: {}, document: read.raw });
    return keep(context, FROM_FILE, read, server_id);
  },
});

const NO_REGISTRY = 'Set MCP_ORCHESTRATION_REGISTRY_URL to the address of a registry that speaks /v0.1/servers.';

/** What the registry that is set up has of this name and version. */
async function fetchDocument({ services }: Context, name: string, version: string) {
  const { registry } = services;
  if (registry === null) {
    const message = 'No registry is set up, so none is asked.';
    throw new AppError('NOT_FOUND', message, { reason: 'no_registry' }, { hint: NO_REGISTRY });
  }
  const found = await registry.version(name, version);
  if (found === undefined) {
    const message = `The registry has no server "${name}" of version ${version}.`;
    throw new AppError('SERVER_NOT_FOUND', message, { registry_name: name, version });
  }
  const document = documentIn(found);
  const isMeant = document.registry_name === name && (version === 'latest' || document.version === version);
  if (isMeant) return { registry: registry.url, document };
  const message = 'The registry answered with another server or version than it was asked for.';
  throw new AppError('UNAVAILABLE', message, { reason: 'other_server' });
}

/** Whoever asked has typed nothing wrongly when it is no server.json. */
function documentIn(answer: unknown): ServerDocument {
  try {
    return readServerDocument(answer as JsonValue);
  } catch (cause) {
    if (!(cause instanceof AppError)) throw cause;
    const message = `The registry answered with something that is no server.json: ${cause.message}`;
    const hint = 'Look whether MCP_ORCHESTRATION_REGISTRY_URL leads to a registry, or take another version.';
    throw new AppError('UNAVAILABLE', message, { reason: 'not_a_server' }, { hint, cause });
  }
}

/** What a registry has withdrawn is mostly spam or malware. Where it is in the catalog already, it is offered no more. */
async function refuseWithdrawn(context: RunContext, registry: string, document: ServerDocument): Promise<void> {
  const { registry_name, version, registry_meta } = document;
  if (registry_meta?.['status'] !== 'deleted') return;
  await context.store.transaction(async (store) => {
    const seen = { registry, name: registry_name, version, registry_meta, last_seen_at: context.now().toISOString() };
    if (!(await store.catalog.see(context.workspace, seen))) return;
    await store.audit.append(context.workspace, context.auditRow({ status: 'withdrawn', version }));
  });
  const message = `The registry has withdrawn version ${version} of ${registry_name}.`;
  throw new AppError('SERVER_NOT_FOUND', message, { registry_name, version, status: 'deleted' });
}

export const fetchCatalogServer = defineOperation({
  id: 'catalog.fetchServer',
  summary: 'Put a server of the registry that is set up into the catalog',
  description:
    'Asks the registry at MCP_ORCHESTRATION_REGISTRY_URL for one version, and keeps it as `add_catalog_server` does. Nothing is fetched by itself: a later version is used only when somebody has fetched it.',
  effect: 'write',
  idempotent: true,
  transaction: 'own',
  input: z.strictObject({
    registry_name: z.string().min(3).max(200).meta({ description: 'The name in the registry, with its namespace.' }),
    version: z.string().min(1).max(255).default('latest').meta({ description: 'An exact version, or `latest`.' }),
    server_id: WantedId,
  }),
  example: { registry_name: 'com.example/weather', version: '1.2.0' },
  output: Added,
  errors: [
    'SERVER_NOT_FOUND',
    'SERVER_ALREADY_EXISTS',
    'SECRET_IN_CONFIG',
    'WEBHOOK_TARGET_REFUSED',
    'NOT_FOUND',
    'UNAVAILABLE',
  ],
  permission,
  rest: {
    method: 'POST',
    path: '/v1/catalog/fetch',
    statuses: [201, 200],
    status: ({ status }) => (status === 'added' ? 201 : 200),
    handler_ms: 20_000,
  },
  mcp: { tool: 'fetch_catalog_server', toolset },
  cli: { verb: 'fetch-catalog-server', positional: ['registry_name'], text: textOf },
  async run(context, { registry_name, version, server_id }) {
    const { registry, document } = await fetchDocument(context, registry_name, version);
    await refuseWithdrawn(context, registry, document);
    assertNoSecret({ mcpServers: {}, document: document.raw });
    return context.store.transaction(async (store) => {
      const added = await keep({ ...context, store }, registry, document, server_id);
      const facts = { status: added.status, server_id: added.server_id, version: added.version };
      await store.audit.append(context.workspace, context.auditRow(facts));
      return added;
    });
  },
});
