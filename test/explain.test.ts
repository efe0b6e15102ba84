import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { type ClientDefinition, ConfigScope } from '../src/clients/client.ts';
import { clientById } from '../src/clients/index.ts';
import { effectiveServers } from '../src/operations/explain/effective.ts';
import type { Role, SeenFile } from '../src/operations/explain/files.ts';
import { call } from './crash/invariants.ts';
import { cliHere, cliHereJson } from './support/in-process.ts';
import { testWorkspace, type Workspace } from './support/workspace.ts';

/** What a client gets to see, over all of its files, as a person and a program are told. */

let workspace: Workspace;
let project: string;
beforeEach(async () => {
  workspace = await testWorkspace();
  project = join(workspace.home, 'work');
  mkdirSync(project);
});
function write(path: string, content: unknown): void {
  const file = join(workspace.home, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content));
}
const node = { command: 'node', args: ['x'] };

interface Explained {
  files: { config_scope: string; path: string; exists: boolean; role: string; moved_by: string | null }[];
  servers: { server_name: string; status: string; wins: string | null; found: Record<string, unknown>[] }[];
  to_do: string[];
}
async function explain(client_id: string, ...more: string[]): Promise<Explained> {
  const { clients } = await cliHereJson(workspace, 'explain-config', '--client', client_id, ...more);
  return (clients as Explained[])[0] as Explained;
}
const states = ({ servers }: Explained) =>
  Object.fromEntries(servers.map(({ server_name, status, wins }) => [server_name, [status, wins]]));

describe('which entry wins', () => {
  it('is said where it is known: of Claude Code, the own file of a project before its shared one, then that of the user', async () => {
    write('.claude.json', {
      mcpServers: { a: node, b: node, c: node },
      projects: { [project]: { mcpServers: { a: node } } },
    });
    write('work/.mcp.json', { mcpServers: { a: node, b: node } });
    const explained = await explain('claude-code', '--project', project);
    expect(states(explained)).toEqual({
      a: ['enabled', 'local'],
      b: ['needs_approval', 'project'],
      c: ['enabled', 'user'],
    });
    expect(explained.servers[0]?.found.map((entry) => entry['config_scope'])).toEqual(['user', 'local', 'project']);
    expect(explained.to_do).toEqual([
      'A server of a project file (.mcp.json) starts only after its user has approved it.',
    ]);
  });

  it('is "not known" where nobody has written it, and the reader is told what to do', async () => {
    write('.codex/config.toml', '[mcp_servers.a]\ncommand = "x"\n');
    write('work/.codex/config.toml', '[mcp_servers.a]\ncommand = "y"\n');
    expect(states(await explain('codex-cli', '--project', project))).toEqual({ a: ['not_known', null] });
    const { stdout } = await cliHere(workspace, 'explain-config', '--client', 'codex-cli', '--project', project);
    expect(stdout).toMatch(/a\tnot known which\tuser\t\?\tothers\tx/);
    expect(stdout).toContain('keep a name in one file');
  });
});

describe('what is ours', () => {
  it('is told from what is of others, with the profile and the release', async () => {
    write('.vibe/config.toml', '[[mcp_servers]]\nname = "theirs"\ntransport = "stdio"\ncommand = "x"\n');
    await cliHereJson(workspace, 'initialize-keys');
    const payload = JSON.stringify({ mcpServers: { ours: node } });
    await cliHereJson(workspace, 'publish-config', '--client', 'mistral-vibe', '--payload', payload);
    await cliHereJson(workspace, 'deploy-config', '--client', 'mistral-vibe');
    const { servers } = await explain('mistral-vibe');
    expect(servers.map(({ server_name, found }) => [server_name, found[0]?.['deployed_by']])).toEqual([
      ['ours', { client_id: 'mistral-vibe', profile_id: 'default', sequence: 1 }],
      ['theirs', null],
    ]);
  });
});

describe('what is switched off', () => {
  it('is seen in the entry, and in the lists that a client keeps elsewhere', async () => {
    write('.kiro/settings/mcp.json', { mcpServers: { a: { ...node, disabled: true }, b: node } });
    expect(states(await explain('kiro'))).toEqual({ a: ['disabled', 'user'], b: ['enabled', 'user'] });
    write('.gemini/settings.json', { mcpServers: { a: node, b: node }, mcp: { excluded: ['b', 7] } });
    expect(states(await explain('gemini-cli'))).toEqual({ a: ['enabled', 'user'], b: ['disabled', 'user'] });
    write('.claude.json', {
      mcpServers: { shared: node },
      projects: { [project]: { disabledMcpjsonServers: ['shared', 'only'], disabledMcpServers: ['off'] } },
    });
    write('work/.mcp.json', { mcpServers: { only: node, off: node } });
    expect(states(await explain('claude-code', '--project', project))).toEqual({
      off: ['disabled', 'project'],
      only: ['disabled', 'project'],
      shared: ['enabled', 'user'],
    });
  });
});

