import { containerAt } from '../../core/splice/entries.ts';
import { isObject } from '../../core/splice/equality.ts';
import type { Codec, Glue, Member, Put, Step, SyntaxNode } from '../../core/splice/types.ts';
import { unparsable } from '../../core/splice/unparsable.ts';
import { addInBrackets, type Brackets, bracketsAt, filledAlso, takeFromBrackets } from './toml-brackets.ts';
import { type Addressed, commentsOutside } from './toml-comments.ts';
import { assertTables } from './toml-edit.ts';
import type { Layout } from './toml-layout.ts';
import { inBraces, putToml } from './toml-put.ts';
import { statementsOf } from './toml-statements.ts';
import { asObject, asToml, parseToml, type TomlDocument, type TomlObject, tomlValueOf } from './toml-syntax.ts';
import { takeToml } from './toml-take.ts';
import { itemNames, spellTomlList } from './toml-values.ts';

/**
 * TOML 1.0 with one array of tables for all entries (`[[mcp_servers]]`), as Mistral Vibe keeps its servers. The engine
 * sees an object whose members are the items by their `name`; items without one belong to others and are never shown.
 */
export const tomlListCodec: Codec = {
  format: 'toml',
  parse: parseList,
  valueOf: tomlValueOf,
  skeleton: () => '',
  put: (document, pointer, puts, glue) => putItems(asToml(document), pointer, puts, glue),
  take: (document, pointer, names, glue) => takeItems(asToml(document), pointer, names, glue),
  outline: (text, skip) => [...commentsOutside(addressed(text, skip), skip), spellTomlList(text, skip)],
};

/** Tables or braces: a list goes on as it is written. */
function putItems(document: TomlDocument, pointer: readonly string[], puts: readonly Put[], glue: Glue | null): Step {
  const list = bracketsAt(document, pointer);
  const fresh = puts.filter(({ name }) => !list?.members.some(({ key }) => key === name));
  if (list === undefined || fresh.length === 0) return putToml(itemsByName, document, pointer, puts, glue);
  const known = puts.filter((put) => !fresh.includes(put));
  const { edits } = putToml(itemsByName, document, pointer, known, glue);
  const items = fresh.map((put) =>
    inBraces({ ...put, value: itemsByName.saidBy(put) }, itemsByName.newPath(pointer, put.name)),
  );
  return {
    edits: [...edits, addInBrackets(document, list, items)],
    glue: filledAlso(document, list, pointer, glue),
    touched: null,
  };
}

function takeItems(
  document: TomlDocument,
  pointer: readonly string[],
  names: ReadonlySet<string>,
  glue: Glue | null,
): Step {
  const list = bracketsAt(document, pointer);
  return list === undefined
    ? takeToml(itemsByName, document, pointer, names, glue)
    : takeFromBrackets(document, list, pointer, { names, glue });
}

/** An item of the list; its own members without the name, which is the key that it has in the list. */
interface Item extends TomlObject {
  index: number;
  whole: TomlObject;
}

function parseList(text: string): TomlDocument {
  const document = parseToml(text);
  showLists(document.root);
  return document;
}

function showLists(table: TomlObject): void {
  for (const member of table.members) {
    const { value } = member;
    const below = asObject(value);
    if (value.kind === 'array') member.value = listOf(value);
    else if (below?.form === 'header' || below?.form === 'implicit') showLists(below);
  }
}

function listOf(array: SyntaxNode & { kind: 'array' }): TomlObject | Brackets {
  const tables = array.items.length > 0 && array.items.every((item) => asObject(item)?.form === 'header');
  const { start, end, items } = array;
  const list = { kind: 'object' as const, start, end, block: null, members: items.flatMap(memberOf) };
  return tables ? { ...list, form: 'list' } : { ...list, form: 'brackets', items };
}

function memberOf(node: SyntaxNode, index: number): Member[] {
  const whole = asObject(node);
  const named = whole?.members.find(({ key }) => key === 'name')?.value;
  const name = named?.kind === 'scalar' ? (named as SyntaxNode & { value?: unknown }).value : undefined;
  if (whole === undefined || typeof name !== 'string') return [];
  const item: Item = { ...whole, members: whole.members.filter(({ key }) => key !== 'name'), index, whole };
  return [{ key: name, start: whole.start, keyEnd: whole.start, value: item }];
}

const itemsByName: Layout = {
  assertWritable(document, pointer) {
    const above = pointer.slice(0, -1);
    assertTables(document, above);
    const last = containerAt(document, above)?.members.find(({ key }) => key === pointer.at(-1));
    const form = asObject(last?.value)?.form;
    if (last === undefined || form === 'list' || form === 'brackets') return;
    const header = `[[${pointer.join('.')}]]`;
    const what = `\`${last.key}\` is written as a table; write each server below a header ${header} of its own`;
    throw unparsable(document.text, last.start, 'no_array', what);
  },
  find(document, pointer, name) {
    const member = containerAt(document, pointer)?.members.find(({ key }) => key === name);
    if (member === undefined) return undefined;
    const { index, whole } = member.value as Item;
    return { path: [...pointer, index], member: { ...member, value: whole } };
  },
  newPath: (pointer) => [...pointer, 0],
  saidBy: ({ name, value }) => (isObject(value) ? { name, ...value } : value),
};

/** Statements with the name of the item that they stand in, as the other reader tells it. */
function* addressed(text: string, skip: readonly (readonly string[])[]): Generator<Addressed> {
  const pointer = skip[0]?.slice(0, -1) ?? [];
  const names = skip.length === 0 ? [] : itemNames(text, pointer);
  let item = -1;
  for (const statement of statementsOf(text)) {
    const { kind, path, opens_item } = statement;
    const inside = skip.length > 0 && kind === 'header' && pointer.every((key, i) => key === path[i]);
    if (!inside) {
      yield statement;
      continue;
    }
    if (opens_item && path.length === pointer.length) item += 1;
    yield { ...statement, path: [...pointer, names[item] ?? null, ...path.slice(pointer.length)] };
  }
}
