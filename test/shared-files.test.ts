import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { enableFailpoints } from '../src/io/failpoint.ts';
import { doctor } from '../src/operations/doctor.ts';
import { invoke } from '../src/operations/operation.ts';
import { type OpenHome, openHome } from './support/open-home.ts';

/** One file that several clients read, several files of which a client reads one, and the names a file may have. */

let product: OpenHome;
let project: string;
beforeEach(async () => {
  product = await openHome();
  project = join(product.home, 'shop');
  mkdirSync(project);
});
afterEach(() => product.close());

const call: OpenHome['call'] = (tool, input) => product.call(tool, input);
const entry = (word: string) => ({ command: 'node', args: ['/opt/server.js', word] });
async function deploy(client_id: string, mcpServers: object, more: object = {}) {
  await call('publish_config', { client_id, payload: { mcpServers }, allow_empty: true });
  return call('deploy_config', { client_id, ...more });
}
function put(path: string, text: string): string {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
  return path;
}
const read = (path: string) => readFileSync(path, 'utf8');
const told = (answer: Record<string, unknown>) =>
  (answer['findings'] as { code: string; message: string }[]).map(({ code, message }) => `${code}: ${message}`);

describe('one .mcp.json of a project', () => {
  const inProject = () => ({ config_scope: 'project', project });
  const file = () => join(project, '.mcp.json');
  const forVisualStudio = () => ({ ...inProject(), config_path: file() });

  test('holds the servers of Claude Code and of Visual Studio, and neither disturbs the other', async () => {
    const original =
      '{\n  "servers": { "theirs": { "command": "x" } },\n  "mcpServers": { "theirs": { "command": "y" } }\n}\n';
    put(file(), original);
    await deploy('claude-code', { ours: entry('code') }, inProject());
    const one = read(file());
    await deploy('visual-studio', { ours: entry('studio') }, forVisualStudio());
    const parsed = JSON.parse(read(file()));
    expect(Object.keys(parsed.servers)).toEqual(['theirs', 'ours']);
    expect(Object.keys(parsed.mcpServers)).toEqual(['theirs', 'ours']);
    expect(parsed.servers.ours.args).toContain('studio');
    expect(parsed.mcpServers.ours.args).toContain('code');
    for (const client_id of ['claude-code', 'visual-studio']) {
      const deployed = await call('get_deployed', { client_id });
      expect(deployed).toMatchObject({ drift: false, changes: [] });
      expect(deployed).not.toHaveProperty('superseded_by');
    }
    await call('undo_deployment', { client_id: 'claude-code' });
    expect(JSON.parse(read(file()))).toEqual({ ...parsed, mcpServers: { theirs: { command: 'y' } } });
    expect(await call('get_deployed', { client_id: 'visual-studio' })).toMatchObject({ drift: false });
    await call('undo_deployment', { client_id: 'visual-studio' });
    expect(read(file())).toBe(original);
    expect(one).not.toBe(original);
  });

  test('is judged by the right key when a deployment into it was interrupted and another client comes next', async () => {
    await call('publish_config', { client_id: 'claude-code', payload: { mcpServers: { ours: entry('code') } } });
    enableFailpoints('deploy.after-write=throw');
    await expect(call('deploy_config', { client_id: 'claude-code', ...inProject() })).rejects.toThrow('failpoint');
    enableFailpoints('');
    put(file(), read(file()).replace('{', '{ "somebody": "wrote",'));
    await deploy('visual-studio', { ours: entry('studio') }, forVisualStudio());
    expect(await call('get_deployed', { client_id: 'claude-code' })).toMatchObject({ sequence: 1, drift: false });
  });

  test('tells of an interrupted deployment once, also when two clients are planned for at the same time', async () => {
    for (const client_id of ['claude-code', 'github-copilot-cli']) {
      await call('publish_config', { client_id, payload: { mcpServers: { ours: entry('x') } } });
    }
    enableFailpoints('deploy.after-write=throw');
    await expect(call('deploy_config', { client_id: 'claude-code', ...inProject() })).rejects.toThrow('failpoint');
    enableFailpoints('');
    await call('deploy_configs', { clients: ['claude-code', 'github-copilot-cli'], ...inProject(), dry_run: true });
    const { changes } = await call('list_changes');
    expect((changes as { type: string }[]).filter(({ type }) => type === 'config.deployed')).toHaveLength(1);
  });

  test('moves from Claude Code to Copilot CLI, which read the same key, and Visual Studio keeps what is its own', async () => {
    await deploy('visual-studio', { studio: entry('studio') }, forVisualStudio());
    await deploy('claude-code', { ours: entry('code') }, inProject());
    const before = JSON.parse(read(file())).servers;
    expect(await deploy('github-copilot-cli', { ours: entry('copilot') }, inProject())).toMatchObject({
      changes: { updated: ['ours'] },
    });
    const { servers, mcpServers } = JSON.parse(read(file()));
    expect(servers).toEqual(before);
    // What Claude Code would stumble over is not written for Copilot: the type stays one that both know.
    expect(mcpServers.ours).toEqual({ type: 'stdio', ...entry('copilot'), tools: ['*'] });
    expect(await call('get_deployed', { client_id: 'claude-code' })).toMatchObject({
      drift: false,
      superseded_by: { client_id: 'github-copilot-cli' },
    });
    expect(await call('get_deployed', { client_id: 'visual-studio' })).toMatchObject({ drift: false });
  });

  test('that is not there yet would hide .github/mcp.json from Copilot CLI, which is said before it is made', async () => {
    const other = put(join(project, '.github/mcp.json'), '{"mcpServers":{"a":{"command":"x"}}}');
    const plan = await deploy('github-copilot-cli', { ours: entry('x') }, { ...inProject(), dry_run: true });
    expect(told(plan)).toEqual([expect.stringMatching(`^FILE_MAY_BE_HIDDEN: .*${other}`)]);
    const shared = await call('deploy_config', {
      client_id: 'github-copilot-cli',
      config_scope: 'project-shared',
      project,
    });
    expect(shared).toMatchObject({ config_path: other, findings: [] });
    expect(existsSync(file())).toBe(false);
  });
});

