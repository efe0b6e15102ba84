import type { JsonValue } from '../../core/payload.ts';
import { containerAt } from '../../core/splice/entries.ts';
import { isObject, ownMember, sameValue } from '../../core/splice/equality.ts';
import type { Edit, Glue, Member, Put, Step } from '../../core/splice/types.ts';
import { assertTables, eolOf, lineRemoval, refuseLayout, removal } from './toml-edit.ts';
import { headerOf, inlineOf, isTable, lineOf, subTableOf, tableOf } from './toml-print.ts';
import {
  asObject,
  type Block,
  isUnder,
  type Line,
  parseToml,
  type TomlDocument,
  type TomlObject,
  tomlValueOf,
} from './toml-syntax.ts';

type Values = { [key: string]: JsonValue };

/** Updates entries where they stand, line by line, and writes new tables behind the last entry; see `Codec.put`. */
export function putToml(
  document: TomlDocument,
  pointer: readonly string[],
  puts: readonly Put[],
  glue: Glue | null,
): Step {
  assertTables(document, pointer);
  const eol = eolOf(document.text);
  const members = containerAt(document, pointer)?.members ?? [];
  const fresh: string[] = [];
  const edits: Edit[] = [];
  for (const put of puts) {
    const path = [...pointer, put.name];
    const member = members.find(({ key }) => key === put.name);
    if (member === undefined) fresh.push(rawTable(put, path) ?? printed(put, path, eol));
    else edits.push(...update(document, path, member, put));
  }
  if (fresh.length === 0) return { edits, glue, touched: null };
  const { text } = document;
  if (text.trim() === '') {
    const whole = { start: 0, end: text.length, text: fresh.join(eol + eol) + eol };
    return { edits: [whole], glue: { root: text, created: [], interiors: [] }, touched: null };
  }
  const at = anchorOf(document, pointer);
  edits.push({ start: at, end: at, text: fresh.map((table) => eol + eol + table).join('') });
  return { edits, glue, touched: null };
}

/** Behind the last block of an entry, or else behind the last thing that stands in the file. */
function anchorOf({ text, blocks }: TomlDocument, pointer: readonly string[]): number {
  const last = blocks.findLast((block) => isUnder(block, pointer));
  return last?.end ?? text.trimEnd().length;
}

function printed({ value }: Put, path: readonly string[], eol: string): string {
  if (isObject(value)) return tableOf(path, value, eol);
  throw refuseLayout({ text: '', at: 0, what: 'an entry is a table' });
}

/** The text that an entry had as tables, when it holds that entry and nothing else. */
function rawTable({ raw }: Put, path: readonly string[]): string | undefined {
  if (raw === undefined || !raw.startsWith('[')) return undefined;
  const [first, ...blocks] = parseToml(raw).blocks;
  const alone = first?.lines.length === 0 && blocks.every((block) => isUnder(block, path));
  return alone ? raw : undefined;
}

function update(document: TomlDocument, path: readonly string[], member: Member, put: Put): Edit[] {
  const { start, end } = member.value;
  const node = asObject(member.value);
  if (node?.form === 'dotted') throw refuseLayout({ text: document.text, at: member.start, what: DOTTED });
  if (node === undefined || node.form === 'inline') {
    const raws = new Map(put.keep.map(({ key, value }) => [key, document.text.slice(value.start, value.end)]));
    const inline = put.raw !== undefined && !put.raw.startsWith('[') ? put.raw : inlineOf(put.value, raws);
    return [{ start, end, text: inline }];
  }
  const raw = rawTable(put, path);
  if (raw !== undefined && sameGaps(document, path, raw)) {
    const blocks = document.blocks.filter((block) => isUnder(block, path));
    return [{ start: blocks[0]?.start ?? start, end: blocks.at(-1)?.end ?? end, text: raw }];
  }
  if (!isObject(put.value)) throw refuseLayout({ text: document.text, at: start, what: 'an entry is a table' });
  return updateTable(document, path, node, put.value, new Set(put.keep.map(({ key }) => key)));
}

const DOTTED = 'this entry is written with dotted keys; write it as a table of its own first';

