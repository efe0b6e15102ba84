import { PassThrough, Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { main } from '../../src/main/bin.ts';
import type { CliResult } from './process.ts';
import type { Workspace } from './workspace.ts';

type Place = Pick<Workspace, 'env' | 'home'>;

/**
 * One command line in this process: real files, a real store, the streams of a program. What it takes to start a program
 * is left out, so that is for a few tests with `cli`; all others are faster here.
 */
export async function cliHereWith(
  { env, home }: Place,
  { input = '' }: { input?: string },
  ...args: string[]
): Promise<CliResult> {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const outputs = Promise.all([text(stdout), text(stderr)]);
  const code = await main({ args, stdin: Readable.from(input === '' ? [] : [input]), stdout, stderr, cwd: home, env });
  stdout.end();
  stderr.end();
  const [out, err] = await outputs;
  return { code, signal: null, stdout: out, stderr: err, json: () => JSON.parse(out) };
}

export const cliHere = (place: Place, ...args: string[]): Promise<CliResult> => cliHereWith(place, {}, ...args);

/** The output object of a command that has to succeed. */
export async function cliHereJson(place: Place, ...args: string[]): Promise<Record<string, unknown>> {
  const result = await cliHere(place, ...args, '--json');
  if (result.code !== 0)
    throw new Error(`mcp-orchestration ${args.join(' ')} ended with ${result.code}: ${result.stderr}`);
  return result.json();
}
