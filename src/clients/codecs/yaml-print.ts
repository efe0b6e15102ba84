import { AppError } from '../../core/errors.ts';
import { nullRecord } from '../../core/null-record.ts';
import type { JsonValue } from '../../core/payload.ts';
import { isObject, without } from '../../core/splice/equality.ts';

/** Values in the spelling that every reader takes for the same, whichever version of YAML it knows. */

export interface YamlStyle {
  eol: string;
  /** How much deeper the members of a map stand. */
  unit: number;
  /** How much deeper the dashes of a list stand than its key. */
  dash: number;
}

export const PLAIN_STYLE: YamlStyle = { eol: '\n', unit: 2, dash: 2 };

/** Truth values and nulls of YAML 1.1 and 1.2, and what some readers add to them. */
const RESERVED = /^(?:y|n|yes|no|on|off|true|false|null|nan|inf|infinity)$/i;
/** A letter, `/` or `_` in front keeps numbers, dates and every special character out. */
const PLAIN = /^[A-Za-z_/](?:[A-Za-z0-9_./@+=~-]|:(?=[^\s]))*(?: (?:[A-Za-z0-9_./@+=~-]|:(?=[^\s]))+)*$/;
/** Inside brackets some readers take colons, too, for the end of a text. */
const PLAIN_IN_FLOW = /^[A-Za-z_/][A-Za-z0-9_./-]*$/;

export const textOf = (text: string, flow = false): string =>
  (flow ? PLAIN_IN_FLOW : PLAIN).test(text) && !RESERVED.test(text) ? text : quoted(text);

function quoted(text: string): string {
  if (!text.isWellFormed()) {
    throw new AppError('WRITE_FAILED', 'YAML cannot say half of a surrogate pair.', { reason: 'not_expressible' });
  }
  // Line ends that only some readers see, and what may not stand in a file as it is.
  return JSON.stringify(text).replaceAll(
    /[\u007f-\u009f\u2028\u2029\ufeff\ufffe\uffff]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** Older readers want a point in every number that has an exponent. */
const numberOf = (value: number) => JSON.stringify(value).replace(/^(-?\d+)e/, '$1.0e');

function scalarOf(value: string | number | boolean | null, flow: boolean): string {
  if (typeof value === 'string') return textOf(value, flow);
  return typeof value === 'number' ? numberOf(value) : String(value);
}

/** On one line. `raws` are members that stay as they are written. */
export function flowOf(value: JsonValue, raws: readonly string[] = []): string {
  if (Array.isArray(value)) return `[${value.map((item) => flowOf(item)).join(', ')}]`;
  if (!isObject(value)) return scalarOf(value, true);
  const members = Object.entries(value).map(([key, member]) => `${textOf(key, true)}: ${flowOf(member)}`);
  return `{${[...members, ...raws].join(', ')}}`;
}

/** What stands behind the colon of a key in that column: on its line, or on lines of its own. */
export function behindKey(value: JsonValue, column: number, style: YamlStyle): string {
  const lines = Array.isArray(value)
    ? itemsOf(value, column + style.dash, style)
    : isObject(value)
      ? membersOf(value, column + style.unit, style)
      : [];
  if (lines.length > 0) return style.eol + lines.join(style.eol);
  return ` ${typeof value === 'object' && value !== null ? flowOf(value) : scalarOf(value, false)}`;
}

/** One line, or several, for each member. */
export function membersOf(value: { [key: string]: JsonValue }, column: number, style: YamlStyle): string[] {
  return Object.entries(value).map(
    ([key, member]) => `${' '.repeat(column)}${textOf(key)}:${behindKey(member, column, style)}`,
  );
}

export function itemsOf(items: readonly JsonValue[], column: number, style: YamlStyle): string[] {
  return items.map((item) => `${' '.repeat(column)}-${behindDash(item, column, style)}`);
}

export function behindDash(item: JsonValue, column: number, style: YamlStyle): string {
  if (!isObject(item) || Object.keys(item).length === 0) {
    return ` ${typeof item === 'object' && item !== null ? flowOf(item) : scalarOf(item, false)}`;
  }
  return ` ${membersOf(item, column + 2, style)
    .join(style.eol)
    .trimStart()}`;
}

/** The item of a list, with its name in front. */
export const named = (name: string, value: JsonValue): JsonValue =>
  Object.assign(Object.create(null), { name }, isObject(value) ? without(value, ['name']) : {});

/** The containers on the way to the entries; `inner` gives what stands behind the innermost key. */
export function nested(
  [segment = '', ...deeper]: readonly string[],
  column: number,
  style: YamlStyle,
  inner: (column: number) => string,
): string {
  const below = deeper.length === 0 ? inner(column) : style.eol + nested(deeper, column + style.unit, style, inner);
  return `${' '.repeat(column)}${textOf(segment)}:${below}`;
}

/** A whole file with nothing but these entries. */
export function yamlDocumentOf(
  pointer: readonly string[],
  entries: readonly (readonly [string, JsonValue])[],
  list: boolean,
): string {
  const value = list ? entries.map(([name, entry]) => named(name, entry)) : nullRecord(entries);
  return `${nested(pointer, 0, PLAIN_STYLE, (column) => behindKey(value, column, PLAIN_STYLE))}\n`;
}
