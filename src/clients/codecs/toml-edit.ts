import type { AppError } from '../../core/errors.ts';
import type { Edit } from '../../core/splice/types.ts';
import { unparsable } from '../../core/splice/unparsable.ts';
import { asObject, type Block, type Line, type TomlDocument } from './toml-syntax.ts';

/** Where lines and tables begin and end when they are taken out, and which layouts are left alone. */

/** The line end that the file uses first. */
export const eolOf = (text: string): string => /\r?\n/.exec(text)?.[0] ?? '\n';

export function refuseLayout({ text, at, what }: { text: string; at: number; what: string }): AppError {
  return unparsable(text, at, 'unsupported_layout', what);
}

/** Servers in braces or behind dotted keys cannot get a table beside them: such files are not changed. */
export function assertTables({ text, root }: TomlDocument, pointer: readonly string[]): void {
  let node = root;
  for (const segment of pointer) {
    const member = node.members.find(({ key }) => key === segment);
    const next = asObject(member?.value);
    if (member === undefined || next === undefined) return;
    const what = `\`${segment}\` is not written as tables`;
    if (next.form === 'inline') throw unparsable(text, member.start, 'inline_super_table', what);
    if (next.form === 'dotted') throw unparsable(text, member.start, 'dotted_super_table', what);
    node = next;
  }
}

/** A table with the blank line above it. */
export function removal(text: string, { start, end }: Block): Edit {
  const above = /(?:\r?\n(?:[ \t]*\r?\n)?)?[ \t]*$/.exec(text.slice(Math.max(0, start - 4096), start))?.[0].length ?? 0;
  return { start: start - above, end, text: '' };
}

/** A table that was the first thing of the file goes with the line end behind it. */
export function removalAtStart(text: string, block: Block): Edit {
  const edit = removal(text, block);
  if (edit.start > 0) return edit;
  const behind = /^[ \t]*\r?\n/.exec(text.slice(edit.end, edit.end + 4096))?.[0].length ?? 0;
  return { ...edit, end: edit.end + behind };
}

/** Spans that go, without overlaps. */
export function union(edits: readonly Edit[]): Edit[] {
  const merged: Edit[] = [];
  for (const edit of edits.toSorted((a, b) => a.start - b.start)) {
    const last = merged.at(-1);
    if (last !== undefined && edit.start <= last.end) last.end = Math.max(last.end, edit.end);
    else merged.push({ ...edit });
  }
  return merged;
}

/** A line with the line end above it. */
export function lineRemoval(text: string, { span, end }: Line): Edit {
  let { start } = span;
  while (start > 0 && /[ \t]/.test(text[start - 1] ?? '')) start -= 1;
  if (text[start - 1] === '\n') start -= text[start - 2] === '\r' ? 2 : 1;
  return { start, end, text: '' };
}
