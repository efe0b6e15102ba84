import { readJson } from './json.ts';
import { itemsOf, member, type Piece, type Plain, pairsOf, type Read, type Reading, type Span } from './reading.ts';
import { readToml } from './toml.ts';
import { readYaml } from './yaml.ts';

/**
 * Looks at a client file before and after somebody wrote into it, and says what happened to everything but the entries
 * that were to be written. It knows nothing of who wrote: it serves for this product and for others alike, reads with
 * parsers alone, and shares no code with the writer.
 */

/** The format of a scope, with its container when that is a list. */
export type Format = 'json' | 'jsonc' | 'toml' | 'toml list' | 'yaml' | 'yaml list';

export interface Case {
  format: Format;
  pointer: readonly string[];
  before: Uint8Array;
  after: Uint8Array;
  /** The names of the entries that may be written, changed or removed. */
  owned: readonly string[];
}

type Of = Pick<Case, 'format' | 'pointer'>;

/** What can happen to what belongs to somebody else. The last one is true of all others as well. */
export const HARMS = {
  unreadable: 'the file cannot be read any more',
  servers: 'a server of somebody else is gone or says something else',
  values: 'something else is gone or says something else',
  order: 'keys stand in another order',
  comments: 'a comment is gone',
  numbers: 'a number is spelled in another way',
  texts: 'a text or a key is spelled in another way',
  line_ends: 'line ends are of another kind',
  mark: 'the byte-order mark came or went',
  bytes: 'any byte differs, blanks included',
} as const;
export type Harm = keyof typeof HARMS;

const READERS: Record<Format, Read> = {
  json: readJson,
  jsonc: readJson,
  toml: readToml(false),
  'toml list': readToml(true),
  yaml: readYaml(false),
  'yaml list': readYaml(true),
};

const MARK = '\uFEFF';
const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

interface Side {
  text: string;
  hasMark: boolean;
  reading: Reading;
}

/** Readings by the bytes they are of: the same ones are looked at again and again. */
const known = new WeakMap<Uint8Array, Map<string, Side>>();

function sideOf(bytes: Uint8Array, of: Of): Side {
  const key = JSON.stringify([of.format, of.pointer]);
  const sides = known.get(bytes) ?? new Map<string, Side>();
  const side = sides.get(key) ?? newSide(bytes, of);
  known.set(bytes, sides.set(key, side));
  return side;
}

function newSide(bytes: Uint8Array, { format, pointer }: Of): Side {
  const whole = strictUtf8.decode(bytes);
  const hasMark = whole.startsWith(MARK);
  const text = hasMark ? whole.slice(1) : whole;
  return { text, hasMark, reading: READERS[format](text, pointer, format === 'json') };
}

/** Can this file be read at all, by a reader of the format? */
export function isReadable(bytes: Uint8Array, of: Of): boolean {
  try {
    sideOf(bytes, of);
    return true;
  } catch {
    return false;
  }
}

const containerOf = (value: Plain | null, pointer: readonly string[]) =>
  pointer.reduce<Plain | null | undefined>((at, key) => member(at, key), value);

/** What JSON has no word for, dates and infinite numbers, stays as it is told in `plainOf`. */
function leafOf(value: Plain | undefined): unknown {
  if (value === undefined || !('leaf' in value)) return undefined;
  return /^(?:date|-?Infinity|NaN)/.test(value.leaf) ? { odd: value.leaf } : JSON.parse(value.leaf);
}

/** The entries in file order. Items of a list by their name and without it; those without a name by their number. */
function serversIn(value: Plain | null, { format, pointer }: Of): [string, Plain][] {
  const container = containerOf(value, pointer);
  if (!format.endsWith('list')) return pairsOf(container);
  let nameless = 0;
  return itemsOf(container).map((item) => {
    const name = leafOf(member(item, 'name'));
    if (typeof name !== 'string') return [`#${nameless++}`, item];
    return [name, { pairs: pairsOf(item).filter(([key]) => key !== 'name') }];
  });
}