test('the servers of a project in ~/.claude.json stand under its path, and the rest of that file stays', async () => {
  const path = put(
    join(product.home, '.claude.json'),
    '{"numStartups": 12, "projects": {"/other": {"mcpServers": {}}}}',
  );
  await deploy('claude-code', { ours: entry('local') }, { config_scope: 'local', project });
  const { projects, ...rest } = JSON.parse(read(path));
  expect(rest).toEqual({ numStartups: 12 });
  expect(Object.keys(projects)).toEqual(['/other', project]);
  expect(projects[project].mcpServers.ours.args).toContain('local');
  await expect(call('deploy_config', { client_id: 'claude-code', config_scope: 'local' })).rejects.toMatchObject({
    code: 'INVALID_INPUT',
    details: { field: 'project' },
  });
});

describe('a file that has moved', () => {
  test.each([
    ['antigravity', '.gemini/antigravity/mcp_config.json', '.gemini/config/mcp_config.json'],
    [
      'cline',
      '.config/Code/User/globalStorage/saoudrizwan.claude-dev/settings/cline_mcp_settings.json',
      '.cline/data/settings/cline_mcp_settings.json',
    ],
  ])(
    'of %s is written where it is read now, and the old one is named and left alone',
    async (client_id, before, now) => {
      const text = '{"mcpServers":{"left":{"command":"x"}}}';
      const old = put(join(product.home, before), text);
      const answer = await deploy(client_id, { ours: entry('x') });
      expect(answer['config_path']).toBe(join(product.home, now));
      expect(told(answer)).toEqual([expect.stringMatching(`^FILE_NOT_READ: ${old} has servers \\(left\\)`)]);
      expect(read(old)).toBe(text);
      const report = await invoke(doctor, product.app.localContext('cli'), { client_id });
      const { problems } = report as { problems: { code: string; message: string }[] };
      expect(problems.filter(({ code }) => code === 'FILE_NOT_READ').map(({ message }) => message)).toEqual([
        expect.stringContaining(old),
      ]);
    },
  );
});

