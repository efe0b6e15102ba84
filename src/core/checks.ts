import type { Issue } from './errors.ts';
import { jsonPointer } from './json-value.ts';

/**
 * What a signed statement and its envelope must look like, without a schema library: the launcher verifies before every
 * start of a server, and loading such a library would take longer than all of its work. For values out of the strict
 * JSON reader; a check says where and what, never the value.
 */
export type Check<T> = ((value: unknown, at: Path) => Issue[]) & {
  /** Exists for the compiler only. */
  readonly says?: T;
};
export type Checked<C> = C extends Check<infer T> ? T : never;
type Path = readonly PropertyKey[];

const wrong = (at: Path, message: string): Issue[] => [{ path: jsonPointer(at), message }];

export const text =
  (fits: (text: string) => boolean = () => true, message = 'this is no text that is allowed here'): Check<string> =>
  (value, at) => {
    if (typeof value !== 'string') return wrong(at, 'this must be a text');
    return fits(value) ? [] : wrong(at, message);
  };

export const notEmpty = (value: string): boolean => value !== '';

export const literal =
  <const T extends string>(wanted: T): Check<T> =>
  (value, at) =>
    value === wanted ? [] : wrong(at, `this must be ${wanted}`);

/** 1, 2, 3 ... */
export const counter: Check<number> = (value, at) =>
  Number.isSafeInteger(value) && Number(value) >= 1 ? [] : wrong(at, 'this must be a whole number from 1 on');

export const nullable =
  <T>(check: Check<T>): Check<T | null> =>
  (value, at) =>
    value === null ? [] : check(value, at);

export const list =
  <T>(check: Check<T>, [least, most]: readonly [number, number] = [0, Number.POSITIVE_INFINITY]): Check<T[]> =>
  (value, at) => {
    if (!Array.isArray(value)) return wrong(at, 'this must be a list');
    if (value.length < least || value.length > most) return wrong(at, `this must have ${least} to ${most} items`);
    return value.flatMap((item, index) => check(item, [...at, index]));
  };

type Fields = Readonly<Record<string, Check<unknown>>>;
type Shaped<F extends Fields> = { -readonly [K in keyof F]: Checked<F[K]> };

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** An object with at least these fields. */
export const having =
  <const F extends Fields>(fields: F): Check<Shaped<F>> =>
  (value, at) => {
    if (!isRecord(value)) return wrong(at, 'this must be an object');
    return Object.entries(fields).flatMap(([key, check]) =>
      Object.hasOwn(value, key) ? check(value[key], [...at, key]) : wrong([...at, key], 'this is missing'),
    );
  };

/** An object with these fields and no other. */
export const exactly =
  <const F extends Fields>(fields: F): Check<Shaped<F>> =>
  (value, at) => {
    const stranger = isRecord(value) && Object.keys(value).find((key) => !Object.hasOwn(fields, key));
    const issues = having(fields)(value, at);
    return typeof stranger === 'string' ? [...issues, ...wrong(at, 'this has a field too many')] : issues;
  };

/** What must hold between the fields of a value that is right in itself. */
export const where =
  <T>(check: Check<T>, holds: (value: T) => boolean, field: string, message: string): Check<T> =>
  (value, at) => {
    const issues = check(value, at);
    return issues.length > 0 || holds(value as T) ? issues : wrong([...at, field], message);
  };

/** What is wrong with a value, or nothing and the value. */
export function checked<T>(check: Check<T>, value: unknown): { value: T } | { issues: Issue[] } {
  const issues = check(value, []);
  return issues.length > 0 ? { issues } : { value: value as T };
}
