import { parse as readValues } from 'smol-toml';
import { type AST, ParseError, parseTOML } from 'toml-eslint-parser';
import type { JsonValue } from '../../core/payload.ts';
import type { Document, Member, ObjectNode, ScalarNode, Span, SyntaxNode } from '../../core/splice/types.ts';
import { unparsable } from '../../core/splice/unparsable.ts';

/**
 * TOML 1.0 as a tree of the engine. A table may be written in several places, so that an object says what it consists of:
 * its blocks. A block is a header with its lines, up to the last key and the comment behind it; blank lines and comments
 * after that belong to nobody.
 */

const MAX_DEPTH = 64;

/**
 * How an object came to be: its own header, only as part of the headers of others, dotted keys, or braces. `list`: an array
 * of tables, and `brackets`: an array in one value, which `toml-list.ts` shows as objects.
 */
export type Form = 'root' | 'header' | 'implicit' | 'dotted' | 'inline' | 'list' | 'brackets';

/** Keys, and the numbers of items in arrays of tables. */
export type Path = readonly (string | number)[];

export interface Line {
  key: string;
  /** From the key to the end of the value. */
  span: Span;
  /** To the end of the comment on the same line, if there is one. */
  end: number;
  value: SyntaxNode;
  dotted: boolean;
}

export interface Block extends Span {
  path: Path;
  /** Behind the header and the comment on its line; the start of the file for what stands before every header. */
  headEnd: number;
  lines: Line[];
}

export interface TomlObject extends ObjectNode {
  form: Form;
  /** The header's own block; null for every other form. */
  block: Block | null;
}

interface TomlScalar extends ScalarNode {
  value: JsonValue;
}

export interface TomlDocument extends Document {
  root: TomlObject;
  /** In file order; the first stands before every header, and may be empty. */
  blocks: Block[];
}

/** Every document of this codec was made by `parseToml`. */
export const asToml = (document: Document): TomlDocument => document as TomlDocument;
export const asObject = (node: SyntaxNode | undefined): TomlObject | undefined =>
  node?.kind === 'object' ? (node as TomlObject) : undefined;

/** Both readers have to accept the file: what one of them refuses, an application may refuse too. */
export function parseToml(text: string): TomlDocument {
  const program = readSyntax(text);
  requireSecondReader(text);
  const [top] = program.body;
  const builder = new Builder(text, program.comments);
  const root = object('root', { start: 0, end: text.length });
  const first = builder.block({ path: [], start: 0, headEnd: 0 });
  root.block = first;
  const blocks = [first];
  for (const node of top.body) {
    if (node.type === 'TOMLKeyValue') builder.line(first, root, node);
    else blocks.push(builder.table(root, node));
  }
  return { text, root, blocks };
}

function readSyntax(text: string): AST.TOMLProgram {
  try {
    return parseTOML(text, { tomlVersion: '1.0' });
  } catch (error) {
    if (error instanceof RangeError) throw tooDeep(text, 0);
    if (!(error instanceof ParseError)) throw error;
    const twice = error.message.startsWith('Defining a key multiple times');
    const what = twice ? 'a key or table is defined twice' : 'it is not TOML';
    throw unparsable(text, Math.min(error.index, text.length), twice ? 'duplicate_key' : 'syntax', what);
  }
}

function requireSecondReader(text: string): void {
  try {
    readValues(text, { integersAsBigInt: 'asNeeded' });
  } catch {
    throw unparsable(text, 0, 'syntax', 'not every reader of TOML takes it');
  }
}

const tooDeep = (text: string, at: number) =>
  unparsable(text, at, 'depth', `it is nested deeper than ${MAX_DEPTH} levels`);

const object = (form: Form, { start, end }: Span): TomlObject => ({
  kind: 'object',
  start,
  end,
  members: [],
  form,
  block: null,
});

class Builder {
  readonly #text: string;
  /** Comments by the line end before which they stand: a comment always ends its line. */
  readonly #comments: readonly Span[];
  #comment = 0;

  constructor(text: string, comments: readonly AST.Comment[]) {
    this.#text = text;
    this.#comments = comments.map(({ range: [start, end] }) => ({ start, end }));
  }

  block({ path, start, headEnd }: { path: Block['path']; start: number; headEnd: number }): Block {
    return { path, start, end: headEnd, headEnd, lines: [] };
  }

  table(root: TomlObject, { key, kind, range, resolvedKey, body }: AST.TOMLTable): Block {
    const [start] = range;
    if (resolvedKey.length > MAX_DEPTH) throw tooDeep(this.#text, start);
    const bracket = kind === 'array' ? ']]' : ']';
    const headEnd = this.#behind(this.#text.indexOf(bracket, key.range[1]) + bracket.length);
    const block = this.block({ path: resolvedKey, start, headEnd });
    const node = this.#declare(root, resolvedKey, block);
    for (const pair of body) this.line(block, node, pair);
    spread(root, resolvedKey, block);
    return block;
  }

  /** The object that a header opens, with those on the way to it. */
  #declare(root: TomlObject, path: Path, block: Block): TomlObject {
    const at = { start: block.start, end: block.end };
    let node: TomlObject = root;
    for (const [depth, segment] of path.entries()) {
      if (typeof segment === 'number') continue;
      const next = path[depth + 1];
      const last = depth === path.length - 1 || (depth === path.length - 2 && typeof next === 'number');
      const member = node.members.find(({ key }) => key === segment);
      if (typeof next === 'number') {
        node = elementOf(node, member, segment, next, at);
      } else {
        const found = asObject(member?.value) ?? add(node, segment, at, object('implicit', at));
        node = found;
      }
      if (last) {
        node.form = 'header';
        node.block = block;
      }
    }
    return node;
  }

