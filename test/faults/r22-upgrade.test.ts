import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect } from 'vitest';
import { assertWhole, call, query } from '../crash/invariants.ts';
import { BIN, cli, run } from '../support/process.ts';
import { STRACE } from '../support/strace.ts';
import { ROOT, testWorkspace, type Workspace } from '../support/workspace.ts';
import { cannot, promise } from './support/promise.ts';

const FIXTURES = join(ROOT, 'test/fixtures/databases');
const VERSIONS = readdirSync(FIXTURES).map((name) => name.replace('.sql', ''));

/** What every version has, as rows: it must be there afterwards as it was before. */
const KEPT = ['artifacts', 'audit', 'drafts', 'keys', 'profiles', 'releases', 'tokens'];

function plant({ data_dir }: Workspace, version: string): void {
  rmSync(data_dir, { recursive: true, force: true });
  mkdirSync(data_dir, { mode: 0o700 });
  const database = new DatabaseSync(join(data_dir, 'state.db'));
  database.exec('pragma journal_mode = wal; pragma foreign_keys = off; begin');
  database.exec(readFileSync(join(FIXTURES, `${version}.sql`), 'utf8'));
  database.exec('commit');
  database.close();
}

/** Rows without the columns that came later. */
function rowsOf(workspace: Workspace, columns?: Map<string, string[]>) {
  const names = (table: string) =>
    query(workspace, `select name from pragma_table_info('${table}')`).map(({ name }) => String(name));
  const known = columns ?? new Map(KEPT.map((table) => [table, names(table)]));
  const rows = KEPT.map((table) =>
    query(workspace, `select ${known.get(table)?.join(', ')} from ${table} order by 1, 2, 3, 4`),
  );
  return { known, rows };
}

const START = [BIN, 'list-profiles', 'cursor', '--json'];

/** How often a start writes into the database; what is not brought up to date is not written. */
async function writesOf({ env, home }: Workspace): Promise<number> {
  const log = join(home, 'strace.txt');
  const args = ['-f', '--seccomp-bpf', '-qq', '-o', log, '-e', 'trace=pwrite64', process.execPath, ...START];
  expect((await run(STRACE, args, { env, cwd: home })).code).toBe(0);
  return readFileSync(log, 'utf8')
    .split('\n')
    .filter((line) => line.includes('pwrite64(')).length;
}

/** A start that is killed in the moment of its so-many-th write; false when it was through before. */
async function isKilledAt({ env, home }: Workspace, nth: number): Promise<boolean> {
  const inject = `inject=pwrite64:signal=SIGKILL:when=${nth}`;
  const args = ['-f', '-qq', '-o', '/dev/null', '-e', 'trace=pwrite64', '-e', inject, process.execPath, ...START];
  const { code, signal } = await run(STRACE, args, { env, cwd: home });
  expect([0, null, 137]).toContain(code);
  return signal !== null || code !== 0;
}

