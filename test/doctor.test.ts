import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { cli, cliJson, run } from './support/process.ts';
import { testWorkspace, type Workspace } from './support/workspace.ts';

const FILE = '.cursor/mcp.json';

function write({ home }: Workspace, path: string, text: string): void {
  mkdirSync(dirname(join(home, path)), { recursive: true });
  writeFileSync(join(home, path), text);
}

async function deployed(workspace: Workspace, entry: object): Promise<void> {
  await cliJson(workspace, 'initialize-keys');
  const payload = JSON.stringify({ mcpServers: { ours: entry } });
  await cliJson(workspace, 'publish-config', '--client', 'cursor', '--payload', payload);
  await cliJson(workspace, 'deploy-config', '--client', 'cursor');
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
    const found = await cli(workspace, 'doctor', '--json');
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
    const text = await cli(workspace, 'doctor');
    expect([text.code, text.stdout.includes(join(workspace.home, FILE))]).toEqual([7, true]);
  });

  it('tells what our entries need and this machine lacks', async () => {
    const workspace = await testWorkspace();
    write(workspace, FILE, '{"mcpServers":{"mine":{"command":"x"}}}');
    await deployed(workspace, { command: 'no-such-program', args: [], env: { A: '${env:NOT_SET_HERE}' } });
    const found = await cli(workspace, 'doctor', '--json');
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
    expect((await cli(workspace, 'doctor')).code).toBe(0);
    const path = join(workspace.home, FILE);
    writeFileSync(path, readFileSync(path, 'utf8').replace('--version', '--help'));
    const drifted = await cli(workspace, 'doctor', '--client', 'cursor', '--json');
    expect([drifted.code, codesOf(drifted.json())]).toEqual([7, ['DRIFT']]);
    writeFileSync(
      path,
      readFileSync(path, 'utf8').replace('--help', '--version').replace('"ours"', '"news": {"command": "x"},\n"ours"'),
    );
    const news = await cli(workspace, 'doctor', '--json');
    expect([news.code, codesOf(news.json())]).toEqual([0, ['NEW_SERVER']]);
  });

  it('does not vouch for a release that was changed in the store', async () => {
    const workspace = await testWorkspace();
    write(workspace, FILE, '{}');
    await deployed(workspace, { command: 'node', args: ['--version'] });
    const code = `new (await import('node:sqlite')).DatabaseSync(process.argv[1]).exec("UPDATE artifacts SET canonical = replace(canonical, '--version', '--help')")`;
    await run(process.execPath, ['--input-type=module', '-e', code, join(workspace.data_dir, 'state.db')], workspace);
    const found = await cli(workspace, 'doctor', '--json');
    expect([found.code, codesOf(found.json())]).toEqual([7, ['RELEASE_NOT_TRUSTED']]);
  });

  it('refuses a client that there is not', async () => {
    const workspace = await testWorkspace();
    expect((await cli(workspace, 'doctor', '--client', 'cursr')).code).toBe(4);
  });
});
