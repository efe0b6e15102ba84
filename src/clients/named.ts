import { nullRecord } from '../core/null-record.ts';
import type { JsonValue } from '../core/payload.ts';
import { parseReferences, type ReferencePart } from '../core/references.ts';
import { type NativeEntry, sorted, translateRecord, type Work } from './translate.ts';

/** Environment and headers, for clients that fill in a text and for those that take the name of a variable instead. */

type Texts = Readonly<Record<string, string>>;

export function renderEnv(work: Work, env: Texts, field: string, native: NativeEntry): void {
  const named = work.dialect.named_references;
  const passed = named === undefined ? [] : sorted(env).filter(([name, text]) => variableIn(text) === name);
  const rest = without(env, passed);
  if (passed.length === 0 || Object.keys(rest).length > 0) native[field] = translateRecord(work, 'env', rest);
  if (named !== undefined && passed.length > 0) native[named.env_vars] = passed.map(([name]) => name);
}

export function renderHeaders(work: Work, headers: Texts, field: string, native: NativeEntry): void {
  const named = work.dialect.named_references;
  if (named === undefined) {
    native[field] = translateRecord(work, 'headers', headers);
    return;
  }
  const bearer = sorted(headers)
    .filter(([name, text]) => isAuthorization(name) && variableIn(text, 'Bearer ') !== null)
    .slice(0, 1);
  const whole = sorted(headers).filter(([, text]) => variableIn(text) !== null);
  const rest = without(headers, [...bearer, ...whole]);
  if (Object.keys(rest).length > 0) native[field] = translateRecord(work, 'headers', rest);
  for (const [, text] of bearer) native[named.bearer_token] = variableIn(text, 'Bearer ') ?? '';
  if (whole.length === 0) return;
  native[named.headers] = nullRecord<JsonValue>(whole.map(([name, text]) => [name, variableIn(text) ?? '']));
}

/** The name in a text that is `prefix` and one environment reference, and nothing else. */
function variableIn(text: string, prefix = ''): string | null {
  if (!text.startsWith(prefix)) return null;
  const { parts, problems } = parseReferences(text.slice(prefix.length));
  const [part, more]: (ReferencePart | undefined)[] = parts;
  return problems.length === 0 && part?.kind === 'env' && more === undefined ? part.name : null;
}

/** RFC 9110, section 5.1: field names are case-insensitive. */
const isAuthorization = (header: string) => header.toLowerCase() === 'authorization';

function without(record: Texts, taken: readonly (readonly [string, string])[]): Texts {
  const names = new Set(taken.map(([name]) => name));
  return nullRecord(Object.entries(record).filter(([name]) => !names.has(name)));
}
