import { printable, type Terminal } from './terminal.ts';

/** What a person sees while they wait: one line on stderr that the next one replaces and that is gone at the end. */
export interface Progress {
  show(doing: string): void;
  clear(): void;
}

/** Back to the beginning of the line, and empty it. */
const CLEAR = '\r\u001b[K';
const WIDTH = 80;

/** Undefined where nobody watches, or where a line cannot be taken back. */
export function progressFor(terminal: Terminal, json: boolean): Progress | undefined {
  if (json || terminal.stderr.isTTY !== true || terminal.env['TERM'] === 'dumb') return undefined;
  const { stderr } = terminal;
  let shown = false;
  return {
    show(doing) {
      // A line that wraps could not be taken back.
      const width = (stderr.columns || WIDTH) - 1;
      stderr.write(CLEAR + printable(doing).replaceAll('\n', ' ').slice(0, width));
      shown = true;
    },
    clear() {
      if (shown) stderr.write(CLEAR);
      shown = false;
    },
  };
}
