import { type ChildProcess, spawn } from 'node:child_process';
import module from 'node:module';
import { constants } from 'node:os';
import { resolve } from 'node:path';
import { AppError, invalidInput } from '../core/errors.ts';
import { findProgram } from '../io/which.ts';
import { isSurelyExecutable } from './executable.ts';

/** A server, ready to run: nothing in it is a reference any more. */
export interface Command {
  command: string;
  args: string[];
  env: Record<string, string>;
  cwd: string | undefined;
}

/** Ours alone, and what would change the server's own interpreter without its entry saying so (SECURITY-BAR T32). */
const isKept = (name: string) => !name.startsWith('MCP_ORCHESTRATION_') && name !== 'NODE_OPTIONS';

/**
 * Becomes the server: the same process, so that its standard streams, signals and exit code are the server's own. On
 * Windows, which cannot do that, and where becoming it might fail, a child is watched instead. Comes back only with an
 * exit code to end with. Throws NOT_FOUND for a program that is missing or cannot be started.
 */
export async function start({ command, args, env, cwd }: Command, own: NodeJS.ProcessEnv): Promise<number> {
  const environment: Record<string, string> = {};
  for (const [name, value] of Object.entries(own)) if (isKept(name) && value !== undefined) environment[name] = value;
  Object.assign(environment, env);
  if (cwd !== undefined) enter(cwd);
  const program = findProgram(/[\\/]/.test(command) ? resolve(command) : command, environment);
  if (program === undefined) {
    throw new AppError(
      'NOT_FOUND',
      `There is no program "${command}" to start this server with.`,
      { command },
      {
        hint: 'Install it, or write its absolute path into the entry. `mcp-orchestration doctor` shows what is missing.',
      },
    );
  }
  // What was compiled is kept now: a process that becomes another one never gets to its end.
  module.flushCompileCache?.();
  const becomes = process.platform !== 'win32' && isSurelyExecutable(program, [command, ...args], environment);
  if (becomes) process.execve?.(program, [command, ...args], environment);
  return watch(program, args, environment);
}

function enter(directory: string): void {
  try {
    process.chdir(directory);
  } catch (cause) {
    const reason = (cause as NodeJS.ErrnoException).code ?? 'unknown';
    throw new AppError(
      'NOT_FOUND',
      `The working directory of this server cannot be entered (${reason}).`,
      { reason },
      { cause },
    );
  }
}

/** Some faults are thrown (E2BIG), others come as an event. */
function startChild(program: string, starts: () => ChildProcess): ChildProcess {
  try {
    return starts();
  } catch (cause) {
    throw unstartable(program, cause);
  }
}

function unstartable(program: string, cause: unknown): AppError {
  const reason = (cause as NodeJS.ErrnoException).code ?? 'unknown';
  const hint =
    'Look at its first line, which names an interpreter that may be missing, and whether it is made for this machine.';
  return new AppError('NOT_FOUND', `${program} cannot be started (${reason}).`, { reason, program }, { cause, hint });
}

/** Characters that `cmd.exe` reads as its own, also inside an argument (SECURITY-BAR T4). */
const CMD_OPERATORS = /[&|<>^%"\r\n]/;

async function watch(program: string, args: string[], env: Record<string, string>): Promise<number> {
  const batch = /\.(?:cmd|bat)$/i.test(program);
  if (batch && [program, ...args].some((text) => CMD_OPERATORS.test(text))) {
    throw invalidInput(
      'args',
      'on Windows a batch file cannot be given an argument with one of & | < > ^ % " or a line end',
    );
  }
  const [file, list] = batch ? ['cmd.exe', ['/d', '/s', '/c', program, ...args]] : [program, args];
  const child = startChild(program, () => spawn(file, list, { env, stdio: 'inherit', windowsHide: true }));
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => child.kill(signal));
  return new Promise((done, failed) => {
    child.on('error', (cause) => failed(unstartable(program, cause)));
    child.on('exit', (code, signal) => done(code ?? 128 + (signal ? constants.signals[signal] : 0)));
  });
}
