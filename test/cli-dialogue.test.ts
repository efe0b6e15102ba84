import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { askerFor } from '../src/adapters/cli/prompt.ts';
import { openSecrets } from '../src/io/secrets/store.ts';
import { answerFor } from '../src/operations/add-server-dialogue.ts';
import type { Asker } from '../src/operations/asker.ts';
import { cliHere, cliHereJson } from './support/in-process.ts';
import { CTRL_C, converse, DOWN, ENTER } from './support/terminal.ts';
import { testWorkspace, type Workspace } from './support/workspace.ts';

/** Made up; nothing about it looks like a secret, so that only the catalog says that it is one. */
const VALUE = 'made-up-Zebra-4711';
/** Made up, in the form of a GitHub token. */
const TOKEN = `ghp_${'a1B2c3D4e5F6'.repeat(3)}`;

const filesUnder = (directory: string): string[] =>
  readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .map((name) => join(directory, name))
    .filter((path) => statSync(path).isFile());

const isInFiles = ({ home }: Workspace, text: string): boolean =>
  filesUnder(home).some((path) => readFileSync(path).toString('latin1').includes(text));

async function serversOf(workspace: Workspace): Promise<Record<string, Record<string, unknown>>> {
  const { draft } = await cliHereJson(workspace, 'view-draft');
  return (draft as { mcpServers: Record<string, Record<string, unknown>> }).mcpServers;
}

const secretsOf = async (workspace: Workspace) => {
  const { secrets } = (await cliHereJson(workspace, 'list-secrets')) as { secrets: { name: string }[] };
  return secrets.map(({ name }) => name);
};

