import type { Document, Edit, Member, Span } from '../../core/splice/types.ts';
import { unparsable } from '../../core/splice/unparsable.ts';
import { eolOf } from './json-style.ts';
import { PLAIN_STYLE, type YamlStyle } from './yaml-print.ts';
import { asNode, lineEnd, type YamlNode, type YamlScalar } from './yaml-syntax.ts';

/** Whole lines of a file: where they begin and end, how they come and go, and how the file indents them. */

const lineStart = (text: string, offset: number) => text.lastIndexOf('\n', offset - 1) + 1;

/** Lines behind the one that holds the offset. A last line without an end stays the last without an end. */
export const linesBehind = (text: string, offset: number, eol: string, lines: readonly string[]): Edit => {
  const at = lineEnd(text, offset);
  return { start: at, end: at, text: eol + lines.join(eol) };
};

/** A member with its lines and the line break before them: what `linesBehind` put there. */
export function linesOf(text: string, member: Member): Span {
  const start = lineStart(text, member.start);
  const end = lineEnd(text, member.value.end);
  if (start === 0) return { start, end };
  return { start: text[start - 2] === '\r' ? start - 2 : start - 1, end };
}

/** Does the member begin its line? The first key of an item stands behind its dash. */
export const beginsLine = (text: string, { start }: Pick<Span, 'start'>) =>
  text.slice(lineStart(text, start), start).trim() === '';

/** Of the block of text that ends there, if one does: what of the line ends behind it belongs to its value. */
export function openAt(node: YamlNode, offset: number): YamlScalar['open'] {
  if (node.kind === 'scalar') return node.end === offset ? node.open : 'no';
  const below = node.kind === 'array' ? node.items : node.all.map(({ value }) => value);
  const child = below.find(({ start, end }) => end >= offset && start < offset);
  return child === undefined ? 'no' : openAt(asNode(child), offset);
}

/** Takes spans out. What begins the file takes its line break along. */
export function removals(document: Document, spans: readonly Span[]): Edit[] {
  const { text, root } = document;
  const merged: Span[] = [];
  for (const span of spans.toSorted((a, b) => a.start - b.start || a.end - b.end)) {
    const last = merged.at(-1);
    if (last !== undefined && span.start <= last.end) last.end = Math.max(last.end, span.end);
    else merged.push({ ...span });
  }
  return merged.map(({ start, end }) => {
    const broken = start === 0 ? (/^\r?\n/.exec(text.slice(end, end + 2))?.[0].length ?? 0) : 0;
    const open = root === null ? 'no' : openAt(asNode(root), start);
    if (open === 'keep' && /^\r?\n(?:[ \t]*\r?\n|[ \t]+$)/.test(text.slice(end))) {
      throw refuseLayout(document, end, 'unsupported_layout', 'the blank lines there would go over to the text above');
    }
    const kept =
      end === text.length && open !== 'no' ? (/^\r?\n/.exec(text.slice(start, start + 2))?.[0].length ?? 0) : 0;
    return { start: start + kept, end: end + broken, text: '' };
  });
}

/** The offset in the last line of comments that follows; the end of a document or of the file ends the search. */
export function behindComments(text: string, offset: number): number {
  let at = offset;
  for (let next = text.indexOf('\n', offset) + 1; next > 0; next = text.indexOf('\n', next) + 1) {
    const line = text.slice(next, lineEnd(text, next));
    if (!/^\s*(?:#|$)/.test(line)) break;
    if (line.trim() !== '') at = next;
  }
  return at;
}

export const refuseLayout = ({ text }: Document, at: number, reason: string, what: string) =>
  unparsable(text, at, reason, what);

/** As the first map inside a map, and the first list inside one, are indented. */
export function styleOf({ text, root }: Document): YamlStyle {
  const found: { unit?: number; dash?: number } = {};
  if (root !== null) look(asNode(root), found);
  return {
    eol: eolOf(text),
    unit: found.unit ?? PLAIN_STYLE.unit,
    dash: found.dash ?? PLAIN_STYLE.dash,
  };
}

function look(node: YamlNode, found: { unit?: number; dash?: number }): void {
  if (node.kind === 'scalar') return;
  const below = node.kind === 'array' ? node.items : node.all.map(({ value }) => value);
  for (const child of below.map(asNode)) {
    if (node.kind === 'object' && node.form === 'block') {
      const deeper = child.kind === 'scalar' ? 0 : child.column - node.column;
      if (child.kind === 'object' && child.form === 'block' && deeper > 0) found.unit ??= deeper;
      const list = child.kind === 'array' ? !child.flow : child.kind === 'object' && child.form === 'list';
      if (list && deeper >= 0) found.dash ??= deeper;
    }
    if (found.unit === undefined || found.dash === undefined) look(child, found);
  }
}
