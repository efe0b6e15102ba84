import { readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Client } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { BIN, run, startHttp } from '../support/process.ts';
import { installTarball, olderNode, packTarball, pathWithThisNode, type Tarball } from '../support/tarball.ts';
import { ROOT, temporaryDirectory, testWorkspace, type Workspace } from '../support/workspace.ts';

/** The package as a user gets it: packed, installed elsewhere, used in an empty home directory. */

let place: string;
let path: string;
let tarball: Tarball;
let prefix: string;
let bin: string;

beforeAll(async () => {
  place = await temporaryDirectory('mcpo-tarball');
  path = await pathWithThisNode(place);
  tarball = await packTarball(path, place);
  prefix = await installTarball(path, tarball, place);
  bin = join(prefix, 'node_modules/.bin/mcp-orchestration');
}, 120_000);

afterAll(() => rm(place, { recursive: true, force: true, maxRetries: 3 }));

/** A verb of the installed package that has to succeed; returns its output object. */
async function installed(workspace: Workspace, ...args: string[]): Promise<Record<string, unknown>> {
  const { code, stdout, stderr } = await run(bin, [...args, '--json'], {
    env: { ...workspace.env, PATH: path },
    cwd: workspace.home,
  });
  expect(code, `${args.join(' ')}: ${stderr}`).toBe(0);
  return JSON.parse(stdout);
}

interface Entry {
  command: string;
  args: string[];
  env?: Record<string, string>;
}

/**
 * Starts the server exactly as a client's file says and hands the connected client to `use`. The working directory is the
 * checkout, where the reference servers are installed, so that npx fetches nothing.
 */
async function started<T>(workspace: Workspace, entry: Entry, use: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ name: 'test', version: '1.0.0' });
  const env = { HOME: workspace.home, PATH: path, ...entry.env };
  await client.connect(
    new StdioClientTransport({ command: entry.command, args: entry.args, env, cwd: ROOT, stderr: 'ignore' }),
  );
  onTestFinished(() => client.close());
  const result = await use(client);
  await client.close();
  return result;
}

const textOf = (result: unknown) => (result as { content: { text: string }[] }).content[0]?.text ?? '';
const callText = async (client: Client, name: string, args: Record<string, unknown> = {}) =>
  textOf(await client.callTool({ name, arguments: args }));

async function publishAndDeploy(
  workspace: Workspace,
  client: string,
): Promise<{ mcpServers: Record<string, Entry>; servers: Record<string, Entry> }> {
  const target = ['--client', client];
  expect(await installed(workspace, 'validate-config', ...target)).toMatchObject({
    valid: true,
    errors: [],
    server_count: 1,
  });
  expect(await installed(workspace, 'publish-config', ...target)).toMatchObject({
    status: 'published',
    sequence: 1,
    server_count: 1,
  });
  const deployed = await installed(workspace, 'deploy-config', ...target);
  expect(deployed).toMatchObject({
    status: 'deployed',
    sequence: 1,
    config_path: expect.stringContaining(workspace.home),
  });
  return JSON.parse(await readFile(String(deployed['config_path']), 'utf8'));
}

test('the tarball holds the program and its papers, and nothing of the workshop', async () => {
  expect(tarball.files).toContain('package.json');
  expect(tarball.files).toContain('dist/bin.js');
  const expected =
    /^(package\.json|bin\/[\w-]+\.js|dist\/[\w-]+\.js|dist\/sdk\/(index\.js|[\w-]+\.d\.ts)|dist\/(THIRD-PARTY-NOTICES|help)\.txt|user-docs\/.+|integrations\/(ci|gateways|github-actions|grafana|n8n|n8n\/workflows|prometheus)\/[\w.-]+|(README|CHANGELOG|SECURITY)\.md|LICENSE)$/;
  expect(tarball.files.filter((file) => !expected.test(file))).toEqual([]);
});

test('no file of the tarball holds a key, a token or a path of the machine that packed it', async () => {
  const secret = /-----BEGIN [A-Z ]*PRIVATE KEY-----\s+[A-Za-z0-9+/]{20}|mcpo_(user|agent)_[0-9A-Za-z]{49}/;
  const base = join(prefix, 'node_modules/mcp-orchestration');
  for (const file of tarball.files) {
    const content = await readFile(join(base, file), 'utf8');
    expect(secret.test(content), `a secret in ${file}`).toBe(false);
    expect(content.includes(ROOT), `the checkout's path in ${file}`).toBe(false);
  }
});

