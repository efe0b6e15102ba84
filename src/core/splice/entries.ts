import type { AppError } from '../errors.ts';
import type { JsonValue } from '../payload.ts';
import type { Codec, Document, Member, ObjectNode, SyntaxNode } from './types.ts';
import { unparsable } from './unparsable.ts';

const BOM = '\uFEFF';
export const MAX_FILE_BYTES = 16 * 1024 * 1024;

/** One configured server as it stands in the file. */
export interface DiskEntry {
  value: JsonValue;
  raw: string;
}

/** Splits off the byte-order mark, which no parser likes and every rewrite must keep. */
export function splitBom(text: string): { bom: string; body: string } {
  return text.startsWith(BOM) ? { bom: BOM, body: text.slice(1) } : { bom: '', body: text };
}

export function parseFile(codec: Codec, body: string): Document {
  if (Buffer.byteLength(body) > MAX_FILE_BYTES) throw unparsable('', 0, 'too_large', 'it is larger than 16 MiB');
  return codec.parse(body);
}

/** A file as parsed; null when there is none. */
export const openDocument = (codec: Codec, text: string | null): Document | null =>
  text === null ? null : parseFile(codec, splitBom(text).body);

/** `entriesOf` for who needs the document for nothing else. */
export const readEntries = (
  codec: Codec,
  text: string | null,
  pointer: readonly string[],
  asked: Iterable<string> = [],
): Map<string, DiskEntry> => entriesOf(codec, openDocument(codec, text), pointer, asked);

/**
 * The entries under the pointer, by name, in file order. No container and no file: no entries.
 * `asked` are the names that the caller will decide about: a duplicate among them is refused, because clients differ in
 * which of the two they read. Duplicates among other names are foreign business; the last one is shown.
 */
export function entriesOf(
  codec: Codec,
  document: Document | null,
  pointer: readonly string[],
  asked: Iterable<string>,
): Map<string, DiskEntry> {
  const entries = new Map<string, DiskEntry>();
  if (document === null) return entries;
  const node = containerAt(document, pointer);
  if (node === null) return entries;
  for (const name of asked) findMember(document, node, name);
  for (const { key, value } of node.members) {
    entries.set(key, { value: codec.valueOf(document, value), raw: rawOf(document, value) });
  }
  return entries;
}

/** The text of an entry, as the file has it. */
export const rawOf = (document: Document, node: SyntaxNode): string => document.text.slice(node.start, node.end);

/** The member of that name; a duplicate is refused. */
export function findMember(document: Document, node: ObjectNode, name: string): Member | undefined {
  const [first, second] = node.members.filter(({ key }) => key === name);
  if (second !== undefined) throw duplicate(document, second);
  return first;
}

/** The container at that path, or null when it is not there. Anything else than an object on the way is refused. */
export function containerAt(document: Document, path: readonly string[]): ObjectNode | null {
  let node = document.root;
  for (const segment of path) {
    if (node === null) return null;
    node = findMember(document, asContainer(document, node), segment)?.value ?? null;
  }
  return node === null ? null : asContainer(document, node);
}

function asContainer(document: Document, node: SyntaxNode): ObjectNode {
  if (node.kind === 'object') return node;
  throw unparsable(document.text, node.start, 'not_an_object', 'the servers belong into an object, and this is none');
}

function duplicate(document: Document, member: Member): AppError {
  return unparsable(
    document.text,
    member.start,
    'duplicate_key',
    'this key occurs twice, and clients differ in which one they read',
  );
}
