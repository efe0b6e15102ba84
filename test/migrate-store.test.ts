import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { cliHere, cliHereJson } from './support/in-process.ts';
import { findPostgres, freshDatabase, type TestDatabase } from './support/postgres.ts';
import { cli } from './support/process.ts';
import { rowsIn } from './support/rows.ts';
import { testWorkspace, type Workspace } from './support/workspace.ts';

const found = await findPostgres();
const server = 'url' in found ? found.url : '';
if ('missing' in found) process.stderr.write(`SKIPPED migrate-store to PostgreSQL: ${found.missing}\n`);

async function database(): Promise<TestDatabase> {
  const made = await freshDatabase(server);
  onTestFinished(made.drop);
  return made;
}

/** Two clients with a few releases, a draft that goes on, a profile, a token, a webhook, a deployment. */
async function lived(): Promise<Workspace & { file: string }> {
  const workspace = await testWorkspace();
  const say = (...args: string[]) => cliHereJson(workspace, ...args);
  await say('initialize-keys');
  for (const client of ['cursor', 'vscode']) {
    for (const server of ['memory', 'sequential-thinking']) {
      await say('add-server', server, '--client', client);
      await say('publish-config', '--client', client, '--changelog', `${server} für ${client}`);
    }
  }
  await say('deploy-config', '--client', 'cursor');
  await say('create-profile', '--client', 'cursor', 'team-a');
  await say('remove-server', 'memory', '--client', 'vscode');
  await say('generate-token', '--role', 'viewer');
  return { ...workspace, file: join(workspace.data_dir, 'state.db') };
}

describe.skipIf(server === '')('migrate-store', () => {
  it('brings everything from a file into PostgreSQL and back, and says the same of each table on both sides', async () => {
    const workspace = await lived();
    const { url } = await database();
    const asked = ['get-config', '--client', 'cursor'];
    const before = await cliHereJson(workspace, ...asked);
    const there = await cliHereJson(workspace, 'migrate-store', '--from', `sqlite:${workspace.file}`, '--to', url);
    expect(there).toMatchObject({ status: 'migrated', from: 'sqlite', to: 'postgres', problems: [] });
    const tables = there['tables'] as { table: string; rows: number }[];
    expect(Object.fromEntries(tables.map(({ table, rows }) => [table, rows]))).toMatchObject({
      releases: 4,
      drafts: 2,
      profiles: 1,
      tokens: 1,
      keys: 1,
      deployments: 1,
    });
    const moved = { ...workspace, env: { ...workspace.env, MCP_ORCHESTRATION_DATABASE_URL: url } };
    expect(await cliHereJson(moved, ...asked)).toEqual(before);
    expect(await cliHereJson(moved, 'doctor', '--deep')).toMatchObject({ healthy: true, store: {} });
    // Numbers go on where they were.
    expect(await cliHereJson(moved, 'publish-config', '--client', 'vscode')).toMatchObject({ sequence: 3 });

    const back = join(workspace.home, 'back', 'state.db');
    const again = await cliHereJson(workspace, 'migrate-store', '--from', url, '--to', `sqlite:${back}`);
    expect(again).toMatchObject({ from: 'postgres', to: 'sqlite', problems: [] });
    const restored = { ...workspace, env: { ...workspace.env, MCP_ORCHESTRATION_DATABASE_URL: `sqlite:${back}` } };
    expect(await cliHereJson(restored, ...asked)).toEqual(before);
  });

  it('goes on after it was killed', async () => {
    const workspace = await lived();
    const { url } = await database();
    const args = ['migrate-store', '--from', `sqlite:${workspace.file}`, '--to', url];
    await cliHereJson(workspace, ...args);
    const moved = { ...workspace.env, MCP_ORCHESTRATION_DATABASE_URL: url };
    // As a kill between two pages leaves it.
    await rowsIn(moved, 'delete from audit where number > 3', 'delete from releases where sequence = 2');
    expect(await cliHereJson(workspace, ...args)).toMatchObject({ status: 'migrated', problems: [] });
  });

  it('says what to do where the old store has gone on since a copy was broken off', async () => {
    const workspace = await lived();
    const { url } = await database();
    const args = ['migrate-store', '--from', `sqlite:${workspace.file}`, '--to', url];
    await cliHereJson(workspace, ...args);
    await cliHereJson(workspace, 'publish-config', '--client', 'vscode');
    const refused = await cliHere(workspace, ...args, '--json');
    expect(refused.json()).toMatchObject({ error: { code: 'UNAVAILABLE', details: { reason: 'copy_differs' } } });
    expect(refused.stderr).toContain('Copy into an empty database');
  });

  it('brings nothing back that was deleted in the new store since', async () => {
    const workspace = await lived();
    const { url } = await database();
    const args = ['migrate-store', '--from', `sqlite:${workspace.file}`, '--to', url];
    await cliHereJson(workspace, ...args);
    const moved = { ...workspace, env: { ...workspace.env, MCP_ORCHESTRATION_DATABASE_URL: url } };
    await cliHereJson(moved, 'delete-profile', '--client', 'cursor', 'team-a');
    const refused = await cliHere(workspace, ...args, '--json');
    expect(refused.json()).toMatchObject({ error: { code: 'UNAVAILABLE', details: { reason: 'store_in_use' } } });
    expect(await rowsIn(moved.env, 'select profile_id from profiles')).toEqual([]);
  });

  it('leaves the store of somebody else as it is', async () => {
    const [ours, theirs] = [await lived(), await lived()];
    const { url } = await database();
    await cliHereJson(theirs, 'migrate-store', '--from', `sqlite:${theirs.file}`, '--to', url);
    const moved = { ...theirs.env, MCP_ORCHESTRATION_DATABASE_URL: url };
    const counted = () => rowsIn(moved, 'select count(*) as count from audit');
    const before = await counted();
    const refused = await cliHere(ours, 'migrate-store', '--from', `sqlite:${ours.file}`, '--to', url, '--json');
    expect(refused.json()).toMatchObject({ error: { code: 'UNAVAILABLE', details: { reason: 'store_in_use' } } });
    expect(await counted()).toEqual(before);
  });

  it('names a store that is not there, that it cannot reach, or that is no store, without its password', async () => {
    const workspace = await testWorkspace();
    const secret = 'made-up-password-look-at-it';
    for (const [from, to] of [
      [`sqlite:${workspace.home}/none.db`, 'sqlite:/tmp/never.db'],
      ['state.db', 'sqlite:/tmp/never.db'],
      [`postgres://x:${secret}@127.0.0.1:1/x`, 'sqlite:/tmp/never.db'],
      ['sqlite:/tmp/same.db', 'sqlite:/tmp/same.db'],
    ] as const) {
      const refused = await cliHere(workspace, 'migrate-store', '--from', from, '--to', to);
      expect(refused.code, from).not.toBe(0);
      expect(refused.stdout + refused.stderr).not.toContain(secret);
    }
    expect(existsSync('/tmp/never.db')).toBe(false);
    expect(existsSync(join(workspace.home, 'none.db'))).toBe(false);
  });

  it('shows a person a table', async () => {
    const workspace = await lived();
    const { url } = await database();
    const { stdout, code } = await cli(workspace, 'migrate-store', '--from', `sqlite:${workspace.file}`, '--to', url);
    expect(code).toBe(0);
    expect(stdout).toMatch(/releases\s+4\s+[0-9a-f]{64}/);
    expect(stdout).toContain('MCP_ORCHESTRATION_DATABASE_URL');
  });
});

