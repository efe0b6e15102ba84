import { PassThrough } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';
import { stripVTControlCharacters } from 'node:util';
import type { Terminal } from '../../src/adapters/cli/terminal.ts';
import { main } from '../../src/main/bin.ts';
import type { Workspace } from './workspace.ts';

/** What is waited for on the screen, and what is typed then. */
export type Exchange = readonly [shown: string | RegExp, typed: string];

export const ENTER = '\r';
export const DOWN = '\u001b[B';
export const CTRL_C = '\u0003';

const WAIT_MS = 10_000;

interface Conversation {
  code: number;
  /** All that stdout got, as it came. */
  stdout: string;
  /** All that stderr got: questions, answers as they were shown, notes. */
  stderr: string;
  /** `stderr` without colours and movements of the cursor. */
  screen: string;
}

/** Collects what is written, so that it can be looked at while more comes. */
function collected(): { stream: PassThrough & { isTTY: true; columns: number }; text: () => string } {
  let seen = '';
  const stream = Object.assign(new PassThrough(), { isTTY: true as const, columns: 100 });
  stream.on('data', (chunk) => {
    seen += chunk;
  });
  return { stream, text: () => seen };
}

/**
 * One command line in this process, with a person at the terminal: each answer is typed once its question is seen. The
 * streams say of themselves that they are terminals; that real ones behave like it is shown by `test/cli-terminal.test.ts`.
 */
export async function converse(
  { env, home }: Pick<Workspace, 'env' | 'home'>,
  exchanges: readonly Exchange[],
  ...args: string[]
): Promise<Conversation> {
  const stdin = Object.assign(new PassThrough(), { isTTY: true, setRawMode: () => stdin });
  const [stdout, stderr] = [collected(), collected()];
  const terminal: Terminal = { args, stdin, stdout: stdout.stream, stderr: stderr.stream, cwd: home, env };
  const running = main(terminal);
  let ended = false;
  void running.finally(() => {
    ended = true;
  });
  let from = 0;
  for (const [shown, typed] of exchanges) {
    from = await waitFor(
      shown,
      () => stderr.text(),
      from,
      () => ended,
    );
    stdin.write(typed);
  }
  const code = await running;
  return { code, stdout: stdout.text(), stderr: stderr.text(), screen: stripVTControlCharacters(stderr.text()) };
}

/** Where the text stands after which one looks next. */
async function waitFor(
  shown: string | RegExp,
  text: () => string,
  from: number,
  isOver: () => boolean,
): Promise<number> {
  const found = () => {
    const screen = stripVTControlCharacters(text().slice(from));
    return typeof shown === 'string' ? screen.includes(shown) : shown.test(screen);
  };
  for (const end = Date.now() + WAIT_MS; !found(); await pause(5)) {
    if (Date.now() > end || isOver()) throw new Error(`never seen: ${shown}\n${stripVTControlCharacters(text())}`);
  }
  return text().length;
}
