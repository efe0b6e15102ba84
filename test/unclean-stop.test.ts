import { existsSync } from 'node:fs';
import { mkdir, open, rename, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';
import { cli, cliJson, HELLO, type HttpServer, startHttp, startLines } from './support/process.ts';
import { testWorkspace, type Workspace } from './support/workspace.ts';

/** A store that was not closed when it was last used: its file is looked at while the next server is at work already. */

const target = { client_id: 'cursor', profile_id: 'default' };
const payload = { mcpServers: { fs: { command: 'node', args: ['server.js'] } } };
const DRAFT = '/v1/config/cursor/default/draft';

interface Started {
  workspace: Workspace;
  database: string;
  token: string;
  server: HttpServer;
}

/** A server whose store has a release, and a log that it has begun to write. */
async function serverAtWork(): Promise<Started> {
  const workspace = await testWorkspace();
  await cliJson(workspace, 'initialize-keys');
  await cliJson(workspace, 'set-draft', '--client', target.client_id, '--payload', JSON.stringify(payload));
  await cliJson(workspace, 'publish-config', '--client', target.client_id);
  const server = await startHttp(workspace);
  const started = { workspace, server, token: server.token ?? '', database: join(workspace.data_dir, 'state.db') };
  expect((await save(server, started)).status).toBe(200);
  return started;
}

const save = (server: HttpServer, { token }: Started) => server.ask('PUT', DRAFT, { token, body: { payload } });

const lines = ({ output }: HttpServer) =>
  output.stderr
    .split('\n')
    .filter((line) => line.startsWith('{') && /the (file of the )?store (is|was not|could not)/.test(line))
    .map((line) => JSON.parse(line) as { level: number; msg: string; damage?: string[] });

const BEGUN = 'the store was not closed when it was last used; its file is looked at';

const toldWhole = (server: HttpServer) =>
  expect
    .poll(() => lines(server).map(({ msg }) => msg), { timeout: 15_000 })
    .toEqual([BEGUN, 'the file of the store is whole']);

/** The kind of the page is its first byte: what has another one is no page of a tree. */
async function damagePage(database: string, page: number, size: number): Promise<void> {
  const file = await open(database, 'r+');
  await file.write(Buffer.alloc(8, 0xa5), 0, 8, (page - 1) * size);
  await file.close();
}

/** Where the rows of a table begin. Asked while a server has the file open, so that this does not close it. */
function rootOf(database: string, table: string): { page: number; size: number } {
  const reader = new DatabaseSync(database, { readOnly: true });
  try {
    const row = reader.prepare('select rootpage from sqlite_schema where name = ?').get(table);
    const size = reader.prepare('pragma page_size').get();
    return { page: Number(row?.['rootpage']), size: Number(size?.['page_size']) };
  } finally {
    reader.close();
  }
}

test('a damaged page of a server that was killed is told within seconds: not ready, no writes, and what to do', async () => {
  const started = await serverAtWork();
  const { workspace, database, token } = started;
  const { page, size } = rootOf(database, 'deployments');
  await started.server.stop('SIGKILL');
  await damagePage(database, page, size);

  const server = await startHttp(workspace);
  await expect
    .poll(async () => (await server.ask('GET', '/readyz', { token: null })).body, { timeout: 15_000 })
    .toMatchObject({ error: { code: 'UNAVAILABLE', details: { reasons: ['store_damaged'] } } });
  expect(await save(server, started)).toMatchObject({
    status: 503,
    body: { error: { code: 'WRITE_FAILED', details: { reason: 'SQLITE_CORRUPT' } } },
  });
  expect(await server.ask('GET', '/v1/config/cursor/default', { token })).toMatchObject({ status: 200 });
  expect(lines(server)).toMatchObject([
    { level: 30, msg: BEGUN },
    {
      level: 50,
      msg: expect.stringContaining('restore a backup'),
      damage: expect.arrayContaining([expect.stringContaining(`page ${page}:`)]),
    },
  ]);
  expect(await server.stop()).toEqual({ code: 0, signal: null });

  const again = await startHttp(workspace);
  await expect.poll(() => lines(again).map(({ level }) => level), { timeout: 15_000 }).toEqual([30, 50]);
});

test('a whole file of a server that was killed is looked at once, and a stop leaves nothing to look at', async () => {
  const started = await serverAtWork();
  expect(lines(started.server)).toEqual([]);
  await started.server.stop('SIGKILL');

  const server = await startHttp(started.workspace);
  await toldWhole(server);
  expect((await server.ask('GET', '/readyz', { token: null })).status).toBe(200);
  expect((await save(server, started)).status).toBe(200);
  await server.stop();

  const again = await startHttp(started.workspace);
  expect((await save(again, started)).status).toBe(200);
  expect(lines(again)).toEqual([]);
  expect(existsSync(`${started.database}.unclean`)).toBe(false);
});

test('a command that opens and closes the store before the server starts takes nothing of that away', async () => {
  const started = await serverAtWork();
  await started.server.stop('SIGKILL');
  expect((await cli(started.workspace, 'list-clients')).code).toBe(0);
  expect((await cli(started.workspace, 'list-keys')).code).toBe(0);
  expect(existsSync(`${started.database}-wal`)).toBe(false);
  await toldWhole(await startHttp(started.workspace));
});

test('a plan to restore takes nothing of that away either', async () => {
  const started = await serverAtWork();
  const backup = join(started.workspace.home, 'backup');
  await cliJson(started.workspace, 'backup', backup);
  await started.server.stop('SIGKILL');
  await cliJson(started.workspace, 'restore', backup, '--replace', '--dry-run');
  expect(existsSync(`${started.database}-wal`)).toBe(false);
  await toldWhole(await startHttp(started.workspace));
});

test('a store behind a link is looked at as well', async () => {
  const started = await serverAtWork();
  await started.server.stop('SIGKILL');
  const elsewhere = join(started.workspace.home, 'elsewhere');
  await mkdir(elsewhere);
  for (const end of ['', '-wal', '-shm']) await rename(started.database + end, join(elsewhere, `state.db${end}`));
  await symlink(join(elsewhere, 'state.db'), started.database);
  await toldWhole(await startHttp(started.workspace));
  expect(existsSync(join(elsewhere, 'state.db.unclean'))).toBe(false);
});

test('a look that fails calls nothing damaged, and the log says why it failed', async () => {
  const started = await serverAtWork();
  await started.server.stop('SIGKILL');
  const server = await startHttp(started.workspace);
  await rename(started.database, `${started.database}.moved`);
  await expect
    .poll(() => lines(server)[1], { timeout: 15_000 })
    .toMatchObject({
      level: 50,
      msg: expect.stringContaining('could not be looked at'),
      reason: 'unable to open database file',
    });
  expect(existsSync(`${started.database}.unclean`)).toBe(true);
});

test('a stop in the middle of a look waits for nothing, and the next start looks again', async () => {
  const started = await serverAtWork();
  await started.server.stop('SIGKILL');
  const server = await startHttp(started.workspace);
  expect(await server.stop()).toEqual({ code: 0, signal: null });
  const [begun, told] = lines(server);
  expect(begun?.msg).toBe(BEGUN);
  if (told === undefined) await toldWhole(await startHttp(started.workspace));
});

test('a store that another process has open was not left by anybody', async () => {
  const { workspace, server } = await serverAtWork();
  const stdio = startLines(workspace, ['serve']);
  for (const message of HELLO) stdio.send(message);
  await stdio.answer(0);
  stdio.send({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'list_keys', arguments: {} } });
  await stdio.answer(1);
  await server.stop('SIGKILL');
  const next = await startHttp(workspace);
  expect((await next.ask('GET', '/readyz', { token: null })).status).toBe(200);
  expect(lines(next)).toEqual([]);
});