function jsonOf(value: Plain): unknown {
  if ('list' in value) return value.list.map(jsonOf);
  if ('pairs' in value) return Object.fromEntries(value.pairs.map(([key, it]) => [key, jsonOf(it)]));
  return leafOf(value);
}

/** What a reader of the format finds under the pointer: names and values, the last of equal names. */
export const entriesIn = (bytes: Uint8Array, of: Of): Map<string, unknown> =>
  new Map(serversIn(sideOf(bytes, of).reading.value, of).map(([name, value]) => [name, jsonOf(value)]));

/** The names that stand there more than once. */
export function repeatedIn(bytes: Uint8Array, of: Of): Set<string> {
  const names = serversIn(sideOf(bytes, of).reading.value, of).map(([name]) => name);
  return new Set(names.filter((name, i) => names.indexOf(name) !== i));
}

/** Everything but the servers, and without containers on the way that hold nothing else. */
function restOf(value: Plain | null, pointer: readonly string[]): Plain | null {
  const [key, ...deeper] = pointer;
  if (key === undefined) return null;
  const pairs = pairsOf(value).flatMap(([name, it]): [string, Plain][] => {
    if (name !== key) return [[name, it]];
    const rest = restOf(it, deeper);
    return rest === null ? [] : [[name, rest]];
  });
  return pairs.length === 0 ? null : { pairs };
}

function sorted(value: Plain): Plain {
  if ('list' in value) return { list: value.list.map(sorted) };
  if (!('pairs' in value)) return value;
  const pairs = value.pairs.map(([key, it]): [string, Plain] => [key, sorted(it)]);
  // Members of one key keep their order: the last one counts.
  return { pairs: pairs.toSorted(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)) };
}
const same = (a: unknown, b: unknown) => JSON.stringify(a) === JSON.stringify(b);
const sameSorted = (a: Plain | null, b: Plain | null) => same(a && sorted(a), b && sorted(b));

/** The parts of a text that are somebody else's. What lies between two of them is an entry, with the blanks around it. */
function cutsOf(side: Side, other: Side, names: ReadonlySet<string>, of: Case): Span[] {
  const { reading } = side;
  const left = serversIn(reading.value, of).filter(([name]) => !names.has(name));
  if (left.length > 0) return reading.entries(names);
  // A container that holds nothing else belongs to the entries where the other text does not have it.
  const braces = of.format.startsWith('json') && other.reading.value === null;
  if (braces && restOf(reading.value, of.pointer) === null) return [wholeValue(side)];
  const missing = other.reading.way.length;
  const way = reading.way[missing];
  const alone = way !== undefined && containsOnly(reading.value, of.pointer, missing + 1);
  if (alone) return [...way, ...reading.entries(names)];
  return [...(reading.interior ? [reading.interior] : []), ...reading.entries(names)];
}

function containsOnly(value: Plain | null, pointer: readonly string[], depth: number): boolean {
  if (depth >= pointer.length) return true;
  const held = pairsOf(containerOf(value, pointer.slice(0, depth)));
  return held.every(([key]) => key === pointer[depth]) && containsOnly(value, pointer, depth + 1);
}

/** From the first to the last thing that is neither blank nor comment. */
function wholeValue({ reading: { comments }, text }: Side): Span {
  const solid = comments.reduce(
    (rest, { start, end }) => rest.slice(0, start) + ' '.repeat(end - start) + rest.slice(end),
    text,
  );
  const start = solid.length - solid.trimStart().length;
  return { start, end: solid.trimEnd().length };
}

function segmentsOf(text: string, cuts: readonly Span[]): string[] {
  const segments: string[] = [];
  let at = 0;
  for (const { start, end } of cuts.toSorted((a, b) => a.start - b.start)) {
    if (end <= at) continue;
    segments.push(text.slice(at, Math.max(start, at)));
    at = end;
  }
  segments.push(text.slice(at));
  return segments.map((segment, i) => {
    const head = i === 0 ? segment : segment.trimStart();
    return i === segments.length - 1 ? head : head.trimEnd();
  });
}

