import type { DraftPayload } from './payload.ts';

/**
 * References (DESIGN 4.6): `${env:NAME}`, `${secret:NAME}`, `${input:NAME}` inside a text; `$${` stands for a literal
 * `${`. Scanning is left to right, so `$$${` is a dollar followed by a literal `${`; the price is that a literal dollar
 * directly before a reference cannot be written. Every function here takes time linear in its input.
 */

export type ReferenceKind = 'env' | 'secret' | 'input';

export interface Reference {
  kind: ReferenceKind;
  name: string;
}

export type ReferencePart = { kind: 'text'; text: string } | Reference;

/** Something that looks like a reference and is none. `at` counts UTF-16 units; `text` is cut after 64 of them. */
export interface ReferenceProblem {
  at: number;
  text: string;
}

export interface ParsedReferences {
  parts: ReferencePart[];
  problems: ReferenceProblem[];
}

/** A reference with its place: `path` is a JSON Pointer from the payload root. */
export interface PlacedReference extends Reference {
  path: string;
  server: string;
}

const OPEN = '${';
const ESCAPED = '$${';
const PROBLEM_LENGTH = 64;
const MAX_PROBLEMS = 100;
const REFERENCE = /\$\{(?:(env):([A-Za-z_][A-Za-z0-9_]{0,127})|(secret|input):([A-Za-z0-9][A-Za-z0-9._-]{0,127}))\}/y;

const ENV_NAME = /^[A-Za-z_][A-Za-z0-9_]{0,127}$/;
const OTHER_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;

/** Can this name be written in a reference of this kind? */
export function isReferenceName(kind: ReferenceKind, name: string): boolean {
  return (kind === 'env' ? ENV_NAME : OTHER_NAME).test(name);
}

function referenceAt(text: string, at: number): (Reference & { length: number }) | undefined {
  REFERENCE.lastIndex = at;
  const match = REFERENCE.exec(text);
  if (match === null) return undefined;
  const kind = (match[1] ?? match[3]) as ReferenceKind;
  return { kind, name: match[2] ?? match[4] ?? '', length: match[0].length };
}

function problemAt(text: string, at: number): ReferenceProblem {
  const shown = text.slice(at, at + PROBLEM_LENGTH);
  const close = shown.indexOf('}');
  return { at, text: close < 0 ? shown : shown.slice(0, close + 1) };
}

/** Where the next `${` begins, told apart from `$${`, whose first dollar is where the escape begins. */
function nextOpening(text: string, from: number): { at: number; escaped: boolean } | undefined {
  const at = text.indexOf(OPEN, from);
  if (at < 0) return undefined;
  return at > from && text[at - 1] === '$' ? { at: at - 1, escaped: true } : { at, escaped: false };
}

/**
 * Splits a text into literal text (with `$${` already turned into `${`) and references, in order. What is no legal
 * reference stays in the text and is listed in `problems` (the first 100). Two neighbouring text parts never occur.
 */
export function parseReferences(text: string): ParsedReferences {
  const parts: ReferencePart[] = [];
  const problems: ReferenceProblem[] = [];
  const literal: string[] = [];
  const flush = () => {
    const joined = literal.join('');
    if (joined !== '') parts.push({ kind: 'text', text: joined });
    literal.length = 0;
  };
  let start = 0;
  for (let next = nextOpening(text, 0); next !== undefined; ) {
    const found = next.escaped ? undefined : referenceAt(text, next.at);
    let from = next.at + OPEN.length;
    if (found !== undefined) {
      literal.push(text.slice(start, next.at));
      flush();
      parts.push({ kind: found.kind, name: found.name });
      start = from = next.at + found.length;
    } else if (next.escaped) {
      literal.push(text.slice(start, next.at), OPEN);
      start = from = next.at + ESCAPED.length;
    } else if (problems.length < MAX_PROBLEMS) problems.push(problemAt(text, next.at));
    next = nextOpening(text, from);
  }
  literal.push(text.slice(start));
  flush();
  return { parts, problems };
}

/** Does the text hold at least one legal reference? */
export function hasReference(text: string): boolean {
  return text.includes(OPEN) && parseReferences(text).parts.some((part) => part.kind !== 'text');
}

/** The text in which every legal reference is overwritten by as many NULs, so that offsets stay what they were. */
export function blankReferences(text: string): string {
  if (!text.includes(OPEN)) return text;
  const pieces: string[] = [];
  let start = 0;
  for (let next = nextOpening(text, 0); next !== undefined; ) {
    const found = next.escaped ? undefined : referenceAt(text, next.at);
    if (found !== undefined) {
      pieces.push(text.slice(start, next.at), '\0'.repeat(found.length));
      start = next.at + found.length;
    }
    next = nextOpening(text, next.at + (found?.length ?? (next.escaped ? ESCAPED.length : OPEN.length)));
  }
  pieces.push(text.slice(start));
  return pieces.join('');
}

/** Makes any text mean itself: `parseReferences` of the result is the text and nothing else. */
export function escapeLiteral(text: string): string {
  return text.replaceAll(OPEN, () => ESCAPED);
}

/** The one spelling of a reference. The caller has made sure of the name (`isReferenceName`). */
export function spellReference({ kind, name }: Reference): string {
  return `\${${kind}:${name}}`;
}

/** RFC 6901: the pointer that leads through these keys and indexes. */
export function jsonPointer(...segments: readonly (string | number)[]): string {
  return segments.map((segment) => `/${String(segment).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}

/** A string of an entry in which references are resolved, with its place inside the entry. */
export interface ReferenceField {
  field: 'args' | 'env' | 'url' | 'headers' | 'cwd';
  /** Keys below the entry: `['env', 'TOKEN']`, `['args', 2]`, `['url']`. */
  keys: readonly (string | number)[];
  text: string;
}

const isMap = (value: unknown): value is object => typeof value === 'object' && value !== null && !Array.isArray(value);

/** The strings of an entry in which references mean something, in the order of the entry. Other types are passed over. */
export function* referenceFields(entry: Readonly<Record<string, unknown>>): Generator<ReferenceField> {
  for (const [field, value] of Object.entries(entry)) {
    if (field === 'url' || field === 'cwd') {
      if (typeof value === 'string') yield { field, keys: [field], text: value };
    } else if (field === 'args' && Array.isArray(value)) {
      for (const [index, text] of value.entries()) {
        if (typeof text === 'string') yield { field, keys: [field, index], text };
      }
    } else if ((field === 'env' || field === 'headers') && isMap(value)) {
      for (const [key, text] of Object.entries(value)) {
        if (typeof text === 'string') yield { field, keys: [field, key], text };
      }
    }
  }
}

/** Every reference of a payload, repeated ones included, in payload order. */
export function referencesOf(payload: DraftPayload): PlacedReference[] {
  const found: PlacedReference[] = [];
  for (const [server, entry] of Object.entries(payload.mcpServers)) {
    for (const { keys, text } of referenceFields(entry)) {
      if (!text.includes(OPEN)) continue;
      for (const part of parseReferences(text).parts) {
        if (part.kind === 'text') continue;
        found.push({ kind: part.kind, name: part.name, path: jsonPointer('mcpServers', server, ...keys), server });
      }
    }
  }
  return found;
}
