import { canonicalJson } from '../core/canonical-json.ts';
import { AppError } from '../core/errors.ts';
import { nullRecord } from '../core/ids.ts';
import { assertJsonValue, pointerKeys } from '../core/json-value.ts';
import type { Entry, JsonValue } from '../core/payload.ts';
import { isRemote } from '../core/payload.ts';
import { spellReference } from '../core/references.ts';
import { isObject, type JsonObject } from '../core/splice/equality.ts';
import type { ClientDefinition, Os, TextField, Transport } from './client.ts';
import { splitWords } from './posix-words.ts';
import { Inexpressible, readText } from './read-text.ts';
import { remoteTransportOf } from './read-transport.ts';

/** The way back from a client's file: what `renderPayload` writes, and what people and other programs wrote, as payload. */

export interface ReadTarget {
  os: Os;
  /** Where the servers are in the file at hand: a client may have two layouts. */
  pointer?: string | undefined;
  /** The name of the entry, where it may stand in the entry once more. */
  server?: string | undefined;
}

/** One entry while it is read: fields are taken out of `rest`, and what is left is the client's own. */
interface Work {
  client: ClientDefinition;
  target: ReadTarget;
  rest: Map<string, JsonValue>;
}

function take({ rest }: Work, field: string | null | undefined): JsonValue | undefined {
  if (field == null) return undefined;
  const value = rest.get(field);
  rest.delete(field);
  return value;
}

/** A field below others; an object on the way that is empty then goes as well. */
function takeAt(work: Work, pointer: string): JsonValue | undefined {
  const [key = '', below, ...deeper] = pointerKeys(pointer);
  if (below === undefined) return take(work, key);
  const outer = work.rest.get(key);
  if (outer === undefined || !isObject(outer) || deeper.length > 0) return undefined;
  const { [below]: value, ...others } = outer;
  if (Object.keys(others).length > 0) work.rest.set(key, others);
  else work.rest.delete(key);
  return value;
}

function textsOf(value: JsonValue | undefined, field: string): string[] {
  if (value === undefined) return [];
  if (Array.isArray(value) && value.every((item) => typeof item === 'string')) return value;
  throw new Inexpressible(`its "${field}" is no list of texts`);
}

/** Numbers and truth values reach a process as text anyway. */
function mapOf(work: Work, kind: 'env' | 'headers', field: string | undefined): [string, string][] {
  const value = take(work, field);
  if (value === undefined) return [];
  if (!isObject(value)) throw new Inexpressible(`its "${field}" is no map of texts`);
  return Object.entries(value).map(([name, text]) => {
    if (typeof text === 'object') throw new Inexpressible(`its "${field}" is no map of texts`);
    return [name, readText(work.client, kind, String(text))];
  });
}

function textAt(work: Work, kind: TextField, field: string): string {
  const value = take(work, field);
  if (typeof value !== 'string' || value === '') throw new Inexpressible(`its "${field}" is no text`);
  return kind === 'command' ? plainText(work, field, value) : readText(work.client, kind, value);
}

/** A command holds no reference (DESIGN 4.6), and nothing in it is escaped. */
function plainText({ client }: Work, field: string, text: string): string {
  if (readText(client, 'command', text) === text) return text;
  throw new Inexpressible(`its "${field}" has a placeholder, and a command cannot hold one`);
}

function commandOf(work: Work): { command: string; args: string[] } {
  const facts = work.client.entry.stdio;
  if (facts === null) throw new Inexpressible(`${work.client.display_name} starts no local servers`);
  if (facts.command_shape === 'string') {
    const [command, ...first] = commandWords(work, facts.command_field);
    return unwrapped(work, command, [...first, ...textsOf(take(work, facts.args_field), facts.args_field ?? 'args')]);
  }
  const [command = '', ...args] = textsOf(take(work, facts.command_field), facts.command_field);
  if (command === '') throw new Inexpressible(`its "${facts.command_field}" is empty`);
  return { command: plainText(work, facts.command_field, command), args };
}

/** The command as it stands there, or its words where the client splits it; such a client takes a list as well. */
function commandWords(work: Work, field: string): [command: string, ...args: string[]] {
  if (work.client.dialect?.splits_command !== true) return [textAt(work, 'command', field)];
  const listed = Array.isArray(work.rest.get(field));
  const words = listed ? textsOf(take(work, field), field) : splitWords(textAt(work, 'command', field));
  const [command = '', ...args] = words ?? [];
  if (command === '') throw new Inexpressible(`its "${field}" cannot be split into words`);
  return [plainText(work, field, command), ...args];
}

