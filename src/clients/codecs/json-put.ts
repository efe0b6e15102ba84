import { containerAt } from '../../core/splice/entries.ts';
import type { Document, Edit, Glue, Member, ObjectNode, Put, Step } from '../../core/splice/types.ts';
import { createdAlso, openedAlso } from './json-glue.ts';
import {
  eolOf,
  hasBreak,
  type Layout,
  layoutOf,
  lineIndent,
  type Printable,
  print,
  printableOf,
} from './json-style.ts';
import { gapOf } from './json-syntax.ts';

interface NewMember {
  /** The key as it is printed, quotes included; an item of a list has none. */
  key: string;
  value: Printable;
}

/** Updates entries in place and writes new ones behind the last member; see `Codec.put`. */
export function putJson(
  document: Document,
  pointer: readonly string[],
  puts: readonly Put[],
  glue: Glue | null,
  container: Container = MAP,
): Step {
  if (document.root === null) return createRoot(document, pointer, container.innermost(puts), glue);
  const { node, path } = deepest(document, pointer);
  const parent = path.length === 0 ? null : containerAt(document, path.slice(0, -1));
  const layout = layoutOf(document, node, parent);
  const missing = pointer.slice(path.length);
  const opened = openedAlso(glue, document, node, path, missing.length > 0);
  const [segment, ...deeper] = missing;
  if (segment !== undefined) {
    const edits = insert(document, node, layout, [
      { key: JSON.stringify(segment), value: nest(deeper, container.innermost(puts)) },
    ]);
    return { edits, glue: createdAlso(opened, pointer, path.length + 1), touched: [...path, segment] };
  }
  const known = new Map(node.members.map((member) => [member.key, member]));
  const fresh: NewMember[] = [];
  const edits: Edit[] = [];
  for (const put of puts) {
    const member = known.get(put.name);
    if (member === undefined) fresh.push(container.memberOf(put));
    else edits.push(update(document, member, layout, put));
  }
  if (fresh.length > 0) edits.push(...insert(document, node, layout, fresh));
  return { edits, glue: fresh.length > 0 ? opened : glue, touched: null };
}

/** The last container on the pointer that exists. */
function deepest(document: Document, pointer: readonly string[]): { node: ObjectNode; path: string[] } {
  for (let depth = pointer.length; depth >= 0; depth -= 1) {
    const path = pointer.slice(0, depth);
    const node = containerAt(document, path);
    if (node !== null) return { node, path };
  }
  throw new Error('a document with a root has a deepest container');
}

/** How entries stand in what holds them. */
interface Container {
  memberOf(put: Put): NewMember;
  innermost(puts: readonly Put[]): Printable;
}

const printed = ({ value, raw }: Put): Printable =>
  raw === undefined ? printableOf(value) : { kind: 'raw', text: raw };
const memberOf = (put: Put): NewMember => ({ key: JSON.stringify(put.name), value: printed(put) });

const MAP: Container = { memberOf, innermost: (puts) => ({ kind: 'map', members: puts.map(memberOf) }) };

/** Entries that say their own names. */
export const LIST: Container = {
  memberOf: (put) => ({ key: '', value: printed(put) }),
  innermost: (puts) => ({ kind: 'list', items: puts.map(printed) }),
};

/** The containers that are missing, with what goes into the innermost. */
const nest = (segments: readonly string[], entries: Printable): Printable =>
  segments.reduceRight<Printable>(
    (value, segment) => ({ kind: 'map', members: [{ key: JSON.stringify(segment), value }] }),
    entries,
  );

/** A file of blanks and comments: the value goes behind the last comment. */
function createRoot({ text }: Document, pointer: readonly string[], entries: Printable, glue: Glue | null): Step {
  const eol = eolOf(text);
  const layout: Layout = { eol, unit: '  ', indent: '', colon: ': ', comma: ', ', pad: ' ', inline: false };
  const start = gapOf(text, 0, text.length).comments.at(-1)?.end ?? 0;
  const value = (start > 0 ? eol : '') + print(nest(pointer, entries), layout, '') + eol;
  return {
    edits: [{ start, end: text.length, text: value }],
    glue: { ...createdAlso(glue, pointer, 0), root: text },
    touched: [],
  };
}

