import { createScanner, type Node, type ParseError, parseTree } from 'jsonc-parser';
import { EMPTY, type Piece, type Plain, type Read, type Reading, type Span } from './reading.ts';

// Kinds of tokens of jsonc-parser, whose const enum cannot be imported one file at a time.
const [COMMA, LINE_COMMENT, BLOCK_COMMENT, TRIVIA, LINE_BREAK, END] = [5, 12, 13, 15, 14, 17];

interface Token extends Piece {
  kind: number;
}

function tokensOf(text: string): Token[] {
  const scanner = createScanner(text, false);
  const tokens: Token[] = [];
  for (let kind: number = scanner.scan(); kind !== END; kind = scanner.scan()) {
    const start = scanner.getTokenOffset();
    const end = start + scanner.getTokenLength();
    tokens.push({ kind, start, end, text: text.slice(start, end) });
  }
  return tokens;
}

const spanOf = ({ offset, length }: Node): Span => ({ start: offset, end: offset + length });

function plain(node: Node, text: string): Plain {
  const children = node.children ?? [];
  if (node.type === 'array') return { list: children.map((child) => plain(child, text)) };
  if (node.type !== 'object') return { leaf: JSON.stringify(JSON.parse(text.slice(node.offset, spanOf(node).end))) };
  return {
    pairs: children.map(({ children: [key, value] = [] }) => [
      String(key?.value),
      value === undefined ? { leaf: '' } : plain(value, text),
    ]),
  };
}

function collect(node: Node, text: string, into: { scalars: Piece[]; keys: Piece[] }): void {
  const piece = (of: Node): Piece => ({ ...spanOf(of), text: text.slice(of.offset, spanOf(of).end) });
  if (node.type === 'property') {
    const [key, value] = node.children ?? [];
    if (key) into.keys.push(piece(key));
    if (value) collect(value, text, into);
  } else if (node.children === undefined) into.scalars.push(piece(node));
  else for (const child of node.children) collect(child, text, into);
}

const BLANK = [LINE_COMMENT, BLOCK_COMMENT, TRIVIA, LINE_BREAK];

/** Members with their commas: the one behind each, and before the last ones the one that was needed for them. */
function withCommas(chosen: readonly Node[], siblings: readonly Node[], tokens: readonly Token[]): Span[] {
  const comma = (member: Node | undefined): Span[] => {
    const behind = member && tokens.find(({ kind, start }) => start >= spanOf(member).end && !BLANK.includes(kind));
    return behind?.kind === COMMA ? [behind] : [];
  };
  const spans = chosen.flatMap((member) => [spanOf(member), ...comma(member)]);
  const isLast = chosen.length > 0 && siblings.at(-1) === chosen.at(-1);
  const before = siblings.findLast((member) => !chosen.includes(member));
  return isLast && comma(siblings.at(-1)).length === 0 ? [...spans, ...comma(before)] : spans;
}

/** Strict: as a client reads that knows neither comments nor trailing commas. */
export const readJson: Read = (text, pointer, strict): Reading => {
  const errors: ParseError[] = [];
  const root = parseTree(text, errors, {
    disallowComments: strict,
    allowTrailingComma: !strict,
    allowEmptyContent: true,
  });
  if (errors.length > 0) throw new Error(`no JSON: ${errors.length} errors`);
  const tokens = tokensOf(text);
  const comments = tokens.filter(({ kind }) => kind === LINE_COMMENT || kind === BLOCK_COMMENT);
  if (root === undefined) return { ...EMPTY, comments };
  const found = { scalars: [] as Piece[], keys: [] as Piece[] };
  collect(root, text, found);
  const way: Span[][] = [];
  let container: Node | undefined = root;
  for (const key of pointer) {
    const siblings: Node[] = container?.children ?? [];
    const property = siblings.findLast(({ children }) => children?.[0]?.value === key);
    container = property?.children?.[1];
    if (property === undefined) break;
    way.push(withCommas([property], siblings, tokens));
  }
  const members = container?.type === 'object' ? (container.children ?? []) : [];
  const entries = (names: ReadonlySet<string>) => {
    const chosen = members.filter(({ children }) => names.has(String(children?.[0]?.value)));
    return withCommas(chosen, members, tokens);
  };
  return { value: plain(root, text), comments, ...found, entries, way, interior: null };
};
