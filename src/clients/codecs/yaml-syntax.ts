import {
  type Alias,
  type Document as Composed,
  type CST,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  type Pair,
  type ParsedNode,
  parseAllDocuments,
  type Scalar,
  type YAMLMap,
  type YAMLSeq,
} from 'yaml';
import type { JsonValue } from '../../core/payload.ts';
import type { ArrayNode, Document, Member, ObjectNode, ScalarNode, SyntaxNode } from '../../core/splice/types.ts';
import { unparsable } from '../../core/splice/unparsable.ts';

/**
 * One YAML document as a tree of the engine. A value begins behind the colon (or the dash) and ends with its last
 * character, or with its last line when it has lines of its own: so what stands for a value can be put back as it was,
 * indentation and comments included. Comments behind that end are nobody's.
 */

const MAX_DEPTH = 64;
/** The parser needs seconds for a mebibyte. No person writes a configuration of that size. */
const MAX_LENGTH = 256 * 1024;

/** What makes a part of a file say more than its text does: it is never changed by us. */
export interface Odd {
  at: number;
  reason: string;
}

const WHAT: Readonly<Record<string, string>> = {
  anchor: 'an anchor stands there, and other places may mean it',
  alias: 'an alias stands there, and its value stands elsewhere',
  tag: 'a tag stands there',
  merge_key: 'a merge key (<<) stands there, and its values stand elsewhere',
  complex_key: 'a key stands there that is no simple text',
  duplicate_key: 'this key occurs twice, and clients differ in which one they read',
};

export const refuseOdd = ({ text }: Document, { at, reason }: Odd) =>
  unparsable(text, at, reason, `${WHAT[reason]}; write it without, or change this entry yourself`);

interface Extra {
  /** On this node itself, or a merge key right in it. */
  props: Odd | null;
  /** The first odd thing anywhere in it. */
  odd: Odd | null;
}
export interface YamlScalar extends ScalarNode, Extra {
  value: JsonValue;
  /** The line end behind a block of text belongs to its value, and with `keep` every blank line that follows. */
  open: 'no' | 'clip' | 'keep';
}
export interface YamlArray extends ArrayNode, Extra {
  flow: boolean;
  /** Of the dashes. */
  column: number;
}
export interface YamlObject extends ObjectNode, Extra {
  /** `none`: a key without a value, which may become a map. `list`: a sequence whose maps are its members by name. */
  form: 'block' | 'flow' | 'none' | 'list' | 'flow list';
  /** Of the keys, or of the dashes. */
  column: number;
  /** Every pair or item in file order, also what is no member: complex keys, the name of an item, items without one. */
  all: Member[];
}
export type YamlNode = YamlScalar | YamlArray | YamlObject;

export interface YamlDocument extends Document {
  root: SyntaxNode | null;
  /** The container of the entries is a sequence. */
  list: boolean;
}

/** Every document and node of this codec was made by `parseYaml`. */
export const asYaml = (document: Document): YamlDocument => document as YamlDocument;
export const asNode = (node: SyntaxNode): YamlNode => node as YamlNode;
export const asObject = (node: SyntaxNode | null | undefined): YamlObject | undefined =>
  node?.kind === 'object' ? (node as YamlObject) : undefined;

export function parseYaml(text: string, list: boolean): YamlDocument {
  if (text.length > MAX_LENGTH) throw unparsable('', 0, 'too_large', 'it is YAML of more than 256 KiB');
  const lone = /\r(?!\n)/.exec(text);
  if (lone !== null) throw unparsable(text, lone.index, 'syntax', 'a carriage return stands there without a line feed');
  const [document, second] = compose(text);
  if (second !== undefined) {
    throw unparsable(text, second.range[0], 'multi_document', 'it holds several YAML documents');
  }
  const contents = document?.contents ?? null;
  if (contents === null || isEmpty(contents)) return { text, root: null, list };
  return { text, root: new Builder(text, list).node(contents, contents.range[0], { depth: 0, listable: list }), list };
}

function compose(text: string): Composed.Parsed[] {
  const options = { keepSourceTokens: true, uniqueKeys: false, prettyErrors: false, logLevel: 'silent' } as const;
  const documents = parseAllDocuments(text, options);
  if (!Array.isArray(documents)) return [];
  for (const { errors } of documents) {
    const [error] = errors;
    if (error === undefined) continue;
    const deep = error.code === 'RESOURCE_EXHAUSTION';
    const at = Math.min(error.pos[0], text.length);
    throw unparsable(text, at, deep ? 'depth' : 'syntax', deep ? TOO_DEEP : 'it is not YAML');
  }
  return documents as Composed.Parsed[];
}

const TOO_DEEP = `it is nested deeper than ${MAX_DEPTH} levels`;