/** Only the value is replaced. A value on one line stays on one line. */
function update(document: Document, member: Member, container: Layout, put: Put): Edit {
  const { text } = document;
  const old = member.value;
  if (put.raw !== undefined) return { start: old.start, end: old.end, text: put.raw };
  const raw = text.slice(old.start, old.end);
  const full = old.kind === 'object' && old.members.length > 0;
  const inline = full ? !hasBreak(raw) : container.inline;
  const layout = { ...(old.kind === 'object' && full ? layoutOf(document, old, null) : container), inline };
  const value = printableOf(put.value);
  if (value.kind === 'map' && put.keep.length > 0) {
    const kept = new Set(put.keep.map(({ key }) => JSON.stringify(key)));
    const raws = put.keep.map((field) => ({
      key: text.slice(field.start, field.keyEnd),
      value: { kind: 'raw' as const, text: text.slice(field.value.start, field.value.end) },
    }));
    value.members = [...value.members.filter(({ key }) => !kept.has(key)), ...raws];
  }
  return { start: old.start, end: old.end, text: print(value, layout, lineIndent(text, member.start)) };
}

function insert(document: Document, node: ObjectNode, layout: Layout, fresh: readonly NewMember[]): Edit[] {
  const last = node.members.at(-1);
  return last === undefined
    ? insertFirst(document, node, layout, fresh)
    : insertBehind(document, node, last, layout, fresh);
}

/** Into a container without members: behind its comments, and the rest of its inside is replaced. */
function insertFirst({ text }: Document, node: ObjectNode, layout: Layout, fresh: readonly NewMember[]): Edit[] {
  const close = node.end - 1;
  const comment = gapOf(text, node.start + 1, close).comments.at(-1);
  const inline = layout.inline && !comment?.line;
  const indent = lineIndent(text, node.start);
  const members = printAll(fresh, { ...layout, inline });
  const lead = inline ? layout.pad : layout.eol + layout.indent;
  const tail = inline ? layout.pad : layout.eol + indent;
  return [
    {
      start: comment?.end ?? node.start + 1,
      end: close,
      text: lead + members.join(`,${separator(layout, inline)}`) + tail,
    },
  ];
}

/** Behind the last member and its comments, with the comma where the file would have it. */
function insertBehind(
  { text }: Document,
  node: ObjectNode,
  last: Member,
  layout: Layout,
  fresh: readonly NewMember[],
): Edit[] {
  const gap = gapOf(text, last.value.end, node.end - 1);
  const comment = gap.comments.at(-1);
  const behindComma = gap.comma === null ? gap.start : gap.comma + 1;
  const at = Math.max(behindComma, comment?.end ?? 0);
  const afterLineComment = comment?.line === true && comment.end === at;
  const inline = layout.inline && !afterLineComment;
  const lead = separator(layout, inline);
  const members = printAll(fresh, { ...layout, inline });
  if (gap.comma !== null) return [{ start: at, end: at, text: members.map((member) => `${lead}${member},`).join('') }];
  const chunk = lead + members.join(`,${lead}`);
  if (at === gap.start) return [{ start: at, end: at, text: `,${chunk}` }];
  return [
    { start: gap.start, end: gap.start, text: ',' },
    { start: at, end: at, text: chunk },
  ];
}

const separator = (layout: Layout, inline: boolean) => (inline ? layout.comma.slice(1) : layout.eol + layout.indent);

const printAll = (fresh: readonly NewMember[], layout: Layout) =>
  fresh.map(({ key, value }) => (key && key + layout.colon) + print(value, layout, layout.indent));
