import { type JSONVisitor, visit } from 'jsonc-parser';
import type { JsonValue } from '../../core/payload.ts';
import type { Codec, Document, SyntaxNode } from '../../core/splice/types.ts';
import { putJson } from './json-put.ts';
import { type JsonFlavour, parseJson } from './json-syntax.ts';
import { takeJson } from './json-take.ts';

/** Strict JSON: comments and trailing commas make a file unparsable, as they do for its application. */
export const jsonCodec: Codec = codecOf('json');
/** JSON with comments and trailing commas. */
export const jsoncCodec: Codec = codecOf('jsonc');

function codecOf(format: JsonFlavour): Codec {
  return {
    format,
    parse: (text) => parseJson(text, format),
    valueOf: jsonValueOf,
    skeleton: (pointer) => `${JSON.stringify(nestEmpty(pointer), null, 2)}\n`,
    put: putJson,
    take: takeJson,
    outline: (text, skip) => outline(text, skip, format),
  };
}

/** The depth limit of `parse` bounds the recursion. */
function jsonValueOf(document: Document, node: SyntaxNode): JsonValue {
  if (node.kind === 'scalar') return JSON.parse(document.text.slice(node.start, node.end));
  if (node.kind === 'array') return node.items.map((item) => jsonValueOf(document, item));
  const object: { [key: string]: JsonValue } = Object.create(null);
  for (const { key, value } of node.members) object[key] = jsonValueOf(document, value);
  return object;
}

const nestEmpty = (pointer: readonly string[]): JsonValue =>
  pointer.reduceRight<JsonValue>((value, segment) => Object.fromEntries([[segment, value]]), {});

/** Uses the parser of jsonc-parser, where `parse` and the edits use our own. */
export function outline(
  text: string,
  skip: readonly (readonly string[])[],
  format: JsonFlavour,
  isSkipped: (offset: number) => boolean = () => false,
): string[] {
  const seen: string[] = [];
  const skipped = new Set(skip.map((path) => JSON.stringify(path)));
  const lengths = new Set(skip.map(({ length }) => length));
  const path: (string | null)[] = [];
  let depth = 0;
  /** The depth at which a skipped value began, until it ends. */
  let hidden: number | null = null;
  const see = (offset: number, length: number) => {
    if (hidden === null && !isSkipped(offset)) seen.push(text.slice(offset, offset + length));
  };
  const valueEnds = () => {
    if (hidden === depth) hidden = null;
  };
  const opens = (offset: number, length: number) => {
    if (depth === 0 && skipped.has('[]')) hidden = 0;
    see(offset, length);
    path[depth] = null;
    depth += 1;
  };
  const closes = (offset: number, length: number) => {
    depth -= 1;
    see(offset, length);
    valueEnds();
  };
  const visitor: JSONVisitor = {
    onObjectProperty: (name, offset, length) => {
      path[depth - 1] = name;
      if (hidden === null && lengths.has(depth) && skipped.has(JSON.stringify(path.slice(0, depth)))) hidden = depth;
      see(offset, length);
    },
    onLiteralValue: (_, offset, length) => {
      see(offset, length);
      valueEnds();
    },
    onObjectBegin: opens,
    onArrayBegin: opens,
    onObjectEnd: closes,
    onArrayEnd: closes,
    onComment: see,
    onError: (error) => seen.push(`error ${error}`),
  };
  const loose = format === 'jsonc';
  visit(text, visitor, { disallowComments: !loose, allowTrailingComma: loose, allowEmptyContent: true });
  return seen;
}
