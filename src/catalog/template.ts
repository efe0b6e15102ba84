import type { Issue } from '../core/errors.ts';
import { hasReference, parseReferences, spellReference } from '../core/references.ts';
import type { Parameter, RemoteTransport, StdioTransport } from './server.ts';
import type { Given } from './values.ts';

/**
 * Filling templates. Every template is read once, left to right: what a value brings in is never looked at again, and
 * one template stays one argument whatever the value holds.
 */

type Params = ReadonlyMap<string, Given<Parameter>>;

const PLACEHOLDER = /\{([a-z][a-z0-9_]*)(\.basename)?\}/g;
const ENTIRE = /^\{[a-z][a-z0-9_]*\}$/;

/** The last segment of a path; empty for the root directory. */
export function basename(path: string): string {
  const windows = /^([A-Za-z]:|\\\\)/.test(path);
  return (
    path.split(windows ? /[\\/]/ : '/').findLast((segment) => segment !== '' && !/^[A-Za-z]:$/.test(segment)) ?? ''
  );
}

function fill(template: string, lookup: (name: string) => string): string {
  return template.replace(PLACEHOLDER, (_all, name: string, base: string | undefined) => {
    const value = lookup(name);
    return base === undefined ? value : basename(value);
  });
}

/** The first value of a parameter; the templates are checked to need no other (server.ts). */
const single = (params: Params, version: string) => (name: string) =>
  name === 'package_version' ? version : (params.get(name)?.values[0] ?? '');

/** Does what an item tests hold? `env:NAME` asks for a variable; a bool must be true, anything else set. */
function holds(condition: string, params: Params, env: ReadonlyMap<string, string>): boolean {
  if (condition.startsWith('env:')) return env.has(condition.slice(4));
  const given = params.get(condition);
  if (given === undefined || given.values.length === 0) return false;
  return given.field.type !== 'bool' || given.values[0] === 'true';
}