/** On Windows `cmd /c npx` is how `npx` is written for this client. */
function unwrapped({ client, target }: Work, command: string, args: string[]): { command: string; args: string[] } {
  const [flag, program = '', ...rest] = args;
  const wrapped = target.os === 'windows' && /^cmd(?:\.exe)?$/i.test(command) && flag?.toLowerCase() === '/c';
  const known = client.dialect?.windows_shell_for.includes(program) === true;
  return wrapped && known ? { command: program, args: rest } : { command, args };
}

const nameList = (work: Work, field: string | undefined) =>
  textsOf(take(work, field), field ?? '').map((name): [string, string] => [name, reference(name)]);

function reference(name: JsonValue): string {
  if (typeof name === 'string' && /^[A-Za-z_][A-Za-z0-9_]{0,127}$/.test(name)) {
    return spellReference({ kind: 'env', name });
  }
  throw new Inexpressible('it names a variable in a way that a reference cannot');
}

const filled = <K extends string, V>(key: K, map: [string, V][]) =>
  map.length > 0 ? ({ [key]: nullRecord(map) } as Record<K, Record<string, V>>) : {};

function readStdio(work: Work): Entry {
  const { client } = work;
  const facts = client.entry.stdio;
  const { command, args } = commandOf(work);
  const env = [...mapOf(work, 'env', facts?.env_field), ...nameList(work, client.dialect?.named_references?.env_vars)];
  const cwd = facts?.cwd_field != null && work.rest.has(facts.cwd_field) && textAt(work, 'cwd', facts.cwd_field);
  return {
    command,
    args: args.map((text) => readText(client, 'args', text)),
    ...filled('env', env),
    ...(typeof cwd === 'string' && { cwd }),
  };
}

function readRemote(work: Work, type: 'http' | 'sse', url_field: string): Entry {
  const url = textAt(work, 'url', url_field);
  const headers = [...headersOf(work, type), ...namedHeaders(work)];
  return { type, url, ...filled('headers', headers) };
}

/** What else stands in the map of the headers stays a field of the client. */
function headersOf(work: Work, type: 'http' | 'sse'): [string, string][] {
  const { headers_in, headers_field } = work.client.entry[type] ?? {};
  const map = headers_in === undefined ? undefined : take(work, headers_in);
  if (headers_in === undefined) return mapOf(work, 'headers', headers_field);
  if (map === undefined) return [];
  if (!isObject(map)) throw new Inexpressible(`its "${headers_in}" is no map`);
  const inside = { ...work, rest: new Map(Object.entries(map)) };
  const headers = mapOf(inside, 'headers', headers_field);
  if (inside.rest.size > 0) work.rest.set(headers_in, nullRecord([...inside.rest]));
  return headers;
}

/** Headers that the client fills in from variables which it is told by name. */
function namedHeaders(work: Work): [string, string][] {
  const named = work.client.dialect?.named_references;
  const bearer = take(work, named?.bearer_token);
  const whole = take(work, named?.headers) ?? {};
  if (!isObject(whole)) throw new Inexpressible(`its "${named?.headers}" is no map of texts`);
  return [
    ...(bearer === undefined ? [] : [['Authorization', `Bearer ${reference(bearer)}`] as [string, string]]),
    ...Object.entries(whole).map(([header, name]): [string, string] => [header, reference(name)]),
  ];
}

function isDisabled(work: Work): boolean {
  const { dialect, entry } = work.client;
  const other = dialect?.alternate_layout;
  const field = other !== undefined && other.pointer === work.target.pointer ? other.disabled : entry.disabled;
  if (field === null) return false;
  const value = takeAt(work, field.pointer);
  if (value !== undefined && typeof value !== 'boolean')
    throw new Inexpressible(`its "${pointerKeys(field.pointer).join('.')}" is neither true nor false`);
  return value === field.off;
}

/** Whole milliseconds, or nothing: a timeout that the payload cannot say stays a field of the client. */
function timeoutOf(work: Work, transport: Transport): { timeout_ms?: number } {
  const { dialect, entry } = work.client;
  const facts = entry.timeouts.find(
    ({ field, transports }) => field === dialect?.timeout_field && transports?.includes(transport) !== false,
  );
  const value = facts && work.rest.get(facts.field);
  if (facts === undefined || typeof value !== 'number') return {};
  const timeout_ms = facts.unit === 's' ? value * 1000 : value;
  if (!Number.isSafeInteger(timeout_ms) || timeout_ms <= 0) return {};
  work.rest.delete(facts.field);
  return { timeout_ms };
}

