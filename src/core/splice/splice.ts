import { containerAt, findMember, parseFile, rawOf, splitBom } from './entries.ts';
import { isObject, sameValue, without } from './equality.ts';
import type { Applied, Change, Codec, Document, Glue, Put, SetEntry, Step } from './types.ts';
import { refuse, requireResult } from './verify.ts';

/**
 * Changes single entries of a file and nothing else. New entries go behind the last one, in the file's own style; an
 * entry that already says the wanted thing is not touched. `text` null is a file that does not exist; it stays null
 * when there is nothing to write. The result was read again and compared: it is safe to write, or WRITE_FAILED is thrown.
 * `opened` spares reading a long text twice, when it was parsed before.
 */
export function spliceEntries(
  codec: Codec,
  text: string | null,
  pointer: readonly string[],
  change: Change,
  glue: Glue | null,
  opened: Document | null = null,
): { text: string | null; glue: Glue | null } {
  const { bom, body } = splitBom(text ?? codec.skeleton(pointer));
  const before = opened?.text === body ? opened : parseFile(codec, body);
  const puts = putsOf(codec, before, pointer, change.set);
  const takes = takesOf(before, pointer, change.remove);
  if (puts.length === 0 && takes.size === 0) return { text, glue };
  const put =
    puts.length === 0 ? unchanged(before, glue) : apply(codec, before, codec.put(before, pointer, puts, glue));
  const take =
    takes.size === 0
      ? unchanged(put.document, put.step.glue)
      : apply(codec, put.document, codec.take(put.document, pointer, takes, put.step.glue));
  requireResult({ codec, pointer, before, put, take, puts, takes, wanted: change.set });
  return { text: bom + take.document.text, glue: take.step.glue };
}

function putsOf(codec: Codec, document: Document, pointer: readonly string[], set: readonly SetEntry[]): Put[] {
  const container = containerAt(document, pointer);
  const puts: Put[] = [];
  for (const { name, value, preserve_fields = [], raw } of set) {
    const member = container === null ? undefined : findMember(document, container, name);
    if (raw !== undefined) {
      if (member === undefined || rawOf(document, member.value) !== raw) puts.push({ name, value, raw, keep: [] });
      continue;
    }
    if (member === undefined) {
      puts.push({ name, value, keep: [] });
      continue;
    }
    const old = codec.valueOf(document, member.value);
    if (sameValue(without(old, preserve_fields), without(value, preserve_fields))) continue;
    const members = member.value.kind === 'object' && isObject(value) ? member.value.members : [];
    puts.push({ name, value, keep: members.filter(({ key }) => preserve_fields.includes(key)) });
  }
  return puts;
}

function takesOf(document: Document, pointer: readonly string[], remove: readonly string[]): Set<string> {
  const container = containerAt(document, pointer);
  if (container === null) return new Set();
  return new Set(remove.filter((name) => findMember(document, container, name) !== undefined));
}

const unchanged = (document: Document, glue: Glue | null): Applied => ({
  document,
  step: { edits: [], glue, touched: null },
});

function apply(codec: Codec, document: Document, step: Step): Applied {
  const edits = step.edits.toSorted((a, b) => a.start - b.start || a.end - b.end);
  let text = '';
  let at = 0;
  for (const edit of edits) {
    text += document.text.slice(at, edit.start) + edit.text;
    at = edit.end;
  }
  text += document.text.slice(at);
  return { document: parseAgain(codec, text), step: { ...step, edits } };
}

function parseAgain(codec: Codec, text: string): Document {
  try {
    return parseFile(codec, text);
  } catch (cause) {
    throw refuse('reparse', 'the changed text could not be read again', cause);
  }
}
