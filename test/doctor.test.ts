import { chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, it } from 'vitest';
import { cliHere, cliHereJson, cliHereWith } from './support/in-process.ts';
import { cliJson } from './support/process.ts';
import { testWorkspace, type Workspace } from './support/workspace.ts';

const FILE = '.cursor/mcp.json';

function write({ home }: Workspace, path: string, text: string): void {
  mkdirSync(dirname(join(home, path)), { recursive: true });
  writeFileSync(join(home, path), text);
}

const INPUTS = { A: { description: 'Of one test', required: false, default: 'a' } };

async function deployed(workspace: Workspace, entry: object): Promise<void> {
  await cliHereJson(workspace, 'initialize-keys');
  const payload = JSON.stringify({ mcpServers: { ours: entry }, inputs: INPUTS });
  await cliHereJson(workspace, 'publish-config', '--client', 'cursor', '--payload', payload);
  await cliHereJson(workspace, 'deploy-config', '--client', 'cursor');
}

const codesOf = (report: Record<string, unknown>) => (report['problems'] as { code: string }[]).map(({ code }) => code);

describe('doctor', () => {
  it('finds nothing wrong on a machine without clients, and changes nothing there', async () => {
    const workspace = await testWorkspace();
    const report = await cliJson(workspace, 'doctor');
    expect(report).toMatchObject({ healthy: true, clients: [], problems: [] });
    expect(report['programs']).toContainEqual({ name: 'node', path: process.execPath, needed_by: [] });
  });

  it('names the file that a client cannot read, and ends with 7', async () => {
    const workspace = await testWorkspace();
    write(workspace, FILE, '{ "mcpServers": { "a": { "command": "x" }, ');
    const found = await cliHere(workspace, 'doctor', '--json');
    expect(found.code).toBe(7);
    const [client] = found.json()['clients'] as { client_id: string; files: object[] }[];
    expect(client).toMatchObject({ client_id: 'cursor', installed: true });
    expect(client?.files[0]).toMatchObject({
      path: join(workspace.home, FILE),
      exists: true,
      wins: true,
      parses: false,
    });
    expect(codesOf(found.json())).toEqual(['FILE_UNREADABLE']);
    const text = await cliHere(workspace, 'doctor');
    expect([text.code, text.stdout.includes(join(workspace.home, FILE))]).toEqual([7, true]);
  });

  it('names the file that its client reads and a deployment cannot change', async () => {
    const workspace = await testWorkspace();
    write(workspace, '.codex/config.toml', 'mcp_servers.mine.command = "node"\n');
    const found = await cliHere(workspace, 'doctor', '--json');
    expect(found.code).toBe(0);
    expect(found.json()['problems']).toMatchObject([
      {
        code: 'FILE_NOT_CHANGEABLE',
        severity: 'warning',
        client_id: 'codex-cli',
        message: expect.stringContaining('line 1:column 1'),
      },
    ]);
    const [client] = found.json()['clients'] as { files: object[] }[];
    expect(client?.files[0]).toMatchObject({ parses: true, servers: ['mine'] });
    expect((await cliHere(workspace, 'doctor')).stdout).toContain('cannot be changed');
  });

  it('is not misled by a program or a variable with the name of what every object has', async () => {
    const workspace = await testWorkspace();
    await deployed(workspace, { command: 'toString', args: [], env: { A: '${env:valueOf}' } });
    const found = await cliHere(workspace, 'doctor', '--json');
    expect(found.code).toBe(7);
    expect(codesOf(found.json())).toEqual(['COMMAND_NOT_FOUND', 'VARIABLE_NOT_SET']);
  });

  it('tells what our entries need and this machine lacks', async () => {
    const workspace = await testWorkspace();
    write(workspace, FILE, '{"mcpServers":{"mine":{"command":"x"}}}');
    await deployed(workspace, { command: 'no-such-program', args: [], env: { A: '${env:NOT_SET_HERE}' } });
    const found = await cliHere(workspace, 'doctor', '--json');
    expect(found.code).toBe(7);
    expect(codesOf(found.json())).toEqual(['COMMAND_NOT_FOUND', 'VARIABLE_NOT_SET']);
    expect(found.json()['clients']).toMatchObject([
      {
        files: [{ servers: ['mine', 'ours'] }, ...[]],
        deployments: [{ present: ['ours'], drift: false, up_to_date: true }],
      },
    ]);
  });

  it('is content once program and variable are there, and tells drift again', async () => {
    const workspace = await testWorkspace();
    write(workspace, FILE, '{}');
    await deployed(workspace, { command: 'node', args: ['--version'] });
    expect((await cliHere(workspace, 'doctor')).code).toBe(0);
    const path = join(workspace.home, FILE);
    writeFileSync(path, readFileSync(path, 'utf8').replace('--version', '--help'));
    const drifted = await cliHere(workspace, 'doctor', '--client', 'cursor', '--json');
    expect([drifted.code, codesOf(drifted.json())]).toEqual([7, ['DRIFT']]);
    writeFileSync(
      path,
      readFileSync(path, 'utf8').replace('--help', '--version').replace('"ours"', '"news": {"command": "x"},\n"ours"'),
    );
    const news = await cliHere(workspace, 'doctor', '--json');
    expect([news.code, codesOf(news.json())]).toEqual([0, ['NEW_SERVER']]);
  });

  it('does not vouch for a release that was changed in the store', async () => {
    const workspace = await testWorkspace();
    write(workspace, FILE, '{}');
    await deployed(workspace, { command: 'node', args: ['--version'] });
    const database = new DatabaseSync(join(workspace.data_dir, 'state.db'));
    database.exec("UPDATE artifacts SET canonical = replace(canonical, '--version', '--help')");
    database.close();
    const found = await cliHere(workspace, 'doctor', '--json');
    expect([found.code, codesOf(found.json())]).toEqual([7, ['RELEASE_NOT_TRUSTED']]);
  });

  it('refuses a client that there is not', async () => {
    const workspace = await testWorkspace();
    expect((await cliHere(workspace, 'doctor', '--client', 'cursr')).code).toBe(4);
  });

  it('tells a person in words what it found, what only they can do, and what to do about what is wrong', async () => {
    const workspace = await testWorkspace();
    const { home } = workspace;
    // Of all programs there is only one that everything is started with.
    workspace.env['PATH'] = join(home, 'bin');
    write(workspace, 'bin/node', '');
    chmodSync(join(home, 'bin/node'), 0o755);
    const say = async (...words: string[]) => {
      const { code, stdout } = await cliHere(workspace, 'doctor', ...words);
      return [code, stdout.replaceAll(home, '~')];
    };
    const programs = `Programs that servers are started with:
  found      node  ~/bin/node
  not found  npx  
  not found  uv  
  not found  uvx  
  not found  docker  
`;
    expect(await say()).toEqual([0, `No AI client was found on this machine.\n\n${programs}\nNothing is wrong.\n`]);
    write(workspace, FILE, '{}');
    expect(await say()).toEqual([0, `Cursor\tyes\t~/${FILE}\tfine\t\n\n${programs}\nNothing is wrong.\n`]);
    await cliHereWith(workspace, { input: 'made-up' }, 'set-secret', 'stored');
    const env = { A: '${env:NOT_SET_HERE}', B: '${secret:stored}', C: '${secret:lost}' };
    await deployed(workspace, { command: 'uvx', args: ['some-package@1.0.0'], env });
    const trust = 'What only you can do:\n  Cursor: A new server may have to be switched on in the MCP settings.\n';
    expect(await say('--client', 'cursor')).toEqual([
      7,
      `Cursor\tyes\t~/${FILE}\tfine\tours\n\n${programs}\n${trust}
error: uvx is not on PATH; it is needed by cursor/default: ours.
  uvx comes with uv: https://docs.astral.sh/uv.
warning: \${env:NOT_SET_HERE} has no value here; it is needed by cursor/default: ours.
  Set the variable where the client is started; a terminal that sets it for itself is not enough.
error: \${secret:lost} has no value here; it is needed by cursor/default: ours.
  Store it: mcp-orchestration set-secret lost
`,
    ]);
  });

  it('says of a file what keeps it from being read, and of another that the client reads a different one', async () => {
    const workspace = await testWorkspace();
    write(workspace, '.config/opencode/opencode.jsonc', '{ "mcp": {');
    write(workspace, '.config/opencode/opencode.json', '{ "mcp": { "old": { "type": "local", "command": ["x"] } } }');
    const { code, stdout } = await cliHere(workspace, 'doctor', '--client', 'opencode');
    expect(code).toBe(7);
    const said = stdout.replaceAll(workspace.home, '~');
    expect(said).toContain('~/.config/opencode/opencode.jsonc\tunreadable');
    expect(said).toContain('error: ~/.config/opencode/opencode.jsonc cannot be read: ');
    expect(said).toContain('  Mend the file with an editor; nothing is written to it until then.');
    expect(said).toContain('~/.config/opencode/opencode.json\tnot read\told');
    expect(said).toContain(
      'warning: ~/.config/opencode/opencode.json has servers (old), but opencode reads another file.',
    );
  });

  it('says of a file that was damaged to mend it first', async () => {
    const workspace = await testWorkspace();
    write(workspace, FILE, '{}');
    await deployed(workspace, { command: 'node', args: ['--version'] });
    write(workspace, FILE, '{');
    const { code, stdout } = await cliHere(workspace, 'doctor');
    expect(code).toBe(7);
    expect(stdout).toMatch(/left it: cannot be read .*\n {2}Mend the file first\. If ours is then not as it was: `/);
  });

  it('names the place of a deployment in the command that puts it back', async () => {
    const workspace = await testWorkspace();
    const project = join(workspace.home, 'my project');
    mkdirSync(project);
    await deployed(workspace, { command: 'node', args: ['--version'] });
    const own = join(workspace.home, 'own.json');
    await cliHereJson(workspace, 'deploy-config', '--client', 'cursor', '--config-path', own);
    await cliHereJson(
      workspace,
      'deploy-config',
      '--client',
      'cursor',
      '--config-scope',
      'project',
      '--project',
      project,
    );
    for (const path of [join(project, FILE), own]) writeFileSync(path, '{"mcpServers": {}}');
    const back = (more: string) => `deploy-config --client cursor --profile default ${more} --on-drift overwrite`;
    const { stdout } = await cliHere(workspace, 'doctor');
    expect(stdout).toContain(back(`--config-scope project --project '${project}'`));
    expect(stdout).toContain(back(`--config-path ${own}`));
  });

  it('notices that what entries call has gone, or starts what has gone; a deployment writes it anew', async () => {
    const workspace = await testWorkspace();
    write(workspace, FILE, '{}');
    const launcher = join(workspace.data_dir, 'bin/mcp-orchestration');
    const look = async () => {
      const found = await cliHere(workspace, 'doctor', '--json');
      return [found.code, codesOf(found.json()), (found.json()['launcher'] as { fault: string } | null)?.fault];
    };
    await deployed(workspace, { command: 'node', args: ['--version'] });
    expect(await look()).toEqual([0, [], undefined]);
    await deployed(workspace, { command: 'node', args: ['--version'], env: { A: '${input:A}' } });
    expect(await look()).toEqual([0, [], null]);
    const broken = async (spoil: () => void, fault: string) => {
      spoil();
      expect(await look()).toEqual([7, ['LAUNCHER_BROKEN'], fault]);
      expect(await cliHereJson(workspace, 'deploy-config', '--client', 'cursor')).toMatchObject({
        status: 'unchanged',
      });
      expect(await look()).toEqual([0, [], null]);
    };
    await broken(() => rmSync(launcher), 'it is not there');
    await broken(() => chmodSync(launcher, 0o600), 'it may not be executed');
    const moved = () =>
      writeFileSync(launcher, readFileSync(launcher, 'utf8').replace(/'[^']*' (?='[^']*' ")/, "'/no/node' "));
    await broken(moved, 'it starts /no/node, which is not there any more');
  });

  it('says of a file that was changed how to put it back', async () => {
    const workspace = await testWorkspace();
    write(workspace, FILE, '{}');
    await deployed(workspace, { command: 'node', args: ['--version'] });
    const path = join(workspace.home, FILE);
    writeFileSync(path, readFileSync(path, 'utf8').replace('--version', '--help'));
    const { code, stdout } = await cliHere(workspace, 'doctor');
    expect([code, stdout.trimEnd().split('\n').slice(-2)]).toEqual([
      7,
      [
        `error: ${path} is not as profile default left it: ours: changed (changed: args).`,
        '  Put it back with `mcp-orchestration deploy-config --client cursor --profile default --on-drift overwrite`.',
      ],
    ]);
  });
});
