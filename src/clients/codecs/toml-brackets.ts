import { containerAt } from '../../core/splice/entries.ts';
import type { Edit, Glue, Step, SyntaxNode } from '../../core/splice/types.ts';
import { blankGlue, compactGlue, forgetPath, interiorOf } from './json-glue.ts';
import { eolOf, refuseLayout } from './toml-edit.ts';
import { asObject, type TomlDocument, type TomlObject } from './toml-syntax.ts';

/** A list of entries as one value, `servers = [{ ... }]`: so programs leave short ones that write TOML from their objects. */
export interface Brackets extends TomlObject {
  form: 'brackets';
  /** In file order, also those that are no entries. */
  items: SyntaxNode[];
}

/** The list at that path, when it is written in brackets. */
export function bracketsAt(document: TomlDocument, pointer: readonly string[]): Brackets | undefined {
  const found = asObject(containerAt(document, pointer) ?? undefined);
  return found?.form === 'brackets' ? (found as Brackets) : undefined;
}

/** New items behind the last one, as that one stands; in an empty list each on a line of its own. */
export function addInBrackets(document: TomlDocument, list: Brackets, items: readonly string[]): Edit {
  const { text } = document;
  assertNoComments(document, list);
  const last = list.items.at(-1);
  if (last === undefined) {
    const eol = eolOf(text);
    const lines = items.map((item) => `    ${item},${eol}`).join('');
    return { start: list.start + 1, end: list.end - 1, text: eol + lines };
  }
  const before = list.items.at(-2);
  const lead = text.slice(before === undefined ? list.start + 1 : commaBehind(text, before) + 1, last.start) || ' ';
  const comma = trailingComma(text, list, last);
  if (comma === undefined) return insertion(last.end, items.map((item) => `,${lead}${item}`).join(''));
  return insertion(comma + 1, items.map((item) => `${lead}${item},`).join(''));
}

/** What an empty list held is remembered, so that it can be given back. */
export function filledAlso({ text }: TomlDocument, list: Brackets, pointer: readonly string[], glue: Glue | null) {
  if (list.items.length > 0) return glue;
  const { root, created, interiors } = forgetPath(blankGlue(glue), pointer);
  const interior = { path: [...pointer], text: text.slice(list.start + 1, list.end - 1) };
  return { root, created, interiors: [...interiors, interior] };
}

/** Takes items out with their commas; what stays keeps its place and its lines. */
export function takeFromBrackets(
  document: TomlDocument,
  list: Brackets,
  pointer: readonly string[],
  { names, glue }: { names: ReadonlySet<string>; glue: Glue | null },
): Step {
  const { text } = document;
  const starts = new Set(list.members.filter(({ key }) => names.has(key)).map(({ start }) => start));
  if (starts.size === 0) return { edits: [], glue, touched: null };
  assertNoComments(document, list);
  const { items } = list;
  const lastLeft = items.findLastIndex(({ start }) => !starts.has(start));
  if (lastLeft < 0) {
    const interior = interiorOf(glue, pointer) ?? '';
    const edit = { start: list.start + 1, end: list.end - 1, text: interior };
    return { edits: [edit], glue: glue && compactGlue(forgetPath(glue, pointer)), touched: null };
  }
  const edits = items.flatMap(({ start }, i): Edit[] => {
    const next = items[i + 1];
    return starts.has(start) && i < lastLeft && next !== undefined ? [{ start, end: next.start, text: '' }] : [];
  });
  const left = items[lastLeft];
  const last = items.at(-1);
  if (left !== undefined && last !== undefined && left !== last) {
    const comma = trailingComma(text, list, last);
    const [start, end] = comma === undefined ? [left.end, last.end] : [commaBehind(text, left) + 1, comma + 1];
    edits.push({ start, end, text: '' });
  }
  return { edits, glue, touched: null };
}

const insertion = (at: number, text: string): Edit => ({ start: at, end: at, text });

/** Between items there are blanks, line ends and one comma. */
const commaBehind = (text: string, { end }: SyntaxNode): number => text.indexOf(',', end);

function trailingComma(text: string, list: Brackets, last: SyntaxNode): number | undefined {
  const comma = commaBehind(text, last);
  return comma >= 0 && comma < list.end ? comma : undefined;
}

/** A comment beside an item would have to be given to one of two: such a list is left alone. */
function assertNoComments({ text }: TomlDocument, { start, end, items }: Brackets): void {
  let from = start;
  for (const until of [...items, { start: end, end }]) {
    const at = text.slice(from, until.start).indexOf('#');
    if (at >= 0) {
      const what = 'a comment stands between the servers in brackets; write each server below a header of its own';
      throw refuseLayout({ text, at: from + at, what });
    }
    from = until.end;
  }
}