test('the installed package finds all it imports without development packages', async () => {
  const packages = JSON.parse(await readFile(join(prefix, 'package-lock.json'), 'utf8')).packages;
  expect(Object.keys(packages)).not.toContain('node_modules/vitest');
  const workspace = await testWorkspace();
  const server = await startHttp(workspace, {
    bin: join(prefix, 'node_modules/mcp-orchestration/bin/mcp-orchestration.js'),
  });
  expect(await server.ask('GET', '/v1/clients')).toMatchObject({ status: 200 });
  expect(await fetch(server.docs_url).then((response) => response.status)).toBe(200);
  const entry = { command: bin, args: [] };
  const { tools } = await started(workspace, entry, (client) => client.listTools());
  expect(tools).toHaveLength(18);
  expect(await server.stop()).toEqual({ code: 0, signal: null });
});

test('filesystem: the directories that were added are the directories that the deployed server may use', async () => {
  const workspace = await testWorkspace();
  const directories = [await temporaryDirectory('mcpo-one'), await temporaryDirectory('mcpo-two, with comma')];
  onTestFinished(async () => {
    for (const directory of directories) await rm(directory, { recursive: true });
  });
  await installed(workspace, 'init');
  for (const client of ['claude-desktop', 'vscode']) {
    const params = directories.flatMap((directory) => ['--param', `path=${directory}`]);
    await installed(workspace, 'add-server', 'filesystem', '--client', client, ...params);
    const file = await publishAndDeploy(workspace, client);
    const entry = client === 'vscode' ? file.servers['filesystem'] : file.mcpServers['filesystem'];
    if (!entry) throw new Error(`${client} has no entry filesystem`);
    const answer = await started(workspace, entry, (started) => callText(started, 'list_allowed_directories'));
    expect(answer.split('\n').slice(1), client).toEqual(directories);
  }
}, 60_000);

test('memory: what one process wrote to MEMORY_FILE_PATH the next one reads', async () => {
  const workspace = await testWorkspace();
  const memory = join(workspace.home, 'memory.json');
  await installed(workspace, 'init');
  await installed(
    workspace,
    'add-server',
    'memory',
    '--client',
    'claude-desktop',
    '--env',
    `MEMORY_FILE_PATH=${memory}`,
  );
  const entry = (await publishAndDeploy(workspace, 'claude-desktop')).mcpServers['memory'];
  if (!entry) throw new Error('there is no entry memory');
  const entities = [{ name: 'ada', entityType: 'person', observations: ['wrote the first program'] }];
  await started(workspace, entry, (client) => callText(client, 'create_entities', { entities }));
  const graph = await started(workspace, entry, (client) => callText(client, 'read_graph'));
  expect(JSON.parse(graph)).toEqual({ entities, relations: [] });
  expect(await readFile(memory, 'utf8')).toContain('wrote the first program');
}, 60_000);

test('npx finds the command in the checkout and where the tarball is installed', async () => {
  const workspace = await testWorkspace();
  const version = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')).version;
  const bundle = () => stat(join(ROOT, 'dist/bin.js'));
  const before = await bundle();
  for (const cwd of [ROOT, prefix]) {
    const { code, stdout, stderr } = await run('npx', ['mcp-orchestration', '--version'], {
      env: { ...workspace.env, PATH: path },
      cwd,
    });
    expect({ code, stdout }, stderr).toEqual({ code: 0, stdout: `${version}\n` });
  }
  // npx prepares the checkout each time. Building it anew would pull the bundle away from what runs beside it.
  expect(await bundle()).toMatchObject({ ino: before.ino, mtimeMs: before.mtimeMs });
});

test('the other two commands of the package start their verb', async () => {
  const workspace = await testWorkspace();
  const other = (name: string, ...args: string[]) =>
    run(join(prefix, 'node_modules/.bin', name), args, { env: { ...workspace.env, PATH: path }, cwd: workspace.home });
  const made = await other('mcp-orchestration-generate-token', '--name', 'test');
  expect(made.code).toBe(0);
  expect(made.stdout).toMatch(/^mcpo_user_[0-9A-Za-z]{49}\n$/);
  const help = await other('mcp-orchestration-serve-http', '--help');
  expect(help.stdout).toContain('--port');
});