describe('a file under another name', () => {
  test.each([
    ['kilo-code', 'user', '.config/kilo/kilo.json', '.config/kilo/kilo.jsonc', '{"mcp":{}}'],
    ['kilo-code', 'project', 'shop/.kilo/kilo.json', 'shop/kilo.jsonc', '{"mcp":{}}'],
    ['amp', 'user', '.config/amp/settings.jsonc', '.config/amp/settings.json', '{"amp.mcpServers":{}} // flat'],
    ['crush', 'project', 'shop/.crush.json', 'shop/crush.json', '{"mcp":{}}'],
  ])('of %s (%s) is used, and no second one made beside it', async (client_id, config_scope, there, usual, text) => {
    const path = put(join(product.home, there), text);
    const answer = await deploy(
      client_id,
      { ours: entry('x') },
      { config_scope, ...(config_scope === 'project' && { project }) },
    );
    expect(answer['config_path']).toBe(path);
    expect(read(path)).toContain('/opt/server.js');
    expect(existsSync(join(product.home, usual))).toBe(false);
  });

  test('that has servers nobody reads is told of', async () => {
    const twin = put(join(product.home, '.config/kilo/kilo.json'), '{"mcp":{"old":{"type":"local","command":["x"]}}}');
    put(join(product.home, '.config/kilo/kilo.jsonc'), '{"mcp":{}}');
    expect(told(await deploy('kilo-code', { ours: entry('x') }))).toEqual([
      expect.stringMatching(`^FILE_NOT_READ: ${twin} has servers \\(old\\)`),
    ]);
  });
});

test('a dotted key of Amp is one key, and what is nested under the same words stays', async () => {
  const text = '{"amp": {"mcpServers": {"decoy": {"command": "x"}}}}\n';
  const path = put(join(product.home, '.config/amp/settings.json'), text);
  await deploy('amp', { ours: entry('x') });
  expect(JSON.parse(read(path))).toMatchObject({
    amp: { mcpServers: { decoy: { command: 'x' } } },
    'amp.mcpServers': { ours: entry('x') },
  });
  await call('undo_deployment', { client_id: 'amp' });
  expect(read(path)).toBe(text);
});

test('the script that Crush starts with is never touched', async () => {
  const script = put(join(product.home, '.config/crush/crushrc'), '#!/bin/bash\nmcp add theirs -- node x.js\n');
  const answer = await deploy('crush', { ours: entry('x') });
  expect(answer['config_path']).toBe(join(product.home, '.config/crush/crush.json'));
  expect(read(script)).toBe('#!/bin/bash\nmcp add theirs -- node x.js\n');
  await expect(call('deploy_config', { client_id: 'crush', config_scope: 'script' })).rejects.toMatchObject({
    code: 'CLIENT_NOT_WRITABLE',
  });
});

test('the file of AnythingLLM is named, or found by STORAGE_DIR; without both it is said what to do', async () => {
  await call('publish_config', { client_id: 'anythingllm', payload: { mcpServers: { ours: entry('x') } } });
  await expect(call('deploy_config', { client_id: 'anythingllm' })).rejects.toMatchObject({
    code: 'INVALID_INPUT',
    details: { field: 'STORAGE_DIR' },
    hint: expect.stringContaining('--config-path FILE'),
  });
  const config_path = join(product.home, 'llm/plugins/anythingllm_mcp_servers.json');
  mkdirSync(dirname(config_path), { recursive: true });
  expect(await call('deploy_config', { client_id: 'anythingllm', config_path })).toMatchObject({ config_path });
  await expect(call('deploy_config', { client_id: 'anythingllm', config_path: '/etc/x.json' })).rejects.toMatchObject({
    code: 'INVALID_INPUT',
    details: { field: 'config_path' },
  });
});
