import { containerAt } from '../../core/splice/entries.ts';
import type { Edit, Glue, Step } from '../../core/splice/types.ts';
import { blankGlue, compactGlue, forgetPath, interiorOf, isCreated } from './json-glue.ts';
import { linesOf, removals } from './yaml-lines.ts';
import { assertContainer } from './yaml-put.ts';
import { asNode, asObject, lineEnd, refuseOdd, type YamlDocument, type YamlObject } from './yaml-syntax.ts';

/** Takes entries out with their lines, and puts back what stood there before the first one came; see `Codec.take`. */
export function takeYaml(
  document: YamlDocument,
  pointer: readonly string[],
  names: ReadonlySet<string>,
  glue: Glue | null,
): Step {
  assertPath(document, pointer, names);
  const { node, path, gone } = topmost(document, pointer, names, glue);
  const emptied = isEmptied(node, gone);
  const left = forget(glue, pointer, emptied ? path.length : path.length + 1);
  const touched = path.length === pointer.length ? null : pointer.slice(0, path.length + 1);
  if (!emptied) return { edits: cut(document, node, gone), glue: left, touched };
  if (path.length === 0)
    return { edits: emptyRoot(document, node, gone, glue), glue: left, touched: touchedRoot(glue, touched) };
  const nothing = document.list && path.length === pointer.length ? ' []' : ' {}';
  const interior = { start: node.start, end: node.start, text: interiorOf(glue, path) ?? nothing };
  return { edits: [interior, ...cut(document, node, gone)], glue: left, touched };
}

function assertPath(document: YamlDocument, pointer: readonly string[], names: ReadonlySet<string>): void {
  for (let depth = 0; depth <= pointer.length; depth += 1) {
    const node = asObject(containerAt(document, pointer.slice(0, depth)));
    if (node !== undefined) assertContainer(document, node, depth === pointer.length);
  }
  for (const { key, value } of containerAt(document, pointer)?.members ?? []) {
    const { odd } = asNode(value);
    if (odd !== null && names.has(key)) throw refuseOdd(document, odd);
  }
}

const isEmptied = ({ all, members }: YamlObject, gone: ReadonlySet<string>) =>
  all.every((member) => members.includes(member) && gone.has(member.key));

/** Climbs while the container is ours, gets empty and holds no comment: then the container itself goes. */
function topmost(document: YamlDocument, pointer: readonly string[], names: ReadonlySet<string>, glue: Glue | null) {
  let gone = names;
  for (let depth = pointer.length; ; depth -= 1) {
    const path = pointer.slice(0, depth);
    const node = asObject(containerAt(document, path));
    if (node === undefined) throw new Error('entries can only be taken out of a container that is there');
    const goes = isCreated(glue, path) && isEmptied(node, gone) && !hasComments(document, node);
    const segment = path.at(-1);
    if (segment === undefined || !goes) return { node, path, gone };
    gone = new Set([segment]);
  }
}

/** Comments on the line of its key or between its members; those of members are theirs. */
function hasComments({ text }: YamlDocument, { start, all }: YamlObject): boolean {
  const ends = [start, ...all.map(({ value }) => lineEnd(text, value.end))];
  return all.some((member, i) => text.slice(ends[i], member.start).trim() !== '');
}

function cut(document: YamlDocument, node: YamlObject, gone: ReadonlySet<string>): Edit[] {
  return removals(
    document,
    node.members.filter(({ key }) => gone.has(key)).map((member) => linesOf(document.text, member)),
  );
}

/** Nothing but comments is left of the file, or what it was before we came. */
function emptyRoot(document: YamlDocument, node: YamlObject, gone: ReadonlySet<string>, glue: Glue | null): Edit[] {
  const { text } = document;
  const edits = cut(document, node, gone);
  const rest = edits.reduceRight((left, { start, end }) => left.slice(0, start) + left.slice(end), text);
  const whole = glue?.root ?? null;
  if (whole !== null && rest.trim() === '') return [{ start: 0, end: text.length, text: whole }];
  const interior = interiorOf(glue, []);
  if (interior === null || hasComments(document, node)) return edits;
  return [{ start: node.start, end: lineEnd(text, node.end), text: interior }];
}

/** A root that we made goes with the entries; another one stays an empty map. */
const touchedRoot = (glue: Glue | null, touched: string[] | null) => (isCreated(glue, []) ? [] : touched);

/** Forgets every container on the pointer from that depth on: it is gone, or as it was. */
function forget(glue: Glue | null, pointer: readonly string[], depth: number): Glue | null {
  let left = blankGlue(glue);
  for (let length = depth; length <= pointer.length; length += 1) left = forgetPath(left, pointer.slice(0, length));
  return compactGlue(left);
}
