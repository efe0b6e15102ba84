import { canonicalJson } from '../core/canonical-json.ts';
import { pointerKeys } from '../core/json-value.ts';
import { nullRecord } from '../core/null-record.ts';
import type { Entry, JsonValue } from '../core/payload.ts';
import { isRemote } from '../core/payload.ts';
import { jsonPointer } from '../core/references.ts';
import { isObject } from '../core/splice/equality.ts';
import type { ClientDefinition, FieldKind } from './client.ts';
import { lossy, lost, type NativeEntry, report, sorted, type Work } from './translate.ts';

/** What an entry says besides how its server is reached: timeouts, tools, and the fields that only one client knows. */

/** Puts a value where a JSON Pointer points, with the objects on the way. */
export function setAt(root: NativeEntry, pointer: string, value: JsonValue): void {
  const keys = pointerKeys(pointer);
  const last = keys.pop() ?? '';
  let at = root;
  for (const key of keys) {
    const found = at[key];
    const below: NativeEntry = found !== undefined && isObject(found) ? found : nullRecord<JsonValue>();
    at[key] = below;
    at = below;
  }
  at[last] = value;
}

export function addTimeout(work: Work, entry: Entry, native: NativeEntry): void {
  if (entry.timeout_ms === undefined) return;
  const { client, dialect } = work;
  const transport = transportWritten(work, entry);
  const timeout = client.entry.timeouts.find(
    ({ field, transports }) => field === dialect.timeout_field && transports?.includes(transport) !== false,
  );
  if (timeout !== undefined) {
    const wanted = inUnit(entry.timeout_ms, timeout.unit);
    native[timeout.field] = Math.min(wanted, timeout.max ?? wanted);
    if (wanted === native[timeout.field]) return;
    lost(work, ['timeout_ms'], `${client.display_name} waits at most ${timeout.max} ${timeout.unit}.`);
  } else lost(work, ['timeout_ms'], `${client.display_name} has no timeout per server: it is left out.`);
}

const toolPointer = (field: string) => (field.startsWith('/') ? field : jsonPointer(field));

/** Seconds are rounded up, so that no server gets less time than was asked for. */
const inUnit = (milliseconds: number, unit: 'ms' | 's') =>
  unit === 's' ? Math.ceil(milliseconds / 1000) : milliseconds;

export function addToolFilters(work: Work, entry: Entry, native: NativeEntry): void {
  const { client, dialect } = work;
  const everything = client.entry.tools.allow;
  if (dialect.all_tools !== undefined && everything !== null)
    setAt(native, toolPointer(everything), [dialect.all_tools]);
  for (const kind of ['allow', 'deny'] as const) {
    const names = entry.tools?.[kind];
    if (names === undefined) continue;
    if (names.some((name) => name.includes('${'))) {
      report(work, 'error', 'UNKNOWN_REFERENCE', ['tools', kind], 'A tool name cannot hold a reference.');
    }
    const field = client.entry.tools[kind];
    if (field !== null) setAt(native, toolPointer(field), names);
    else lost(work, ['tools', kind], `${client.display_name} has no such tool filter: every tool stays available.`);
  }
}

/** Fields that decide what runs or where data goes: a payload says them itself, where policies look. */
const GUARDED = ['command', 'args', 'env', 'url', 'headers', 'headersHelper', 'type', 'transport'];

/** The client's own words for them. */
function guardedBy({ entry: { stdio, http, sse } }: ClientDefinition): Set<string | null | undefined> {
  const remote = [http, sse].flatMap((facts) => [
    facts?.url_field,
    facts?.headers_field,
    facts?.type?.field,
    ...(facts?.alternate_url_fields ?? []),
  ]);
  const local = [stdio?.command_field, stdio?.args_field, stdio?.env_field, stdio?.type?.field];
  return new Set([...GUARDED, ...local, ...remote]);
}

/** In a list an entry says its own name. */
const isNameField = ({ scopes }: ClientDefinition, field: string) =>
  field === 'name' && scopes.some(({ container }) => container === 'list');

