import { mkdirSync, readdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { call } from '../crash/invariants.ts';
import { cli } from '../support/process.ts';
import { testWorkspace } from '../support/workspace.ts';

describe('a hostile data directory', () => {
  it('a data directory that is a file, below a file, or relative is refused in words', async () => {
    const workspace = await testWorkspace();
    writeFileSync(join(workspace.home, 'file'), '');
    const ask = async (directory: string) => {
      workspace.env['MCP_ORCHESTRATION_HOME'] = directory;
      return (await cli(workspace, 'list-profiles', 'cursor', '--json')).json()['error'];
    };
    expect(await ask(join(workspace.home, 'file'))).toMatchObject({
      code: 'WRITE_FAILED',
      hint: expect.stringContaining('MCP_ORCHESTRATION_HOME'),
    });
    expect(await ask(join(workspace.home, 'file/below'))).toMatchObject({
      code: 'WRITE_FAILED',
      details: { reason: 'ENOTDIR' },
    });
    expect(await ask('relative')).toMatchObject({
      code: 'INVALID_INPUT',
      details: { field: 'MCP_ORCHESTRATION_HOME' },
    });
  });

  it('a home with odd letters works like any other', async () => {
    const workspace = await testWorkspace();
    const home = join(workspace.home, 'ü "quoted" $(id) %2e\n; x');
    mkdirSync(home);
    const odd = { env: { ...workspace.env, HOME: home }, home };
    expect((await cli(odd, 'init', '--json')).code).toBe(0);
    await call(odd, 'publish_config', {
      client_id: 'vscode',
      payload: { mcpServers: { x: { command: 'node', args: [] } } },
    });
    expect(await call(odd, 'deploy_config', { client_id: 'vscode' })).toMatchObject({ status: 'deployed' });
    expect(await call(odd, 'get_deployed', { client_id: 'vscode' })).toMatchObject({ drift: false });
  });

  it.each([
    ['keys/signing.key', 'garbage', ['publish-config', '--allow-empty'], 'UNAVAILABLE'],
    ['machine-id', 'garbage', ['get-deployed'], 'UNAVAILABLE'],
    [
      'state.db',
      'this is no database, but it is long enough to be looked at as if it were one'.repeat(100),
      ['list-profiles', 'cursor'],
      'WRITE_FAILED',
    ],
  ])('a damaged %s is named, and not written over', async (name, content, args, code) => {
    const workspace = await testWorkspace();
    await cli(workspace, 'init');
    for (const extra of ['-wal', '-shm'])
      if (name === 'state.db') writeFileSync(join(workspace.data_dir, name + extra), '');
    writeFileSync(join(workspace.data_dir, name), content);
    const refused = await cli(workspace, ...args, '--json');
    expect(refused.json()['error']).toMatchObject({ code });
    expect(refused.code).toBe(1);
    expect(refused.stderr).not.toMatch(/\n\s+at /);
    expect((await cli(workspace, ...args, '--json')).json()['error']).toMatchObject({ code });
  });

  it('a data directory that is a link to one works, and a config file that is a link to elsewhere is refused', async () => {
    const workspace = await testWorkspace();
    mkdirSync(join(workspace.home, 'real'), { mode: 0o700 });
    symlinkSync(join(workspace.home, 'real'), workspace.data_dir);
    expect((await cli(workspace, 'init', '--json')).code).toBe(0);
    const victim = await testWorkspace();
    writeFileSync(join(victim.home, 'victim.json'), '{}');
    mkdirSync(join(workspace.home, '.config/Code/User'), { recursive: true });
    symlinkSync(join(victim.home, 'victim.json'), join(workspace.home, '.config/Code/User/mcp.json'));
    await call(workspace, 'publish_config', {
      client_id: 'vscode',
      payload: { mcpServers: { x: { command: 'node', args: [] } } },
    });
    const refused = await cli(workspace, 'deploy-config', '--client', 'vscode', '--json');
    expect(refused.json()['error']).toMatchObject({
      code: 'WRITE_FAILED',
      details: { reason: 'outside_allowed_roots' },
    });
    expect(readdirSync(victim.home)).toEqual(['victim.json']);
    expect(statSync(join(victim.home, 'victim.json')).size).toBe(2);
  });

  it('one that cannot even be looked at is refused in words, not with a stack', async () => {
    const workspace = await testWorkspace();
    const env = { ...workspace.env, MCP_ORCHESTRATION_HOME: `/${'x'.repeat(5000)}` };
    const refused = await cli({ ...workspace, env }, 'list-profiles', 'cursor', '--json');
    expect(refused.json()['error']).toMatchObject({ code: 'WRITE_FAILED', details: { reason: 'ENAMETOOLONG' } });
    expect(refused.stderr).not.toMatch(/\n\s+at /);
  });
});
