/** Offsets are UTF-16 code units; `end` is exclusive. */
export interface Span {
  start: number;
  end: number;
}

export interface Piece extends Span {
  text: string;
}

/** A value as a reader of the format sees it: maps are lists of pairs in file order, so that order and duplicates count. */
export type Plain = { leaf: string } | { list: Plain[] } | { pairs: [string, Plain][] };

/**
 * What a reading that has nothing to do with the writer says about a text without its byte-order mark.
 * Everything has its place, so that what belongs to an entry can be left out.
 */
export interface Reading {
  /** Null: a text without a value. */
  value: Plain | null;
  comments: Piece[];
  /** Values that are no containers, as they are spelled, in file order. */
  scalars: Piece[];
  /** Keys, as they are spelled, in file order. */
  keys: Piece[];
  /** Where the entries with one of these names stand, with what separates them from others. */
  entries(names: ReadonlySet<string>): Span[];
  /** The whole members on the way to the entries, outermost first; as many as there are. Each may be in several pieces. */
  way: Span[][];
  /** What is between the borders of the innermost container, when the format has to change those for an empty one. */
  interior: Span | null;
}

export type Read = (text: string, pointer: readonly string[], strict: boolean) => Reading;

export const EMPTY: Reading = {
  value: null,
  comments: [],
  scalars: [],
  keys: [],
  entries: () => [],
  way: [],
  interior: null,
};

export const pairsOf = (value: Plain | null | undefined): [string, Plain][] =>
  value && 'pairs' in value ? value.pairs : [];
export const itemsOf = (value: Plain | null | undefined): Plain[] => (value && 'list' in value ? value.list : []);
export const member = (value: Plain | null | undefined, key: string): Plain | undefined =>
  pairsOf(value).findLast(([name]) => name === key)?.[1];

/** Of values that a library made of a text. */
export function plainOf(value: unknown): Plain {
  if (Array.isArray(value)) return { list: value.map(plainOf) };
  if (value instanceof Map) return { pairs: [...value].map(([key, it]) => [String(key), plainOf(it)]) };
  if (value instanceof Date) return { leaf: `date ${value.toISOString()}` };
  if (typeof value === 'object' && value !== null) {
    return { pairs: Object.entries(value).map(([key, it]) => [key, plainOf(it)]) };
  }
  if (typeof value === 'bigint') return { leaf: value.toString() };
  return { leaf: typeof value === 'number' && !Number.isFinite(value) ? String(value) : JSON.stringify(value ?? null) };
}

/** To the end of its line, so that a comment behind an entry counts as the entry's. */
export function toLineEnd(text: string, { start, end }: Span): Span {
  const rest = /^[^\r\n]*/.exec(text.slice(end))?.[0] ?? '';
  return { start, end: end + rest.length };
}
