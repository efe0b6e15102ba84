import { failure } from './errors.ts';
import type { Route } from './route.ts';

/** An input as HTTP sends it. */
export interface HttpRequest {
  method: Route['method'];
  /** Path and query. */
  target: string;
  body: string | undefined;
  /** It holds only for one state of the draft, which a first try that went through has changed. */
  conditional: boolean;
}

/** What a header can carry. Others are refused by `fetch`, whose words would quote them. */
export const isSendable = (value: string): boolean => /^[\x20-\x7e]*$/.test(value);

/** Throws INVALID_INPUT for a path that would lead elsewhere. */
export function requestOf(route: Route, input: Readonly<Record<string, unknown>>): HttpRequest {
  const { method } = route;
  const rest = new Map(Object.entries(input).filter(([, value]) => value !== undefined));
  const conditional = rest.has('if_revision');
  const path = route.path.replaceAll(/\{(\w+)\}/g, (_match, name: string) => {
    const segment = segmentOf(name, rest.get(name));
    rest.delete(name);
    return segment;
  });
  if (route.body !== undefined) {
    const body = JSON.stringify(rest.get(route.body));
    rest.delete(route.body);
    return { method, target: path + queryOf(rest), body, conditional };
  }
  if (method === 'GET' || method === 'DELETE')
    return { method, target: path + queryOf(rest), body: undefined, conditional };
  return { method, target: path, body: JSON.stringify(Object.fromEntries(rest)), conditional };
}

/** `.` and `..` would take a part of the path away, however they are spelled. */
function segmentOf(name: string, value: unknown): string {
  if (typeof value === 'string' && value !== '' && value !== '.' && value !== '..') return encodeURIComponent(value);
  throw badInput(name, 'it is no part of a path');
}

export const badInput = (name: string, what: string) =>
  failure('INVALID_INPUT', `${name}: ${what}`, 'Correct what is named, then try again.');

/** What is no text is written as JSON, which for numbers and booleans is their text. */
export function queryOf(fields: Iterable<readonly [string, unknown]>): string {
  const query = new URLSearchParams();
  for (const [name, value] of fields) query.set(name, typeof value === 'string' ? value : JSON.stringify(value));
  const text = query.toString();
  return text === '' ? '' : `?${text}`;
}
