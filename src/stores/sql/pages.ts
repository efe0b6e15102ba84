import { invalidInput } from '../../core/errors.ts';
import type { Page, PageRequest } from '../store.ts';

const CURSOR = /^([a-z]+):([1-9][0-9]{0,14})$/;

/** The opaque form of "after this row": which list it belongs to and the number of the row. */
function encodeCursor(list: string, number: number): string {
  return Buffer.from(`${list}:${number}`, 'utf8').toString('base64url');
}

/** The number below which the next page starts; infinite without a cursor. */
export function beforeNumber(list: string, cursor: string | undefined): number {
  if (cursor === undefined) return Number.MAX_SAFE_INTEGER;
  const match = CURSOR.exec(Buffer.from(cursor, 'base64url').toString('utf8'));
  const number = Number(match?.[2]);
  if (match?.[1] === list && encodeCursor(list, number) === cursor) return number;
  throw invalidInput('cursor', 'it is not one that this list gave out');
}

/** Makes a page of rows that were read newest first with a limit of one more than asked for. */
export function pageOf<Stored extends { number: number }, Row>(
  list: string,
  stored: readonly Stored[],
  { limit }: PageRequest,
  toRow: (row: Stored) => Row,
): Page<Row> {
  const shown = stored.slice(0, limit);
  const last = shown.at(-1);
  const more = stored.length > limit && last !== undefined;
  return { rows: shown.map(toRow), next_cursor: more ? encodeCursor(list, last.number) : null };
}
