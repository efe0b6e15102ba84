import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { stripVTControlCharacters } from 'node:util';
import { findProgram } from '../../src/io/which.ts';
import type { Exchange } from './terminal.ts';
import type { Workspace } from './workspace.ts';

/** Whether a program is here that a test is about. Says so when it is not: a skipped test is to be seen. */
export function isHere(program: string): boolean {
  const found = findProgram(program, process.env) !== undefined;
  if (!found)
    process.stderr.write(`SKIPPED: there is no \`${program}\` on this machine; what needs it is not tested.\n`);
  return found;
}

/** `script` of util-linux gives a program a real terminal; the one of BSD takes other flags. */
export const hasTerminal = process.platform === 'linux' && isHere('script');

const WAIT_MS = 20_000;

const quoted = (word: string) => `'${word.replaceAll("'", `'\\''`)}'`;

/** One program on a real pseudo-terminal; each answer is typed once its question is seen behind the one before. */
export async function onTerminal(
  { env, home }: Pick<Workspace, 'env' | 'home'>,
  exchanges: readonly Exchange[],
  ...command: string[]
): Promise<{ code: number | null; output: string; screen: string }> {
  const line = `stty cols 120 rows 40; exec ${command.map(quoted).join(' ')}`;
  const child = spawn('script', ['-qec', line, '/dev/null'], {
    env: { TERM: 'xterm-256color', SHELL: '/bin/sh', ...env },
    cwd: home,
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (chunk) => {
    output += chunk;
  });
  child.stdin.on('error', () => undefined); // it may end before it has read everything
  const closed = once(child, 'close') as Promise<[number | null]>;
  let from = 0;
  try {
    for (const [shown, typed] of exchanges) {
      from = await seen(
        shown,
        () => output,
        from,
        () => child.exitCode !== null,
      );
      child.stdin.write(typed);
    }
    const [code] = await Promise.race([closed, pause(WAIT_MS).then(() => Promise.reject(new Error(output)))]);
    return { code, output, screen: stripVTControlCharacters(output) };
  } finally {
    child.kill('SIGKILL');
  }
}

async function seen(shown: string | RegExp, text: () => string, from: number, isOver: () => boolean): Promise<number> {
  for (const end = Date.now() + WAIT_MS; ; await pause(20)) {
    const screen = stripVTControlCharacters(text().slice(from));
    if (typeof shown === 'string' ? screen.includes(shown) : shown.test(screen)) return text().length;
    if (Date.now() > end || isOver()) throw new Error(`never seen: ${shown}\n${JSON.stringify(text())}`);
  }
}
