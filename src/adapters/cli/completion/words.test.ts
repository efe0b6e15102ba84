import { PassThrough, Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import { quietLog } from '../../../main/log.ts';
import { execServer } from '../../../main/verbs/exec-server.ts';
import { restoreVerb } from '../../../main/verbs/restore.ts';
import { OPERATIONS } from '../../../operations/index.ts';
import { runCli } from '../cli.ts';
import { completionVerb } from '../local/completion.ts';

const log = quietLog(() => undefined, false);
const fallback = { now: () => new Date(0), request_id: 'req_1', services: { log } };

/** Everything that is printed for a line that is being typed; nothing is stored anywhere. */
async function printed(...words: string[]): Promise<string[]> {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const output = text(stdout);
  const args = ['complete', '--', 'mcp-orchestration', ...words];
  const terminal = { args, stdin: Readable.from([]), stdout, stderr, cwd: '/', env: {} };
  const contextOf = () => Promise.reject(new Error('nothing may be set up'));
  const locals = [execServer, restoreVerb, completionVerb];
  expect(await runCli(terminal, { version: '1', operations: OPERATIONS, locals, contextOf, fallback })).toBe(0);
  stdout.end();
  return (await output).split('\n').slice(0, -1);
}

/** The candidates without what they are. */
const offered = async (...words: string[]) => (await printed(...words)).map((line) => line.split('\t')[0]);

describe('a shell is offered', () => {
  it('every verb with what it does, and no other', async () => {
    const verbs = [...OPERATIONS.flatMap(({ cli }) => cli?.verb ?? []), 'exec-server', 'restore', 'completion', 'help'];
    expect((await offered('')).toSorted()).toEqual(verbs.toSorted());
    expect(await printed('view-')).toEqual(['view-draft\tShow the draft of a client and profile']);
    expect(await offered('help', 'view-')).toEqual(['view-draft']);
    expect(await offered('--')).toEqual(['--version', '--help']);
    expect(await offered('no-such-verb', '')).toEqual([]);
  });

  it('the flags of the verb, under their names for people, each until it is given', async () => {
    expect(await offered('clear-draft', '--')).toEqual([
      '--client',
      '--profile',
      '--to',
      '--if-revision',
      '--json',
      '--help',
    ]);
    expect(await offered('clear-draft', '--client', 'cursor', '--to=empty', '--')).toEqual([
      '--profile',
      '--if-revision',
      '--json',
      '--help',
    ]);
    expect(await offered('add-server', '--param', 'a=b', '--par')).toEqual(['--param', '--params']);
    expect(await offered('add-server', 'memory', '--y')).toEqual(['--yes']);
    expect(await offered('view-draft', '')).toContain('--client');
  });

  it.each([
    [
      ['clear-draft', '--to', ''],
      ['empty', 'latest'],
    ],
    [['clear-draft', '--to=e'], ['--to=empty']],
    [
      ['completion', ''],
      ['bash', 'zsh', 'fish'],
    ],
    [['generate-token', '--role', 'view'], ['viewer']],
    [['generate-token', '--scope', 'keys'], ['keys:admin']],
    [
      ['add-server', '--transport', 's'],
      ['stdio', 'sse', 'streamable-http'],
    ],
  ])('the values that a schema names: %j', async (words, values) => {
    expect(await offered(...words)).toEqual(values);
  });

  it.each([
    [['view-draft', '--client', 'curs'], ['cursor']],
    [['view-draft', '--client-id=curs'], ['--client-id=cursor']],
    [['list-profiles', 'curs'], ['cursor']],
    [['exec-server', '--client', 'curs'], ['cursor']],
    [['deploy-all', '--clients', 'curs'], ['cursor']],
    [['link-profile', '--to', 'curs'], ['cursor']],
    [['link-profile', '--to-profile', 'st'], ['staging']],
    [['view-draft', '--profile', 'pr'], ['prod']],
    [
      ['describe-server', 'brave'],
      ['brave-search', 'brave-search-legacy'],
    ],
    [['add-server', '--', 'filesy'], ['filesystem']],
    [
      ['deploy-config', '--client', 'cursor', '--config-scope', ''],
      ['user', 'project'],
    ],
    [
      ['deploy-config', '--client', 'unheard-of', '--config-scope', 'proj'],
      ['project', 'project-shared', 'project-local'],
    ],
    [['add-server', 'brave-search', '--env', 'BRAVE_API'], ['BRAVE_API_KEY=']],
    [
      ['add-server', 'github', '--param', 'to'],
      ['token=', 'toolsets='],
    ],
  ])('what the product knows: %j', async (words, values) => {
    expect(await offered(...words)).toEqual(values);
  });

  it.each([
    [['restore', '']],
    [['restore', '~/backup', '--to', '']],
    [['set-draft', '--file', '']],
    [['set-draft', '--file=']],
    [['doctor', '--project', './']],
    [['exec-server', '--config-path', '']],
    [['add-server', 'filesystem', '--param', 'allowed_directories=/']],
  ])('files where a path belongs: %j', async (words) => {
    expect(await printed(...words)).toEqual([':files']);
  });

  it.each([
    [['add-server', '--', '--']],
    [['add-server', '--', 'memory', '']],
    [['add-server', '--no-such-flag', 'x', '--client=', '--json=']],
    [['remove-server', '']],
    [['delete-secret', '']],
    [['get-config', '--artifact', '']],
    [['clear-draft', '--if-revision', '']],
  ])('nothing where nothing is known: %j', async (words) => {
    expect(await offered(...words)).toEqual([]);
  });
});