function toolsOf(work: Work): Pick<Entry, 'tools'> {
  const { allow, deny } = work.client.entry.tools;
  const named = (field: string | null) => {
    const value = field?.startsWith('/') === true ? takeAt(work, field) : take(work, field);
    return value === undefined ? undefined : textsOf(value, field ?? '');
  };
  const [listed, denied] = [named(allow), named(deny)];
  const all = work.client.dialect?.all_tools;
  const allowed = all !== undefined && listed?.length === 1 && listed[0] === all ? undefined : listed;
  if (allowed === undefined && denied === undefined) return {};
  return { tools: { ...(allowed && { allow: allowed }), ...(denied && { deny: denied }) } };
}

/** What only this client knows. The fields that it writes itself stay its business. */
function ownFields({ client, rest }: Work): Pick<Entry, 'x-client'> {
  const own = [...rest].filter(([field]) => !client.state_fields.includes(field));
  if (own.length === 0) return {};
  return { 'x-client': { [client.client_id]: nullRecord(own) as Record<string, never> } };
}

/** A file may hold what our own input may not (`assertJsonValue`): it stays there, and goes no further. */
function assertSayable(value: JsonValue): void {
  try {
    assertJsonValue(value);
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    throw new Inexpressible(`it holds what a payload cannot: ${error.message}`, { cause: error });
  }
}

/** One entry of a client's file as an entry of a payload. Throws `Inexpressible` with the reason, in words. */
export function readEntry(client: ClientDefinition, value: JsonValue, target: ReadTarget): Entry {
  if (!isObject(value)) throw new Inexpressible('it is no object');
  assertSayable(value);
  const work: Work = { client, target, rest: new Map(Object.entries(value)) };
  const start = startOf(work, value);
  const name = client.dialect?.name_field ?? '';
  if (target.server !== undefined && work.rest.get(name) === target.server) work.rest.delete(name);
  return {
    ...start,
    ...(isDisabled(work) && { disabled: true }),
    ...toolsOf(work),
    ...timeoutOf(work, isRemote(start) ? start.type : 'stdio'),
    ...ownFields(work),
  };
}

function startOf(work: Work, value: JsonObject): Entry {
  const { client, rest } = work;
  const { stdio } = client.entry;
  const local = stdio !== null && rest.has(stdio.command_field);
  const remote = remoteTransportOf(client, value);
  if (local && remote !== undefined) throw new Inexpressible('it has a command and a URL');
  if (!local && remote === undefined) throw new Inexpressible('it has neither a command nor a URL');
  if (remote !== undefined) {
    rest.delete(remote.type_field);
    return readRemote(work, remote.type, remote.url_field);
  }
  const tag = stdio?.type?.field ?? 'type';
  const type = rest.get(tag);
  // A word that the client passes over is a field of its own like any other.
  const words = [stdio?.type?.value, 'stdio', ...(stdio?.type?.aliases ?? [])];
  if (typeof type === 'string' && words.includes(type)) rest.delete(tag);
  else if (type !== undefined && stdio?.type != null) throw new Inexpressible('its type is not that of a local server');
  return readStdio(work);
}

/** The parts of an entry that mean something to this client, without the ways in which nothing can be said. */
function essence(client: ClientDefinition, entry: Entry): JsonValue {
  const { disabled, tools, 'x-client': own, ...start } = entry;
  const mine = own?.[client.client_id] ?? {};
  const map = isRemote(entry) ? entry.headers : entry.env;
  const { env: _env, headers: _headers, ...rest } = start as Record<string, JsonValue>;
  return {
    ...rest,
    ...(Object.keys(map ?? {}).length > 0 && { [isRemote(entry) ? 'headers' : 'env']: { ...map } }),
    ...(disabled === true && { disabled: true }),
    ...(tools !== undefined && { tools: JSON.parse(JSON.stringify(tools)) as JsonValue }),
    ...(Object.keys(mine).length > 0 && { own: mine as JsonValue }),
  };
}

/**
 * Does what stands in the file mean to this client what the payload says? Then it need not be written in our spelling.
 * The comparison is of all that is read, so whatever the neutral form cannot say is a difference.
 */
export function meansTheSame(client: ClientDefinition, value: JsonValue, entry: Entry, target: ReadTarget): boolean {
  try {
    const found = readEntry(client, value, target);
    return canonicalJson(essence(client, found)) === canonicalJson(essence(client, entry));
  } catch (error) {
    if (error instanceof Inexpressible) return false;
    throw error;
  }
}
