import { containerAt } from '../../core/splice/entries.ts';
import type { Edit, Glue, Step } from '../../core/splice/types.ts';
import { lineRemoval, refuseLayout, removalAtStart, union } from './toml-edit.ts';
import type { Layout } from './toml-layout.ts';
import { asObject, isUnder, type TomlDocument } from './toml-syntax.ts';

/** Takes the tables of entries out, wherever they stand. Comments between tables stay; see `Codec.take`. */
export function takeToml(
  layout: Layout,
  document: TomlDocument,
  pointer: readonly string[],
  names: ReadonlySet<string>,
  glue: Glue | null,
): Step {
  layout.assertWritable(document, pointer);
  const { text } = document;
  const edits = union([...names].flatMap((name) => removalsOf(layout, document, pointer, name)));
  const root = glue?.root ?? null;
  if (root !== null && without(text, edits).trim() === '') {
    return { edits: [{ start: 0, end: text.length, text: root }], glue: null, touched: null };
  }
  const left = containerAt(document, pointer)?.members.some(({ key }) => !names.has(key)) ?? false;
  return { edits, glue: left ? glue : null, touched: null };
}

function removalsOf(layout: Layout, document: TomlDocument, pointer: readonly string[], name: string): Edit[] {
  const { text, blocks } = document;
  const container = asObject(containerAt(document, pointer) ?? undefined);
  const line = container?.block?.lines.find(({ key }) => key === name);
  if (line?.dotted) {
    const what = 'this entry is written with dotted keys; write it as a table of its own first';
    throw refuseLayout({ text, at: line.span.start, what });
  }
  if (line !== undefined) return [lineRemoval(text, line)];
  const path = layout.find(document, pointer, name)?.path ?? layout.newPath(pointer, name);
  return blocks.filter((block) => isUnder(block, path)).map((block) => removalAtStart(text, block));
}

function without(text: string, edits: readonly Edit[]): string {
  let left = '';
  let at = 0;
  for (const { start, end } of edits) {
    left += text.slice(at, start);
    at = end;
  }
  return left + text.slice(at);
}