/** Merges the fields that only this client knows. Those of other clients stay in the payload. */
export function addOwnFields(work: Work, entry: Entry, native: NativeEntry): void {
  const { client } = work;
  const guarded = guardedBy(client);
  for (const [field, value] of sorted(entry['x-client']?.[client.client_id])) {
    const place = ['x-client', client.client_id, field];
    const about = aboutHeaders(work, entry, field, value);
    const headers = about === 'beside' ? native[field] : undefined;
    const decided = Object.hasOwn(native, field) || isNameField(client, field) || about === 'over';
    if (guarded.has(field) || (decided && !isObject(headers))) {
      lossy(work, place, 'This field is already decided by the entry itself and cannot be replaced.');
      continue;
    }
    const fault = ownFieldFault(work, entry, field, value);
    if (fault !== undefined) {
      lossy(work, place, fault);
      continue;
    }
    const text = JSON.stringify([field, value]);
    const kinds = ['env', 'secret', 'input'] as const;
    const alien = kinds.find((kind) => text.includes(`\${${kind}:`) && !isOwnSyntax(client, kind));
    if (alien !== undefined) {
      report(
        work,
        'error',
        'SECRET_NOT_RENDERABLE',
        place,
        `${client.display_name} cannot resolve \${${alien}:...} here.`,
      );
    }
    // Sorted keys, so that two spellings of one artifact give the same bytes.
    const own = JSON.parse(canonicalJson(value)) as JsonValue;
    native[field] = isObject(headers) && isObject(own) ? { ...own, ...headers } : own;
  }
}

/**
 * How a field stands to the headers that the payload says, where this client keeps those in a map of that name: `beside`
 * them it says other things about the connection, `over` them it says headers itself or is no map.
 */
function aboutHeaders({ client }: Work, entry: Entry, field: string, value: JsonValue): 'beside' | 'over' | null {
  const facts = isRemote(entry) ? client.entry[entry.type] : null;
  if (facts?.headers_in !== field || facts.headers_field === undefined) return null;
  return isObject(value) && !Object.hasOwn(value, facts.headers_field) ? 'beside' : 'over';
}

const IS_KIND: Readonly<Record<FieldKind, (value: JsonValue) => boolean>> = {
  boolean: (value) => typeof value === 'boolean',
  'positive number': (value) => typeof value === 'number' && value > 0,
  text: (value) => typeof value === 'string',
  'list of texts': (value) => Array.isArray(value) && value.every((item) => typeof item === 'string'),
};

/** Why this client would stumble over a field of its own; some refuse the whole file for one (facts: trap 9). */
function ownFieldFault(work: Work, entry: Entry, field: string, value: JsonValue): string | undefined {
  const { client, dialect } = work;
  const text = JSON.stringify([field, value]);
  if (dialect.executes_values === true && client.references?.markers.some((marker) => text.includes(inJson(marker)))) {
    return `${client.display_name} would run or fill in what is in this field.`;
  }
  if (dialect.own_fields === undefined) return undefined;
  const fields = dialect.own_fields[transportWritten(work, entry)] ?? {};
  const kind = Object.hasOwn(fields, field) ? fields[field] : undefined;
  if (kind === undefined) return `${client.display_name} would refuse its whole file over this field.`;
  return IS_KIND[kind](value) ? undefined : `${client.display_name} would refuse its whole file: this is no ${kind}.`;
}

const inJson = (marker: string) => JSON.stringify(marker).slice(1, -1);

/** A remote entry that the launcher or the bridge serves is one of a local server in the file. */
const transportWritten = ({ launched, dialect }: Work, entry: Entry) =>
  isRemote(entry) && !launched && !dialect.bridged.includes(entry.type) ? entry.type : 'stdio';

const isOwnSyntax = ({ references }: ClientDefinition, kind: 'env' | 'secret' | 'input') =>
  references?.[kind]?.startsWith(`\${${kind}:`) === true;
