import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect } from 'vitest';
import { call } from '../crash/invariants.ts';
import { startHttp } from '../support/process.ts';
import { testWorkspace, type Workspace } from '../support/workspace.ts';
import { bestOf, promise } from './support/promise.ts';
import { KEY, startWriters } from './support/writers.ts';

const AUDIT_ROWS_PER_ARTIFACT = 10;
const PROMISED_MS = 2000;

/** Releases with an artifact of their own each, and audit rows: copies of the first one, as only their number counts. */
function fill({ data_dir }: Workspace, artifacts: number): void {
  const database = new DatabaseSync(join(data_dir, 'state.db'));
  database.function('sha256', { deterministic: true }, (text) =>
    createHash('sha256').update(String(text)).digest('hex'),
  );
  const numbers = (last: number) =>
    `with recursive n(i) as (values (2) union all select i + 1 from n where i < ${last})`;
  const copy = (table: string, columns: Record<string, string>, last: number, one: string) => {
    const names = database
      .prepare(`select name from pragma_table_info('${table}')`)
      .all()
      .map(({ name }) => String(name));
    const values = names.map((name) => columns[name] ?? `first.${name}`).join(', ');
    database.exec(
      `${numbers(last)} insert into ${table} (${names.join(', ')}) select ${values} from n,
        (select * from ${table} where ${one} limit 1) as first`,
    );
  };
  database.exec('pragma synchronous = off; begin');
  copy('artifacts', { artifact_id: 'sha256(i)' }, artifacts, 'true');
  const previous = { previous_artifact_id: 'case i when 2 then first.artifact_id else sha256(i - 1) end' };
  copy('releases', { sequence: 'i', artifact_id: 'sha256(i)', ...previous }, artifacts, "client_id = 'windsurf'");
  const rows = artifacts * AUDIT_ROWS_PER_ARTIFACT;
  const start = Number(database.prepare('select max(number) as n from audit').get()?.['n']);
  copy('audit', { number: `${start} + i - 1` }, rows, 'number = 1');
  database.exec(`update counters set value = ${start + rows - 1} where counter = 'audit'; commit`);
  database.close();
}

promise(
  'R8',
  {
    promise: 'a server that was killed is ready again at once, however much it has',
    asked: 'ready within 2 s with 100,000 artifacts and 1 million audit rows, after a kill',
    // Artifacts.
    rounds: { short: 20_000, long: 100_000 },
  },
  async ({ rounds: artifacts }) => {
    const workspace = await testWorkspace();
    workspace.env['MCP_ORCHESTRATION_API_KEY'] = KEY;
    await call(workspace, 'initialize_keys');
    await call(workspace, 'publish_config', {
      client_id: 'windsurf',
      payload: { mcpServers: { x: { command: 'node', args: [] } } },
    });
    fill(workspace, artifacts);
    const restart = async () => {
      const before = await startHttp(workspace);
      const writing = startWriters(before.url, 'r8');
      await expect.poll(() => writing.acknowledged.length).toBeGreaterThan(20);
      await before.stop('SIGKILL');
      await writing.ended;
      expect(writing.failed).toEqual([]);
      const began = performance.now();
      const server = await startHttp(workspace);
      const ready = await server.ask('GET', '/readyz', { token: null });
      const took = performance.now() - began;
      expect(ready.status).toBe(200);
      await server.stop('SIGKILL');
      return took;
    };
    const took = await bestOf(3, restart, (ms) => ms, PROMISED_MS);
    expect(took).toBeLessThan(PROMISED_MS);
    const number = (count: number) => count.toLocaleString('en-US');
    return `ready ${Math.round(took)} ms after a kill under load, with ${number(artifacts)} artifacts and ${number(artifacts * AUDIT_ROWS_PER_ARTIFACT)} audit rows`;
  },
);