/** A node of which nothing stands in the file. */
const isEmpty = (node: ParsedNode) =>
  isScalar(node) && node.type === 'PLAIN' && node.source === '' && !node.anchor && !node.tag;

interface Place {
  depth: number;
  /** No sequence is around it: if it is one itself, its items have names. */
  listable: boolean;
}

class Builder {
  readonly #text: string;
  readonly #list: boolean;

  constructor(text: string, list: boolean) {
    this.#text = text;
    this.#list = list;
  }

  node(node: ParsedNode | null, start: number, place: Place): YamlNode {
    if (node === null || isEmpty(node)) return this.#none(start);
    if (place.depth > MAX_DEPTH) throw unparsable(this.#text, node.range[0], 'depth', TOO_DEEP);
    if (isMap(node)) return this.#map(node as YAMLMap.Parsed, start, place);
    if (isSeq(node)) return this.#sequence(node as YAMLSeq.Parsed, start, place);
    return this.#scalar(node as Scalar.Parsed | Alias.Parsed, start);
  }

  #none(start: number): YamlObject {
    return { kind: 'object', form: 'none', start, end: start, column: 0, members: [], all: [], props: null, odd: null };
  }

  #scalar(node: Scalar.Parsed | Alias.Parsed, start: number): YamlScalar {
    const end = this.#withoutBreak(node);
    const props = isAlias(node) ? { at: node.range[0], reason: 'alias' } : propsOf(node);
    const raw = this.#text.slice(node.range[0], end);
    const header = isAlias(node) || !node.type?.startsWith('BLOCK_') ? '-' : (/^.[-+0-9]*/.exec(raw)?.[0] ?? '');
    const open = header.includes('-') ? 'no' : header.includes('+') ? 'keep' : 'clip';
    return { kind: 'scalar', start, end, value: plainOf(node, raw), open, props, odd: props };
  }

  /** The last line break of a block scalar ends its line, like that of any other value. */
  #withoutBreak(node: Scalar.Parsed | Alias.Parsed): number {
    const [start, end] = node.range;
    if (isAlias(node) || !node.type?.startsWith('BLOCK_')) return end;
    const last = /\r?\n$/.exec(this.#text.slice(start, end));
    return end - (last?.[0].length ?? 0);
  }

  #map(map: YAMLMap.Parsed, start: number, { depth, listable }: Place): YamlObject {
    const all: Member[] = [];
    const members: Member[] = [];
    let merge: Odd | null = null;
    let odd: Odd | null = null;
    const seen = new Set<string>();
    for (const pair of map.items as Pair<ParsedNode, ParsedNode | null>[]) {
      const member = this.#member(pair, { depth: depth + 1, listable });
      all.push(member);
      const complex = oddKey(pair);
      if (complex === null) {
        members.push(member);
        if (member.key === '<<') merge ??= { at: member.start, reason: 'merge_key' };
        if (seen.has(member.key)) odd ??= { at: member.start, reason: 'duplicate_key' };
        seen.add(member.key);
      }
      if (complex !== null) odd ??= { at: member.start, reason: complex };
      odd ??= asNode(member.value).odd;
    }
    const props = propsOf(map) ?? merge;
    const form = map.flow ? ('flow' as const) : ('block' as const);
    const end = map.flow ? map.range[1] : lineEnd(this.#text, all.at(-1)?.value.end ?? map.range[1]);
    const column = columnOf(this.#text, all[0]?.start ?? map.range[0]);
    return { kind: 'object', form, start, end, column, members, all, props, odd: props ?? odd };
  }

  #member(pair: Pair<ParsedNode, ParsedNode | null>, place: Place): Member {
    const token = pair.srcToken as Partial<CST.CollectionItem> | undefined;
    const [keyStart] = pair.key.range;
    // The range of a collection in a key goes on to the next thing that follows.
    const keyEnd = this.node(pair.key, keyStart, { ...place, listable: false }).end;
    const before = token?.start?.find(({ type }) => ['anchor', 'tag', 'explicit-key-ind'].includes(type));
    const colon = token?.sep?.find(({ type }) => type === 'map-value-ind');
    const from = colon === undefined ? keyEnd : colon.offset + 1;
    const value = this.node(pair.value, from, place);
    return { key: keyOf(pair.key), start: Math.min(keyStart, before?.offset ?? keyStart), keyEnd, value };
  }

  #sequence(sequence: YAMLSeq.Parsed, start: number, { depth, listable }: Place): YamlNode {
    const tokens = (sequence.srcToken?.items ?? []) as Partial<CST.CollectionItem>[];
    const dashes = tokens.flatMap(({ start: before = [] }) => before.filter(({ type }) => type === 'seq-item-ind'));
    const nodes = sequence.items as ParsedNode[];
    const dashed = sequence.flow !== true;
    const items = nodes.map((item, i) => {
      const at = dashed ? (dashes[i]?.offset ?? item.range[0]) : item.range[0];
      return { at, value: this.node(item, dashed ? at + 1 : at, { depth: depth + 1, listable: false }) };
    });
    const props = propsOf(sequence);
    const column = columnOf(this.#text, items[0]?.at ?? sequence.range[0]);
    const end = dashed ? lineEnd(this.#text, items.at(-1)?.value.end ?? sequence.range[1]) : sequence.range[1];
    const odd = props ?? items.find(({ value }) => value.odd !== null)?.value.odd ?? null;
    const common = { start, end, column, props, odd };
    if (!this.#list || !listable) {
      return { kind: 'array', flow: !dashed, items: items.map(({ value }) => value), ...common };
    }
    const named = items.map(({ at, value }) => nameItem(at, value));
    const members = named.flatMap(({ name, member }) => (name === undefined ? [] : [member]));
    const form = dashed ? ('list' as const) : ('flow list' as const);
    return { kind: 'object', form, members, all: named.map(({ member }) => member), ...common };
  }
}

