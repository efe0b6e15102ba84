import type { z } from 'zod';

/**
 * `schema.safeParse` for what comes from outside. Zod itself compares the `length` of whatever it finds where a text or a
 * list with bounds belongs, also when it has found already that this is neither; an object that is no number there, as in
 * `{"length": {"toString": 1}}`, makes it throw a TypeError. Here that is an issue at its place like every other.
 */
export function safeParse<S extends z.ZodType>(
  schema: S,
  value: unknown,
  context?: z.core.ParseContext<z.core.$ZodIssue>,
): z.ZodSafeParseResult<z.output<S>> {
  try {
    return schema.safeParse(value, context);
  } catch (error) {
    // What throws for another reason does so again, and is a bug of ours.
    if (!(error instanceof TypeError)) throw error;
    const again = schema.safeParse(withoutLengths(value), context);
    if (again.success) throw error;
    return again;
  }
}

/** The same value with `null` for each object under `length`: where it stands for a text or a list, it is still neither. */
function withoutLengths(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutLengths);
  if (typeof value !== 'object' || value === null) return value;
  const members = Object.entries(value).map(([key, one]) => {
    const isObject = typeof one === 'object' && one !== null;
    return [key, key === 'length' && isObject ? null : withoutLengths(one)];
  });
  return Object.fromEntries(members);
}
