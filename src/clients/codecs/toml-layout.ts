import type { JsonValue } from '../../core/payload.ts';
import { containerAt } from '../../core/splice/entries.ts';
import type { Member, Put } from '../../core/splice/types.ts';
import { assertTables } from './toml-edit.ts';
import type { Path, TomlDocument } from './toml-syntax.ts';

/** How the entries of a client stand in its file: each has a table of its own, or is an item of an array of tables. */
export interface Layout {
  /** Throws CLIENT_FILE_UNPARSABLE for a file that has its entries in another way. */
  assertWritable(document: TomlDocument, pointer: readonly string[]): void;
  /** An entry with all that its table says. */
  find(document: TomlDocument, pointer: readonly string[], name: string): { path: Path; member: Member } | undefined;
  /** The path of an entry that has no table yet. */
  newPath(pointer: readonly string[], name: string): Path;
  /** What the table of an entry has to say. */
  saidBy(put: Put): JsonValue;
}

export const tablesByName: Layout = {
  assertWritable: assertTables,
  find: (document, pointer, name) => {
    const member = containerAt(document, pointer)?.members.find(({ key }) => key === name);
    return member === undefined ? undefined : { path: [...pointer, name], member };
  },
  newPath: (pointer, name) => [...pointer, name],
  saidBy: ({ value }) => value,
};