  line(block: Block, table: TomlObject, { key, value, range: [start] }: AST.TOMLKeyValue): void {
    const names = key.keys.map(nameOf);
    const node = this.#value(value, 1);
    const [first = ''] = names;
    const end = this.#behind(value.range[1]);
    block.lines.push({
      key: first,
      span: { start, end: value.range[1] },
      end,
      value: node,
      dotted: names.length > 1,
    });
    block.end = end;
    assign(table, key, names, node);
  }

  /** The end of the line that holds an offset, with its comment. Offsets come in file order. */
  #behind(offset: number): number {
    while ((this.#comments[this.#comment]?.start ?? Number.POSITIVE_INFINITY) < offset) this.#comment += 1;
    const comment = this.#comments[this.#comment];
    const alone = comment === undefined || /[\n\r]/.test(this.#text.slice(offset, comment.start));
    return endOfLine(this.#text, alone ? offset : comment.end);
  }

  #value(node: AST.TOMLContentNode, depth: number): SyntaxNode {
    const [start, end] = node.range;
    if (depth > MAX_DEPTH) throw tooDeep(this.#text, start);
    if (node.type === 'TOMLArray') {
      return { kind: 'array', start, end, items: node.elements.map((item) => this.#value(item, depth + 1)) };
    }
    if (node.type === 'TOMLValue') return scalarOf(node, this.#text);
    const table = object('inline', { start, end });
    for (const pair of node.body) {
      const names = pair.key.keys.map(nameOf);
      assign(table, pair.key, names, this.#value(pair.value, depth + names.length));
    }
    return table;
  }
}

/** Behind the blanks that follow an offset on its line. */
export function endOfLine(text: string, offset: number): number {
  let end = offset;
  while (text[end] === ' ' || text[end] === '\t') end += 1;
  return end;
}

const nameOf = (key: AST.TOMLBare | AST.TOMLQuoted): string => (key.type === 'TOMLBare' ? key.name : key.value);

function scalarOf(node: AST.TOMLValue, text: string): TomlScalar {
  const [start, end] = node.range;
  return { kind: 'scalar', start, end, value: plainOf(node, text.slice(start, end)) };
}

/** What JSON cannot say (dates, infinity) is its own text: it is compared, and never written by us. */
function plainOf(node: AST.TOMLValue, raw: string): JsonValue {
  if (node.kind === 'string' || node.kind === 'boolean') return node.value;
  if (node.kind === 'integer') return Number.isSafeInteger(Number(node.bigint)) ? Number(node.bigint) : raw;
  return node.kind === 'float' && Number.isFinite(node.value) ? node.value : raw;
}

function add<T extends SyntaxNode>(parent: TomlObject, key: string, at: Span, value: T): T {
  parent.members.push({ key, start: at.start, keyEnd: at.start, value });
  return value;
}

/** The element of an array of tables that a header opens or goes into. */
function elementOf(parent: TomlObject, member: Member | undefined, key: string, index: number, at: Span): TomlObject {
  const array = member?.value.kind === 'array' ? member.value : add(parent, key, at, emptyArray(at));
  const found = asObject(array.items[index]);
  if (found !== undefined) return found;
  const element = object('header', at);
  array.items.push(element);
  return element;
}

const emptyArray = ({ start, end }: Span) => ({ kind: 'array' as const, start, end, items: [] as SyntaxNode[] });

/** Puts the value of a key, dotted or not, into its object. The parsers have refused whatever is defined twice. */
function assign(table: TomlObject, key: AST.TOMLKey, names: readonly string[], value: SyntaxNode): void {
  const [start, keyEnd] = key.range;
  const last = names.at(-1) ?? '';
  let at = table;
  for (const name of names.slice(0, -1)) {
    const found = asObject(at.members.find((member) => member.key === name)?.value);
    at = found ?? add(at, name, { start, end: value.end }, object('dotted', { start, end: value.end }));
    at.end = Math.max(at.end, value.end);
  }
  at.members.push({ key: last, start, keyEnd, value });
}

/** Every object on the way to a block reaches to its end. */
function spread(root: TomlObject, path: Path, block: Block): void {
  let node: SyntaxNode | undefined = root;
  for (const segment of path) {
    if (node?.kind === 'object' && typeof segment === 'string') {
      node = node.members.find(({ key }) => key === segment)?.value;
    } else if (node?.kind === 'array' && typeof segment === 'number') {
      node = node.items[segment];
    }
    if (node !== undefined) node.end = Math.max(node.end, block.end);
  }
}

/** The depth limit bounds the recursion. */
export function tomlValueOf(_document: Document, node: SyntaxNode): JsonValue {
  if (node.kind === 'scalar') return (node as TomlScalar).value;
  if (node.kind === 'array') return node.items.map((item) => tomlValueOf(_document, item));
  const value: { [key: string]: JsonValue } = Object.create(null);
  for (const member of node.members) value[member.key] = tomlValueOf(_document, member.value);
  return value;
}

/** Is `path` this block's own, or above it? */
export const isUnder = (block: Block, path: Path): boolean =>
  path.length <= block.path.length && path.every((segment, i) => segment === block.path[i]);
