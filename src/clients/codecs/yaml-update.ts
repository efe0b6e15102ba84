import type { JsonValue } from '../../core/payload.ts';
import { isObject, type JsonObject, sameValue, without } from '../../core/splice/equality.ts';
import type { Edit, Member, Put, Span } from '../../core/splice/types.ts';
import { beginsLine, linesBehind, linesOf, removals } from './yaml-lines.ts';
import { behindDash, behindKey, flowOf, itemsOf, membersOf, named, type YamlStyle } from './yaml-print.ts';
import {
  asNode,
  asObject,
  lineEnd,
  refuseOdd,
  type YamlDocument,
  type YamlNode,
  type YamlObject,
  yamlValueOf,
} from './yaml-syntax.ts';

/** Where an entry stands: its container decides how it is written anew. */
export interface Surroundings {
  document: YamlDocument;
  /** Of the keys or dashes of the container. */
  column: number;
  style: YamlStyle;
}

/** Changes an entry where it stands: lines that say the same stay, with their comments. */
export function updateEntry(around: Surroundings, member: Member, { name, value, raw, keep }: Put): Edit[] {
  const { document, column, style } = around;
  const old = asNode(member.value);
  if (old.odd !== null) throw refuseOdd(document, old.odd);
  if (raw !== undefined) return [{ start: old.start, end: old.end, text: raw }];
  const kept = new Set(keep.map(({ key }) => key));
  if (old.kind === 'object' && isObject(value)) {
    if (old.form === 'block') return updateMap(around, old, value, kept);
    if (old.form === 'flow') {
      const raws = keep.map(({ start, value: field }) => document.text.slice(start, field.end));
      const rest = without(value, [...kept]);
      return [inPlace(document, old, ` ${flowOf(document.list ? named(name, rest) : rest, raws)}`)];
    }
  }
  const text = document.list ? behindDash(named(name, value), column, style) : behindKey(value, column, style);
  return [inPlace(document, old, text)];
}

/** Replaces a value. A text that begins on the line of its key keeps its distance from the colon. */
function inPlace({ text }: YamlDocument, { start, end }: Span, printed: string): Edit {
  const lead = /^[ \t]+(?=[^\s#])/.exec(text.slice(start, end))?.[0];
  return { start, end, text: lead !== undefined && printed.startsWith(' ') ? lead + printed.slice(1) : printed };
}

function updateMap(around: Surroundings, map: YamlObject, wanted: JsonObject, kept: ReadonlySet<string>): Edit[] {
  const { document, column, style } = around;
  const { text } = document;
  const gone = map.members.filter(({ key }) => !kept.has(key) && !Object.hasOwn(wanted, key));
  const left = map.all.filter((member) => !gone.includes(member));
  const [first] = left;
  if (first === undefined) return [inPlace(document, map, behindKey(wanted, column, style))];
  const inside = { ...around, column: map.column };
  const known = new Set([...map.members.map(({ key }) => key), ...kept]);
  const edits = map.members.flatMap((member) => {
    const value = kept.has(member.key) || !Object.hasOwn(wanted, member.key) ? undefined : wanted[member.key];
    return value === undefined ? [] : updateMember(inside, member, value);
  });
  const fresh = membersOf(without(wanted, [...known]) as JsonObject, map.column, style);
  const spans = gone.map((member) => goneOf(text, member, first));
  // What stood above a last line is of no use below the entry: comments there go with it.
  const end = lineEnd(text, left.at(-1)?.value.end ?? map.end);
  if (fresh.length === 0 && end < map.end) spans.push({ start: end, end: map.end });
  edits.push(...removals(document, spans));
  if (fresh.length > 0) edits.push(linesBehind(text, map.end, style.eol, fresh));
  return edits;
}

/** A member that stands behind a dash makes room for the first one that stays. */
const goneOf = (text: string, member: Member, first: Member): Span =>
  beginsLine(text, member) ? linesOf(text, member) : { start: member.start, end: first.start };

function updateMember(around: Surroundings, member: Member, wanted: JsonValue): Edit[] {
  const { document, column, style } = around;
  const old = asNode(member.value);
  if (sameValue(yamlValueOf(document, old), wanted)) return [];
  const map = asObject(old);
  if (map?.form === 'block' && isObject(wanted)) return updateMap(around, map, wanted, new Set());
  if (isFlow(old) && typeof wanted === 'object') return [inPlace(document, old, ` ${flowOf(wanted)}`)];
  if (old.kind === 'array' && Array.isArray(wanted) && wanted.length > 0) {
    const lines = itemsOf(wanted, old.column, style);
    return [{ start: old.start, end: old.end, text: style.eol + lines.join(style.eol) }];
  }
  return [inPlace(document, old, behindKey(wanted, column, style))];
}

const isFlow = (node: YamlNode) =>
  node.kind === 'array' ? node.flow : node.kind === 'object' && (node.form === 'flow' || node.form === 'flow list');
