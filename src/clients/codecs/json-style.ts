import type { JsonValue } from '../../core/payload.ts';
import { isObject } from '../../core/splice/equality.ts';
import type { Document, Member, ObjectNode } from '../../core/splice/types.ts';

/** How a container is written, so that what we add looks like what is there. */
export interface Layout {
  eol: string;
  /** One level of indentation. */
  unit: string;
  /** The indentation of members when each has its own line. */
  indent: string;
  colon: ':' | ': ';
  comma: ',' | ', ';
  /** What stands inside the braces of a container on one line. */
  pad: '' | ' ';
  inline: boolean;
}

/** A value to print; `raw` is text that stays as the client wrote it. */
export type Printable =
  | { kind: 'raw'; text: string }
  | { kind: 'list'; items: Printable[] }
  | { kind: 'map'; members: { key: string; value: Printable }[] };

export function printableOf(value: JsonValue): Printable {
  if (Array.isArray(value)) return { kind: 'list', items: value.map(printableOf) };
  if (!isObject(value)) return { kind: 'raw', text: JSON.stringify(value) };
  const members = Object.entries(value).map(([key, member]) => ({
    key: JSON.stringify(key),
    value: printableOf(member),
  }));
  return { kind: 'map', members };
}

/** `indent` is the indentation of the line on which the value starts. */
export function print(value: Printable, layout: Layout, indent: string): string {
  if (value.kind === 'raw') return value.text;
  const inner = indent + layout.unit;
  const [open, close] = value.kind === 'list' ? ['[', ']'] : ['{', '}'];
  const parts =
    value.kind === 'list'
      ? value.items.map((item) => print(item, layout, inner))
      : value.members.map((member) => member.key + layout.colon + print(member.value, layout, inner));
  if (parts.length === 0) return open + close;
  if (layout.inline) {
    const pad = value.kind === 'map' ? layout.pad : '';
    return open + pad + parts.join(layout.comma) + pad + close;
  }
  const lead = layout.eol + inner;
  return open + lead + parts.join(`,${lead}`) + layout.eol + indent + close;
}

/** The blanks at the start of the line that holds the offset. */
export function lineIndent(text: string, offset: number): string {
  let start = offset;
  while (start > 0 && !isBreak(text[start - 1])) start -= 1;
  let end = start;
  while (isBlank(text[end])) end += 1;
  return text.slice(start, Math.min(end, offset));
}

export const isBreak = (char: string | undefined) => char === '\n' || char === '\r';
export const isBlank = (char: string | undefined) => char === ' ' || char === '\t';
export const hasBreak = (text: string) => /[\n\r]/.test(text);

/** `parent` is the container that holds this one, and null at the root. */
export function layoutOf({ text, root }: Document, node: ObjectNode, parent: ObjectNode | null): Layout {
  const top = root?.kind === 'object' ? root : null;
  const last = node.members.at(-1);
  const model = last ?? parent?.members.at(-1) ?? top?.members.at(-1);
  const spaced = isSpaced(text, model) ?? true;
  const style = last === undefined ? parent : node;
  const unit = unitOf(text, node) ?? (top && unitOf(text, top)) ?? '  ';
  return {
    eol: eolOf(text, node),
    unit,
    indent: memberIndent(text, node) ?? lineIndent(text, node.start) + unit,
    colon: spaced ? ': ' : ':',
    comma: commaOf(text, node) ?? (spaced ? ', ' : ','),
    pad: style !== null && isBlank(text[style.start + 1]) ? ' ' : '',
    inline: last === undefined ? isInline(text, parent) : !hasBreak(leadOf(text, node, last)),
  };
}

/** Is there a blank behind the colon? An item of a list has none: its own members tell. */
function isSpaced(text: string, model: Member | undefined): boolean | undefined {
  if (model === undefined) return undefined;
  const { start, keyEnd, value } = model;
  if (keyEnd > start) return /\s/.test(text.slice(keyEnd, value.start));
  return value.kind === 'object' ? isSpaced(text, value.members.at(-1)) : undefined;
}

/** An empty container is opened up over lines, unless the one around it stands on one line. */
const isInline = (text: string, parent: ObjectNode | null) =>
  parent !== null && !hasBreak(text.slice(parent.start, parent.end));

/** What stands between the value before and this member. */
function leadOf(text: string, node: ObjectNode, member: Member): string {
  const before = node.members[node.members.indexOf(member) - 1];
  return text.slice(before?.value.end ?? node.start + 1, member.start);
}

function commaOf(text: string, node: ObjectNode): Layout['comma'] | null {
  const last = node.members.at(-1);
  if (last === undefined || node.members.length < 2) return null;
  return /\s/.test(leadOf(text, node, last)) ? ', ' : ',';
}

/** The indentation of the last member that starts its own line. */
function memberIndent(text: string, node: ObjectNode): string | null {
  for (const { start } of node.members.toReversed()) {
    let at = start;
    while (isBlank(text[at - 1])) at -= 1;
    if (isBreak(text[at - 1])) return text.slice(at, start);
  }
  return null;
}

function unitOf(text: string, node: ObjectNode): string | null {
  const outer = lineIndent(text, node.start);
  const inner = memberIndent(text, node);
  return inner?.startsWith(outer) && inner.length > outer.length ? inner.slice(outer.length) : null;
}

/** A lone carriage return too: it is a blank of JSON, and old editors write it. */
const LINE_END = /\r\n|[\n\r]/;

/** The line end that the container uses first, or else the file. */
export function eolOf(text: string, node?: ObjectNode): string {
  const inside = node === undefined ? undefined : LINE_END.exec(text.slice(node.start, node.end))?.[0];
  return inside ?? LINE_END.exec(text)?.[0] ?? '\n';
}
