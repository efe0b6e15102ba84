import { findNodeAtLocation, type Node, parseTree } from 'jsonc-parser';
import { findMember } from '../../core/splice/entries.ts';
import type { Codec, Document, Member, ObjectNode, SyntaxNode } from '../../core/splice/types.ts';
import { unparsable } from '../../core/splice/unparsable.ts';
import { jsonCodec, jsoncCodec, outline } from './json.ts';
import { LIST, putJson } from './json-put.ts';

/**
 * A JSON file as far as one list in it goes, such as the `inputs` of VS Code: the engine sees an object whose members are
 * the items by their `id`. Items without one belong to others; they have keys that no caller can ask for.
 */
export function jsonListCodec(format: 'json' | 'jsonc', pointer: readonly string[]): Codec {
  const base = format === 'json' ? jsonCodec : jsoncCodec;
  return {
    ...base,
    parse: (text) => withList(base.parse(text), pointer),
    skeleton: () => '{}\n',
    put: (document, path, puts, glue) => putJson(document, path, puts, glue, LIST),
    outline: (text, skip) => outline(text, skip, format, itemsIn(text, pointer, skip)),
  };
}

function withList(document: Document, pointer: readonly string[]): Document {
  let node = document.root;
  for (const [depth, segment] of pointer.entries()) {
    const member = node?.kind === 'object' ? findMember(document, node, segment) : undefined;
    if (member === undefined) return document;
    if (depth === pointer.length - 1) member.value = asObject(document, member.value);
    node = member.value;
  }
  return document;
}

function asObject({ text }: Document, list: SyntaxNode): ObjectNode {
  if (list.kind !== 'array')
    throw unparsable(text, list.start, 'not_a_list', 'what a client asks for stands in a list');
  return { kind: 'object', start: list.start, end: list.end, members: list.items.map(memberOf(text)) };
}

const memberOf =
  (text: string) =>
  (value: SyntaxNode, index: number): Member => {
    const id = value.kind === 'object' ? value.members.findLast(({ key }) => key === 'id')?.value : undefined;
    const said: unknown = id?.kind === 'scalar' ? JSON.parse(text.slice(id.start, id.end)) : undefined;
    // An id never begins with a NUL: ours are names of references.
    return { key: typeof said === 'string' ? said : `\0${index}`, start: value.start, keyEnd: value.start, value };
  };

/** Which offsets are inside of the items that a second reading finds under these paths. */
function itemsIn(text: string, pointer: readonly string[], skip: readonly (readonly string[])[]) {
  const names = new Set(skip.filter(({ length }) => length > pointer.length).map((path) => path.at(-1)));
  const root = names.size === 0 ? undefined : parseTree(text, [], { allowTrailingComma: true });
  const list = root && findNodeAtLocation(root, [...pointer]);
  const items = (list?.type === 'array' ? (list.children ?? []) : []).filter((item) => names.has(idOf(item)));
  return (at: number) => items.some(({ offset, length }) => at >= offset && at < offset + length);
}

/** As JSON readers do, the last of several. */
const idOf = (item: Node): string | undefined =>
  item.children?.findLast(({ children }) => children?.[0]?.value === 'id')?.children?.[1]?.value;
