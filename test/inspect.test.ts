import { randomInt } from 'node:crypto';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { cliHere } from './support/in-process.ts';
import { type OpenHome, openHome } from './support/open-home.ts';

const payload = (name: string) => ({ mcpServers: { [name]: { command: 'node', args: [name] } } });
const cursor = { client_id: 'cursor', profile_id: 'default' };

/** A store in which every kind of row is: releases of several profiles, a link, deployments, a webhook, a token. */
async function everything(home: OpenHome): Promise<void> {
  await home.call('publish_config', { ...cursor, payload: payload('one') });
  await home.call('publish_config', { ...cursor, payload: payload('two') });
  await home.call('link_profile', { client_id: 'vscode', source_client_id: 'cursor' });
  await home.call('subscribe_webhook', { url: 'https://example.com/', events: ['config.published'] });
  await home.call('publish_config', { ...cursor, payload: payload('three') });
  await home.call('revert_config', { ...cursor, sequence: 1 });
  await home.call('create_profile', { client_id: 'zed', profile_id: 'night' });
  await home.call('publish_config', { client_id: 'zed', profile_id: 'night', payload: payload('four') });
  await home.call('deploy_config', cursor);
  await home.call('publish_config', { ...cursor, payload: payload('five') });
  await home.call('deploy_config', cursor);
  await home.call('undo_deployment', cursor);
  await home.call('create_workspace', { workspace: 'other' });
  await home.call('set_draft_config', { client_id: 'zed', payload: payload('draft') });
}

/** In the long run 1,000. */
const FLIPS = process.env['CRASH_ROUNDS'] === undefined ? 60 : 1000;