/** The item of a list as an entry: its value is the map without the name. */
function nameItem(at: number, value: YamlNode): { name: string | undefined; member: Member } {
  const map = asObject(value);
  const [field, second] = map?.members.filter(({ key }) => key === 'name') ?? [];
  const node = field && asNode(field.value);
  const name = node?.kind === 'scalar' && node.props === null ? node.value : undefined;
  if (map === undefined || second !== undefined || typeof name !== 'string') {
    return { name: undefined, member: { key: '', start: at, keyEnd: at + 1, value } };
  }
  const rest = { ...map, members: map.members.filter((member) => member !== field) };
  return { name, member: { key: name, start: at, keyEnd: at + 1, value: rest } };
}

function propsOf(node: { anchor?: string; tag?: string; range: [number, number, number] }): Odd | null {
  if (node.anchor !== undefined) return { at: node.range[0], reason: 'anchor' };
  return node.tag === undefined ? null : { at: node.range[0], reason: 'tag' };
}

function oddKey({ key, srcToken }: Pair<ParsedNode, ParsedNode | null>): string | null {
  const explicit = (srcToken as { explicitKey?: boolean } | undefined)?.explicitKey === true;
  if (explicit || !isScalar(key) || isEmpty(key)) return 'complex_key';
  return propsOf(key)?.reason ?? null;
}

/** A number or a truth value as a key is its own text. */
const keyOf = (key: ParsedNode): string =>
  !isScalar(key) ? '' : typeof key.value === 'string' ? key.value : (key.source ?? '');

/** What JSON cannot say is its own text: it is compared, and never written by us. */
function plainOf(node: Scalar.Parsed | Alias.Parsed, raw: string): JsonValue {
  if (isAlias(node) || node.tag !== undefined) return raw;
  const { value } = node as { value: unknown };
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return value;
  const exact = typeof value === 'number' && Number.isFinite(value);
  return exact && (!Number.isInteger(value) || Number.isSafeInteger(value) || /[.eE]/.test(raw)) ? value : raw;
}

/** Before the line break, and behind the comment that may stand on the line. */
export function lineEnd(text: string, offset: number): number {
  const end = text.indexOf('\n', offset);
  if (end < 0) return text.length;
  return end > offset && text[end - 1] === '\r' ? end - 1 : end;
}

function columnOf(text: string, offset: number): number {
  return offset - (text.lastIndexOf('\n', offset - 1) + 1);
}

/** Objects without prototype; the depth limit bounds the recursion. */
export function yamlValueOf(_document: Document, node: SyntaxNode): JsonValue {
  if (node.kind === 'scalar') return (node as YamlScalar).value;
  if (node.kind === 'array') return node.items.map((item) => yamlValueOf(_document, item));
  const { form, all, members } = node as YamlObject;
  if (form === 'none') return null;
  if (form === 'list' || form === 'flow list') return all.map(({ value }) => wholeOf(_document, value));
  return recordOf(_document, members);
}

/** With the name, which is none of the members of an item. */
const wholeOf = (document: Document, node: SyntaxNode): JsonValue =>
  node.kind === 'object' && (node as YamlObject).form !== 'none'
    ? recordOf(document, (node as YamlObject).all)
    : yamlValueOf(document, node);

function recordOf(document: Document, members: readonly Member[]): JsonValue {
  const value: { [key: string]: JsonValue } = Object.create(null);
  for (const member of members) value[member.key] = yamlValueOf(document, member.value);
  return value;
}
