import { AppError } from './errors.ts';
import type { JsonValue } from './payload.ts';

/** Deepest nesting of objects and arrays that any door accepts: `[[]]` has depth 2. */
export const MAX_DEPTH = 64;

/** Keys that mean "the prototype" to some code further down the road; no JSON of ours may own them. */
export function isForbiddenKey(key: string): boolean {
  return key === '__proto__' || key === 'constructor' || key === 'prototype';
}

/** RFC 6901 pointer of a path. Broken surrogates are replaced, so that the pointer can be sent as JSON itself. */
export function jsonPointer(path: readonly PropertyKey[]): string {
  return path.map((step) => `/${String(step).toWellFormed().replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}

/** The keys of an RFC 6901 pointer; the empty pointer has none. */
export function pointerKeys(pointer: string): string[] {
  return pointer
    .split('/')
    .slice(1)
    .map((key) => key.replaceAll('~1', '/').replaceAll('~0', '~'));
}

const REFUSALS = {
  too_deep: 'is nested too deeply',
  forbidden_key: 'has a key that is not allowed (__proto__, constructor or prototype)',
  lone_surrogate: 'holds half of a surrogate pair, which is no Unicode text',
  number_out_of_range: 'is a number that JSON readers do not agree on (beyond ±9007199254740991, or not finite)',
  not_json: 'is nothing that JSON can say',
} as const;

type Refusal = keyof typeof REFUSALS;

function refuse(reason: Refusal, path: readonly PropertyKey[]): never {
  const pointer = jsonPointer(path);
  const message = `${pointer === '' ? 'The value' : `The value at ${pointer}`} ${REFUSALS[reason]}.`;
  throw new AppError('INVALID_INPUT', message, { reason, issues: [{ path: pointer, message }] });
}

function checkScalar(value: unknown, path: readonly PropertyKey[]): void {
  if (value === null || typeof value === 'boolean') return;
  if (typeof value === 'string') {
    if (!value.isWellFormed()) refuse('lone_surrogate', path);
  } else if (typeof value === 'number') {
    // Written so that NaN fails too.
    if (!(Math.abs(value) <= Number.MAX_SAFE_INTEGER)) refuse('number_out_of_range', path);
  } else {
    refuse('not_json', path);
  }
}

function isPlain(value: object): value is Record<string, unknown> {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

interface Walk {
  readonly maxDepth: number;
  readonly path: PropertyKey[];
  /** Deepest level at which a container was looked at: one that is shared is not walked again and again. */
  readonly seen: Map<object, number>;
}

function check(value: unknown, depth: number, walk: Walk): void {
  if (typeof value !== 'object' || value === null) {
    checkScalar(value, walk.path);
    return;
  }
  if (depth > walk.maxDepth) refuse('too_deep', walk.path);
  if ((walk.seen.get(value) ?? 0) >= depth) return;
  walk.seen.set(value, depth);
  if (Array.isArray(value)) {
    for (let index = 0; index < value.length; index++) checkMember(value[index], index, depth, walk);
    return;
  }
  if (!isPlain(value)) refuse('not_json', walk.path);
  for (const key of Object.keys(value)) {
    if (isForbiddenKey(key)) refuse('forbidden_key', walk.path);
    if (!key.isWellFormed()) refuse('lone_surrogate', walk.path);
    checkMember(value[key], key, depth, walk);
  }
}

function checkMember(value: unknown, key: PropertyKey, depth: number, walk: Walk): void {
  walk.path.push(key);
  check(value, depth + 1, walk);
  walk.path.pop();
}

/**
 * The refusals of the strict reader, for a value that somebody else parsed (an MCP message) or that code put together.
 * What a parser has swallowed already, such as duplicate keys, cannot be seen here. A member that is `undefined` is
 * refused: a serializer would drop it without a word. Cycles are refused as too deep.
 */
export function assertJsonValue(
  value: unknown,
  { maxDepth = MAX_DEPTH }: { maxDepth?: number } = {},
): asserts value is JsonValue {
  check(value, 1, { maxDepth, path: [], seen: new Map() });
}