describe('a deep look at a store', () => {
  let home: OpenHome;
  beforeAll(async () => {
    home = await openHome();
    await everything(home);
  });
  afterAll(() => home.close());

  const codes = async () => {
    const { problems } = await home.app.services.inspectStore();
    return [...new Set(problems.map(({ code, table }) => `${code} ${table}`))].toSorted();
  };

  /** Changes the file past the product, looks, and changes it back. */
  async function spoiled(change: string): Promise<string[]> {
    const database = new DatabaseSync(join(home.home, '.mcp-orchestration/state.db'), {
      enableForeignKeyConstraints: false,
      timeout: 5000,
    });
    const tables = [...change.matchAll(/(?:update|delete from|insert into) (\w+)/g)].map(([, table]) => table);
    try {
      for (const table of tables) database.exec(`create temp table kept_${table} as select * from ${table}`);
      database.exec(change);
      return await codes();
    } finally {
      for (const table of tables) {
        database.exec(`delete from ${table}; insert into ${table} select * from kept_${table}`);
      }
      database.close();
    }
  }

  it('finds nothing wrong with what the product wrote, and counts every row', async () => {
    const { problems, left_out, tables } = await home.app.services.inspectStore();
    expect(problems).toEqual([]);
    expect(left_out).toEqual([]);
    const rows = Object.fromEntries(tables.map(({ table, rows }) => [table, rows]));
    expect(rows).toMatchObject({ artifacts: 5, releases: 10, links: 1, deployments: 3, workspaces: 2, webhooks: 1 });
    expect(tables).toHaveLength(20);
  });

  const LAST = "client_id = 'cursor' and sequence = 5";
  it.each([
    ["update artifacts set canonical = replace(canonical, 'two', 'tw0')", ['ARTIFACT_DAMAGED artifacts']],
    [`update artifacts set canonical = canonical || ' '`, ['ARTIFACT_DAMAGED artifacts']],
    [
      `update releases set artifact_id = '${'0'.repeat(64)}' where ${LAST}`,
      ['ARTIFACT_MISSING releases', 'RELEASE_UNVERIFIED releases'],
    ],
    [`update releases set version = '9.9.9' where ${LAST}`, ['RELEASE_ROW_DIFFERS releases']],
    [`update releases set server_count = 7 where ${LAST}`, ['RELEASE_ROW_DIFFERS artifacts']],
    [
      `update releases set envelope = replace(envelope, '"sig":"', '"sig":"AAAA') where ${LAST}`,
      ['RELEASE_UNVERIFIED releases'],
    ],
    [`update releases set envelope = 'x' where ${LAST}`, ['ROW_DAMAGED releases']],
    [
      `delete from releases where ${LAST}`,
      ['AUDIT_WITHOUT_RELEASE audit', 'DEPLOYMENT_WITHOUT_RELEASE deployments', 'EVENT_WITHOUT_RELEASE events'],
    ],
    [
      `delete from releases where client_id = 'cursor' and sequence = 2`,
      ['AUDIT_WITHOUT_RELEASE audit', 'EVENT_WITHOUT_RELEASE events', 'RELEASE_MISSING releases'],
    ],
    [
      `update releases set previous_artifact_id = null where ${LAST}`,
      ['RELEASE_CHAIN_BROKEN releases', 'RELEASE_ROW_DIFFERS releases'],
    ],
    [`delete from artifacts where canonical like '%four%'`, ['ARTIFACT_MISSING releases']],
    [`delete from audit where number = 3`, ['NUMBER_MISSING audit', 'RELEASE_NOT_AUDITED releases']],
    [`delete from audit where number = (select max(number) from audit)`, ['NUMBER_MISSING audit']],
    [
      `delete from events where type = 'config.published' and sequence = 2`,
      ['NUMBER_MISSING events', 'RELEASE_NOT_TOLD releases'],
    ],
    [`update counters set value = 1 where counter in ('deployments', 'events')`, ['NUMBER_ABOVE_COUNTER counters']],
    [`update audit set facts = '{' where number = 1`, ['ROW_DAMAGED audit']],
    [`update drafts set revision = 0`, ['ROW_DAMAGED drafts']],
    [`update drafts set payload = '{"mcpServers":[]}'`, ['ROW_DAMAGED drafts']],
    [`update keys set public_key_pem = 'none'`, ['KEY_DAMAGED keys', 'RELEASE_UNVERIFIED releases']],
    [`update links set source_profile_id = 'nowhere'`, ['LINK_BROKEN links']],
    [`update links set source_client_id = 'vscode'`, ['LINK_BROKEN links']],
    [`delete from profiles`, ['PROFILE_UNKNOWN releases']],
    [`delete from webhooks`, ['DELIVERY_WITHOUT_WEBHOOK deliveries']],
    [`update deliveries set next_attempt_at = null`, ['ROW_DAMAGED deliveries']],
    [`update deployments set ledger = '[]'`, ['ROW_DAMAGED deployments']],
    [`update deployments set sequence = 77 where number = 1`, ['DEPLOYMENT_WITHOUT_RELEASE deployments']],
    [
      `update deployments set previous_deployment_id = 'dep_x' where number = 2`,
      ['DEPLOYMENT_WITHOUT_PREVIOUS deployments'],
    ],
    [
      `delete from workspaces where workspace = 'other'; update drafts set workspace = 'other'`,
      ['WORKSPACE_UNKNOWN drafts'],
    ],
    [
      `insert into pointers select workspace, client_id, profile_id, 1, 99, artifact_id, signing_key_id, issued_at, issued_at, envelope from releases where ${LAST}`,
      ['POINTER_UNVERIFIED pointers', 'POINTER_WITHOUT_RELEASE pointers'],
    ],
    [
      `insert into pulls select workspace, client_id, profile_id, 'https://x.example', 50, 1, issued_at from releases where client_id = 'zed'`,
      ['PULL_WITHOUT_RELEASE pulls'],
    ],
    [
      `insert into idempotency values ('default', 'a', 'k', 'short', 'o', 'no time', 'no time', 42, 'x')`,
      ['ROW_DAMAGED idempotency'],
    ],
  ])('finds what is wrong after %s', async (change, wanted) => {
    expect(await spoiled(change)).toEqual(wanted);
    expect(await codes()).toEqual([]);
  });

  it('names the one artifact of which a byte has changed, and that one alone is not served', {
    timeout: 120_000,
  }, async () => {
    const database = new DatabaseSync(join(home.home, '.mcp-orchestration/state.db'), { timeout: 5000 });
    onTestFinished(() => database.close());
    const artifacts = database.prepare('select artifact_id, canonical from artifacts order by 1').all();
    const set = database.prepare('update artifacts set canonical = ? where artifact_id = ?');
    for (let round = 0; round < FLIPS; round += 1) {
      const { artifact_id, canonical } = artifacts[round % artifacts.length] ?? {};
      const bytes = Buffer.from(String(canonical));
      const at = randomInt(bytes.length);
      bytes[at] = (bytes[at] ?? 0) ^ (1 << randomInt(7));
      set.run(bytes.toString(), String(artifact_id));
      const { problems } = await home.app.services.inspectStore();
      const latest = await home.call('get_latest', cursor);
      const served = await home.call('get_config', cursor).then(
        () => 'served',
        (error: unknown) => (error as { code: string }).code,
      );
      set.run(String(canonical), String(artifact_id));
      const where = `byte ${at} of ${artifact_id}`;
      expect(
        problems.map(({ code, key }) => [code, key]),
        where,
      ).toEqual([['ARTIFACT_DAMAGED', `default/${artifact_id}`]]);
      expect(served, where).toBe(latest['artifact_id'] === artifact_id ? 'SIGNATURE_INVALID' : 'served');
    }
    expect(await codes()).toEqual([]);
  });

  it('is told by doctor, which says what to do next and ends with 7', async () => {
    expect((await cliHere(home, 'doctor', '--json')).json()).toMatchObject({ store: null });
    const whole = await cliHere(home, 'doctor', '--deep');
    expect([whole.code, whole.stdout]).toEqual([
      0,
      expect.stringContaining('Every row of the store was looked at: workspaces 2,'),
    ]);
    const database = new DatabaseSync(join(home.home, '.mcp-orchestration/state.db'), { timeout: 5000 });
    database.exec("update artifacts set canonical = replace(canonical, 'two', 'tw0')");
    const broken = await cliHere(home, 'doctor', '--deep', '--json');
    database.exec("update artifacts set canonical = replace(canonical, 'tw0', 'two')");
    database.close();
    expect(broken.code, broken.stderr).toBe(7);
    expect(broken.json()['problems']).toEqual([
      {
        code: 'ARTIFACT_DAMAGED',
        severity: 'error',
        client_id: null,
        table: 'artifacts',
        key: expect.stringMatching(/^default\/[0-9a-f]{64}$/),
        message: expect.stringContaining('another digest than its id'),
        hint: expect.stringContaining('restore a backup'),
      },
    ]);
  });

  it('lists only fifty of a kind, and says how many there are', async () => {
    const database = new DatabaseSync(join(home.home, '.mcp-orchestration/state.db'), { timeout: 5000 });
    database.exec(`insert into artifacts with recursive n(i) as (select 1 union all select i + 1 from n where i < 600)
      select 'default', printf('%064x', i), '{}', '2026-01-01T00:00:00.000Z' from n`);
    const { problems, left_out, tables } = await home.app.services.inspectStore();
    database.exec("delete from artifacts where canonical = '{}'");
    database.close();
    expect(problems.filter(({ code }) => code === 'ARTIFACT_DAMAGED')).toHaveLength(50);
    expect(left_out).toContainEqual({ code: 'ARTIFACT_DAMAGED', count: 550 });
    expect(tables.find(({ table }) => table === 'artifacts')?.rows).toBe(605);
  });

  it('looks at one instant, whatever is published meanwhile', async () => {
    const publishing = (async () => {
      for (let n = 0; n < 20; n += 1)
        await home.call('publish_config', { client_id: 'kiro', payload: payload(`k${n}`) });
    })();
    for (let n = 0; n < 5; n += 1) expect(await codes()).toEqual([]);
    await publishing;
    expect(await codes()).toEqual([]);
  });
});
