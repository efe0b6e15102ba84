import canonicalize from 'canonicalize';
import { assertJsonValue } from './json-value.ts';

/**
 * RFC 8785 text of a JSON value: the form that is hashed and signed. Refuses (INVALID_INPUT) whatever our own strict
 * reader would not read back the same, instead of dropping or bending it.
 */
export function canonicalJson(value: unknown): string {
  assertJsonValue(value);
  // The library answers `undefined` only for what is no JSON at all, which cannot arrive here.
  return String(canonicalize(value));
}
