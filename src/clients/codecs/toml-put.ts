import type { JsonValue } from '../../core/payload.ts';
import { isObject, ownMember, sameValue } from '../../core/splice/equality.ts';
import type { Edit, Glue, Member, Put, Step } from '../../core/splice/types.ts';
import { eolOf, lineRemoval, refuseLayout, removal } from './toml-edit.ts';
import type { Layout } from './toml-layout.ts';
import { headerOf, inlineOf, isTable, lineOf, subTableOf, tableOf } from './toml-print.ts';
import {
  asObject,
  type Block,
  endOfLine,
  isUnder,
  type Line,
  type Path,
  parseToml,
  type TomlDocument,
  type TomlObject,
  tomlValueOf,
} from './toml-syntax.ts';
import { spellToml } from './toml-values.ts';

type Values = { [key: string]: JsonValue };

/** Updates entries where they stand, line by line, and writes new tables behind the last entry; see `Codec.put`. */
export function putToml(
  layout: Layout,
  document: TomlDocument,
  pointer: readonly string[],
  puts: readonly Put[],
  glue: Glue | null,
): Step {
  layout.assertWritable(document, pointer);
  const eol = eolOf(document.text);
  const fresh: string[] = [];
  const edits: Edit[] = [];
  for (const wanted of puts) {
    const put = { ...wanted, value: layout.saidBy(wanted) };
    const found = layout.find(document, pointer, put.name);
    if (found === undefined) fresh.push(freshTable(put, layout.newPath(pointer, put.name), eol));
    else edits.push(...update(document, found.path, found.member, put));
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
function anchorOf({ text, blocks }: TomlDocument, pointer: Path): number {
  const last = blocks.findLast((block) => isUnder(block, pointer));
  return last?.end ?? endOfLine(text, text.trimEnd().length);
}

/** A new entry: the bytes that it had once, or else its value as tables. */
function freshTable(put: Put, path: Path, eol: string): string {
  const raw = rawBlocks(put, path);
  if (raw !== undefined) return raw.commented ? raw.blocks.join(eol + eol) : (put.raw ?? '');
  return tableOf(path, tableIn(put, path), eol);
}

/** A new entry in braces: the text that it had so once, or else its value. */
export const inBraces = (put: Put, path: Path): string =>
  put.raw?.startsWith('{') === true ? put.raw : inlineOf(tableIn(put, path));

/** The value of an entry that is not written by its earlier bytes. Those may say what a value cannot, such as a date. */
function tableIn({ value, raw }: Put, path: Path): Values {
  if (!isObject(value) || (raw !== undefined && !says(raw, value, path)))
    throw refuseLayout({ text: '', at: 0, what: 'its earlier text is no table' });
  return value;
}

function says(raw: string, value: Values, path: Path): boolean {
  if (raw.startsWith('[')) return spellToml(raw) === spellToml(tableOf(path, value, '\n'));
  return spellToml(`x = ${raw}`) === spellToml(`x = ${inlineOf(value)}`);
}

interface Raw {
  /** Header and lines of each table. */
  blocks: string[];
  /** There are comments between the tables. */
  commented: boolean;
}

/** The text that an entry had as tables, when it holds that entry and nothing else. */
function rawBlocks({ raw }: Put, path: Path): Raw | undefined {
  if (raw === undefined || !raw.startsWith('[')) return undefined;
  const [first, ...blocks] = parseToml(raw).blocks;
  // An item is the first of its own text, wherever it stands in the file.
  const own = path.map((key) => (typeof key === 'number' ? 0 : key));
  if (first === undefined || first.lines.length > 0 || !blocks.every((block) => isUnder(block, own))) {
    throw refuseLayout({ text: raw, at: 0, what: 'the tables of this entry stood among those of others' });
  }
  return { blocks: blocks.map(({ start, end }) => raw.slice(start, end)), commented: gapsOf(raw, blocks).length > 0 };
}

/** Comments between the tables of an entry; they are nobody's. */
const gapsOf = (text: string, blocks: readonly Block[]): string[] =>
  blocks
    .slice(1)
    .flatMap((block, i) => text.slice(blocks[i]?.end ?? 0, block.start).split(/\r?\n/))
    .filter((line) => line.trim() !== '');

function update(document: TomlDocument, path: Path, member: Member, put: Put): Edit[] {
  const { start, end } = member.value;
  const node = asObject(member.value);
  if (node?.form === 'dotted') throw refuseLayout({ text: document.text, at: member.start, what: DOTTED });
  const raw = rawBlocks(put, path);
  if (node === undefined || node.form === 'inline') {
    const raws = new Map(put.keep.map(({ key, value }) => [key, document.text.slice(value.start, value.end)]));
    const inPlace = put.raw !== undefined && raw === undefined;
    const inline = inPlace ? put.raw : inlineOf(put.raw === undefined ? put.value : tableIn(put, path), raws);
    return [{ start, end, text: inline ?? '' }];
  }
  if (raw !== undefined) return restore(document, path, put.raw ?? '', raw);
  return updateTable(document, path, node, tableIn(put, path), new Set(put.keep.map(({ key }) => key)));
}

/** Earlier tables in place of the present ones; word for word when nothing of others stands between. */
function restore(document: TomlDocument, path: Path, whole: string, raw: Raw): Edit[] {
  const { text, blocks } = document;
  const own = blocks.filter((block) => isUnder(block, path));
  const [first, ...more] = own;
  if (first === undefined) throw new Error('an entry that is there as tables has a block');
  const at = blocks.indexOf(first);
  const together = blocks.slice(at, at + own.length).every((block) => own.includes(block));
  const rawOwn = parseToml(whole).blocks.slice(1);
  if (together && JSON.stringify(gapsOf(text, own)) === JSON.stringify(gapsOf(whole, rawOwn))) {
    return [{ start: first.start, end: own.at(-1)?.end ?? first.end, text: whole }];
  }
  const eol = eolOf(text);
  const back = { start: first.start, end: first.end, text: raw.blocks.join(eol + eol) };
  return [back, ...more.map((block) => removal(text, block))];
}

const DOTTED = 'this entry is written with dotted keys; write it as a table of its own first';

/** What becomes of one table: lines that go, values that change, lines and tables that come. */
interface Changes {
  gone: Line[];
  lines: [key: string, value: JsonValue][];
  tables: [key: string, value: Values][];
  edits: Edit[];
}

function updateTable(
  document: TomlDocument,
  path: Path,
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
  path: Path,
  table: TomlObject,
  wanted: JsonValue | undefined,
  changes: Changes,
): void {
  const key = String(path.at(-1) ?? '');
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
function ownBlock(document: TomlDocument, path: Path, { block }: TomlObject, { gone, lines, tables }: Changes): Edit[] {
  const eol = eolOf(document.text);
  const added = lines.map(([key, value]) => eol + lineOf(key, value)).join('');
  const below = tables.map(([key, value]) => eol + eol + subTableOf([...path, key], value, eol)).join('');
  if (block === null) {
    if (added === '' && below === '') return [];
    const at = anchorOf(document, path);
    return [{ start: at, end: at, text: eol + eol + headerOf(path) + added + below }];
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
