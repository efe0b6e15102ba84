import { AppError, type Issue } from '../core/errors.ts';
import { nullRecord } from '../core/ids.ts';
import type { Entry } from '../core/payload.ts';
import { hasReference } from '../core/references.ts';
import type { CatalogServer, CatalogTransport, Parameter, StdioTransport, Variable } from './server.ts';
import { expandArgs, expandCommand, expandHeaders, expandUrl } from './template.ts';
import { publicWord, type TransportInput, type TransportWord, transportWords } from './transport.ts';
import { type Given, type Reading, readInput } from './values.ts';

export interface ExpandInput {
  params: Readonly<Record<string, unknown>>;
  env: Readonly<Record<string, string>>;
  transport?: TransportInput;
  /** npx, uvx, docker, dnx or command: chooses between several ways to start the same server. */
  runtime?: string;
}

export interface Expansion {
  entry: Entry;
  transport: TransportWord;
  /** The exact package version in the entry; null for remote servers and for images. */
  used_version: string | null;
  warnings: string[];
}

const list = (words: readonly string[]): string => words.map((word) => `"${word}"`).join(', ');
/** So many faults are named in the message; `details.issues` has all of them. */
const NAMED = 5;

function invalid(issues: readonly Issue[]): AppError {
  const rest = issues.length > NAMED ? ` (and ${issues.length - NAMED} more)` : '';
  const text = issues.slice(0, NAMED).map(({ path, message }) => `${path}: ${message}`);
  const [first] = issues;
  return new AppError('INVALID_INPUT', `${text.join('; ')}${rest}`, {
    field: first?.path,
    reason: first?.message,
    issues: [...issues],
  });
}

/** The transports of the server that the caller's wish leaves. */
function offered(server: CatalogServer, { transport, runtime }: ExpandInput): CatalogTransport[] {
  const wanted = transport === undefined ? undefined : publicWord(transport);
  const ofType = server.transports.filter(({ type }) => wanted === undefined || publicWord(type) === wanted);
  if (ofType.length === 0) {
    const offers = list(transportWords(server.transports));
    throw invalid([
      { path: 'transport', message: `"${server.server_id}" does not offer this one, it offers ${offers}` },
    ]);
  }
  if (runtime === undefined) return ofType;
  const local = ofType.filter((one): one is StdioTransport => one.type === 'stdio');
  const started = local.filter((one) => one.runtime === runtime);
  if (started.length > 0) return started;
  const runtimes = local.map((one) => one.runtime);
  const offers = runtimes.length > 0 ? `it offers ${list(runtimes)}` : 'it is not started on this machine';
  throw invalid([{ path: 'runtime', message: `"${server.server_id}" does not offer this one, ${offers}` }]);
}

/**
 * The first listed transport that has all it needs and can take all that was given. Where none is, one that can take
 * what was given says best what is missing.
 */
export function choose(server: CatalogServer, input: ExpandInput): { transport: CatalogTransport; reading: Reading } {
  const candidates = offered(server, input).map((transport) => ({
    transport,
    reading: readInput(server, transport, input),
  }));
  const satisfied = ({ reading }: { reading: Reading }) => reading.missing.length === 0;
  const fitting = ({ reading }: { reading: Reading }) => reading.foreign.length === 0;
  const chosen =
    candidates.find((one) => satisfied(one) && fitting(one)) ??
    candidates.find(fitting) ??
    candidates.find(satisfied) ??
    candidates[0];
  if (chosen === undefined) throw new Error(`the catalog server ${server.server_id} has no transport`);
  return chosen;
}

/** Name of the environment variable that is proposed for a secret parameter: GITHUB_TOKEN. */
function variableFor(server_id: string, parameter: string): string {
  const name = `${server_id}_${parameter}`.toUpperCase().replace(/[^A-Z0-9]/g, '_');
  return /^[0-9]/.test(name) ? `_${name}` : name;
}

/** The reference that stands in for a secret. */
export function proposedReference(
  server_id: string,
  field: Parameter | Variable,
  kind: 'parameter' | 'variable',
): string {
  return `\${env:${kind === 'variable' ? field.name : variableFor(server_id, field.name)}}`;
}