describe.skipIf(server === '')('migrate-database', () => {
  it('makes the tables once, and says so', async () => {
    const workspace = await testWorkspace();
    const { url } = await database();
    workspace.env['MCP_ORCHESTRATION_DATABASE_URL'] = url;
    expect(await cliHereJson(workspace, 'migrate-database')).toEqual({ status: 'migrated', granted_to: null });
    expect(await cliHereJson(workspace, 'migrate-database')).toEqual({ status: 'current', granted_to: null });
    const nobody = await cliHere(workspace, 'migrate-database', '--grant-to', 'no_such_role', '--json');
    expect(nobody.json()).toMatchObject({ error: { code: 'UNAVAILABLE', details: { reason: '42704' } } });
    expect(nobody.stderr).toContain('create role');
  });

  it('changes nothing in the database of another program, whose rows it would hide from it', async () => {
    for (const statement of [
      'create table projects (workspace text, title text)',
      'create table releases (title text)',
      'create view kysely as select 1 as one',
      'create table kysely_migration as select $$2020-users$$ as name',
    ]) {
      const workspace = await testWorkspace();
      const { url } = await database();
      workspace.env['MCP_ORCHESTRATION_DATABASE_URL'] = url;
      await rowsIn(workspace.env, statement);
      for (const words of [['migrate-database'], ['list-profiles', '--client', 'cursor']]) {
        const refused = await cliHere(workspace, ...words, '--json');
        expect(refused.json(), statement).toMatchObject({
          error: { code: 'UNAVAILABLE', details: { reason: 'foreign_database' } },
        });
      }
      const tables = await rowsIn(
        workspace.env,
        'select relname, relrowsecurity from pg_class where relnamespace = $$public$$::regnamespace',
      );
      expect(tables, statement).toEqual([{ relname: expect.any(String), relrowsecurity: false }]);
    }
  });

  it('has nothing to do for a role that may not, where nothing is to be done', async () => {
    const workspace = await testWorkspace();
    const { url, admin } = await database();
    workspace.env['MCP_ORCHESTRATION_DATABASE_URL'] = url;
    await cliHereJson(workspace, 'migrate-database');
    await rowsIn(
      { MCP_ORCHESTRATION_DATABASE_URL: admin },
      'revoke create on schema public from pg_database_owner, public',
    );
    expect(await cliHereJson(workspace, 'migrate-database')).toEqual({ status: 'current', granted_to: null });
  });

  it('names a schema that is not there', async () => {
    const workspace = await testWorkspace();
    const { url } = await database();
    workspace.env['MCP_ORCHESTRATION_DATABASE_URL'] = `${url}?options=-csearch_path%3Dnowhere`;
    const refused = await cliHere(workspace, 'migrate-database', '--json');
    expect(refused.json()).toMatchObject({ error: { code: 'UNAVAILABLE', details: { reason: '3F000' } } });
    expect(refused.stderr).toContain('create schema');
  });

  it('is for PostgreSQL', async () => {
    const refused = await cliHere(await testWorkspace(), 'migrate-database', '--json');
    expect(refused.json()).toMatchObject({ error: { code: 'INVALID_INPUT' } });
  });
});