describe('files', () => {
  it('that are not read any more are named, and their servers are no part of what the client sees', async () => {
    write('.cline/data/settings/cline_mcp_settings.json', { mcpServers: { now: node } });
    write('.config/Code/User/globalStorage/saoudrizwan.claude-dev/settings/cline_mcp_settings.json', {
      mcpServers: { old: node },
    });
    const { files, servers } = await explain('cline');
    expect(servers.map(({ server_name }) => server_name)).toEqual(['now']);
    expect(files.map(({ config_scope, role }) => [config_scope, role])).toEqual([
      ['user', 'read'],
      ['user-legacy', 'legacy'],
    ]);
    write('.config/opencode/opencode.jsonc', { mcp: { one: { type: 'local', command: ['x'] } } });
    write('.config/opencode/opencode.json', { mcp: { two: { type: 'local', command: ['x'] } } });
    const twins = await explain('opencode');
    expect(twins.files.filter(({ exists }) => exists).map(({ role }) => role)).toEqual(['read', 'stale']);
    const { stdout } = await cliHere(workspace, 'explain-config', '--client', 'opencode');
    expect(stdout).toMatch(/opencode\.json: not read: the client reads another file in its place; has two/);
  });

  it('that a variable moved are said to be moved by it', async () => {
    write('elsewhere/config.toml', '[mcp_servers.a]\ncommand = "x"\n');
    workspace.env['CODEX_HOME'] = join(workspace.home, 'elsewhere');
    const { files } = await explain('codex-cli');
    expect(files[0]).toMatchObject({ path: join(workspace.home, 'elsewhere/config.toml'), moved_by: 'CODEX_HOME' });
  });

  it('that cannot be read are named with the reason, and the others are explained all the same', async () => {
    write('.cursor/mcp.json', '{');
    write('work/.cursor/mcp.json', { mcpServers: { a: node } });
    const { files, servers } = await explain('cursor', '--project', project);
    expect(files[0]).toMatchObject({ readable: false, detail: expect.stringContaining('line 1') });
    expect(servers).toMatchObject([{ server_name: 'a', wins: 'project' }]);
  });

  it('of all clients are looked at when none is named', async () => {
    write('.cursor/mcp.json', { mcpServers: {} });
    write('.codex/config.toml', '');
    const { clients } = await cliHereJson(workspace, 'explain-config');
    const ids = (clients as { client_id: string }[]).map(({ client_id }) => client_id);
    expect(ids.toSorted()).toEqual(['codex-cli', 'cursor']);
  });
});

it('shows which program and address, the names of variables, and no value', async () => {
  const token = `ghp_${'A1b2'.repeat(9)}`;
  write('.cursor/mcp.json', {
    mcpServers: {
      local: { command: `/opt/${token}/run`, args: ['--token', token], env: { GITHUB_TOKEN: token, PLAIN: 'hunter2' } },
      remote: {
        url: `https://user:${token}@x.example/mcp?key=${token}`,
        headers: { Authorization: `Bearer ${token}` },
      },
      broken: null,
    },
  });
  const found = await cliHere(workspace, 'explain-config', '--client', 'cursor', '--json');
  const text = await cliHere(workspace, 'explain-config', '--client', 'cursor');
  for (const { stdout } of [found, text]) {
    expect(stdout).not.toContain(token);
    expect(stdout).not.toContain('hunter2');
  }
  const servers = (found.json()['clients'] as Explained[])[0]?.servers ?? [];
  expect(
    servers.map(({ server_name, found: [entry] }) => [server_name, entry?.['starts'], entry?.['variables']]),
  ).toEqual([
    ['broken', null, []],
    ['local', expect.stringMatching(/^\/opt\/\[.*\]\/run$/), ['GITHUB_TOKEN', 'PLAIN']],
    ['remote', 'https://x.example/mcp', ['Authorization']],
  ]);
});

it('wants the whole path of a project from callers that have no working directory', async () => {
  const asked = call(workspace, 'explain_config', { project: 'work' });
  await expect(asked).rejects.toMatchObject({ code: 'INVALID_INPUT', details: { field: 'project' } });
});

describe('a file of an administrator', () => {
  const client = clientById('claude-code') as ClientDefinition;
  const file = (scope: string, role: Role, names: string[]): SeenFile => ({
    scope: ConfigScope.parse(client.scopes.find((one) => one.scope === scope)),
    path: `/${scope}`,
    target_path: `/${scope}`,
    exists: true,
    role,
    moved_by: null,
    readable: true,
    detail: null,
    pointer: '/mcpServers',
    entries: new Map(names.map((name) => [name, node])),
    switched_off: [],
  });

  it('that takes control shuts every other server out', () => {
    const files = [file('user', 'read', ['mine', 'both']), file('managed', 'managed', ['both'])];
    expect(
      effectiveServers(client, files, []).map(({ server_name, status, wins }) => [server_name, status, wins]),
    ).toEqual([
      ['both', 'enabled', 'managed'],
      ['mine', 'shut_out', null],
    ]);
  });
});
