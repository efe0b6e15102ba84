import { isAbsolute, resolve } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import type CliTable from 'cli-table3';
import pc from 'picocolors';
import type { TextStyle } from '../../operations/operation.ts';

/** Where a CLI call happens: streams, arguments, surroundings. Given from outside, so that tests need no process. */
export interface Terminal {
  /** Arguments after the program's name. */
  args: string[];
  stdin: Readable & { isTTY?: boolean };
  stdout: Writable & { isTTY?: boolean; columns?: number };
  stderr: Writable & { isTTY?: boolean; columns?: number };
  cwd: string;
  env: Readonly<Record<string, string | undefined>>;
}

/** What a person in a terminal means by a path: `~` is HOME, and a relative path starts at the working directory. */
export function absolutePath(path: string, terminal: Pick<Terminal, 'cwd' | 'env'>): string {
  const home = terminal.env['HOME'] ?? terminal.env['USERPROFILE'];
  if (home && (path === '~' || path.startsWith('~/'))) return resolve(home, path.slice(2));
  return isAbsolute(path) ? path : resolve(terminal.cwd, path);
}

/**
 * Characters that a terminal would obey or hide instead of showing: C0 and C1 controls but for tab and line feed, bidi
 * controls, zero-width and tag characters. Names in a configuration are chosen by others (SECURITY-BAR T5, T28).
 */
const UNPRINTABLE =
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\u{e0000}-\u{e007f}]/gu;

/** The only escape sequences that are ours: bold, dim, red, green, yellow, grey, and back. Hidden text (8) is not among them. */
const OUR_COLOURS = /\u001b\[(?:1|2|22|31|32|33|39|90)m/g;

const spelled = (text: string) =>
  text.replace(UNPRINTABLE, (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`);

/** What others wrote, before it is styled: afterwards nobody could tell their colours from ours. */
export function withoutColours<T>(value: T): T {
  const plain = (one: unknown): unknown => {
    if (typeof one === 'string') return spelled(one);
    if (Array.isArray(one)) return one.map(plain);
    if (typeof one !== 'object' || one === null) return one;
    return Object.fromEntries(Object.entries(one).map(([key, inner]) => [spelled(key), plain(inner)]));
  };
  return plain(value) as T;
}

export function printable(text: string): string {
  let out = '';
  let from = 0;
  for (const match of text.matchAll(OUR_COLOURS)) {
    out += spelled(text.slice(from, match.index)) + match[0];
    from = match.index + match[0].length;
  }
  return out + spelled(text.slice(from));
}

/** A command of ours inside a sentence; "Update mcp-orchestration on this machine" is none. */
const COMMAND = /(?<![\w/.-])mcp-orchestration (?!on )(?=[a-z<])/g;

/** Whoever started the program with npx has it on no PATH, and has to type the next command in the same way. */
export const asTyped = (text: string, { env }: Pick<Terminal, 'env'>): string =>
  env['npm_command'] === 'exec' && env['npm_lifecycle_event'] === 'npx' ? text.replace(COMMAND, 'npx $&') : text;

/** Colours and drawn tables on a terminal; plain words and tabs where the output goes to a file or a program. */
export async function styleFor(terminal: Terminal): Promise<TextStyle> {
  const live =
    terminal.stdout.isTTY === true && terminal.env['NO_COLOR'] === undefined && terminal.env['TERM'] !== 'dumb';
  const colours = pc.createColors(live);
  const table = live ? (await import('cli-table3')).default : undefined;
  return {
    bold: colours.bold,
    dim: colours.dim,
    good: colours.green,
    bad: colours.red,
    warn: colours.yellow,
    table: (head, rows) => (table ? drawnTable(table, head, rows, terminal.stdout.columns ?? 80) : plainTable(rows)),
  };
}

function plainTable(rows: string[][]): string {
  return rows.map((row) => row.join('\t')).join('\n');
}

function drawnTable(Table: typeof CliTable, head: string[], rows: string[][], width: number): string {
  const natural = head.map((title, column) =>
    Math.max(...[title, ...rows.map((row) => row[column] ?? '')].map(visibleLength)),
  );
  const last = natural.length - 1;
  const others = natural.slice(0, last).reduce((sum, length) => sum + length + 3, 4);
  const widths = natural.map((length, column) =>
    column === last ? Math.max(20, Math.min(length, width - others)) + 2 : length + 2,
  );
  const table = new Table({ head, colWidths: widths, wordWrap: true, style: { head: ['bold'], border: ['gray'] } });
  table.push(...rows);
  return table.toString();
}

const visibleLength = (text: string) => text.replace(OUR_COLOURS, '').length;

/** Of a pipe whose reader has gone, and of every write after that. */
const NOBODY_READS = new Set<string | undefined>(['EPIPE', 'ERR_STREAM_DESTROYED']);

/** Where nobody reads any more (`| head -1`), nothing has failed: what was asked is done, and keeps its exit code. */
export function write(stream: Writable, text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    stream.write(text, (error: NodeJS.ErrnoException | null | undefined) => {
      if (error && !NOBODY_READS.has(error.code)) reject(error);
      else resolve();
    });
  });
}
