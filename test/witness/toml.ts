import { parse } from 'smol-toml';
import { type AST, parseTOML } from 'toml-eslint-parser';
import { EMPTY, type Piece, plainOf, type Read, type Reading, type Span, toLineEnd } from './reading.ts';

type Key = string | number;
interface Found {
  path: Key[];
  node: AST.TOMLTable | AST.TOMLKeyValue;
}

const span = ({ range: [start, end] }: { range: [number, number] }): Span => ({ start, end });
const nameOf = (key: AST.TOMLBare | AST.TOMLQuoted): string => (key.type === 'TOMLBare' ? key.name : key.value);

/** Every table and every pair with its whole path; those in braces too. */
function walk(node: AST.TOMLTable | AST.TOMLKeyValue | AST.TOMLContentNode, path: Key[], found: Found[]): void {
  if (node.type === 'TOMLTable') {
    found.push({ path: node.resolvedKey, node });
    for (const pair of node.body) walk(pair, node.resolvedKey, found);
  } else if (node.type === 'TOMLKeyValue') {
    const whole = [...path, ...node.key.keys.map(nameOf)];
    found.push({ path: whole, node });
    walk(node.value, whole, found);
  } else if (node.type === 'TOMLInlineTable') for (const pair of node.body) walk(pair, path, found);
  else if (node.type === 'TOMLArray') for (const [i, item] of node.elements.entries()) walk(item, [...path, i], found);
}

function scalarsOf(node: AST.TOMLContentNode): AST.TOMLContentNode[] {
  if (node.type === 'TOMLArray') return node.elements.flatMap(scalarsOf);
  return node.type === 'TOMLInlineTable' ? [] : [node];
}

const begins = (path: readonly Key[], head: readonly Key[]) => head.every((key, i) => path[i] === key);

/** The names of the items of a list, by their place. */
function namesIn(found: readonly Found[], pointer: readonly string[]): Map<number, string> {
  const names = new Map<number, string>();
  for (const { path, node } of found) {
    const [place, key] = path.slice(pointer.length);
    const isName = begins(path, pointer) && typeof place === 'number' && key === 'name';
    if (!isName || path.length !== pointer.length + 2 || node.type !== 'TOMLKeyValue') continue;
    if (node.value.type === 'TOMLValue' && node.value.kind === 'string') names.set(place, node.value.value);
  }
  return names;
}

/** Items in brackets with their commas: the one behind each, and before the last ones the one that was needed for them. */
function withCommas(chosen: readonly AST.TOMLContentNode[], { elements }: AST.TOMLArray, text: string): Span[] {
  const comma = (item: AST.TOMLContentNode | undefined): Span[] => {
    const at =
      item === undefined ? -1 : item.range[1] + (/^\s*(?:#.*\s*)*/.exec(text.slice(item.range[1]))?.[0].length ?? 0);
    return text[at] === ',' ? [{ start: at, end: at + 1 }] : [];
  };
  const spans = chosen.flatMap((item) => [span(item), ...comma(item)]);
  const isLast = chosen.length > 0 && elements.at(-1) === chosen.at(-1);
  const before = elements.findLast((item) => !chosen.includes(item));
  return isLast && comma(elements.at(-1)).length === 0 ? [...spans, ...comma(before)] : spans;
}

/** Where the items of a list stand that is one value. */
function inBrackets(
  text: string,
  statement: Span,
  array: AST.TOMLArray,
  listed: ReadonlyMap<number, string>,
): Pick<Reading, 'entries' | 'way' | 'interior'> {
  const [start, end] = array.range;
  const chosen = (names: ReadonlySet<string>) => array.elements.filter((_, i) => names.has(listed.get(i) ?? '\0'));
  return {
    entries: (names) => withCommas(chosen(names), array, text),
    way: [[toLineEnd(text, statement)]],
    interior: { start: start + 1, end: end - 1 },
  };
}

export const readToml =
  (list: boolean): Read =>
  (text, pointer): Reading => {
    const value = plainOf(parse(text, { integersAsBigInt: true }));
    const [top] = parseTOML(text).body;
    const found: Found[] = [];
    for (const node of top.body) walk(node, [], found);
    const piece = (node: { range: [number, number] }): Piece => ({ ...span(node), text: text.slice(...node.range) });
    const comments = parseTOML(text).comments.map(piece);
    if (top.body.length === 0) return { ...EMPTY, comments };
    const pairs = found.flatMap(({ node }) => (node.type === 'TOMLKeyValue' ? [node] : []));
    const heads = found.map(({ node }) => node.key);
    const scalars = pairs.flatMap((pair) => scalarsOf(pair.value)).map(piece);
    const listed = namesIn(found, pointer);
    const entries = (names: ReadonlySet<string>) =>
      found
        .filter(({ path }) => {
          const key = path[pointer.length];
          const name = list ? listed.get(Number(key)) : key;
          return begins(path, pointer) && key !== undefined && name !== undefined && names.has(String(name));
        })
        .map(({ node }) => toLineEnd(text, span(node)));
    const bare = found.find(({ path }) => path.length === pointer.length && begins(path, pointer));
    if (list && bare?.node.type === 'TOMLKeyValue' && bare.node.value.type === 'TOMLArray') {
      const places = inBrackets(text, span(bare.node), bare.node.value, listed);
      return { value, comments, scalars, keys: heads.map(piece), ...places };
    }
    // A head with nothing below it, or an empty pair of brackets: what holds our entries and nothing else.
    const isEmpty =
      bare !== undefined &&
      (bare.node.type === 'TOMLTable'
        ? bare.node.body.length === 0 && bare.node.kind === 'standard'
        : /^[[{]\s*[\]}]$/.test(text.slice(...bare.node.value.range)));
    const interior = isEmpty && bare.node.type === 'TOMLKeyValue' ? toLineEnd(text, span(bare.node)) : null;
    const way = isEmpty ? [[toLineEnd(text, span(bare.node))]] : [];
    return { value, comments, scalars, keys: heads.map(piece), entries, way, interior };
  };
