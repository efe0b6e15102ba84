import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import pg from 'pg';
import { describe, expect, it, onTestFinished } from 'vitest';
import { cliHere, cliHereJson, cliHereWith } from './support/in-process.ts';
import { findPostgres, freshDatabase } from './support/postgres.ts';
import { cli, cliJson, startHttp } from './support/process.ts';
import { payload, puller } from './support/pulling.ts';
import { temporaryDirectory, testWorkspace, type Workspace } from './support/workspace.ts';

/** A database that a newer version has migrated (docs/decisions/0044-one-minor-back.md), in a file and in PostgreSQL. */

type Statement = (sql: string) => Promise<Record<string, unknown>[]>;

interface Place extends Workspace {
  /** Statements past the product, as a newer version could make them. */
  run: Statement;
  url: string;
}

async function inFile(): Promise<Place> {
  const workspace = await testWorkspace();
  const path = join(workspace.data_dir, 'state.db');
  const run: Statement = async (sql) => {
    const database = new DatabaseSync(path, { timeout: 5_000 });
    try {
      return database.prepare(sql).all();
    } finally {
      database.close();
    }
  };
  return { ...workspace, run, url: `sqlite:${path}` };
}

async function inPostgres(server: string): Promise<Place> {
  const workspace = await testWorkspace();
  const { url, admin, drop } = await freshDatabase(server);
  onTestFinished(drop);
  const run: Statement = async (sql) => {
    const client = new pg.Client({ connectionString: admin });
    await client.connect();
    try {
      return (await client.query(sql)).rows;
    } finally {
      await client.end();
    }
  };
  return { ...workspace, env: { ...workspace.env, MCP_ORCHESTRATION_DATABASE_URL: url }, run, url };
}

const found = await findPostgres();
const server = 'url' in found ? found.url : '';
if ('missing' in found) process.stderr.write(`SKIPPED a newer version on PostgreSQL: ${found.missing}\n`);

const TARGET = ['--client', 'cursor'];
const words = (word: string) => JSON.stringify(payload(word));

const noteMigration = ({ run }: Place, name: string) =>
  run(`insert into kysely_migration (name, timestamp) values ('${name}', '2030-01-01T00:00:00.000Z')`);

/** Two releases, both deployed, a token, a webhook and a pointer that are due; and what a newer version only adds. */
async function addedTo(place: Place): Promise<{ token: string }> {
  await cliJson(place, 'initialize-keys');
  // Nobody has said yet that others look: a release without a pointer, which a server would sign.
  await cliHereJson(place, 'publish-config', '--client', 'vscode', '--payload', words('one'));
  place.env['MCP_ORCHESTRATION_TRUSTED_PROXIES'] = '127.0.0.1';
  place.env['MCP_ORCHESTRATION_WEBHOOK_ALLOW'] = '127.0.0.1:8443';
  await cliHereJson(place, 'subscribe-webhook', 'https://127.0.0.1:8443/hook', '--events', 'config.published');
  for (const word of ['one', 'two']) {
    await cliHereJson(place, 'publish-config', ...TARGET, '--payload', words(word));
    await cliHereJson(place, 'deploy-config', ...TARGET);
  }
  const { token } = await cliHereJson(place, 'generate-token', '--role', 'admin');
  await place.run("alter table releases add column approved_by text not null default 'nobody'");
  await place.run('create table approvals (workspace text not null, sequence integer not null)');
  await noteMigration(place, '0099-approvals-adds');
  return { token: String(token) };
}

/** What counts the changes that there were. */
const changesIn = ({ run }: Place) =>
  run(`select (select count(*) from audit) as audit, (select count(*) from events) as events,
    (select count(*) from tokens) as tokens, (select sum(use_count) from tokens) as uses,
    (select count(*) from deployments) as deployments, (select count(*) from deliveries where attempts > 0) as sent,
    (select count(*) from pointers) as pointers, (select count(*) from idempotency) as keys`);

