import type { JsonValue } from '../payload.ts';

export type JsonObject = { [key: string]: JsonValue };

export const isObject = (value: JsonValue | undefined): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Equal as parsed JSON: the order of members and the spelling of numbers and strings do not count. */
export function sameValue(a: JsonValue, b: JsonValue): boolean {
  if (Array.isArray(a) || Array.isArray(b)) return Array.isArray(a) && Array.isArray(b) && sameItems(a, b);
  if (!isObject(a) || !isObject(b)) return a === b;
  const keys = Object.keys(a);
  if (keys.length !== Object.keys(b).length) return false;
  return keys.every((key) => {
    const [left, right] = [ownMember(a, key), ownMember(b, key)];
    return left !== undefined && right !== undefined && sameValue(left, right);
  });
}

function sameItems(a: JsonValue[], b: JsonValue[]): boolean {
  return (
    a.length === b.length &&
    a.every((item, i) => {
      const other = b[i];
      return other !== undefined && sameValue(item, other);
    })
  );
}

/** Never what a prototype holds. */
export const ownMember = (object: JsonObject, key: string): JsonValue | undefined =>
  Object.hasOwn(object, key) ? object[key] : undefined;

/** A copy without the named members, and without a prototype; anything but an object comes back as it is. */
export function without(value: JsonValue, fields: readonly string[]): JsonValue {
  if (!isObject(value)) return value;
  const copy: JsonObject = Object.create(null);
  for (const [key, member] of Object.entries(value)) if (!fields.includes(key)) copy[key] = member;
  return copy;
}
