import { createHash } from 'node:crypto';
import { canonicalJson } from '../../core/canonical-json.ts';
import { invalidInput } from '../../core/errors.ts';
import type { Finding } from '../../core/finding.ts';
import type { JsonValue } from '../../core/payload.ts';
import { safeParse } from '../../core/safe-parse.ts';
import { type CatalogServer, type CatalogTransport, Transport } from '../server.ts';
import { readPackage } from './package.ts';
import { Findings, isObject, type JsonObject, Part, type Path } from './part.ts';
import { readSchema } from './releases.ts';
import { readRemote } from './remote.ts';

/** What a registry says about a version, beside the document. */
export type RegistryMeta = JsonObject;

/** A server.json, read. */
export interface ServerDocument {
  registry_name: string;
  version: string;
  /** As it was received, nothing left out. */
  raw: JsonObject;
  /** SHA-256 of its RFC 8785 form, lowercase hex. */
  raw_sha256: string;
  /** Null when the document came without. */
  registry_meta: RegistryMeta | null;
  /** The catalog's own form, without its id; null when there is nothing that a client could start or connect to. */
  definition: Omit<CatalogServer, 'server_id'> | null;
  findings: Finding[];
}

const OFFICIAL_META = 'io.modelcontextprotocol.registry/official';
const PUBLISHER_META = 'io.modelcontextprotocol.registry/publisher-provided';
const NAME = /^[a-zA-Z0-9.-]+\/[a-zA-Z0-9._-]+$/;
/** In characters and bytes. Longer documents than this are none that anybody wrote. */
const LONGEST = { name: 200, version: 255, meta: 4096, document: 256 * 1024 };

/**
 * Reads a server.json, or one as a registry answers it (`{server, _meta}`). Throws INVALID_INPUT for what is no such
 * document at all: without an object, or without a name to call it by.
 */
export function readServerDocument(given: JsonValue): ServerDocument {
  const { raw, registry_meta, path, findings } = unwrapped(given);
  const canonical = canonicalJson(raw);
  if (canonical.length > LONGEST.document) throw invalidInput('document', 'is longer than any server.json should be');
  const part = new Part(raw, path, findings);
  readSchema(part);
  const registry_name = part.needed('name', { pattern: NAME, form: 'a name such as io.github.someone/server' });
  if (registry_name === undefined || registry_name.length > LONGEST.name || /\p{C}/u.test(registry_name))
    throw invalidInput('document.name', 'give a server.json: it has a `name` of at most 200 characters');
  const about = readAbout(part, registry_name);
  const version = readVersion(part);
  const packages = part.parts('packages').map(readPackage);
  const remotes = part.parts('remotes').map(readRemote);
  readMeta(part);
  part.end();
  for (const { version: own, path: at } of packages)
    if (own !== undefined && own.replace(/^v/, '') !== version.replace(/^v/, '') && !own.startsWith('sha256:'))
      findings.warn('VERSIONS_DIFFER', at, `is of version ${own}, the server of ${version}`);
  const transports = usable([...packages.map(({ transport }) => transport), ...remotes], path, findings);
  return {
    registry_name,
    version,
    raw,
    raw_sha256: createHash('sha256').update(canonical).digest('hex'),
    registry_meta,
    definition: transports.length === 0 ? null : { ...about, transports },
    findings: findings.list,
  };
}

function unwrapped(given: JsonValue) {
  const findings = new Findings();
  if (!isObject(given)) throw invalidInput('document', 'give a server.json: a JSON object');
  const { server, _meta } = given;
  if (!isObject(server) || given['name'] !== undefined)
    return { raw: given, registry_meta: null, path: [] as Path, findings };
  const meta = isObject(_meta) ? _meta[OFFICIAL_META] : undefined;
  return { raw: server, registry_meta: isObject(meta) ? meta : null, path: ['server'] as Path, findings };
}

/** All that is said of the server itself. */
function readAbout(part: Part, registry_name: string): Omit<CatalogServer, 'server_id' | 'transports'> {
  const description = part.needed('description', { max: 100 });
  const title = part.text('title', { max: 100 });
  const website = address(part, 'websiteUrl');
  const repository = readRepository(part);
  readIcons(part);
  const status = part.text('status');
  if (status !== undefined)
    part.findings.warn('MOVED_FIELD', part.at('status'), 'is said by the registry now, not here');
  return {
    registry_name,
    display_name: title || registry_name.split('/').at(-1) || registry_name,
    description: description ?? registry_name,
    first_party: false,
    categories: ['imported'],
    tags: ['imported'],
    documentation_url: website ?? repository ?? '',
    ...(repository !== undefined && { repository_url: repository }),
    maintained: status === undefined || status === 'active',
    status: status === 'deprecated' ? 'deprecated' : 'active',
    confidence: 'low',
    warnings: [],
  };
}