/** Throws SECRET_IN_CONFIG for the first literal value of a field that is declared secret. The value is not named. */
function refuseSecrets(server: CatalogServer, reading: Reading): void {
  const check = ({ field, path, values, stated }: Given, kind: 'parameter' | 'variable') => {
    if (!field.secret || !stated || values.every(hasReference)) return;
    const reference = proposedReference(server.server_id, field, kind);
    throw new AppError(
      'SECRET_IN_CONFIG',
      `${path} is a secret, and its value does not belong in a configuration. Write ${reference} instead.`,
      { field: path, reference, kind: 'declared secret' },
    );
  };
  for (const given of reading.params.values()) check(given, 'parameter');
  for (const given of reading.variables) check(given, 'variable');
}

function entryOf(transport: CatalogTransport, { params, env }: Reading, issues: Issue[]): Entry {
  if (transport.type === 'stdio') {
    const command = expandCommand(transport, params, issues);
    const args = expandArgs(transport, params, env, issues);
    return { command, args, ...(env.size > 0 && { env: nullRecord(env) }) };
  }
  const url = expandUrl(transport, params, issues);
  const headers = expandHeaders(transport, params, issues);
  const type = transport.type === 'sse' ? 'sse' : 'http';
  return { type, url, ...(headers.length > 0 && { headers: nullRecord(headers) }) };
}

/** A sentence about a server that should no longer be added; undefined for one that may. */
export function statusWarning(server: CatalogServer): string | undefined {
  if (server.status !== 'archived' && server.status !== 'deprecated') return undefined;
  const advice = server.replaced_by ? `use "${server.replaced_by}" instead` : 'the catalog knows no successor';
  return `"${server.server_id}" is ${server.status}: ${advice}`;
}

function warningsOf(server: CatalogServer, transport: CatalogTransport): string[] {
  const status = statusWarning(server);
  const warnings = status === undefined ? [] : [status];
  if (transport.type !== 'stdio') return warnings;
  const { package: source, community } = transport;
  if (source?.version_seen === null) {
    const [what, lacks] = source.registry === 'oci' ? ['image tag floats', 'digest'] : ['not pinned', 'exact version'];
    warnings.push(`${what}: "${source.identifier}" names no ${lacks}, so what runs can change`);
  }
  if (community) warnings.push('this way of starting it comes from the community, not from the vendor');
  return warnings;
}

/**
 * Makes an entry of a catalog server and what the caller gave. Throws INVALID_INPUT with every fault in
 * `details.issues`, and SECRET_IN_CONFIG for a literal value of a declared secret.
 */
export function expand(server: CatalogServer, input: ExpandInput): Expansion {
  const { transport, reading } = choose(server, input);
  refuseSecrets(server, reading);
  const faults = [...reading.foreign, ...reading.issues, ...reading.missing];
  if (faults.length > 0) throw invalid(faults);
  const issues: Issue[] = [];
  const entry = entryOf(transport, reading, issues);
  if (issues.length > 0) throw invalid(issues);
  const used_version = transport.type === 'stdio' ? (transport.package?.version_seen ?? null) : null;
  return { entry, transport: publicWord(transport.type), used_version, warnings: warningsOf(server, transport) };
}

/** The declared secrets of a server, of one kind of transport or of all of them. */
export function secretFields(server: CatalogServer, transport?: TransportInput): { params: string[]; env: string[] } {
  const wanted = transport === undefined ? undefined : publicWord(transport);
  const meant = server.transports.filter(({ type }) => wanted === undefined || publicWord(type) === wanted);
  const secret = (fields: readonly (Parameter | Variable)[]) =>
    fields.filter((field) => field.secret).map(({ name }) => name);
  return {
    params: [...new Set(meant.flatMap((one) => secret(one.parameters)))],
    env: [...new Set(meant.flatMap((one) => (one.type === 'stdio' ? secret(one.env) : [])))],
  };
}
