import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { beforeEach, expect, test } from 'vitest';
import { main } from '../src/main/bin.ts';
import { call } from './crash/invariants.ts';
import { ROOT, testWorkspace, type Workspace } from './support/workspace.ts';

/** A client whose servers are items of a list, from the command line: deploy, drift, undo. */

const SAMPLE = readFileSync(join(ROOT, 'test/fixtures/client-samples/mistral-vibe.toml'), 'utf8');
const CLIENT = ['--client', 'mistral-vibe'];
let workspace: Workspace;
let file: string;
beforeEach(async () => {
  workspace = await testWorkspace();
  file = join(workspace.home, '.vibe/config.toml');
  await call(workspace, 'initialize_keys');
});

async function cli(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const [out, err] = [text(stdout), text(stderr)];
  const stdin = Readable.from([]);
  const code = await main({ args, stdin, stdout, stderr, cwd: workspace.home, env: workspace.env });
  stdout.end();
  stderr.end();
  return { code, out: await out, err: await err };
}
const publish = (mcpServers: Record<string, unknown>) =>
  call(workspace, 'publish_config', { client_id: 'mistral-vibe', payload: { mcpServers } });
function place(content: string) {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, content);
}
const now = () => readFileSync(file, 'utf8');

test('our items come and go, a change of them is drift, and every byte of others stays', async () => {
  place(SAMPLE);
  await publish({ ours: { command: 'node', args: ['one'], env: { LOG: 'info' }, timeout_ms: 1500 } });
  expect((await cli('deploy-config', ...CLIENT)).code).toBe(0);
  const item = [
    '[[mcp_servers]]',
    'name = "ours"',
    'transport = "stdio"',
    'command = "node"',
    'args = ["one"]',
    'tool_timeout_sec = 2',
    '',
    '[mcp_servers.env]',
    'LOG = "info"',
    '',
    '',
  ].join('\n');
  expect(now()).toBe(SAMPLE.replace('[[models]]', `${item}[[models]]`));
  expect((await cli('drift-status', '--check')).code).toBe(0);

  writeFileSync(file, now().replace('args = ["one"]', 'args = ["other"]'));
  const drifted = await cli('drift-status', '--check');
  expect(drifted.code).toBe(7);
  expect(drifted.out).toMatch(/mistral-vibe.*config\.toml.*yes.*ours: changed \(changed: args\)/);
  expect((await cli('deploy-config', ...CLIENT, '--on-drift', 'overwrite')).code).toBe(0);
  expect(now()).toBe(SAMPLE.replace('[[models]]', `${item}[[models]]`));

  await publish({ ours: { command: 'node', args: ['two'] }, docs: { command: 'node', args: ['docs'] } });
  expect((await cli('deploy-config', ...CLIENT, '--adopt')).code).toBe(0);
  expect(now()).toContain('args = ["docs"]');
  expect((await cli('undo-deployment', ...CLIENT)).code).toBe(0);
  expect(now()).toBe(SAMPLE.replace('[[models]]', `${item}[[models]]`));
  // A deployment that went over drift goes back to that drift, which nobody takes away unasked.
  expect((await cli('undo-deployment', ...CLIENT)).code).toBe(0);
  expect(now()).toContain('args = ["other"]');
  expect((await cli('undo-deployment', ...CLIENT)).code).not.toBe(0);
  writeFileSync(file, now().replace('args = ["other"]', 'args = ["one"]'));
  expect((await cli('undo-deployment', ...CLIENT)).code).toBe(0);
  expect(now()).toBe(SAMPLE);
});

test('a project has a file of its own, and an undo takes away what was made', async () => {
  const project = join(workspace.home, 'work');
  mkdirSync(project);
  await publish({ ours: { command: 'node', args: ['one'] } });
  const { code } = await cli('deploy-config', ...CLIENT, '--config-scope', 'project', '--project', project);
  expect(code).toBe(0);
  expect(readFileSync(join(project, '.vibe/config.toml'), 'utf8')).toMatch(/^\[\[mcp_servers\]\]\nname = "ours"\n/);
  expect(existsSync(file)).toBe(false);
});

test('servers in brackets, as Vibe leaves short ones, get ours beside them and lose them again', async () => {
  const content = 'vim_keybindings = true\nmcp_servers = [{ name = "x", transport = "stdio", command = "x" }]\n';
  place(content);
  await publish({ ours: { command: 'node', args: [] } });
  expect((await cli('deploy-config', ...CLIENT)).code).toBe(0);
  expect(now()).toBe(
    content.replace(' }]', ' }, { name = "ours", transport = "stdio", command = "node", args = [] }]'),
  );
  expect((await cli('undo-deployment', ...CLIENT)).code).toBe(0);
  expect(now()).toBe(content);
});

test('servers in brackets with a comment between them are left alone, with the file, the line and what to do', async () => {
  const content =
    'vim_keybindings = true\nmcp_servers = [ # mine\n  { name = "x", transport = "stdio", command = "x" }]\n';
  place(content);
  await publish({ ours: { command: 'node', args: [] } });
  const { code, err } = await cli('deploy-config', ...CLIENT);
  expect(code).not.toBe(0);
  expect(err).toContain(`${file}: The client file cannot be changed safely (line 2:column 17)`);
  expect(err).toContain(
    'a comment stands between the servers in brackets; write each server below a header of its own',
  );
  expect(now()).toBe(content);
});

test('a command that Vibe splits into words is imported as words, and one with blanks is written in quotes', async () => {
  place(
    [
      '[[mcp_servers]]\nname = "one"\ntransport = "stdio"\ncommand = "npx -y \'a b\'"\nargs = ["c"]',
      '[[mcp_servers]]\nname = "list"\ntransport = "stdio"\ncommand = ["npx", "-y"]',
      '[[mcp_servers]]\nname = "open"\ntransport = "stdio"\ncommand = "it\'s"\n',
    ].join('\n\n'),
  );
  const { draft, skipped } = await call(workspace, 'import_config', { client_id: 'mistral-vibe' });
  expect(draft).toEqual({
    mcpServers: {
      one: { command: 'npx', args: ['-y', 'a b', 'c'] },
      list: { command: 'npx', args: ['-y'] },
    },
  });
  expect(skipped).toMatchObject([{ server_name: 'open', reason: expect.stringContaining('split into words') }]);
  await publish({ ours: { command: '/opt/my tools/run', args: [] } });
  await cli('deploy-config', ...CLIENT);
  expect(now()).toContain(`command = "'/opt/my tools/run'"`);
});

test('a name that Vibe would change is refused before it is published', async () => {
  await expect(publish({ 'a.b': { command: 'node', args: [] } })).rejects.toThrow('refuses this server name');
  await expect(publish({ a_b: { command: 'node', args: [] } })).resolves.toMatchObject({ sequence: 1 });
});
