import pg from 'pg';
import { expect, it, onTestFinished } from 'vitest';
import { cliHere, cliHereJson } from './support/in-process.ts';
import { findPostgres, freshDatabase } from './support/postgres.ts';
import { run } from './support/process.ts';
import { testWorkspace } from './support/workspace.ts';

const payload = (name: string) => JSON.stringify({ mcpServers: { [name]: { command: 'node', args: [name] } } });

it('doctor --deep looks at a store in PostgreSQL as it does at one in a file', async ({ skip }) => {
  const found = await findPostgres();
  if ('missing' in found) return skip(found.missing);
  const database = await freshDatabase(found.url);
  onTestFinished(database.drop);
  const { home, env } = await testWorkspace();
  const workspace = { home, env: { ...env, MCP_ORCHESTRATION_DATABASE_URL: database.url } };
  await cliHereJson(workspace, 'initialize-keys');
  for (const name of ['one', 'two']) {
    await cliHereJson(workspace, 'publish-config', '--client', 'cursor', '--payload', payload(name));
  }
  await cliHereJson(workspace, 'link-profile', '--client', 'vscode', '--to', 'cursor');
  await cliHereJson(workspace, 'create-workspace', 'other');
  const whole = await cliHereJson(workspace, 'doctor', '--deep');
  expect(whole).toMatchObject({ healthy: true, problems: [] });
  const { tables } = whole['store'] as { tables: { table: string; rows: number }[] };
  expect(Object.fromEntries(tables.map(({ table, rows }) => [table, rows]))).toMatchObject({
    artifacts: 2,
    releases: 3,
    links: 1,
    workspaces: 2,
  });

  const client = new pg.Client({ connectionString: database.admin });
  await client.connect();
  await client.query("update artifacts set canonical = replace(canonical, 'one', '0ne')");
  await client.query("update releases set version = '9.9.9' where client_id = 'vscode'");
  await client.query('delete from audit where number = 2');
  await client.end();
  const broken = await cliHere(workspace, 'doctor', '--deep', '--json');
  const codes = (broken.json()['problems'] as { code: string }[]).map(({ code }) => code);
  expect([broken.code, codes]).toEqual([
    7,
    ['NUMBER_MISSING', 'ARTIFACT_DAMAGED', 'RELEASE_NOT_AUDITED', 'RELEASE_ROW_DIFFERS'],
  ]);
});

it('the commands that backup and restore name bring a store in PostgreSQL back, whole', async ({ skip }) => {
  const found = await findPostgres();
  if ('missing' in found) return skip(found.missing);
  if ((await run('sh', ['-c', 'command -v pg_dump pg_restore'], { env: { PATH: '/usr/bin:/bin' } })).code !== 0) {
    return skip('no pg_dump and pg_restore: install the client programs of PostgreSQL');
  }
  const [database, empty] = [await freshDatabase(found.url), await freshDatabase(found.url)];
  onTestFinished(database.drop);
  onTestFinished(empty.drop);
  const { home, env } = await testWorkspace();
  const on = (url: string) => ({ home, env: { ...env, MCP_ORCHESTRATION_DATABASE_URL: url } });
  const said = async (verb: string) =>
    /^PGOPTIONS=.*$/m.exec((await cliHere(on(database.url), verb, 'backup')).stderr)?.[0] ?? 'no command';
  await cliHereJson(on(database.url), 'initialize-keys');
  await cliHereJson(on(database.url), 'publish-config', '--client', 'cursor', '--payload', payload('one'));
  const before = await cliHereJson(on(database.url), 'doctor', '--deep');

  const [dump, restore] = [await said('backup'), await said('restore')];
  expect(dump + restore).not.toContain(database.url);
  expect(await run('sh', ['-c', dump], { cwd: home, env: on(database.url).env })).toMatchObject({
    code: 0,
    stderr: '',
  });
  await cliHereJson(on(database.url), 'publish-config', '--client', 'cursor', '--payload', payload('later'));
  for (const { url } of [database, empty]) {
    expect(await run('sh', ['-c', restore], { cwd: home, env: on(url).env })).toMatchObject({ code: 0, stderr: '' });
    const after = await cliHereJson(on(url), 'doctor', '--deep');
    expect(after).toMatchObject({ healthy: true, problems: [], store: before['store'] });
    expect(await cliHereJson(on(url), 'get-config', '--client', 'cursor')).toMatchObject({ sequence: 1 });
  }
});