if (!existsSync(STRACE)) cannot('R22', 'there is no strace on this machine (Debian package: strace)');
else
  promise(
    'R22',
    {
      promise: 'every released schema is brought up to date, also by starts that are killed at it',
      asked: 'every released schema forward under kill (50 kills in migration); one minor back still reads',
      // Kills, over all versions.
      rounds: { short: 18, long: 50 * VERSIONS.length },
    },
    async ({ rounds, random }) => {
      const changelog = readFileSync(join(ROOT, 'CHANGELOG.md'), 'utf8');
      const released = [...changelog.matchAll(/^## (\S+) - \d{4}-/gm)].map(([, version]) => String(version));
      expect(VERSIONS, 'a database of every release').toEqual(expect.arrayContaining(released));
      let kills = 0;
      const killed: string[] = [];
      for (const version of VERSIONS) {
        const workspace = await testWorkspace();
        plant(workspace, version);
        const migrations = () => query(workspace, 'select name from kysely_migration').length;
        const done = migrations();
        const writes = await writesOf(workspace);
        // One that has the tables of today already cannot be killed at getting them.
        const most = migrations() === done ? 0 : Math.ceil(rounds / VERSIONS.length);
        if (most > 0) killed.push(version);
        for (let round = 0; round < most; round += 1) {
          plant(workspace, version);
          const before = rowsOf(workspace);
          const nth = 1 + Math.floor(random() * writes);
          expect(await isKilledAt(workspace, nth), `${version}, write ${nth} of ${writes}`).toBe(true);
          kills += 1;
          // What was killed in the middle is begun again by the next.
          expect((await cli(workspace, 'list-profiles', 'cursor')).code).toBe(0);
          expect(rowsOf(workspace, before.known).rows, `${version}, killed at write ${nth} of ${writes}`).toEqual(
            before.rows,
          );
        }
        await readsAndWrites(workspace, version);
      }
      const newest = VERSIONS.toSorted((a, b) => a.localeCompare(b, 'en', { numeric: true })).at(-1) ?? '';
      await readsOneThatWasAddedTo(newest);
      // Where no migration came since: the tables are those of the release before, which reads what this one writes.
      const same = killed.includes(newest)
        ? ''
        : `; the tables are still those of ${newest}, which reads what this one writes`;
      return (
        `${VERSIONS.length} databases of releases (${VERSIONS.join(', ')}), ${kills} kills in the migration of ${killed.join(', ')}: ` +
        `rows as before, releases verify, new ones follow${same}; one to which a newer version has added is read and not written`
      );
    },
  );

/** What was published then verifies, and goes on from there. */
async function readsAndWrites(workspace: Workspace, version: string): Promise<void> {
  const target = { client_id: 'cursor', profile_id: 'default' };
  const before = Number(
    query(workspace, "select max(sequence) as n from releases where client_id = 'cursor'")[0]?.['n'],
  );
  expect(await assertWhole(workspace, target, []), version).toBe(before);
  expect(existsSync(join(workspace.data_dir, 'keys/signing.key'))).toBe(false);
  // The key of then is not in a dump: a new one takes over, and old releases verify with the old one.
  await call(workspace, 'initialize_keys', { regenerate: true });
  await call(workspace, 'publish_config', {
    ...target,
    payload: { mcpServers: { next: { command: 'node', args: [] } } },
  });
  expect(await assertWhole(workspace, target, []), version).toBe(before + 1);
  expect((await cli(workspace, 'get-config', '--client', 'cursor', '--json')).json()).toMatchObject({
    sequence: before + 1,
  });
}

/** What the next version may do to a database, so that this one can still read it (docs/decisions/0044-one-minor-back.md). */
async function readsOneThatWasAddedTo(version: string): Promise<void> {
  const workspace = await testWorkspace();
  plant(workspace, version);
  const migrations = () => query(workspace, 'select name from kysely_migration').map(({ name }) => String(name));
  const released = new Set(migrations());
  expect((await cli(workspace, 'list-profiles', 'cursor')).code).toBe(0);
  const unmarked = migrations().filter((name) => !released.has(name) && !name.endsWith('-adds'));
  expect(unmarked, `${version} cannot read what these have done`).toEqual([]);
  const database = new DatabaseSync(join(workspace.data_dir, 'state.db'));
  database.exec(`
    alter table releases add column approved_by text not null default 'nobody';
    create table approvals (workspace text not null, sequence integer not null);
    create index approvals_by_sequence on approvals (sequence);
    insert into kysely_migration values ('9999-approvals-adds', '2030-01-01T00:00:00.000Z');
  `);
  database.close();
  const before = rowsOf(workspace);
  // Every row, digest and signature.
  expect(await assertWhole(workspace, { client_id: 'cursor', profile_id: 'default' }, [])).toBeGreaterThan(0);
  expect((await cli(workspace, 'get-config', '--client', 'cursor', '--json')).code).toBe(0);
  const payload = JSON.stringify({ mcpServers: { next: { command: 'node', args: [] } } });
  const publish = ['publish-config', '--client', 'cursor', '--payload', payload, '--json'];
  const { code, json } = await cli(workspace, ...publish);
  const error = { code: 'UNAVAILABLE', details: { reason: 'newer_schema' } };
  expect({ code, ...json() }).toMatchObject({ code: 1, error });
  expect(rowsOf(workspace, before.known).rows).toEqual(before.rows);
}
