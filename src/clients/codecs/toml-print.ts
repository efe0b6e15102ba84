import type { JsonValue } from '../../core/payload.ts';
import { isObject } from '../../core/splice/equality.ts';
import { refuse } from '../../core/splice/verify.ts';
import type { Path } from './toml-syntax.ts';

/** Values of JSON in the spelling of TOML 1.0. */

const BARE_KEY = /^[A-Za-z0-9_-]+$/;

/** A basic string. JSON escapes all that TOML wants escaped, except DEL. */
function textOf(text: string): string {
  if (!text.isWellFormed()) throw refuse('not_expressible', 'TOML cannot hold half of a surrogate pair');
  return JSON.stringify(text).replaceAll('\u007f', '\\u007f');
}

export const keyOf = (key: string): string => (BARE_KEY.test(key) ? key : textOf(key));

/** A path that ends with a number is that of an item, and numbers on the way are those of the items before. */
export function headerOf(path: Path): string {
  const header = `[${path.flatMap((key) => (typeof key === 'string' ? [keyOf(key)] : [])).join('.')}]`;
  return typeof path.at(-1) === 'number' ? `[${header}]` : header;
}

/** On one line, maps in braces. Throws WRITE_FAILED for null, which TOML does not have. */
export function inlineOf(value: JsonValue, raws: ReadonlyMap<string, string> = new Map()): string {
  if (value === null) throw refuse('not_expressible', 'TOML has no null');
  if (typeof value === 'string') return textOf(value);
  if (Array.isArray(value)) return `[${value.map((item) => inlineOf(item)).join(', ')}]`;
  if (!isObject(value)) return String(value);
  const pairs = Object.entries(value).map(([key, member]) => `${keyOf(key)} = ${raws.get(key) ?? inlineOf(member)}`);
  for (const [key, raw] of raws) if (!Object.hasOwn(value, key)) pairs.push(`${keyOf(key)} = ${raw}`);
  return pairs.length === 0 ? '{}' : `{ ${pairs.join(', ')} }`;
}

export const lineOf = (key: string, value: JsonValue): string => `${keyOf(key)} = ${inlineOf(value)}`;

/** Maps that get a table of their own: an empty one is said in braces. */
export const isTable = (value: JsonValue): value is { [key: string]: JsonValue } =>
  isObject(value) && Object.keys(value).length > 0;

/** A table with its direct sub-tables, a blank line between; without a line end behind the last line. */
export function tableOf(path: Path, value: { [key: string]: JsonValue }, eol: string): string {
  const members = Object.entries(value);
  const lines = members.filter(([, member]) => !isTable(member)).map(([key, member]) => lineOf(key, member));
  const tables = members.flatMap(([key, member]) => (isTable(member) ? [subTableOf([...path, key], member, eol)] : []));
  return [[headerOf(path), ...lines].join(eol), ...tables].join(eol + eol);
}

export const subTableOf = (path: Path, value: { [key: string]: JsonValue }, eol: string): string =>
  [headerOf(path), ...Object.entries(value).map(([key, member]) => lineOf(key, member))].join(eol);
