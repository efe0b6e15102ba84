import { AppError } from '../errors.ts';

/** Line and column as editors count them, from 1; a column is a UTF-16 code unit. */
export function placeOf(text: string, offset: number): { line: number; column: number } {
  const before = text.slice(0, offset);
  const lines = before.split(/\r\n|\n|\r/);
  return { line: lines.length, column: (lines.at(-1) ?? '').length + 1 };
}

/** A refusal to touch a file. `what` completes the sentence; it must not quote a value of the file. */
export function unparsable(text: string, offset: number, reason: string, what: string): AppError {
  const { line, column } = placeOf(text, offset);
  const message = `The client file cannot be changed safely (line ${line}:column ${column}): ${what}.`;
  return new AppError('CLIENT_FILE_UNPARSABLE', message, { line, column, reason });
}
