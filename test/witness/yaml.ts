import {
  isMap,
  isPair,
  isScalar,
  isSeq,
  Lexer,
  type Node,
  type Pair,
  parse,
  parseAllDocuments,
  visit,
  type YAMLMap,
  type YAMLSeq,
} from 'yaml';
import { EMPTY, type Piece, plainOf, type Read, type Reading, type Span, toLineEnd } from './reading.ts';

/** The lexer marks a scalar with a sign of its own before it; a text with `#` in it is no comment. */
function commentsOf(text: string): Piece[] {
  const comments: Piece[] = [];
  let at = 0;
  let inScalar = false;
  for (const token of new Lexer().lex(text)) {
    if (token.length === 1 && '\u0002\u0018\u001f'.includes(token) && text[at] !== token) {
      inScalar = token === '\u001f';
      continue;
    }
    if (token.startsWith('#') && !inScalar) comments.push({ start: at, end: at + token.length, text: token });
    inScalar = false;
    at += token.length;
  }
  return comments;
}

const rangeOf = (node: unknown): [number, number] | null => {
  const range = (node as Node | null)?.range;
  return range ? [range[0], range[1]] : null;
};
const keyOf = ({ key }: Pair): string => String(isScalar(key) ? key.value : '');

/** From the key, or the dash, to the end of the last line. */
function spanOf(text: string, comments: readonly Piece[], from: unknown, to: unknown, dash: boolean): Span | null {
  const start = rangeOf(from)?.[0];
  if (start === undefined) return null;
  const end = rangeOf(to)?.[1] ?? rangeOf(from)?.[1] ?? start;
  const before = dash ? text.slice(0, start).replace(/-(\s|#[^\n]*\n)*(&\S+\s*)?$/, '').length : start;
  // A value that is left out ends behind the comments that follow it.
  let last = text.slice(start, end).trimEnd().length + start;
  for (const comment of comments.toReversed()) {
    const until = comment.start + comment.text.trimEnd().length;
    if (until === last && comment.start > start) last = text.slice(0, comment.start).trimEnd().length;
  }
  return toLineEnd(text, { start: before, end: Math.max(last, start) });
}

export const readYaml =
  (list: boolean): Read =>
  (text, pointer): Reading => {
    const documents = parseAllDocuments(text, { uniqueKeys: false, logLevel: 'silent' });
    if (!Array.isArray(documents) || documents.length === 0) return { ...EMPTY, comments: commentsOf(text) };
    const [document] = documents;
    if (documents.length > 1 || document === undefined || document.errors.length > 0) {
      throw new Error(`no YAML of one document: ${document?.errors[0]?.message ?? documents.length}`);
    }
    const comments = commentsOf(text);
    if (document.contents === null || (isScalar(document.contents) && document.contents.value === null)) {
      return { ...EMPTY, comments };
    }
    const scalars: Piece[] = [];
    const keys: Piece[] = [];
    const piece = (node: unknown): Piece => {
      const [start, end] = rangeOf(node) ?? [0, 0];
      return { start, end, text: text.slice(start, end).trimEnd() };
    };
    visit(document, {
      Scalar: (at, node) => {
        const spelled = piece(node);
        // A value that is left out has no spelling.
        if (spelled.text !== '') (at === 'key' ? keys : scalars).push(spelled);
      },
      Alias: (_at, node) => void scalars.push(piece(node)),
    });
    const way: Span[][] = [];
    let container: unknown = document.contents;
    for (const key of pointer) {
      const pair: Pair | undefined = isMap(container) ? container.items.find((one) => keyOf(one) === key) : undefined;
      if (pair === undefined) break;
      container = pair.value;
      const whole = spanOf(text, comments, pair.key, pair.value, false);
      if (whole) way.push([whole]);
    }
    const found = way.length === pointer.length;
    const items = found && (list ? isSeq(container) : isMap(container)) ? (container as YAMLMap | YAMLSeq).items : [];
    const named = (item: unknown) => (isPair(item) ? keyOf(item) : isMap(item) ? item.get('name') : undefined);
    const entries = (names: ReadonlySet<string>) =>
      items
        .filter((item) => names.has(String(named(item) ?? '')))
        .flatMap(
          (item) =>
            (isPair(item)
              ? spanOf(text, comments, item.key, item.value, false)
              : spanOf(text, comments, item, item, true)) ?? [],
        );
    const inside = rangeOf(container);
    const isEmpty = inside !== null && !(isMap(container) || isSeq(container) ? container.items.length > 0 : false);
    const interior = isEmpty ? { start: inside[0], end: inside[1] } : null;
    const value = plainOf(parse(text, { merge: true, uniqueKeys: false, logLevel: 'silent', mapAsMap: true }));
    return { value, comments, scalars, keys, entries, way, interior };
  };
