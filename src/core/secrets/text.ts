import { blankReferences } from '../references.ts';
import { isPlaceholder, isSecretValue, type Secrecy, secrecyOf, wordsOf } from './fields.ts';
import { ANY_ANCHOR, SECRET_RULES } from './rules.ts';

export type SecretPosition =
  | 'env'
  | 'header'
  | 'arg'
  | 'url'
  | 'cwd'
  | 'command'
  | 'x-client'
  | 'input'
  | 'name'
  | 'other';

/** What is known about the place of a text. `field` is the name next to the value: variable, header, flag, key. */
export interface SecretContext {
  field: string;
  position: SecretPosition;
}

/** A literal secret. `start` and `end` are UTF-16 offsets; `field` is the name nearest to it. */
export interface FoundSecret {
  kind: string;
  start: number;
  end: number;
  field: string;
}

/** A stretch of the text together with the name that governs it. */
interface Candidate {
  field: string;
  secrecy: Secrecy;
  start: number;
  end: number;
  /** Behind `Bearer`, `Basic` ...: whatever is written there is the credential. */
  certain?: boolean;
}

const SHORTEST = 6;
const NAMED = /(?:--?)?([A-Za-z_][A-Za-z0-9_.-]{0,127})[ ]{0,4}[=:][ ]{0,4}/y;
const SCHEME = /[ ]{0,4}(?:Bearer|Basic|Token|ApiKey|Api-Key|SSWS|Key)[ ]{1,4}/iy;
const QUERY_PAIR = /[?&#]([A-Za-z0-9_.-]{1,64})=([^&#\s]{6,})/g;
const JSON_PAIR = /"([A-Za-z0-9_.-]{1,64})"[ ]{0,4}:[ ]{0,4}"([^"]{6,})"/g;

function byShape(text: string, field: string): FoundSecret[] {
  if (!ANY_ANCHOR.test(text)) return [];
  const found: FoundSecret[] = [];
  for (const { kind, anchor, pattern, confirm } of SECRET_RULES) {
    if (!text.includes(anchor)) continue;
    for (const match of text.matchAll(pattern)) {
      const secret = match[1] ?? match[0];
      if (confirm !== undefined && !confirm(secret)) continue;
      const start = match.index + match[0].lastIndexOf(secret);
      found.push({ kind, start, end: start + secret.length, field });
    }
  }
  return found;
}

/** `--flag=value`, `NAME=value`, `Header: value`, and `--header=Name: value` with both names peeled off. */
function afterNames(text: string, { field, position }: SecretContext): Candidate {
  let start = 0;
  let nearest = field;
  if (position === 'arg' && /[=:]/.test(text)) {
    for (let depth = 0; depth < 2; depth++) {
      NAMED.lastIndex = start;
      const match = NAMED.exec(text);
      if (match === null || text.startsWith('//', NAMED.lastIndex)) break;
      nearest = match[1] ?? nearest;
      start += match[0].length;
    }
  }
  SCHEME.lastIndex = start;
  const secrecy = secrecyOf(nearest);
  const scheme = secrecy === 'none' ? null : SCHEME.exec(text);
  const certain = scheme !== null && (position === 'header' || /^(?:proxy-)?authorization$/i.test(nearest));
  return { field: nearest, secrecy, start: start + (scheme?.[0].length ?? 0), end: text.length, certain };
}

function pairs(text: string, pattern: RegExp): Candidate[] {
  return Array.from(text.matchAll(pattern), (match) => {
    const start = match.index + match[0].lastIndexOf(match[2] ?? '');
    return { field: match[1] ?? '', secrecy: secrecyOf(match[1] ?? ''), start, end: start + (match[2]?.length ?? 0) };
  });
}

function candidatesOf(text: string, context: SecretContext): Candidate[] {
  const found = [afterNames(text, context)];
  if (text.includes('=')) found.push(...pairs(text, QUERY_PAIR));
  if (text.includes('"')) found.push(...pairs(text, JSON_PAIR));
  return found;
}

/** Some keys have no shape but a telling field: the field then gives them their name. */
function kindOf(field: string, value: string): string {
  const words = wordsOf(field);
  if (words.includes('secret') && words.includes('key') && /^[A-Za-z0-9+/]{40}$/.test(value))
    return 'aws_secret_access_key';
  if (words.includes('heroku') && value.length === 36) return 'heroku_key';
  return 'secret_value';
}

/** Behind an authentication scheme everything but a placeholder is the credential. */
const isCredential = (literal: string): boolean => literal.length >= SHORTEST && !isPlaceholder(literal);

function judge(text: string, candidate: Candidate): FoundSecret | undefined {
  const { field, secrecy, start, end } = candidate;
  if (secrecy === 'none') return undefined;
  const value = text.slice(start, end);
  if (value.includes('\0')) return besideReferences(value, candidate);
  const isSecret = candidate.certain === true ? isCredential(value.trim()) : isSecretValue(value, field, secrecy);
  return isSecret ? { kind: kindOf(field, value.trim()), start, end, field } : undefined;
}

/** Literal text around references: only what looks random is a secret, for prefixes and suffixes are ordinary. */
function besideReferences(value: string, { field, start }: Candidate): FoundSecret | undefined {
  let at = start;
  for (const piece of value.split('\0')) {
    if (isSecretValue(piece, field, 'likely'))
      return { kind: 'secret_value', start: at, end: at + piece.length, field };
    at += piece.length + 1;
  }
  return undefined;
}

/** The earlier find keeps its characters; each takes the name of the innermost candidate it begins in. */
function withoutOverlaps(
  length: number,
  found: readonly FoundSecret[],
  candidates: readonly Candidate[],
): FoundSecret[] {
  const owner = new Int32Array(length).fill(-1);
  for (const [index, { start, end }] of candidates.entries()) owner.fill(index, start, end);
  const taken = new Uint8Array(length);
  const kept: FoundSecret[] = [];
  for (const secret of found) {
    if (taken.subarray(secret.start, secret.end).includes(1)) continue;
    taken.fill(1, secret.start, secret.end);
    kept.push({ ...secret, field: candidates[owner[secret.start] ?? -1]?.field ?? secret.field });
  }
  return kept.toSorted((a, b) => a.start - b.start);
}

/**
 * The literal secrets in a text, by place and without overlaps; references are no secrets. First by the shape of the
 * value (`SECRET_RULES`), then by the name of its field. Time is linear in the text.
 */
export function findSecrets(text: string, context: SecretContext): FoundSecret[] {
  if (text.length < SHORTEST) return [];
  const literal = blankReferences(text);
  const found = byShape(literal, context.field);
  const candidates = candidatesOf(literal, context);
  for (const candidate of candidates) {
    const secret = judge(literal, candidate);
    if (secret !== undefined) found.push(secret);
  }
  return found.length === 0 ? [] : withoutOverlaps(literal.length, found, candidates);
}

/** What a message may show of a secret: its kind, and the last 4 characters where that gives little away. */
export function maskSecret(
  value: string,
  kind = findSecrets(value, { field: 'SECRET', position: 'other' })[0]?.kind,
): string {
  const shown = value.length >= 16 ? ` ending in ...${value.slice(-4)}` : '';
  return `${kind ?? 'secret_value'}${shown}`;
}
