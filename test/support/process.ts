import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { onTestFinished } from 'vitest';
import { ROOT, type Workspace } from './workspace.ts';

export const BIN = join(ROOT, 'bin/mcp-orchestration.js');

interface Finished {
  /** Null when a signal ended the process. */
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

interface RunOptions {
  env: Record<string, string>;
  cwd?: string;
  /** All of stdin; without it stdin is empty. */
  input?: string;
}

/** Runs a program to its end. Never fails because of its exit code. */
export async function run(
  command: string,
  args: readonly string[],
  { env, cwd, input = '' }: RunOptions,
): Promise<Finished> {
  const child = spawn(command, args, { env, ...(cwd !== undefined && { cwd }), stdio: 'pipe' });
  const outputs = Promise.all([text(child.stdout), text(child.stderr)]);
  child.stdin.on('error', () => undefined); // it may have gone before it read anything
  child.stdin.end(input);
  const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
  const [stdout, stderr] = await outputs;
  return { code, signal, stdout, stderr };
}

export interface CliResult extends Finished {
  /** Parses stdout; throws when it is not exactly one JSON value. */
  json: () => Record<string, unknown>;
}

/** One command line of the checkout, in the workspace's home. */
export async function cli({ env, home }: Pick<Workspace, 'env' | 'home'>, ...args: string[]): Promise<CliResult> {
  const finished = await run(process.execPath, [BIN, ...args], { env, cwd: home });
  return { ...finished, json: () => JSON.parse(finished.stdout) };
}

/** The output object of a command that has to succeed. */
export async function cliJson(
  workspace: Pick<Workspace, 'env' | 'home'>,
  ...args: string[]
): Promise<Record<string, unknown>> {
  const result = await cli(workspace, ...args, '--json');
  if (result.code !== 0)
    throw new Error(`mcp-orchestration ${args.join(' ')} ended with ${result.code}: ${result.stderr}`);
  return result.json();
}

export interface HttpServer {
  url: string;
  docs_url: string;
  pid: number;
  /** The token of a first start; undefined when none was printed. */
  token: string | undefined;
  /** All that was written to stdout and stderr so far. */
  output: { stdout: string; stderr: string };
  /** Asks as the bearer of a token: the first one, unless another is given; null sends none. */
  ask(method: string, path: string, options?: { body?: unknown; token?: string | null }): Promise<HttpAnswer>;
  /** Sends a signal and waits for the end. */
  stop(signal?: NodeJS.Signals): Promise<Pick<Finished, 'code' | 'signal'>>;
}

interface HttpAnswer {
  status: number;
  body: Record<string, unknown>;
}

interface HttpOptions {
  args?: string[];
  env?: Record<string, string>;
  bin?: string;
  /** Takes what ends the process when the server serves more than one test. */
  ends?: (end: () => Promise<void>) => void;
}

/** Starts `serve-http` on a free port and waits until it says that it is ready. Ends with the test, if not before. */
export async function startHttp(
  workspace: Workspace,
  { args = [], env = {}, bin = BIN, ends = onTestFinished }: HttpOptions = {},
): Promise<HttpServer> {
  const child = spawn(process.execPath, [bin, 'serve-http', '--port', '0', '--json', ...args], {
    env: { ...workspace.env, ...env },
    cwd: workspace.home,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>;
  ends(() => endProcess(child));
  const output = collect(child);
  // The notes come after the ready line, in one piece; but each through a pipe of its own.
  while (!/Documentation: .*\n/.test(output.stderr) || !output.stdout.includes('\n')) {
    if (child.exitCode !== null) throw new Error(`serve-http ended with ${child.exitCode}: ${output.stderr}`);
    await Promise.race([once(child.stderr, 'data'), once(child.stdout, 'data'), ended]);
  }
  const ready = JSON.parse(output.stdout) as Pick<HttpServer, 'url' | 'docs_url' | 'pid'>;
  const token = /API token \(shown only now\): (\S+)/.exec(output.stderr)?.[1];
  return {
    ...ready,
    token,
    output,
    ask: (method, path, options = {}) => ask(ready.url + path, method, { token, ...options }),
    async stop(signal = 'SIGTERM') {
      child.kill(signal);
      const [code, by] = await ended;
      return { code, signal: by };
    },
  };
}

function collect(child: ChildProcess): { stdout: string; stderr: string } {
  const output = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name]?.setEncoding('utf8').on('data', (chunk: string) => {
      output[name] += chunk;
    });
  }
  return output;
}

async function ask(
  url: string,
  method: string,
  options: { body?: unknown; token?: string | null | undefined },
): Promise<HttpAnswer> {
  const { body, token } = options;
  const response = await fetch(url, {
    method,
    headers: {
      ...(token && { authorization: `Bearer ${token}` }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

/** A child that a failed test left behind. */
async function endProcess(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGKILL');
  await once(child, 'close');
}

/** A started process that speaks lines of JSON over stdin and stdout. */
export interface LineProcess {
  child: ChildProcess;
  /** Every line that came out so far. */
  lines: string[];
  send(message: unknown): void;
  /** Waits for the next line. */
  line(): Promise<void>;
  /** The JSON-RPC answer with this id, once it is there. */
  answer(id: number): Promise<Record<string, unknown>>;
  /** The end of the process: exit code and signal. */
  ended: Promise<[number | null, NodeJS.Signals | null]>;
  /** All of stderr; complete when the process has ended. */
  output: { stderr: string };
}

/** Starts a command line of the checkout with pipes. Ends with the test, if not before. */
export function startLines(
  workspace: Workspace,
  args: readonly string[],
  env: Record<string, string> = {},
): LineProcess {
  const child = spawn(process.execPath, [BIN, ...args], {
    env: { ...workspace.env, ...env },
    cwd: workspace.home,
    stdio: 'pipe',
  });
  const ended = once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>;
  onTestFinished(() => endProcess(child));
  child.stdin.on('error', () => undefined);
  const output = { stderr: '' };
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    output.stderr += chunk;
  });
  const lines: string[] = [];
  const reader = createInterface({ input: child.stdout });
  reader.on('line', (line) => lines.push(line));
  const find = (id: number) => lines.map((line) => JSON.parse(line)).find((message) => message.id === id);
  const line = async () => {
    if (child.exitCode !== null) throw new Error(`the process ended with ${child.exitCode}: ${output.stderr}`);
    await Promise.race([once(reader, 'line'), ended]);
  };
  return {
    child,
    lines,
    ended,
    output,
    line,
    send: (message) => void child.stdin.write(`${JSON.stringify(message)}\n`),
    async answer(id) {
      let found = find(id);
      while (!found) {
        await line();
        found = find(id);
      }
      return found;
    },
  };
}

/** The two messages with which a client of the 2025 era begins; id 0. */
export const HELLO = [
  {
    jsonrpc: '2.0',
    id: 0,
    method: 'initialize',
    params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'test', version: '1.0.0' } },
  },
  { jsonrpc: '2.0', method: 'notifications/initialized' },
];

/** A tool call as a line of the protocol. */
export const toolCall = (id: number, name: string, args: Record<string, unknown> = {}) => ({
  jsonrpc: '2.0',
  id,
  method: 'tools/call',
  params: { name, arguments: args },
});