/** Only what a person can open in a browser is shown as an address. */
function address(part: Part, name: string): string | undefined {
  const text = part.text(name);
  if (text === undefined || text === '') return undefined;
  if (/^https?:$/.test(URL.parse(text)?.protocol ?? '')) return text;
  part.findings.warn('BAD_FORMAT', part.at(name), 'is no http or https address');
  return undefined;
}

function readRepository(part: Part): string | undefined {
  const repository = part.part('repository');
  if (repository === undefined) return undefined;
  const url = address(repository, 'url');
  if (url === undefined) repository.findings.warn('MISSING_FIELD', repository.at('url'), 'is missing');
  repository.needed('source');
  for (const name of ['id', 'subfolder']) repository.text(name);
  repository.end();
  return url;
}

const PICTURES = /^image\/(png|jpe?g|svg\+xml|webp)$/;

function readIcons(part: Part): void {
  for (const icon of part.parts('icons')) {
    icon.needed('src', { max: 255, pattern: /^https:\/\//, form: 'an https address' });
    icon.text('mimeType', { pattern: PICTURES, form: 'a type of picture that the schema knows' });
    icon.texts('sizes');
    icon.text('theme', { pattern: /^(light|dark)$/, form: 'light or dark' });
    icon.end();
  }
}

/** Of the server; where it is missing, that of an earlier release of the schema, or a word for "unknown". */
function readVersion(part: Part): string {
  const { findings } = part;
  const version = part.text('version', { max: LONGEST.version });
  const detail = part.part('version_detail');
  const earlier = detail?.text('version');
  detail?.end();
  if (detail !== undefined) findings.warn('RENAMED_FIELD', detail.path, 'is called "version" in the schema');
  const found = version || earlier;
  if (!found || found.length > LONGEST.version || /\p{C}/u.test(found)) {
    findings.warn('MISSING_FIELD', part.at('version'), 'is missing; it was taken to be 0.0.0');
    return '0.0.0';
  }
  if (/[\^~*<>=|\s]|^latest$/i.test(found))
    findings.warn('VERSION_NOT_EXACT', part.at('version'), 'is no exact version');
  if (/[${}]/.test(found) || found === '0.0.0')
    findings.warn('PLACEHOLDER_VERSION', part.at('version'), 'looks like a placeholder that was never filled in');
  return found;
}

function readMeta(part: Part): void {
  const meta = part.part('_meta');
  if (meta === undefined) return;
  const own = meta.take(PUBLISHER_META);
  if (own !== undefined && Buffer.byteLength(JSON.stringify(own.value)) > LONGEST.meta)
    meta.findings.warn('TOO_LONG', own.path, `has more than ${LONGEST.meta} bytes`);
  if (meta.take(OFFICIAL_META) !== undefined)
    meta.findings.warn('MOVED_FIELD', meta.at(OFFICIAL_META), 'is said by the registry now, not here');
  meta.end();
}

/** The transports that our own schema admits: whatever is wrong with the others, the rest can be used. */
function usable(read: readonly (CatalogTransport | undefined)[], path: Path, findings: Findings): CatalogTransport[] {
  const transports = read.flatMap((transport) => {
    if (transport === undefined) return [];
    const checked = safeParse(Transport, transport);
    const isWritable = !writtenBy(transport).some((text) => /\p{Cc}/u.test(text));
    if (checked.success && isWritable) return [checked.data];
    const why = checked.error?.issues[0]?.message ?? 'it would write control characters';
    findings.unusable('NOT_CONVERTIBLE', path, `a ${transport.type} transport could not be taken over: ${why}`);
    return [];
  });
  if (transports.length === 0)
    findings.warn('NOTHING_TO_START', path, 'names nothing that a client could start or connect to');
  return transports;
}

/** The texts of the document that end in an entry as they are. */
function writtenBy(transport: CatalogTransport): string[] {
  if (transport.type !== 'stdio') return [transport.url, ...transport.headers.map(({ value }) => value)];
  const args = transport.args.flatMap((item) => (typeof item === 'string' ? item : item.args));
  return [...args, ...transport.env.flatMap(({ default: text }) => text ?? [])];
}