describe('add-server asks at a terminal', () => {
  it('for the server, found by a part of its name, and for what it needs', async () => {
    const workspace = await testWorkspace();
    const exchanges = [
      ['Which server?', 'filesystem'],
      ['(1 match)', ENTER],
      ['allowed_directories: ', `Docs${ENTER}`],
    ] as const;
    const { code, stdout, screen } = await converse(workspace, exchanges, 'add-server');
    expect(screen).toContain('Draft revision 1.');
    expect([code, stdout.includes('Added')]).toEqual([0, true]);
    const { filesystem } = await serversOf(workspace);
    expect(filesystem?.['args']).toContain(join(workspace.home, 'Docs'));
  });

  it('for a secret without showing it, stores it, and writes a reference', async () => {
    const workspace = await testWorkspace();
    const exchanges = [
      ['BRAVE_API_KEY: ', VALUE + ENTER],
      ['Store it on this machine as brave-search.BRAVE_API_KEY', ENTER],
    ] as const;
    const said = await converse(workspace, exchanges, 'add-server', 'brave-search');
    expect(said.screen).toContain('Stored the secret brave-search.BRAVE_API_KEY.');
    expect(said.code).toBe(0);
    expect((await serversOf(workspace))['brave-search']?.['env']).toEqual({
      BRAVE_API_KEY: '${secret:brave-search.BRAVE_API_KEY}',
    });
    expect(await openSecrets(workspace).get('brave-search.BRAVE_API_KEY')).toBe(VALUE);
    expect(said.stdout + said.stderr).not.toContain(VALUE);
    expect(isInFiles(workspace, VALUE)).toBe(false);
  });

  it('takes a reference as the answer, and then there is nothing to store', async () => {
    const workspace = await testWorkspace();
    const exchanges = [['BRAVE_API_KEY: ', `\${env:BRAVE}${ENTER}`]] as const;
    expect(await converse(workspace, exchanges, 'add-server', 'brave-search')).toMatchObject({ code: 0 });
    expect((await serversOf(workspace))['brave-search']?.['env']).toEqual({ BRAVE_API_KEY: '${env:BRAVE}' });
  });

  it('refuses an answer that could not be used, and asks again', async () => {
    const workspace = await testWorkspace();
    const exchanges = [
      ['BRAVE_API_KEY: ', ENTER],
      ['An answer is needed.', `\${env:BRAVE}${ENTER}`],
    ] as const;
    expect(await converse(workspace, exchanges, 'add-server', 'brave-search')).toMatchObject({ code: 0 });
  });

  it('for one of several groups of variables', async () => {
    const workspace = await testWorkspace();
    const exchanges = [
      ['One of these is needed.', DOWN + ENTER],
      ['MDB_MCP_API_CLIENT_ID: ', `\${env:ID}${ENTER}`],
      ['MDB_MCP_API_CLIENT_SECRET: ', `\${env:SECRET}${ENTER}`],
    ] as const;
    expect(await converse(workspace, exchanges, 'add-server', 'mongodb')).toMatchObject({ code: 0 });
    expect((await serversOf(workspace))['mongodb']?.['env']).toEqual({
      MDB_MCP_API_CLIENT_ID: '${env:ID}',
      MDB_MCP_API_CLIENT_SECRET: '${env:SECRET}',
    });
  });

  it('by a list where only some answers are possible', async () => {
    const field = { name: 'on', type: 'bool', description: 'On or off.' } as const;
    const chosen: string[] = [];
    const ask = {
      choose: async (_question: string, choices: readonly { value: string }[]) => {
        chosen.push(...choices.map(({ value }) => value));
        return 'false';
      },
    } as unknown as Asker;
    const wanted = { map: 'params', field, check: () => undefined } as const;
    expect(await answerFor(wanted, ask)).toBe('false');
    await answerFor({ ...wanted, field: { ...field, type: 'enum', choices: ['a', 'b'] } }, ask);
    expect(chosen).toEqual(['true', 'false', 'a', 'b']);
  });

  it('says what is wrong with the target before anything is asked', async () => {
    const workspace = await testWorkspace();
    expect(await converse(workspace, [], 'add-server', '--client', 'cursr')).toMatchObject({ code: 4 });
    expect(await converse(workspace, [], 'add-server', '--profile', 'NOT A NAME')).toMatchObject({ code: 2 });
    expect(await converse(workspace, [], 'add-server', 'no-such-server')).toMatchObject({ code: 4 });
  });

  it.each([
    ['the choice', ['add-server'], 'Which server?'],
    ['a text', ['add-server', 'filesystem'], 'allowed_directories: '],
    ['a secret', ['add-server', 'brave-search'], 'BRAVE_API_KEY: '],
    ['the offer', ['add-server', 'brave-search', '--env', `BRAVE_API_KEY=${VALUE}`], 'Store it on this machine'],
  ])('changes nothing when %s is broken off', async (_what, args, question) => {
    const workspace = await testWorkspace();
    const { code, screen } = await converse(workspace, [[question, CTRL_C]], ...args);
    expect(code).toBe(2);
    expect(screen).toContain('INVALID_INPUT: Cancelled: nothing was changed.');
    expect(await serversOf(workspace)).toEqual({});
    expect(await secretsOf(workspace)).toEqual([]);
  });

  it.each(['--json', '--yes'])('asks nothing with %s', async (flag) => {
    const workspace = await testWorkspace();
    const { code, stderr } = await converse(workspace, [], 'add-server', 'brave-search', flag);
    expect(code).toBe(2);
    expect(stderr).toContain('env_vars.BRAVE_API_KEY');
  });
});

