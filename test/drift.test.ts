import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { enableFailpoints } from '../src/io/failpoint.ts';
import { main } from '../src/main/bin.ts';
import { call } from './crash/invariants.ts';
import { rowsIn } from './support/rows.ts';
import { makeWorkspace, type Workspace } from './support/workspace.ts';

/** Drift of everything that is deployed on a machine, as a person and a script see it. */

let workspace: Workspace;
beforeEach(async () => {
  workspace = await makeWorkspace();
  await call(workspace, 'initialize_keys');
  for (const client_id of ['cursor', 'claude-code']) {
    const payload = { mcpServers: { ours: { command: 'node', args: ['one'] } } };
    await call(workspace, 'publish_config', { client_id, payload });
    await call(workspace, 'deploy_config', { client_id });
  }
});
afterEach(async () => {
  enableFailpoints('');
  await workspace.remove();
});

const CURSOR = '.cursor/mcp.json';
const inHome = (path: string) => join(workspace.home, path);
async function cli(...args: string[]): Promise<{ code: number; out: string }> {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const out = text(stdout);
  const stdin = Readable.from([]);
  const code = await main({ args, stdin, stdout, stderr: stderr.resume(), cwd: workspace.home, env: workspace.env });
  stdout.end();
  return { code, out: await out };
}

test('a check ends with 7 when there is drift, and with 0 when there is none or nobody asked for a check', async () => {
  expect((await cli('drift-status', '--check')).code).toBe(0);
  writeFileSync(inHome(CURSOR), '{"mcpServers": {"ours": {"type": "stdio", "command": "node", "args": ["two"]}}}');
  expect((await cli('drift-status')).code).toBe(0);
  expect((await cli('drift-status', '--check', '--client', 'claude-code')).code).toBe(0);
  const { code, out } = await cli('drift-status', '--check');
  expect(code).toBe(7);
  expect(out).toMatch(/cursor.*mcp\.json.*yes.*ours: changed \(changed: args\)/);
});

test('a person reads what differs, line by line, and the command that puts it back', async () => {
  const payload = { mcpServers: { ours: { command: 'node', args: ['one'], env: { LOG: 'info' } } } };
  await call(workspace, 'publish_config', { client_id: 'cursor', payload });
  await call(workspace, 'deploy_config', { client_id: 'cursor' });
  const literal = `ghp_${'A1b2'.repeat(9)}`;
  const entry = { type: 'stdio', command: 'node', args: ['two'], env: { LOG: 'info', TOKEN: literal } };
  writeFileSync(inHome(CURSOR), JSON.stringify({ mcpServers: { ours: entry, theirs: { command: 'x' } } }));
  const shown = [
    '@@ "ours" @@',
    '  {',
    '    "type": "stdio",',
    '    "command": "node",',
    '    "args": [',
    '-     "one"',
    '+     "two"',
    '    ],',
    '    "env": {',
    '-     "LOG": "info"',
    '+     "LOG": "info",',
    '+     "TOKEN": "[github_personal_token ending in ...A1b2]"',
    '    }',
    '  }',
  ];
  const state = { changes: [{ server: 'ours', kind: 'changed', diff: shown.join('\n') }, { server: 'theirs' }] };
  expect(await call(workspace, 'get_deployed', { client_id: 'cursor' })).toMatchObject(state);
  for (const verb of [['drift-status'], ['get-deployed', '--client', 'cursor']]) {
    const { out } = await cli(...verb);
    expect(out).toContain(shown.join('\n'));
    expect(out).toContain('theirs: new, and not from here');
    expect(out).not.toContain(literal);
  }
  rmSync(inHome(CURSOR));
  const { changes } = await call(workspace, 'get_deployed', { client_id: 'cursor' });
  expect(changes).toEqual([{ server: null, kind: 'file_gone' }]);
});

test('an entry that was taken out is shown as it was', async () => {
  writeFileSync(inHome(CURSOR), '{"mcpServers": {}}');
  expect((await cli('drift-status')).out).toContain('ours: taken out\n');
  expect((await cli('drift-status')).out).toContain('@@ "ours" @@\n- {\n-   "type": "stdio",\n');
});

test('a new server of others is told until the next deployment, which takes note of it', async () => {
  const file = inHome(CURSOR);
  writeFileSync(file, readFileSync(file, 'utf8').replace('"mcpServers": {', '"mcpServers": { "mine": {},'));
  const before = readFileSync(file);
  expect((await cli('drift-status', '--check')).code).toBe(7);
  await call(workspace, 'deploy_config', { client_id: 'cursor' });
  expect((await cli('drift-status', '--check')).code).toBe(0);
  expect(await call(workspace, 'deploy_config', { client_id: 'cursor' })).toMatchObject({ status: 'unchanged' });
  expect(readFileSync(file).equals(before)).toBe(true);
});

test('a file that cannot be reached is one line of the answer, not the end of it', async () => {
  rmSync(inHome('.cursor'), { recursive: true });
  mkdirSync(inHome('.cursor'));
  symlinkSync('/etc/hostname', inHome(CURSOR));
  expect(await call(workspace, 'drift_status')).toMatchObject({
    drift_count: 1,
    deployments: [
      { client_id: 'claude-code', drift: false, changes: [] },
      { client_id: 'cursor', drift: true, changes: [{ server: null, kind: 'unparsable' }] },
    ],
  });
});

test('an interrupted deployment whose file cannot be reached waits, and the others are told of', async () => {
  const payload = { mcpServers: { ours: { command: 'node', args: ['two'] } } };
  await call(workspace, 'publish_config', { client_id: 'cursor', payload });
  enableFailpoints('deploy.after-intent=throw');
  await expect(call(workspace, 'deploy_config', { client_id: 'cursor' })).rejects.toThrow('failpoint');
  enableFailpoints('');
  rmSync(inHome(CURSOR));
  symlinkSync('/etc/hostname', inHome(CURSOR));
  expect(await call(workspace, 'drift_status')).toMatchObject({ drift_count: 1 });
  const open = () => rowsIn(workspace.env, "select deployment_id from deployments where status = 'intent'");
  expect(await open()).toHaveLength(1);
  rmSync(inHome(CURSOR));
  expect(await call(workspace, 'drift_status')).toMatchObject({ drift_count: 1 });
  expect(await open()).toHaveLength(0);
});

test('a pipe in the place of the file is drift, not a mistake of who asks, and is not waited for', async () => {
  rmSync(inHome(CURSOR));
  execFileSync('mkfifo', [inHome(CURSOR)]);
  const detail = expect.stringMatching(/^\/.*mcp\.json is a pipe, a device or a socket, not a file\.$/);
  const changes = [{ server: null, kind: 'unparsable', detail }];
  expect(await call(workspace, 'get_deployed', { client_id: 'cursor' })).toMatchObject({ drift: true, changes });
  await expect(call(workspace, 'undo_deployment', { client_id: 'cursor' })).rejects.toMatchObject({
    code: 'WRITE_FAILED',
    details: { reason: 'not_a_regular_file' },
  });
});
