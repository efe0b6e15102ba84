import { AppError } from '../errors.ts';
import { containerAt } from './entries.ts';
import { sameValue, without } from './equality.ts';
import type { Applied, Codec, Document, Member, Put, SetEntry } from './types.ts';

/** Everything that a splice claims, so that it can be held to it. */
interface Claim {
  codec: Codec;
  pointer: readonly string[];
  before: Document;
  put: Applied;
  take: Applied;
  puts: readonly Put[];
  takes: ReadonlySet<string>;
  wanted: readonly SetEntry[];
}

export function refuse(reason: string, what: string, cause?: unknown): AppError {
  const hint =
    'Nothing was changed. Report this with the shape of the file: the writer could not prove its own result.';
  return new AppError('WRITE_FAILED', `The change was not written: ${what}.`, { reason }, { cause, hint });
}

/**
 * The last word before a result leaves the engine: (a) owned entries say what is wanted and removed ones are gone, (b) a
 * second reading finds all foreign content and comments as before, (c) not a byte outside the edited spans differs.
 */
export function requireResult(claim: Claim): void {
  requireEntries(claim);
  requireForeign(claim);
  requireBytes(claim.before.text, claim.put);
  requireBytes(claim.put.document.text, claim.take);
}

function requireEntries({ codec, pointer, before, take, takes, puts, wanted }: Claim): void {
  const after = take.document;
  const members = containerAt(after, pointer)?.members ?? [];
  for (const { name, value, preserve_fields = [] } of wanted) {
    const [member, second] = members.filter(({ key }) => key === name);
    if (member === undefined || second !== undefined) {
      throw refuse('entry_missing', 'a written entry is not there exactly once');
    }
    const now = codec.valueOf(after, member.value);
    if (!sameValue(without(now, preserve_fields), without(value, preserve_fields))) {
      throw refuse('entry_differs', 'a written entry does not read back as it was meant');
    }
    const keep = puts.find((put) => put.name === name)?.keep ?? [];
    if (!keepsRaw(before, keep, after, member)) throw refuse('field_lost', 'a field that the client wrote was lost');
  }
  if (members.some(({ key }) => takes.has(key))) throw refuse('entry_remains', 'a removed entry is still there');
}

function keepsRaw(before: Document, keep: readonly Member[], after: Document, entry: Member): boolean {
  if (keep.length === 0) return true;
  const keys = new Set(keep.map(({ key }) => key));
  const now = entry.value.kind === 'object' ? entry.value.members.filter(({ key }) => keys.has(key)) : [];
  const raws = (document: Document, members: readonly Member[]) =>
    members.map(({ key, value }) => [key, document.text.slice(value.start, value.end)]);
  return JSON.stringify(raws(before, keep)) === JSON.stringify(raws(after, now));
}

function requireForeign({ codec, pointer, before, put, take, puts, takes }: Claim): void {
  const names = [...puts.map(({ name }) => name), ...takes];
  const created = put.step.touched;
  const removed = take.step.touched;
  if (created) requireOnlyOurs(take.document, pointer, created, names);
  if (removed) requireOnlyOurs(before, pointer, removed, names);
  const owned = names.map((name) => [...pointer, name]);
  const outline = (document: Document, gone: string[] | null) =>
    codec.outline(document.text, gone === null ? owned : [...owned, gone]);
  const was = outline(before, removed);
  const is = outline(take.document, created);
  if (was.length !== is.length || was.some((token, i) => token !== is[i])) {
    throw refuse('foreign_content', 'content that is not ours would have changed');
  }
}

/** A container that comes or goes as a whole may hold the way to our entries and our entries, nothing else. */
function requireOnlyOurs(
  document: Document,
  pointer: readonly string[],
  from: string[],
  names: readonly string[],
): void {
  for (let depth = from.length; depth <= pointer.length; depth += 1) {
    const [next] = pointer.slice(depth);
    const allowed = next === undefined ? names : [next];
    const members = containerAt(document, pointer.slice(0, depth))?.members ?? [];
    if (members.some(({ key }) => !allowed.includes(key))) {
      throw refuse('foreign_content', 'a container would come or go with content that is not ours');
    }
  }
}

function requireBytes(before: string, { document, step }: Applied): void {
  let [from, to] = [0, 0];
  for (const { start, end, text } of step.edits) {
    const length = start - from;
    const same = length >= 0 && end >= start && before.slice(from, start) === document.text.slice(to, to + length);
    if (!same) throw refuse('bytes_outside', 'bytes outside the entries would have changed');
    [from, to] = [end, to + length + text.length];
  }
  if (before.slice(from) !== document.text.slice(to)) {
    throw refuse('bytes_outside', 'bytes outside the entries would have changed');
  }
}