/** Keys, secrets and copies of client files, and the client files themselves. */
function filesOf({ home }: Place): Record<string, string> {
  const files = readdirSync(home, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const kept = files.map(({ parentPath, name }) => join(parentPath, name)).filter((path) => !path.includes('state.db'));
  return Object.fromEntries(kept.map((path) => [path, readFileSync(path, 'utf8')]));
}

const REFUSED = {
  code: 'UNAVAILABLE',
  message: 'The database was made by a newer version of mcp-orchestration. Nothing was changed.',
  details: { reason: 'newer_schema', migrations: ['0099-approvals-adds'] },
  hint: 'Update mcp-orchestration on this machine, or name another store.',
};

const stores = [
  { name: 'SQLite', open: inFile, missing: false },
  { name: 'PostgreSQL', open: () => inPostgres(server), missing: server === '' },
];

for (const { name, open, missing } of stores) {
  describe.skipIf(missing)(`a newer database in ${name}`, () => {
    it('is read by every command that reads, and every change is refused, where it was only added to', async () => {
      const place = await open();
      await addedTo(place);
      const before = [await changesIn(place), filesOf(place)];
      expect((await cli(place, 'get-config', ...TARGET, '--json')).json()).toMatchObject({ sequence: 2 });
      expect(await cliHereJson(place, 'history', ...TARGET)).toMatchObject({ releases: [{}, {}] });
      expect(await cliHereJson(place, 'diff-config', ...TARGET, '--local-payload', words('two'))).toMatchObject({
        status: 'up-to-date',
      });
      expect(await cliHereJson(place, 'list-profiles', 'cursor')).toMatchObject({ profiles: [{}, {}, {}, {}] });
      expect(await cliHereJson(place, 'watch', '--once')).toMatchObject({ drift_count: 0 });
      const items = ['get_latest', 'remove_server_from_config'].map((operation) => ({
        operation,
        client_id: 'cursor',
      }));
      const batch = await cliHere(place, 'batch', '--items', JSON.stringify(items), '--json');
      expect(batch.json()).toMatchObject({ results: [{ status: 200 }, { status: 503, body: { error: REFUSED } }] });
      // Every digest, signature and number.
      expect(await cliHereJson(place, 'doctor', '--deep')).toMatchObject({ healthy: true, problems: [] });
      for (const change of [
        ['publish-config', ...TARGET, '--payload', words('three')],
        ['deploy-config', ...TARGET],
        ['undo-deployment', ...TARGET],
        ['set-draft', ...TARGET, '--payload', words('three')],
        ['generate-token'],
        ['initialize-keys', '--regenerate'],
        ['create-profile', 'team', ...TARGET],
        ['set-secret', 'docs'],
        ['prune-backups', '--keep', '0'],
        ['trust-key', join(place.data_dir, 'keys/signing.pub')],
      ]) {
        const { code, json } = await cliHereWith(place, { input: 'made up' }, ...change, '--json');
        expect({ change, code, ...json() }).toMatchObject({ change, code: 1, error: REFUSED });
      }
      expect([await changesIn(place), filesOf(place)]).toEqual(before);
    });

    it('shows drift, and what was left behind unsettled, though neither can be noted', async () => {
      const place = await open();
      await addedTo(place);
      await place.run("update deployments set status = 'intent' where sequence = 2");
      writeFileSync(join(place.home, '.cursor/mcp.json'), '{"mcpServers": {}}');
      const before = await changesIn(place);
      const changes = [{ server: 'ours', kind: 'missing' }];
      expect(await cliHereJson(place, 'drift-status')).toMatchObject({ drift_count: 1, deployments: [{ changes }] });
      expect(await cliHereJson(place, 'get-deployed', ...TARGET)).toMatchObject({ sequence: 1, drift: true, changes });
      expect(await changesIn(place)).toEqual(before);
    });

    it('is served to readers and to machines that pull, and the log says once that it is only read', async () => {
      const place = await open();
      const { token } = await addedTo(place);
      const machine = await puller('', '');
      await cliHereJson(machine, 'trust-key', join(place.data_dir, 'keys/signing.pub'));
      const before = await changesIn(place);
      const http = await startHttp(place);
      expect(await http.ask('GET', '/readyz', { token: null })).toMatchObject({
        status: 200,
        body: { status: 'ready' },
      });
      const read = (path: string) => http.ask('GET', path, { token });
      expect(await read('/v1/config/cursor/default')).toMatchObject({ status: 200, body: { sequence: 2 } });
      const answer = await fetch(`${http.url}/v1/config/cursor/default/publish`, {
        method: 'POST',
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', 'idempotency-key': 'once' },
        body: JSON.stringify({ payload: payload('three') }),
      });
      expect(answer.status).toBe(503);
      expect(answer.headers.get('retry-after')).toBe('1');
      expect(await answer.json()).toMatchObject({ error: REFUSED });
      Object.assign(machine.env, { MCP_ORCHESTRATION_SERVER: http.url, MCP_ORCHESTRATION_TOKEN: token });
      expect(await cliHereJson(machine, 'pull', ...TARGET)).toMatchObject({ status: 'deployed', sequence: 2 });
      expect(await read('/v1/config/cursor/default/history')).toMatchObject({ status: 200 });
      expect(await http.stop()).toEqual({ code: 0, signal: null });
      const warnings = http.output.stderr.split('\n').filter((line) => line.includes('"level":40'));
      expect(warnings.map((line) => JSON.parse(line))).toEqual([
        expect.objectContaining({
          reason: 'newer_schema',
          msg: 'a newer version has added to the database: it is only read, and every change is refused',
        }),
      ]);
      expect(http.output.stderr).not.toContain('"level":50');
      expect(await changesIn(place)).toEqual(before);
    });

    it('starts a server that was never used before, without a first token', async () => {
      const place = await open();
      await cliHereJson(place, 'list-profiles', 'cursor');
      await noteMigration(place, '0099-approvals-adds');
      const http = await startHttp(place);
      expect(http.token).toBeUndefined();
      expect(await http.stop()).toEqual({ code: 0, signal: null });
    });

    it('is no store that is copied into another, or filled from one: what was added would be lost', async () => {
      const [place, older] = [await open(), await inFile()];
      await addedTo(place);
      await cliHereJson(older, 'list-profiles', 'cursor');
      const empty = `sqlite:${join(await freshDirectory(), 'state.db')}`;
      for (const [from, to] of [
        [place.url, empty],
        [older.url, place.url],
      ] as const) {
        const { code, json } = await cliHere(place, 'migrate-store', '--from', from, '--to', to, '--json');
        expect({ code, ...json() }).toMatchObject({ code: 1, error: REFUSED });
      }
    });

    it('is refused as a whole where anything else was done to it', async () => {
      const place = await open();
      await addedTo(place);
      await noteMigration(place, '0100-approvals-renamed');
      const { code, json } = await cliHere(place, 'get-config', ...TARGET, '--json');
      const migrations = expect.arrayContaining(['0099-approvals-adds', '0100-approvals-renamed']);
      const error = { ...REFUSED, details: { reason: 'newer_schema', migrations } };
      expect({ code, ...json() }).toMatchObject({ code: 1, error });
      await expect(startHttp(place)).rejects.toThrow('serve-http ended with 1');
    });

    it('is refused where it lacks what this version has made, whatever was added', async () => {
      const place = await open();
      await addedTo(place);
      await place.run("delete from kysely_migration where name = '0009-pull'");
      const { code, json } = await cliHere(place, 'get-config', ...TARGET, '--json');
      expect({ code, ...json() }).toMatchObject({ code: 1, error: REFUSED });
    });
  });
}

async function freshDirectory(): Promise<string> {
  const directory = await temporaryDirectory('mcpo-copy');
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}
