import { PassThrough, Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import { AppError } from '../../core/errors.ts';
import { quietLog } from '../../main/log.ts';
import { OPERATIONS } from '../../operations/index.ts';
import { report, runCli } from './cli.ts';

const fallback = { now: () => new Date(0), request_id: 'req_1', services: { log: quietLog(() => undefined, false) } };

async function said(work: (terminal: Parameters<typeof runCli>[0]) => Promise<number>, args: string[] = []) {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const outputs = Promise.all([text(stdout), text(stderr)]);
  const exit = await work({ args, stdin: Readable.from([]), stdout, stderr, cwd: '/', env: {} });
  stdout.end();
  stderr.end();
  const [out, err] = await outputs;
  return { exit, out, err };
}

const contextOf = () => Promise.reject(new Error('no operation may be reached'));
const locals = [{ verb: 'go', summary: 'goes', declare: () => undefined, run: async () => 0 }];
const run = (...args: string[]) =>
  said((terminal) => runCli(terminal, { version: '1.2.3', operations: OPERATIONS, locals, contextOf, fallback }), args);

describe('what was typed wrong', () => {
  it.each([
    [['--token=made-up'], "command line: unknown option '--token'"],
    [['--made_up_secret'], 'command line: unknown option'],
    [['list-clents'], "command line: unknown command 'list-clents' (Did you mean list-clients?)"],
    [['mcpo_user_x'], 'command line: unknown command'],
    [['go', 'made-up'], "command line: too many arguments for 'go'. Expected 0 arguments but got 1."],
    [
      ['clear-draft', '--to', "it's made-up"],
      "command line: option '--to <value>' argument is invalid. Allowed choices are empty, latest.",
    ],
  ])('%j is answered without its values', async (args, message) => {
    const { exit, out, err } = await run(...args);
    expect([exit, out]).toEqual([2, '']);
    const verb = ['go', 'clear-draft'].find((name) => name === args[0]) ?? '<verb>';
    expect(err).toBe(`INVALID_INPUT: ${message}\nSee \`mcp-orchestration ${verb} --help\`.\n`);
  });

  it('is an object on stdout with --json', async () => {
    const { exit, out } = await run('nothing', '--json');
    expect(exit).toBe(2);
    expect(JSON.parse(out)).toMatchObject({
      error: { code: 'INVALID_INPUT', timestamp: '1970-01-01T00:00:00.000Z', request_id: 'req_1' },
    });
  });
});

it('help and version go to stdout with exit code 0', async () => {
  expect(await run('--version')).toEqual({ exit: 0, out: '1.2.3\n', err: '' });
  expect(await run('--help')).toMatchObject({
    exit: 0,
    out: expect.stringContaining('Usage: mcp-orchestration'),
    err: '',
  });
});

it('a refused secret is shown with the reference to write, once', async () => {
  const refusal = (message: string) => {
    const error = new AppError('SECRET_IN_CONFIG', message, { reference: '${env:T}' }, { hint: 'Do so.' });
    const problem = {
      code: error.code,
      message,
      details: error.details,
      hint: error.hint,
      timestamp: '',
      request_id: '',
    };
    return { ok: false as const, problem, status: 422, exit: 6 };
  };
  const show = (message: string) => said((terminal) => report(refusal(message), terminal, false));
  expect(await show('It holds one.')).toEqual({
    exit: 6,
    out: '',
    err: 'SECRET_IN_CONFIG: It holds one.\nReference: ${env:T}\nDo so.\n',
  });
  expect((await show('Write ${env:T}.')).err).toBe('SECRET_IN_CONFIG: Write ${env:T}.\nDo so.\n');
});
