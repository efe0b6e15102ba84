import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { enableFailpoints } from '../src/io/failpoint.ts';
import { main } from '../src/main/bin.ts';
import { call, query } from './crash/invariants.ts';
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
  const open = () => query(workspace, "select deployment_id from deployments where status = 'intent'");
  expect(open()).toHaveLength(1);
  rmSync(inHome(CURSOR));
  expect(await call(workspace, 'drift_status')).toMatchObject({ drift_count: 1 });
  expect(open()).toHaveLength(0);
});
