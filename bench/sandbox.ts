import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { mkdtemp, realpath } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('..', import.meta.url));
export const BIN = join(ROOT, 'bin/mcp-orchestration.js');

/** A sealed-off user: an empty home directory, and an environment that names nothing else of this machine. */
export interface Sandbox {
  home: string;
  env: Record<string, string>;
}

const directories = new Set<string>();
const children = new Set<ChildProcess>();

// Also when the run is broken off: nothing may be left behind, neither files nor processes.
process.once('exit', () => {
  for (const child of children) child.kill('SIGKILL');
  for (const directory of directories) rmSync(directory, { recursive: true, force: true });
});
for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const) {
  process.once(signal, () => process.exit(code));
}

/** Does the work in a new sandbox, which is gone afterwards. */
export async function inSandbox<T>(work: (sandbox: Sandbox) => Promise<T>): Promise<T> {
  const home = await realpath(await mkdtemp(join(tmpdir(), 'mcpo-bench-')));
  directories.add(home);
  try {
    return await work({ home, env: { HOME: home, PATH: `${dirname(process.execPath)}:/usr/bin:/bin` } });
  } finally {
    await Promise.all([...children].map(endProcess));
    rmSync(home, { recursive: true, force: true, maxRetries: 3 });
    directories.delete(home);
  }
}

async function endProcess(child: ChildProcess): Promise<void> {
  const closed = once(child, 'close');
  child.kill('SIGKILL');
  await closed;
}

/** Runs a program to its end. A figure of a run that failed would be worth nothing: that is an error. */
export function runToEnd(command: string, args: readonly string[], { home, env }: Sandbox): string {
  const { status, error, stdout, stderr } = spawnSync(command, args, { cwd: home, env, encoding: 'utf8' });
  if (error) throw error;
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${status}: ${stderr}`);
  return stdout;
}

/** One command line of the program as it is installed; gives its output object. */
export const cliJson = (sandbox: Sandbox, ...args: string[]): Record<string, unknown> =>
  JSON.parse(runToEnd(process.execPath, [BIN, ...args, '--json'], sandbox));

/** A server in a process of its own. */
export interface ServerProcess {
  url: string;
  pid: number;
  stop(): Promise<void>;
}

/** Starts a server that prints one line of JSON with its `url` when it is ready. */
export async function startServer(args: readonly string[], { home, env }: Sandbox): Promise<ServerProcess> {
  const child = spawn(process.execPath, args, { cwd: home, env, stdio: ['ignore', 'pipe', 'pipe'] });
  children.add(child);
  const ended = once(child, 'close').then(() => children.delete(child));
  let complaint = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    complaint += text;
  });
  const line = once(createInterface({ input: child.stdout }), 'line') as Promise<[string]>;
  const first = await Promise.race([line, ended]);
  if (typeof first === 'boolean') throw new Error(`${args.join(' ')} ended before it was ready: ${complaint}`);
  const stop = async () => {
    child.kill('SIGTERM');
    await ended;
  };
  return { url: String(JSON.parse(first[0]).url), pid: Number(child.pid), stop };
}