/** What a user writes who has the package: typed, and without anything else. */
const PROGRAM = `
import { createClient, type Event, McpOrchestrationError, type Payload } from 'mcp-orchestration/sdk';

const client = createClient({ url: process.argv[2] ?? '', token: process.argv[3] });
const target = { client_id: 'cursor', profile_id: 'default' };
const payload: Payload = { mcpServers: { ours: { command: 'node', args: ['one'] } } };
await client.initializeKeys();
await client.publishConfig({ ...target, payload, changelog: undefined });
const { sequence, signature }: { sequence: number; signature: string } = await client.getConfig(target);
const types: Event['type'][] = [];
for await (const event of client.events({ since: '0000000000000000' })) {
  if (event.type === 'resync') continue;
  types.push(event.type);
  if (event.type === 'config.published') break;
}
const names: string[] = [];
for await (const token of client.all.listTokens()) names.push(token.name);
const refused = await client.describeServer({ server_id: 'memry' }).catch((error: unknown) => error);
const code = refused instanceof McpOrchestrationError ? refused.code : undefined;
// @ts-expect-error: no operation takes that
await client.getLatest({ ...target, bogus: 1 }).catch(() => undefined);
console.log(JSON.stringify({ sequence, signed: signature.length > 40, types, names, code }));
`;

const compiler = (name: string) => join(ROOT, 'node_modules', name);
const forNode = ['--module', 'nodenext', '--lib', 'es2022', '--typeRoots', join(ROOT, 'node_modules/@types')];
const forBundlers = ['--module', 'esnext', '--moduleResolution', 'bundler', '--lib', 'es2022,dom,dom.asynciterable'];
/** How users set their compiler up, of the newest version and of the one before. */
const COMPILATIONS: [source: string, ...command: string[]][] = [
  ['browser.mts', compiler('@typescript/native/bin/tsc'), ...forBundlers],
  ['node.mts', compiler('@typescript/native/bin/tsc'), ...forNode, '--types', 'node'],
  ['node.mts', compiler('typescript/bin/tsc6'), ...forNode, '--types', 'node', '--noEmit'],
];

test('the client of the package compiles strictly, and runs on every Node that it promises', async () => {
  const workspace = await testWorkspace();
  const server = await startHttp(workspace, {
    bin: join(prefix, 'node_modules/mcp-orchestration/bin/mcp-orchestration.js'),
  });
  const forBrowsers = PROGRAM.replaceAll('process.argv[2]', 'location.href').replace(
    'process.argv[3]',
    'location.hash',
  );
  await writeFile(join(prefix, 'node.mts'), PROGRAM);
  await writeFile(join(prefix, 'browser.mts'), forBrowsers);
  const strict = ['--strict', '--exactOptionalPropertyTypes', '--noUncheckedIndexedAccess', '--target', 'es2022'];
  for (const [source, ...command] of COMPILATIONS) {
    const { env } = workspace;
    const { code, stdout } = await run(process.execPath, [...command, ...strict, source], { env, cwd: prefix });
    expect({ code, stdout }, command.join(' ')).toEqual({ code: 0, stdout: '' });
  }
  const nodes = [process.execPath, await olderNode()].filter((node) => node !== undefined);
  for (const node of nodes) {
    const { stdout, stderr } = await run(node, ['node.mjs', server.url, String(server.token)], {
      env: workspace.env,
      cwd: prefix,
    });
    expect(JSON.parse(stdout || '{}'), stderr).toEqual({
      sequence: 1,
      signed: true,
      types: ['token.created', 'key.rotated', 'config.published'],
      names: [expect.any(String)],
      code: 'SERVER_NOT_FOUND',
    });
  }
}, 60_000);

test('the client of the package needs nothing but what every browser has', async () => {
  const base = join(prefix, 'node_modules/mcp-orchestration/dist/sdk');
  const files = tarball.files.filter((file) => file.startsWith('dist/sdk/'));
  expect(files).toContain('dist/sdk/index.d.ts');
  for (const file of files) {
    const text = await readFile(join(base, file.slice('dist/sdk/'.length)), 'utf8');
    const imported = [...text.matchAll(/(?:from|import\(|require\()\s*['"]([^'"]+)['"]/g)].map(([, name]) => name);
    expect(imported.filter((name) => !/^\.\/[\w-]+\.js$/.test(name ?? ''))).toEqual([]);
    expect(text, file).not.toMatch(/\b(process|Buffer|require)\s*[.(]|node:/);
  }
  expect((await stat(join(base, 'index.js'))).size).toBeLessThan(30_000);
});

test('on a Node that is too old every command names the remedy and ends with 1', async ({ skip }) => {
  const node = await olderNode();
  if (node === undefined) skip('this machine has no Node older than 24');
  const workspace = await testWorkspace();
  for (const program of [BIN, join(prefix, 'node_modules/mcp-orchestration/bin/mcp-orchestration-serve-http.js')]) {
    const { code, stdout, stderr } = await run(String(node), [program, 'list-clients'], {
      env: workspace.env,
      cwd: workspace.home,
    });
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(
      /^mcp-orchestration needs Node 24\.15 or newer, and this is Node \d+\.\d+\.\d+\.\nInstall Node 24 /,
    );
  }
});
