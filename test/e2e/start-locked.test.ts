import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { freePort } from '../support/listen.ts';
import { cli, cliJson, startHttp } from '../support/process.ts';
import { testWorkspace } from '../support/workspace.ts';

/** Servers that start while somebody else holds the lock of the store in a file. */

test('a server whose store fails before it could say that it is ready is gone, and does not go on unannounced', async () => {
  const workspace = await testWorkspace();
  await cliJson(workspace, 'initialize-keys');
  const store = new DatabaseSync(join(workspace.data_dir, 'state.db'));
  onTestFinished(() => store.close());
  store.exec('begin immediate');
  const { code, json } = await cli(workspace, 'serve-http', '--port', '0', '--json');
  expect(code).toBeGreaterThan(0);
  expect(json()).toMatchObject({ error: { code: 'UNAVAILABLE', details: { reason: 'SQLITE_BUSY' } } });
}, 20_000);

test('of two servers that start at once on an empty store, one makes the first token', async () => {
  const workspace = await testWorkspace();
  await cliJson(workspace, 'initialize-keys');
  const store = new DatabaseSync(join(workspace.data_dir, 'state.db'));
  onTestFinished(() => store.close());
  store.exec('begin immediate');
  const ports = [await freePort(), await freePort()];
  const starting = ports.map((port) => startHttp(workspace, { args: ['--port', String(port)] }));
  // Both have seen that there is no token, and wait.
  const answers = (port: number) => fetch(`http://127.0.0.1:${port}/health`).then(({ ok }) => ok);
  for (const port of ports) await expect.poll(() => answers(port).catch(() => false), { timeout: 10_000 }).toBe(true);
  await setTimeout(500);
  store.exec('rollback');
  const made = (await Promise.all(starting)).map(({ token }) => token !== undefined);
  expect(made.toSorted()).toEqual([false, true]);
  expect(await cliJson(workspace, 'list-tokens')).toMatchObject({ tokens: [{ name: 'first token' }] });
}, 20_000);