/** Comments between the tables of an entry are nobody's: they must be the same on both sides, and no other table there. */
function sameGaps(document: TomlDocument, path: readonly string[], raw: string): boolean {
  const own = (candidate: TomlDocument) => candidate.blocks.filter((block) => isUnder(block, path));
  const gaps = (candidate: TomlDocument) =>
    own(candidate)
      .slice(1)
      .map((block, i) => candidate.text.slice(own(candidate)[i]?.end ?? 0, block.start))
      .flatMap((gap) => gap.split(/\r?\n/).map((line) => line.trim()))
      .filter((line) => line !== '');
  const first = document.blocks.findIndex((block) => isUnder(block, path));
  const together = document.blocks.slice(first, first + own(document).length).every((block) => isUnder(block, path));
  return together && JSON.stringify(gaps(document)) === JSON.stringify(gaps(parseToml(raw)));
}

/** What becomes of one table: lines that go, values that change, lines and tables that come. */
interface Changes {
  gone: Line[];
  lines: [key: string, value: JsonValue][];
  tables: [key: string, value: Values][];
  edits: Edit[];
}

function updateTable(
  document: TomlDocument,
  path: readonly string[],
  node: TomlObject,
  value: Values,
  keep: ReadonlySet<string>,
): Edit[] {
  const changes: Changes = { gone: [], lines: [], tables: [], edits: [] };
  const keys = new Set([...node.members.map(({ key }) => key), ...Object.keys(value)]);
  for (const key of keys) {
    if (!keep.has(key)) changeMember(document, [...path, key], node, ownMember(value, key), changes);
  }
  return [...changes.edits, ...ownBlock(document, path, node, changes)];
}

function changeMember(
  document: TomlDocument,
  path: readonly string[],
  table: TomlObject,
  wanted: JsonValue | undefined,
  changes: Changes,
): void {
  const key = path.at(-1) ?? '';
  const member = table.members.find((candidate) => candidate.key === key);
  const lines = table.block?.lines.filter((line) => line.key === key) ?? [];
  const now = member === undefined ? undefined : tomlValueOf(document, member.value);
  if (now !== undefined && wanted !== undefined && sameValue(now, wanted)) return;
  const [line] = lines;
  if (line !== undefined && !line.dotted && wanted !== undefined) {
    changes.edits.push({ start: line.value.start, end: line.value.end, text: inlineOf(wanted) });
    return;
  }
  changes.gone.push(...lines);
  const below = asObject(member?.value);
  const blocks = document.blocks.filter((block) => isUnder(block, path));
  if (blocks.length > 0 && below !== undefined && wanted !== undefined && isTable(wanted)) {
    changes.edits.push(...updateTable(document, path, below, wanted, new Set()));
    return;
  }
  changes.edits.push(...blocks.map((block) => removal(document.text, block)));
  if (wanted === undefined) return;
  if (isTable(wanted) && lines.length === 0) changes.tables.push([key, wanted]);
  else changes.lines.push([key, wanted]);
}

/** The edits inside the table's own block; one is written when lines come to a table that had none. */
function ownBlock(
  document: TomlDocument,
  path: readonly string[],
  { block, start }: TomlObject,
  { gone, lines, tables }: Changes,
): Edit[] {
  const eol = eolOf(document.text);
  const added = lines.map(([key, value]) => eol + lineOf(key, value)).join('');
  const below = tables.map(([key, value]) => eol + eol + subTableOf([...path, key], value, eol)).join('');
  if (block === null) {
    if (added === '' && below === '') return [];
    return [{ start, end: start, text: headerOf(path) + added + below + eol + eol }];
  }
  const edits = added === '' ? cut(document.text, block, gone) : gone.map((line) => lineRemoval(document.text, line));
  return added + below === '' ? edits : [...edits, { start: block.end, end: block.end, text: added + below }];
}

/** Takes lines out. What stood above a last line is of no use below the table: comments there go with it. */
function cut(text: string, block: Block, gone: readonly Line[]): Edit[] {
  const left = block.lines.filter((line) => !gone.includes(line));
  const end = left.at(-1)?.end ?? block.headEnd;
  const inside = gone.filter((line) => line.end <= end).map((line) => lineRemoval(text, line));
  return end < block.end ? [...inside, { start: end, end: block.end, text: '' }] : inside;
}