/** Equal to the byte; only where an entry was cut out of one of them, blanks around it do not count. */
function sameOutside(a: readonly string[], b: readonly string[]): boolean {
  let [[left = '', ...lefts], [right = '', ...rights]] = [a, b];
  for (;;) {
    const length = Math.min(left.length, right.length);
    if (left.slice(0, length) !== right.slice(0, length)) return false;
    [left, right] = [left.slice(length), right.slice(length)];
    const [next, other] = [left === '' ? lefts.shift() : undefined, right === '' ? rights.shift() : undefined];
    if (next === undefined && other === undefined) return left === '' && right === '';
    [left, right] = [(next ?? left).trimStart(), (other ?? right).trimStart()];
  }
}

const lineEndsOf = (text: string) => new Set(text.match(/\r\n|\n|\r/g));
/** A kind that was not there came in, or one is gone from bytes that changed. A text of one line has none to keep. */
function otherLineEnds(before: string, foreign: string, after: string): boolean {
  const [old, kept, now] = [lineEndsOf(before), lineEndsOf(foreign), lineEndsOf(after)];
  return old.size > 0 && (!now.isSubsetOf(old) || !kept.isSubsetOf(now));
}
const isNumber = ({ text }: Piece) => /^[-+.]?\d/.test(text);

/** Everything that happened outside the owned entries; none: not a byte. */
export function harmsOf(of: Case): Harm[] {
  if (Buffer.compare(of.before, of.after) === 0) return [];
  const before = sideOf(of.before, of);
  let after: Side;
  try {
    after = sideOf(of.after, of);
  } catch {
    return ['unreadable', 'bytes'];
  }
  const names = new Set(of.owned);
  const cuts = [cutsOf(before, after, names, of), cutsOf(after, before, names, of)] as const;
  const [was, is] = [segmentsOf(before.text, cuts[0]), segmentsOf(after.text, cuts[1])];
  const servers = [before, after].map(({ reading }) =>
    serversIn(reading.value, of).filter(([name]) => !names.has(name)),
  );
  const rests = [before, after].map(({ reading }) => restOf(reading.value, of.pointer)) as [Plain | null, Plain | null];
  const [older, newer] = servers.map((pairs) => ({ pairs })) as [Plain, Plain];
  const outside = (pieces: readonly Piece[], spans: readonly Span[]) =>
    pieces.filter(({ start }) => !spans.some((span) => span.start <= start && start < span.end)).map((p) => p.text);
  const differ = (pick: (reading: Reading) => Piece[], ordered = false) => {
    const [a, b] = [outside(pick(before.reading), cuts[0]), outside(pick(after.reading), cuts[1])];
    return ordered ? !same(a, b) : !same(a.toSorted(), b.toSorted());
  };
  const bytes = before.hasMark !== after.hasMark || !sameOutside(was, is);
  const found: Record<Exclude<Harm, 'unreadable'>, boolean> = {
    servers: !sameSorted(older, newer),
    values: !sameSorted(...rests),
    order: (!same(older, newer) && sameSorted(older, newer)) || (!same(...rests) && sameSorted(...rests)),
    comments: differ(({ comments }) => comments),
    numbers: differ(({ scalars }) => scalars.filter(isNumber)),
    texts: differ(({ scalars }) => scalars.filter((piece) => !isNumber(piece))) || differ(({ keys }) => keys),
    line_ends: otherLineEnds(before.text, bytes ? was.join(' ') : '', after.text),
    mark: before.hasMark !== after.hasMark,
    bytes,
  };
  return (Object.keys(found) as Exclude<Harm, 'unreadable'>[]).filter((harm) => found[harm]);
}
