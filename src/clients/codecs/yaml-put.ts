import type { Edit, Glue, Put, Step } from '../../core/splice/types.ts';
import { blankGlue, createdAlso, forgetPath } from './json-glue.ts';
import { behindComments, linesBehind, openAt, refuseLayout, styleOf } from './yaml-lines.ts';
import { behindDash, behindKey, named, nested, textOf, type YamlStyle } from './yaml-print.ts';
import { asObject, lineEnd, refuseOdd, type YamlDocument, type YamlObject } from './yaml-syntax.ts';
import { updateEntry } from './yaml-update.ts';

/** Updates entries where they stand and writes new ones behind the last; see `Codec.put`. */
export function putYaml(
  document: YamlDocument,
  pointer: readonly string[],
  puts: readonly Put[],
  glue: Glue | null,
): Step {
  const style = styleOf(document);
  const write = (column: number) => ({
    lines: puts.map((put) => entryLine(document, put, column, style)),
    behind: (own: number) => {
      const below = own + (document.list ? style.dash : style.unit);
      return style.eol + puts.map((put) => entryLine(document, put, below, style)).join(style.eol);
    },
  });
  if (document.root === null) {
    return createRoot(document, nested(pointer, 0, style, write(0).behind), createdAlso(glue, pointer, 0), style.eol);
  }
  const { node, path, column } = deepest(document, pointer, style);
  const missing = pointer.slice(path.length);
  const [segment] = missing;
  const opened = openedAlso(document, glue, node, path, missing.length > 0);
  if (segment !== undefined) {
    const lines = [nested(missing, column, style, write(column).behind)];
    const created = createdAlso(opened, pointer, path.length + 1);
    return { edits: insert(document, node, path, lines, style), glue: created, touched: [...path, segment] };
  }
  const known = new Map(node.members.map((member) => [member.key, member]));
  const fresh = puts.filter(({ name }) => !known.has(name));
  const edits = puts.flatMap((put) => {
    const member = known.get(put.name);
    return member === undefined ? [] : updateEntry({ document, column, style }, member, put);
  });
  if (fresh.length === 0) return { edits, glue, touched: null };
  for (const { name } of fresh) assertFree(document, node, name);
  const lines = fresh.map((put) => entryLine(document, put, column, style));
  return { edits: [...edits, ...insert(document, node, path, lines, style)], glue: opened, touched: null };
}

function entryLine({ list }: YamlDocument, { name, value, raw }: Put, column: number, style: YamlStyle): string {
  const indent = ' '.repeat(column);
  if (list) return `${indent}-${raw ?? behindDash(named(name, value), column, style)}`;
  return `${indent}${textOf(name)}:${raw ?? behindKey(value, column, style)}`;
}

/** A file of blanks and comments: the entries go behind the last comment. */
function createRoot({ text }: YamlDocument, block: string, glue: Glue, eol: string): Step {
  if (text.trim() === '') {
    return { edits: [{ start: 0, end: text.length, text: block + eol }], glue: { ...glue, root: text }, touched: [] };
  }
  const end = /^\.\.\./m.exec(text)?.index ?? text.length;
  return { edits: [linesBehind(text, text.slice(0, end).trimEnd().length, eol, [block])], glue, touched: [] };
}

/** The last container on the pointer that exists, and the column of what goes into it. */
function deepest(document: YamlDocument, pointer: readonly string[], style: YamlStyle) {
  let node = asObject(document.root);
  let column = 0;
  for (let depth = 0; node !== undefined; depth += 1) {
    assertContainer(document, node, depth === pointer.length);
    const deeper = depth === pointer.length && document.list ? style.dash : style.unit;
    if (node.all.length > 0) column = node.column;
    else if (depth > 0) column += deeper;
    const below = asObject(node.members.find(({ key }) => key === pointer[depth])?.value);
    if (below === undefined) assertFree(document, node, pointer[depth]);
    if (depth === pointer.length || below === undefined) return { node, path: pointer.slice(0, depth), column };
    node = below;
  }
  throw new Error('a root that is no object was refused before');
}

/** Only a container in whose text nothing else is said gets entries. */
export function assertContainer(document: YamlDocument, node: YamlObject, last: boolean): void {
  const { form, start, all, props } = node;
  if (props !== null) throw refuseOdd(document, props);
  const list = form === 'list' || form === 'flow list';
  if (list && !(last && document.list)) throw refuseLayout(document, start, 'not_an_object', 'a list stands there');
  if (last && document.list && !list && form !== 'none') {
    throw refuseLayout(document, start, 'not_a_list', 'the servers belong into a list, and this is none');
  }
  const text = document.text.slice(start, node.end);
  if (form !== 'flow' && form !== 'flow list') return;
  if (all.length > 0 || text.includes('#')) {
    throw refuseLayout(
      document,
      start,
      'flow_container',
      'the servers stand in braces; write each on lines of its own',
    );
  }
}

/** A key with a tag, an anchor or a question mark may say the same name. */
function assertFree(document: YamlDocument, { form, all, members }: YamlObject, name: string | undefined): void {
  const same = all.find((member) => member.key === name && !members.includes(member));
  if (same !== undefined && form === 'block') throw refuseOdd(document, { at: same.start, reason: 'complex_key' });
}

/** Remembers what stood for a container that gets its first member now. */
function openedAlso(
  { text }: YamlDocument,
  glue: Glue | null,
  { all, start, end }: YamlObject,
  path: string[],
  way_missing: boolean,
): Glue | null {
  const empty = all.length === 0;
  if (!empty && !way_missing) return glue;
  const left = forgetPath(blankGlue(glue), path);
  return empty ? { ...left, interiors: [...left.interiors, { path, text: text.slice(start, end) }] } : left;
}

function insert(
  document: YamlDocument,
  node: YamlObject,
  path: readonly string[],
  lines: readonly string[],
  { eol }: YamlStyle,
): Edit[] {
  const { text } = document;
  const { start, end } = node;
  const last = node.all.at(-1);
  if (last !== undefined) {
    // Where a key that is a map of several lines ends is not told by their columns.
    const complex = node.form === 'block' && !node.members.includes(last);
    if (complex && /^[^\n]*\n[ \t]/.test(text.slice(last.start))) {
      throw refuseOdd(document, { at: last.start, reason: 'complex_key' });
    }
    // Comments at the end of a file are about what stands above them.
    const at = path.length === 0 ? behindComments(text, end) : end;
    if (lineEnd(text, at) === text.length && openAt(node, text.length) !== 'no') {
      throw refuseLayout(document, end, 'unsupported_layout', 'the file ends in a block of text without a line end');
    }
    return [linesBehind(text, at, eol, lines)];
  }
  if (path.length > 0) {
    const added = linesBehind(text, end, eol, lines);
    return end > start ? [{ start, end, text: '' }, added] : [added];
  }
  const alone = text.slice(text.lastIndexOf('\n', start - 1) + 1, lineEnd(text, end)).trimEnd();
  if (alone !== text.slice(start, end)) {
    throw refuseLayout(document, start, 'unsupported_layout', 'other things stand on the line of the empty map');
  }
  return [{ start, end, text: lines.join(eol) }];
}
