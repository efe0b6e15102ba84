import type { JsonValue } from '../payload.ts';

/** Offsets are UTF-16 code units into `Document.text`; `end` is exclusive. */
export interface Span {
  start: number;
  end: number;
}

export interface ScalarNode extends Span {
  kind: 'scalar';
}
export interface ArrayNode extends Span {
  kind: 'array';
  items: SyntaxNode[];
}
export interface ObjectNode extends Span {
  kind: 'object';
  /** In file order, duplicates included. */
  members: Member[];
}
export type SyntaxNode = ScalarNode | ArrayNode | ObjectNode;

/** One member of an object: from `start` (its key) to `value.end`. */
export interface Member {
  key: string;
  start: number;
  keyEnd: number;
  value: SyntaxNode;
}

/** A parsed file without its byte-order mark. `root` is null when the file holds nothing but blanks and comments. */
export interface Document {
  text: string;
  root: SyntaxNode | null;
}

/** Replaces one span. The edits of one step never overlap. */
export interface Edit extends Span {
  text: string;
}

/**
 * What has to be remembered, outside the file, so that taking our last entry out gives back the original bytes.
 * Plain JSON: the caller keeps it in its ledger and hands it back with the next splice of the same file and pointer.
 */
export interface Glue {
  /** The whole text (without byte-order mark) of a file that held no value before we came; null: it held one. */
  root: string | null;
  /** Containers that did not exist before; `[]` is the root. */
  created: string[][];
  /** What stood between the braces of containers that were empty before. */
  interiors: { path: string[]; text: string }[];
}

/** An entry that has to be written. `keep` are members of the old entry that stay as raw text. */
export interface Put {
  name: string;
  value: JsonValue;
  /** The text of the entry as a reading of such a file gave it; written as it is, in place of a printed value. */
  raw?: string;
  keep: Member[];
}

/** One step of a splice. `touched` is the topmost container that was created or removed with its entries; `[]` is the root. */
export interface Step {
  edits: Edit[];
  glue: Glue | null;
  touched: string[] | null;
}

/**
 * What the splice engine needs to know of a file format. A codec computes edits; it never prints a whole file that
 * exists, and it is not trusted: the engine verifies every result.
 */
export interface Codec {
  readonly format: string;
  /** Throws CLIENT_FILE_UNPARSABLE with `details` {line, column, reason}. */
  parse(text: string): Document;
  /** Objects without prototype; the last of duplicate keys wins, as it does in the clients. */
  valueOf(document: Document, node: SyntaxNode): JsonValue;
  /** The text of a new file that holds an empty container at the pointer. */
  skeleton(pointer: readonly string[]): string;
  /** Writes entries into the container, creating missing containers on the way. */
  put(document: Document, pointer: readonly string[], puts: readonly Put[], glue: Glue | null): Step;
  /** Takes out entries that are there. */
  take(document: Document, pointer: readonly string[], names: ReadonlySet<string>, glue: Glue | null): Step;
  /**
   * A second reading, by other code than `parse`: the raw keys, scalars, brackets and comments in order, without the
   * members at the given paths. Two texts with equal outlines hold the same foreign content.
   */
  outline(text: string, skip: readonly (readonly string[])[]): string[];
}

/** What shall be true of the file afterwards. A name stands in one of the two lists only. */
export interface Change {
  set: readonly SetEntry[];
  /** Names that are not in the file are passed over. */
  remove: readonly string[];
}
export interface SetEntry {
  name: string;
  value: JsonValue;
  /** Members of the entry on disk that stay as they are written there, whatever `value` says about them. */
  preserve_fields?: readonly string[];
  /** The bytes that the entry shall have, from an earlier reading of the same file; they must say `value`. */
  raw?: string;
}

/** One finished step: the text that it made and what it says about itself. */
export interface Applied {
  document: Document;
  step: Step;
}