/** What a value must not do to the argument it is put into. */
function argumentFault(template: string, value: string): string | undefined {
  if (ENTIRE.test(template) && value.startsWith('-')) return 'must not begin with "-": it would be read as an option';
  if (!template.startsWith('type=bind,')) return undefined;
  if (/[,"]/.test(value)) return 'must hold no comma and no quotation mark: Docker could not mount it';
  return basename(value) === '' ? 'must not be the root directory: Docker needs a name for the mount' : undefined;
}

function eachRound(
  item: { each: string; args: readonly string[] },
  transport: StdioTransport,
  params: Params,
  issues: Issue[],
) {
  const given = params.get(item.each);
  const version = transport.package?.version_seen ?? '';
  const mounted = new Set<string>();
  return (given?.values ?? []).flatMap((value) =>
    item.args.map((template) => {
      // A template that starts whatever program the caller names leaves its options to the caller as well.
      const fault = transport.runtime === 'command' ? undefined : argumentFault(template, value);
      const collides = template.includes('.basename}') && mounted.size === mounted.add(basename(value)).size;
      const message =
        fault ??
        (collides ? 'two of the paths end in the same name, and only one of them could be mounted' : undefined);
      if (message !== undefined) issues.push({ path: given?.path ?? '', message });
      return fill(template, (name) => (name === item.each ? value : single(params, version)(name)));
    }),
  );
}

/** Faults of the parameters that stand alone in an argument outside `each`. */
function standingAlone(templates: readonly string[], params: Params, issues: Issue[]): void {
  for (const template of templates) {
    const given = ENTIRE.test(template) ? params.get(template.slice(1, -1)) : undefined;
    const message = argumentFault(template, given?.values[0] ?? '');
    if (given !== undefined && message !== undefined) issues.push({ path: given.path, message });
  }
}

/** Variables that mean something to Docker itself and would harm a container. */
const OF_THE_HOST = /^(PATH|HOME|DOCKER_.*)$/;

/** A container sees only the variables it is handed, so those that the template does not name are added before the image. */
function handOver(args: readonly string[], transport: StdioTransport, env: ReadonlyMap<string, string>): string[] {
  const image = args.lastIndexOf(transport.package?.identifier ?? '');
  if (image < 0) return [...args];
  const options = args.slice(0, image);
  const named = new Set(options.filter((_, index) => options[index - 1] === '-e'));
  const added = [...env.keys()].filter((name) => !named.has(name) && !OF_THE_HOST.test(name));
  return [...options, ...added.flatMap((name) => ['-e', name]), ...args.slice(image)];
}

export function expandArgs(
  transport: StdioTransport,
  params: Params,
  env: ReadonlyMap<string, string>,
  issues: Issue[],
): string[] {
  const lookup = single(params, transport.package?.version_seen ?? '');
  const args = transport.args.flatMap((item) => {
    if (typeof item !== 'string' && 'each' in item) return eachRound(item, transport, params, issues);
    if (typeof item !== 'string' && !holds(item.when, params, env)) return [];
    const templates = typeof item === 'string' ? [item] : item.args;
    standingAlone(templates, params, issues);
    return templates.map((template) => fill(template, lookup));
  });
  return transport.runtime === 'docker' ? handOver(args, transport, env) : args;
}

/** The program to start. No reference: what runs is fixed when it is signed. */
export function expandCommand(transport: StdioTransport, params: Params, issues: Issue[]): string {
  const command = fill(transport.command, single(params, ''));
  if (hasReference(command)) issues.push({ path: 'params.command', message: 'must hold no reference' });
  return command;
}

/** Percent-encodes the text of a value and leaves its references to be resolved later. */
function encoded(value: string, keepSlashes: boolean): string {
  const encode = (text: string) => {
    const plain = encodeURIComponent(text);
    return keepSlashes ? plain.replaceAll('%2F', '/') : plain;
  };
  const { parts } = parseReferences(value);
  return parts.map((part) => (part.kind === 'text' ? encode(part.text) : spellReference(part))).join('');
}

const HOST = /^(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]*)(:\d{1,5})?$/;

function withoutTrailingSlashes(text: string): string {
  let end = text.length;
  while (text[end - 1] === '/') end--;
  return text.slice(0, end);
}

type Piece = { text: string } | { message: string };

/** A value at the start of a URL, in its host or in its path. It can reach nothing but its own part. */
function urlPiece(value: string, before: string, after: string): Piece {
  if (before === '') {
    if (after === '') return { text: value };
    if (/[?#]/.test(value)) return { message: 'must have no "?" and no "#": a path is added to it' };
    return { text: withoutTrailingSlashes(value) };
  }
  if (/^[a-z]+:\/\/[^/]*$/.test(before)) {
    return HOST.test(value) || isReference(value) ? { text: value } : { message: 'give a host name' };
  }
  const climbs = value.split('/').some((segment) => segment === '.' || segment === '..');
  return climbs ? { message: 'must hold no "." and no ".." segment' } : { text: encoded(value, true) };
}

function isReference(value: string): boolean {
  const { parts } = parseReferences(value);
  return parts.length === 1 && parts[0]?.kind !== 'text';
}

export function expandUrl(transport: RemoteTransport, params: Params, issues: Issue[]): string {
  const { url, query = [] } = transport;
  const address = url.replace(PLACEHOLDER, (all, name: string, _base: string | undefined, at: number) => {
    const given = params.get(name);
    const piece = urlPiece(given?.values[0] ?? '', url.slice(0, at), url.slice(at + all.length));
    if ('text' in piece) return piece.text;
    issues.push({ path: given?.path ?? '', message: piece.message });
    return '';
  });
  const pairs = query.flatMap(({ name, value }) => {
    const known = isComplete(value, params);
    return known ? [`${encodeURIComponent(name)}=${encoded(fill(value, single(params, '')), false)}`] : [];
  });
  if (pairs.length === 0) return address;
  return `${address}${address.includes('?') ? '&' : '?'}${pairs.join('&')}`;
}

/** Has every placeholder of the template a value? */
const isComplete = (template: string, params: Params): boolean =>
  [...template.matchAll(PLACEHOLDER)].every((match) => params.has(match[1] ?? ''));

/** People paste "Bearer abc" where "abc" is asked for: the scheme is written once. */
function fillHeader(template: string, lookup: (name: string) => string): string {
  const scheme = template.slice(0, template.indexOf('{'));
  return fill(template, (name) => {
    const value = lookup(name);
    const doubled = scheme !== '' && value.toLowerCase().startsWith(scheme.toLowerCase());
    return doubled ? value.slice(scheme.length) : value;
  });
}

/** Names and values, a header without a value left out. */
export function expandHeaders(transport: RemoteTransport, params: Params, issues: Issue[]): [string, string][] {
  const lookup = single(params, '');
  return transport.headers.flatMap((header) => {
    if (!isComplete(header.value, params)) return [];
    const name = fill(header.name, lookup);
    if (!/^[\w!#$%&'*+.^`|~-]+$/.test(name))
      issues.push({ path: 'params.header_name', message: 'is no name of a header' });
    return [[name, fillHeader(header.value, lookup)]];
  });
}
