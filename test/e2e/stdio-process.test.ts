import { expect, test } from 'vitest';
import {
  BIN,
  cli,
  cliJson,
  HELLO,
  type LineProcess,
  run,
  startHttp,
  startLines,
  toolCall,
} from '../support/process.ts';
import { IN_FILE } from '../support/store-under-test.ts';
import { modesUnder, testWorkspace, type Workspace } from '../support/workspace.ts';

/** The stdio server as a process: what goes over its pipes, what it shares with others, and how it begins and ends. */

const DRAFT = '/v1/config/claude-desktop/default/draft';

function greeted(workspace: Workspace, ...args: string[]): LineProcess {
  const server = startLines(workspace, ['serve', ...args]);
  for (const message of HELLO) server.send(message);
  return server;
}

const outputOf = (answer: Record<string, unknown>) =>
  (answer['result'] as { structuredContent?: Record<string, unknown> } | undefined)?.structuredContent ?? {};

test('a draft made by the command line, over stdio or over HTTP is seen by the other two at once', async () => {
  const workspace = await testWorkspace();
  const http = await startHttp(workspace);
  const stdio = greeted(workspace);
  let id = 0;
  const overStdio = async (name: string, args?: Record<string, unknown>) => {
    id += 1;
    stdio.send(toolCall(id, name, args));
    return outputOf(await stdio.answer(id));
  };
  const seen = async () => [
    (await cliJson(workspace, 'view-draft'))['servers'],
    (await overStdio('view_draft_config'))['servers'],
    (await http.ask('GET', DRAFT)).body['servers'],
  ];
  const all = (...names: string[]) => [names, names, names];
  const added: ((name: string) => Promise<unknown>)[] = [
    (name) => cliJson(workspace, 'add-server', 'memory', '--name', name),
    (name) => overStdio('add_server_to_config', { server_id: 'memory', server_name: name }),
    (name) => http.ask('POST', `${DRAFT}/add`, { body: { server_id: 'memory', server_name: name } }),
  ];
  const names: string[] = [];
  for (const [index, add] of [...added, ...added].entries()) {
    names.push(`memory-${index}`);
    await add(`memory-${index}`);
    expect(await seen()).toEqual(all(...names));
  }
});

test('nothing but protocol comes out of stdout, whatever is sent and however much is logged', async () => {
  const workspace = await testWorkspace();
  const server = startLines(workspace, ['serve'], { MCP_ORCHESTRATION_LOG_LEVEL: 'trace' });
  for (const message of HELLO) server.send(message);
  server.send(toolCall(1, 'list_clients'));
  server.send(toolCall(2, 'publish_config'));
  server.send(toolCall(3, 'no_such_tool'));
  server.child.stdin?.write('this is no JSON\n');
  server.send({ jsonrpc: '2.0', id: 4, method: 'no/such/method' });
  server.send(toolCall(5, 'get_config', { client_id: 17 }));
  for (const id of [1, 2, 3, 4, 5]) await server.answer(id);
  server.child.stdin?.end();
  expect(await server.ended).toEqual([0, null]);
  for (const line of server.lines) expect(JSON.parse(line), line.slice(0, 200)).toMatchObject({ jsonrpc: '2.0' });
  // Five answers, that of the handshake, and the parse error of what was no JSON.
  expect(server.lines).toHaveLength(7);
});

test('requests that were sent before the input ended are all answered', async () => {
  const workspace = await testWorkspace();
  const calls = Array.from({ length: 40 }, (_, index) =>
    toolCall(index + 1, 'add_server_to_config', { server_id: 'memory', server_name: `memory-${index}` }),
  );
  const input = [...HELLO, ...calls].map((message) => `${JSON.stringify(message)}\n`).join('');
  const { code, stdout } = await run(process.execPath, [BIN, 'serve'], { env: workspace.env, input });
  expect(code).toBe(0);
  const answers = stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(answers.map(({ id }) => id).toSorted((a, b) => a - b)).toEqual(Array.from({ length: 41 }, (_, id) => id));
  expect(await cliJson(workspace, 'view-draft')).toMatchObject({ server_count: 40, revision: 40 });
});

test.each(['SIGTERM', 'SIGINT'] as const)('a %s is a clean stop: whatever was done is acknowledged', async (signal) => {
  const workspace = await testWorkspace();
  const server = greeted(workspace);
  await server.answer(0);
  for (let id = 1; id <= 30; id += 1)
    server.send(toolCall(id, 'add_server_to_config', { server_id: 'memory', server_name: `memory-${id}` }));
  await server.answer(3);
  server.child.kill(signal);
  expect(await server.ended).toEqual([0, null]);
  const acknowledged = server.lines.flatMap((line) => outputOf(JSON.parse(line))['server_name'] ?? []);
  expect(acknowledged.length).toBeGreaterThanOrEqual(3);
  expect((await cliJson(workspace, 'view-draft'))['servers']).toEqual(acknowledged);
});

