import { once } from 'node:events';
import { chmod, rename, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, onTestFinished, test } from 'vitest';
import { compose } from '../src/main/compose.ts';
import { readConfig } from '../src/main/config.ts';
import { quietLog } from '../src/main/log.ts';
import { readinessOf } from '../src/main/readiness.ts';
import { cliJson, type HttpServer, startHttp } from './support/process.ts';
import { testWorkspace, type Workspace } from './support/workspace.ts';

/** `/readyz` of a server whose store or key is really broken. Nobody needs credentials to ask. */

const health = (server: HttpServer, path: string) => server.ask('GET', path, { token: null });

/** One look serves all who ask for a second, so that what was just broken shows a little later. */
async function untilNotReady(server: HttpServer): Promise<unknown> {
  await expect.poll(async () => (await health(server, '/readyz')).status).toBe(503);
  const { body } = await health(server, '/readyz');
  expect(JSON.stringify(body)).not.toMatch(/mcpo-home|state\.db|\.mcp-orchestration|signing\.key/);
  expect(body).toMatchObject({ error: { code: 'UNAVAILABLE' } });
  // The process itself is well.
  expect(await health(server, '/health')).toMatchObject({ status: 200, body: { status: 'ok' } });
  expect(await health(server, '/healthz')).toMatchObject({ status: 200 });
  return (body['error'] as { details: { reasons: unknown } }).details.reasons;
}

const untilReady = (server: HttpServer) => expect.poll(async () => (await health(server, '/readyz')).status).toBe(200);

async function begun(): Promise<{ workspace: Workspace; server: HttpServer; database: string; key: string }> {
  const workspace = await testWorkspace();
  await cliJson(workspace, 'initialize-keys');
  const server = await startHttp(workspace);
  const { data_dir } = workspace;
  return { workspace, server, database: join(data_dir, 'state.db'), key: join(data_dir, 'keys', 'signing.key') };
}

test('a server is ready before it has a key', async () => {
  const server = await startHttp(await testWorkspace());
  expect(await health(server, '/readyz')).toEqual({
    status: 200,
    body: { status: 'ready', version: expect.any(String) },
  });
});

test('a store whose lock another process keeps cannot be written', async () => {
  const { server, database } = await begun();
  const other = new DatabaseSync(database);
  onTestFinished(() => other.close());
  other.exec('begin immediate');
  expect(await untilNotReady(server)).toEqual(['store_locked']);
  other.exec('rollback');
  await untilReady(server);
});

test('a database that is gone, or is another one by now, is not the one that was opened', async () => {
  const { server, database } = await begun();
  await rename(database, `${database}.aside`);
  expect(await untilNotReady(server)).toEqual(['store_unreachable']);
  await writeFile(database, 'no database');
  await expect.poll(() => untilNotReady(server)).toEqual(['store_replaced']);
  await rename(`${database}.aside`, database);
  await untilReady(server);
});

test.each(['9999-of-the-future', '9999-only-adds'])(
  'a database that a newer version has migrated meanwhile is not ours to write any more (%s)',
  async (migration) => {
    const { server, database } = await begun();
    const newer = new DatabaseSync(database);
    newer.exec(`insert into kysely_migration (name, timestamp) values ('${migration}', '2030-01-01T00:00:00.000Z')`);
    newer.close();
    expect(await untilNotReady(server)).toEqual(['store_newer']);
  },
);

test('a key that cannot be read, and one that was lost, are told apart', async () => {
  const { server, key } = await begun();
  await rename(key, `${key}.aside`);
  await writeFile(key, 'no key');
  await chmod(key, 0o600);
  expect(await untilNotReady(server)).toEqual(['keys_unreadable']);
  await rm(key);
  // The key was not used yet by this server: the store does know it.
  await expect.poll(() => untilNotReady(server)).toEqual(['keys_missing']);
  await rename(`${key}.aside`, key);
  await untilReady(server);
});

test('a signer command that does not answer is told as a key that cannot be used', async () => {
  const workspace = await testWorkspace();
  const server = await startHttp(workspace, { env: { MCP_ORCHESTRATION_SIGNER_COMMAND: '/bin/false' } });
  expect(await untilNotReady(server)).toEqual(['keys_unreadable']);
});

test.runIf(process.platform === 'linux')(
  'a disk without room is told, with everything else that is wrong',
  async () => {
    const { env } = await testWorkspace();
    const config = readConfig(env);
    const app = await compose({ config, env, log: quietLog(() => undefined, false) });
    onTestFinished(app.close);
    expect(await readinessOf(app, config)).toEqual([]);
    // A file system of the kernel has no room at all.
    expect(await readinessOf(app, { ...config, database: { kind: 'sqlite', path: '/proc/state.db' } })).toEqual([
      'disk_full',
    ]);
  },
);

test('a server that is stopping says so to who was asking already', async () => {
  const { server } = await begun();
  const socket = connect(Number(new URL(server.url).port), '127.0.0.1');
  onTestFinished(() => void socket.destroy());
  let said = '';
  socket.setEncoding('utf8').on('data', (chunk: string) => {
    said += chunk;
  });
  socket.write('GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n');
  await expect.poll(() => said).toContain('"ready"');
  // The next one is half sent when the stop begins.
  socket.write('GET /readyz HTTP/1.1\r\nHost: localhost\r\n');
  await health(server, '/health');
  const stopped = server.stop('SIGTERM');
  await expect.poll(() => server.output.stderr, { interval: 5 }).toContain('"msg":"stopping"');
  said = '';
  socket.write('\r\n');
  await once(socket, 'close');
  expect(said).toMatch(/^HTTP\/1\.1 503 /);
  expect(said).toContain('"reasons":["stopping"]');
  expect(await stopped).toEqual({ code: 0, signal: null });
});
