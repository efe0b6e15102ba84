import { containerAt } from '../../core/splice/entries.ts';
import type { Document, Edit, Glue, Member, ObjectNode, Span, Step } from '../../core/splice/types.ts';
import { blankGlue, compactGlue, forgetPath, interiorOf, isCreated } from './json-glue.ts';
import { eolOf, hasBreak, isBlank, isBreak, lineIndent } from './json-style.ts';
import { type Gap, gapOf } from './json-syntax.ts';

/** Takes entries out, and puts back what stood there before the first one came; see `Codec.take`. */
export function takeJson(
  document: Document,
  pointer: readonly string[],
  names: ReadonlySet<string>,
  glue: Glue | null,
): Step {
  const { node, path, gone } = topmost(document, pointer, names, glue);
  const emptied = node.members.every(({ key }) => gone.has(key));
  const left = forget(glue, pointer, emptied ? path.length : path.length + 1);
  const touched = path.length === pointer.length ? null : pointer.slice(0, path.length + 1);
  if (!emptied) return { edits: removals(document, node, gone), glue: left, touched };
  const whole = path.length === 0 && isCreated(glue, []) ? (glue?.root ?? null) : null;
  if (whole !== null && sameComments(whole, outerComments(document, node))) {
    return { edits: [{ start: 0, end: document.text.length, text: whole }], glue: left, touched: [] };
  }
  const interior = interiorOf(glue, path);
  if (interior !== null && sameComments(interior, innerComments(document, node))) {
    return { edits: [{ start: node.start + 1, end: node.end - 1, text: interior }], glue: left, touched };
  }
  return { edits: removals(document, node, gone), glue: left, touched };
}

/** Climbs while the container is ours, gets empty and holds no comment: then the container itself goes. */
function topmost(document: Document, pointer: readonly string[], names: ReadonlySet<string>, glue: Glue | null) {
  let gone = names;
  for (let depth = pointer.length; ; depth -= 1) {
    const path = pointer.slice(0, depth);
    const node = containerAt(document, path);
    if (node === null) throw new Error('entries can only be taken out of a container that is there');
    const goes = isCreated(glue, path) && node.members.every(({ key }) => gone.has(key));
    const segment = path.at(-1);
    if (segment === undefined || !goes || innerComments(document, node).length > 0) return { node, path, gone };
    gone = new Set([segment]);
  }
}

/** Forgets every container on the pointer from that depth on: it is gone, or as it was. */
function forget(glue: Glue | null, pointer: readonly string[], depth: number): Glue | null {
  let left = blankGlue(glue);
  for (let length = depth; length <= pointer.length; length += 1) left = forgetPath(left, pointer.slice(0, length));
  return compactGlue(left);
}

/** The stretches between the members of a container, the one before the first and the one behind the last included. */
function gapsOf(text: string, node: ObjectNode): Gap[] {
  const starts = [node.start + 1, ...node.members.map(({ value }) => value.end)];
  return starts.map((start, i) => gapOf(text, start, node.members[i]?.start ?? node.end - 1));
}

function innerComments({ text }: Document, node: ObjectNode): string[] {
  return gapsOf(text, node).flatMap((gap) => gap.comments.map(({ start, end }) => text.slice(start, end)));
}

function outerComments(document: Document, node: ObjectNode): string[] {
  const { text } = document;
  const outside = [gapOf(text, 0, node.start), gapOf(text, node.end, text.length)];
  const [before = [], after = []] = outside.map((gap) => gap.comments.map(({ start, end }) => text.slice(start, end)));
  return [...before, ...innerComments(document, node), ...after];
}

function sameComments(recorded: string, now: readonly string[]): boolean {
  const { comments } = gapOf(recorded, 0, recorded.length);
  return comments.length === now.length && comments.every(({ start, end }, i) => recorded.slice(start, end) === now[i]);
}

/** Each member with its comma and the blanks before it; of comments, none. */
function removals(document: Document, node: ObjectNode, gone: ReadonlySet<string>): Edit[] {
  const { text } = document;
  const gaps = gapsOf(text, node);
  const spans = node.members.flatMap((member, i) => {
    const [before, after] = [gaps[i], gaps[i + 1]];
    return before && after && gone.has(member.key) ? spansOf(text, member, before, after) : [];
  });
  const comma = danglingComma(node.members, gaps, gone);
  if (comma !== null) spans.push({ start: comma, end: comma + 1 });
  const lineComments = new Set(gaps.flatMap((gap) => gap.comments.filter(({ line }) => line).map(({ end }) => end)));
  return union(spans).map((span) => bridged(document, node, span, lineComments));
}

function spansOf(text: string, member: Member, before: Gap, after: Gap): Span[] {
  const afterComma = before.comma === null ? before.start : before.comma + 1;
  const lead = Math.max(afterComma, before.comments.at(-1)?.end ?? 0);
  const { comma } = after;
  const adjoining = comma !== null && text.slice(member.value.end, comma).trim() === '';
  const end = adjoining ? comma + 1 : member.value.end;
  const commaSpan = comma !== null && !adjoining ? [{ start: comma, end: comma + 1 }] : [];
  const blanks = skipBlanks(text, end);
  // A comment behind the member on its line would slide up to the line above: it keeps the line for itself.
  const comment = after.comments.some(({ start }) => start === blanks);
  if (comment && hasBreak(text.slice(lead, member.start))) return [{ start: member.start, end: blanks }, ...commaSpan];
  return [{ start: lead, end }, ...commaSpan];
}

/** When all members behind the last one that stays go, its comma goes too, unless the file ends its lists with one. */
function danglingComma(members: readonly Member[], gaps: readonly Gap[], gone: ReadonlySet<string>): number | null {
  const stays = members.findLastIndex(({ key }) => !gone.has(key));
  if (stays < 0 || stays === members.length - 1) return null;
  return gaps.at(-1)?.comma === null ? (gaps[stays + 1]?.comma ?? null) : null;
}

function union(spans: readonly Span[]): Span[] {
  const merged: Span[] = [];
  for (const { start, end } of spans.toSorted((a, b) => a.start - b.start)) {
    const last = merged.at(-1);
    if (last !== undefined && start <= last.end) last.end = Math.max(last.end, end);
    else merged.push({ start, end });
  }
  return merged;
}

/** What follows a line comment stays on a line of its own, and blanks do not slide up into the comment. */
function bridged(document: Document, node: ObjectNode, span: Span, lineComments: ReadonlySet<number>): Edit {
  const { text } = document;
  if (!lineComments.has(span.start)) return { ...span, text: '' };
  const end = skipBlanks(text, span.end);
  const line = isBreak(text[end]) ? '' : eolOf(text, node) + lineIndent(text, span.end);
  return { start: span.start, end, text: line };
}

function skipBlanks(text: string, offset: number): number {
  let at = offset;
  while (isBlank(text[at])) at += 1;
  return at;
}