test('the server ends when its client goes, also in the middle of a line', async () => {
  const server = greeted(await testWorkspace());
  await server.answer(0);
  server.child.stdin?.end('{"jsonrpc":"2.0","id":1,"meth');
  expect(await server.ended).toEqual([0, null]);
});

test('killing the server loses no draft that it has acknowledged', async () => {
  const workspace = await testWorkspace();
  for (const round of [1, 2, 3]) {
    const server = greeted(workspace);
    const ids = Array.from({ length: 30 }, (_, index) => index + 1);
    for (const id of ids)
      server.send(toolCall(id, 'add_server_to_config', { server_id: 'memory', server_name: `memory-${round}-${id}` }));
    await server.answer(round * 7);
    server.child.kill('SIGKILL');
    expect(await server.ended).toEqual([null, 'SIGKILL']);
    const acknowledged = server.lines.flatMap((line) => outputOf(JSON.parse(line))['server_name'] ?? []);
    expect(acknowledged.length).toBeGreaterThanOrEqual(1);
    expect((await cliJson(workspace, 'view-draft'))['servers']).toEqual(expect.arrayContaining(acknowledged));
  }
});

test.each([
  ['unset', undefined],
  ['empty', ''],
  ['relative', 'somewhere'],
  ['the root', '/'],
])('with HOME %s every door says so and makes nothing', async (_, home) => {
  const { env, ...rest } = await testWorkspace();
  const { HOME: _home, ...without } = env;
  const odd = { ...rest, env: home === undefined ? without : { ...without, HOME: home } };
  for (const args of [['list-profiles'], ['serve'], ['serve-http', '--port', '0']]) {
    const { code, stdout, stderr } = await cli(odd, ...args);
    expect({ code, stdout }, `${args[0]}: ${stderr}`).toEqual({ code: 2, stdout: '' });
    expect(stderr, args[0]).toMatch(/^INVALID_INPUT: HOME must be the absolute path of your home directory\.\n/);
  }
  expect(await modesUnder(rest.home)).toEqual({});
});

test('a setting that does not exist stops every start and is named, its value is not', async () => {
  const workspace = await testWorkspace();
  const odd = { ...workspace, env: { ...workspace.env, MCP_ORCHESTRATION_X: 'a-value-to-keep-quiet' } };
  for (const args of [['list-profiles'], ['serve'], ['serve-http', '--port', '0'], ['generate-token']]) {
    const { code, stdout, stderr } = await cli(odd, ...args, ...(args[0] === 'serve' ? [] : ['--json']));
    expect(code, args[0]).toBe(2);
    expect(stderr, args[0]).toContain('MCP_ORCHESTRATION_X: there is no such setting');
    expect(stdout + stderr, args[0]).not.toContain('a-value-to-keep-quiet');
  }
  expect(await modesUnder(workspace.home)).toEqual({});
});

test('whatever the umask, all that is made belongs to its owner alone', async () => {
  const workspace = await testWorkspace();
  const lines = [
    'init',
    'add-server memory --client vscode',
    'publish-config --client vscode',
    'deploy-config --client vscode',
    'generate-token',
  ];
  const script = `umask 000; ${lines.map((line) => `"$0" "$1" ${line} --json || exit 9`).join('; ')}; printf '' | "$0" "$1" serve`;
  const { code, stderr } = await run('/bin/sh', ['-c', script, process.execPath, BIN], {
    env: workspace.env,
    cwd: workspace.home,
  });
  expect(code, stderr).toBe(0);
  const modes = await modesUnder(workspace.home);
  expect(modes).toMatchObject({
    '.mcp-orchestration/': '0700',
    ...(IN_FILE && { '.mcp-orchestration/state.db': '0600' }),
    '.mcp-orchestration/keys/': '0700',
    '.mcp-orchestration/keys/signing.key': '0600',
    '.config/Code/User/mcp.json': '0600',
  });
  // The launcher is a program: the entries of clients start it.
  const isRun = (path: string) => path.endsWith('/') || path === '.mcp-orchestration/bin/mcp-orchestration';
  for (const [path, mode] of Object.entries(modes)) expect([path, mode]).toEqual([path, isRun(path) ? '0700' : '0600']);
});
