import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openSecrets } from '../src/io/secrets/store.ts';
import { cliHereJson } from './support/in-process.ts';
import { BIN } from './support/process.ts';
import { hasTerminal, onTerminal } from './support/pty.ts';
import { CTRL_C, ENTER, type Exchange } from './support/terminal.ts';
import { testWorkspace, type Workspace } from './support/workspace.ts';

/** The program that is installed, on a real terminal. */
const program = (workspace: Workspace, exchanges: readonly Exchange[], ...args: string[]) =>
  onTerminal(workspace, exchanges, process.execPath, BIN, ...args);

/** Made up; every form in which it could be lying about. */
const VALUE = 'made-up-Zebra-4711';
const FORMS = [VALUE, Buffer.from(VALUE).toString('base64').replaceAll('=', ''), Buffer.from(VALUE).toString('hex')];

const everythingIn = ({ home }: Workspace): string[] =>
  readdirSync(home, { recursive: true, encoding: 'utf8' })
    .map((name) => join(home, name))
    .filter((path) => statSync(path).isFile())
    .map((path) => readFileSync(path).toString('latin1'));

const SECRET: Exchange = ['BRAVE_API_KEY: ', VALUE + ENTER];
const COLOUR = /\u001b\[[0-9;]*m/;

describe.skipIf(!hasTerminal)('on a real terminal', () => {
  it('add-server asks for server and secret; the secret is only in the store', async () => {
    const workspace = await testWorkspace();
    const exchanges: Exchange[] = [
      ['Which server?', 'brave'],
      ['(1 match)', ENTER],
      SECRET,
      ['Store it on this machine as brave-search.BRAVE_API_KEY', ENTER],
    ];
    const { code, output, screen } = await program(workspace, exchanges, 'add-server');
    expect([code, screen.includes('Added brave-search; the draft has 1 server.')]).toEqual([0, true]);
    const { draft } = (await cliHereJson(workspace, 'view-draft')) as { draft: unknown };
    expect(draft).toMatchObject({
      mcpServers: { 'brave-search': { env: { BRAVE_API_KEY: '${secret:brave-search.BRAVE_API_KEY}' } } },
    });
    expect(await openSecrets(workspace).get('brave-search.BRAVE_API_KEY')).toBe(VALUE);
    for (const form of FORMS) {
      for (const text of [output, ...everythingIn(workspace)]) expect(text.includes(form)).toBe(false);
    }
  });

  it('Ctrl-C at a question ends with words, and nothing is changed', async () => {
    const workspace = await testWorkspace();
    const { code, screen } = await program(workspace, [['BRAVE_API_KEY: ', CTRL_C]], 'add-server', 'brave-search');
    expect([code, screen.includes('Cancelled: nothing was changed.')]).toEqual([2, true]);
    expect(await cliHereJson(workspace, 'view-draft')).toMatchObject({ server_count: 0 });
    expect(await cliHereJson(workspace, 'list-secrets')).toMatchObject({ count: 0 });
  });

  it('--yes and --json ask nothing', async () => {
    const workspace = await testWorkspace();
    const args = ['add-server', 'brave-search', '--env', `BRAVE_API_KEY=${VALUE}`];
    expect(await program(workspace, [], ...args, '--json')).toMatchObject({ code: 6 });
    const { code, output } = await program(workspace, [], ...args, '--yes');
    expect([code, output.includes(VALUE)]).toEqual([0, false]);
    expect(await openSecrets(workspace).get('brave-search.BRAVE_API_KEY')).toBe(VALUE);
  });

  it('there are colours, and none with NO_COLOR, in questions and in answers', async () => {
    const workspace = await testWorkspace();
    const plain = { ...workspace, env: { ...workspace.env, NO_COLOR: '1' } };
    expect((await program(workspace, [], 'list-profiles', 'cursor')).output).toMatch(COLOUR);
    expect((await program(plain, [], 'list-profiles', 'cursor')).output).not.toMatch(COLOUR);
    const exchanges: Exchange[] = [SECRET, ['Store it on this machine', 'n']];
    expect((await program(workspace, exchanges, 'add-server', 'brave-search')).output).toMatch(COLOUR);
    const { code, output } = await program(plain, exchanges, 'add-server', 'brave-search');
    expect(code).toBe(6);
    expect(output).not.toMatch(COLOUR);
  });
});