describe('a secret that was typed as a flag', () => {
  const args = ['add-server', 'brave-search', '--env', `BRAVE_API_KEY=${VALUE}`];

  it('is refused when the offer to store it is declined', async () => {
    const workspace = await testWorkspace();
    const said = await converse(workspace, [['Store it on this machine', `n`]], ...args);
    expect(said.code).toBe(6);
    expect(said.screen).toContain('SECRET_IN_CONFIG');
    expect(said.stderr).not.toContain(VALUE);
    expect(await secretsOf(workspace)).toEqual([]);
    expect(await serversOf(workspace)).toEqual({});
  });

  it('is refused in a script as ever', async () => {
    const workspace = await testWorkspace();
    const { code, stderr } = await cliHere(workspace, ...args);
    expect([code, stderr.includes('SECRET_IN_CONFIG')]).toEqual([6, true]);
    expect(await secretsOf(workspace)).toEqual([]);
  });

  it('is stored in a script that says --yes', async () => {
    const workspace = await testWorkspace();
    const { code, stdout, stderr } = await cliHere(workspace, ...args, '--yes', '--json', '--name', 'My search');
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ status: 'added', server_name: 'My search' });
    expect((await serversOf(workspace))['My search']?.['env']).toEqual({
      BRAVE_API_KEY: '${secret:My-search.BRAVE_API_KEY}',
    });
    expect(await openSecrets(workspace).get('My-search.BRAVE_API_KEY')).toBe(VALUE);
    expect(stdout + stderr).not.toContain(VALUE);
    expect(isInFiles(workspace, VALUE)).toBe(false);
  });

  it('is known by its form, too, where the catalog knows no field for it', async () => {
    const workspace = await testWorkspace();
    const { code } = await cliHere(workspace, 'add-server', 'memory', '--env', `OTHER=${TOKEN}`, '--yes');
    expect(code).toBe(0);
    expect((await serversOf(workspace))['memory']?.['env']).toEqual({ OTHER: '${secret:memory.OTHER}' });
    expect(isInFiles(workspace, TOKEN)).toBe(false);
  });

  it('stays out of the store when the call is refused for another reason', async () => {
    const workspace = await testWorkspace();
    const refused = [
      [...args, '--env', 'BRAVE_API_KEY_2', '--yes'],
      [...args, '--param', 'nothing=1', '--yes'],
      [...args, '--if-revision', '7', '--yes'],
    ];
    for (const line of refused) expect((await cliHere(workspace, ...line)).code).not.toBe(0);
    expect((await cliHere(workspace, 'add-server', 'memory', '--name', 'brave-search')).code).toBe(0);
    expect((await cliHere(workspace, ...args, '--yes')).code).toBe(5);
    expect(await secretsOf(workspace)).toEqual([]);
  });

  it('is not stored twice, and never takes the place of another one unasked', async () => {
    const workspace = await testWorkspace();
    const add = (value: string) =>
      cliHere(workspace, 'add-server', 'brave-search', '--env', `BRAVE_API_KEY=${value}`, '--yes', '--replace');
    await add(VALUE);
    expect((await add(VALUE)).stderr).toContain('brave-search.BRAVE_API_KEY is stored already.');
    expect((await add('another-made-up-value')).code).toBe(0);
    expect(await secretsOf(workspace)).toEqual(['brave-search.BRAVE_API_KEY', 'brave-search.BRAVE_API_KEY-2']);
    expect(await openSecrets(workspace).get('brave-search.BRAVE_API_KEY')).toBe(VALUE);
    expect((await serversOf(workspace))['brave-search']?.['env']).toEqual({
      BRAVE_API_KEY: '${secret:brave-search.BRAVE_API_KEY-2}',
    });
  });

  it.each([
    ['kept', ENTER, VALUE, '-2'],
    ['replaced', DOWN + ENTER, 'another-made-up-value', ''],
  ])('at a terminal, another one of that name is %s as the person says', async (_what, keys, first, suffix) => {
    const workspace = await testWorkspace();
    await cliHere(workspace, ...args, '--yes');
    const exchanges = [
      ['Store it on this machine', ENTER],
      ['There is a secret brave-search.BRAVE_API_KEY already', keys],
    ] as const;
    const again = ['add-server', 'brave-search', '--env', 'BRAVE_API_KEY=another-made-up-value', '--replace'];
    expect(await converse(workspace, exchanges, ...again)).toMatchObject({ code: 0 });
    expect(await openSecrets(workspace).get('brave-search.BRAVE_API_KEY')).toBe(first);
    expect((await serversOf(workspace))['brave-search']?.['env']).toEqual({
      BRAVE_API_KEY: `\${secret:brave-search.BRAVE_API_KEY${suffix}}`,
    });
  });
});

it('set-secret asks for the value without showing it', async () => {
  const workspace = await testWorkspace();
  const said = await converse(workspace, [['Value of brave.key', VALUE + ENTER]], 'set-secret', 'brave.key');
  expect([said.code, said.stderr.includes(VALUE)]).toEqual([0, false]);
  expect(await openSecrets(workspace).get('brave.key')).toBe(VALUE);
  const broken = await converse(workspace, [['Value of other', CTRL_C]], 'set-secret', 'other');
  expect([broken.code, broken.screen.includes('Cancelled: nothing was changed.')]).toEqual([2, true]);
  expect(await secretsOf(workspace)).toEqual(['brave.key']);
});

it('a question where nobody can answer is a fault of ours, and is told as one', async () => {
  const nobody = { args: [], stdin: Readable.from([]), stdout: new PassThrough(), stderr: new PassThrough() };
  const ask = askerFor({ ...nobody, cwd: '/', env: {} }, { yes: false, json: false });
  await expect(ask.text('Which?')).rejects.toThrow('nobody can answer');
  expect(await ask.confirm('Really?', true)).toBe(true);
});
