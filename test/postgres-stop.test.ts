import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { expect, it, onTestFinished } from 'vitest';
import { databaseBehindLine } from './support/database-behind-line.ts';
import { findPostgres } from './support/postgres.ts';
import { startHttp } from './support/process.ts';
import { testWorkspace } from './support/workspace.ts';

/** A server is told to stop while it waits for PostgreSQL: without an answer it ends by itself, with one nothing is cut off. */

const found = await findPostgres();
const postgres = 'url' in found ? found.url : '';
if ('missing' in found) process.stderr.write(`SKIPPED stopping on PostgreSQL: ${found.missing}\n`);

const DRAFT = '/v1/config/cursor/default/draft/add';

/** A server with one acknowledged write, behind a line that can fail. */
async function serverBehindLine() {
  const { database, line, url } = await databaseBehindLine(postgres);
  const workspace = await testWorkspace();
  const server = await startHttp(workspace, { env: { MCP_ORCHESTRATION_DATABASE_URL: url } });
  expect((await server.ask('POST', DRAFT, { body: { server_id: 'memory' } })).status).toBe(200);
  const lines = () =>
    server.output.stderr
      .split('\n')
      .filter((text) => text.startsWith('{'))
      .map((text) => JSON.parse(text) as Record<string, unknown>);
  /** What a server finds that is started afterwards. */
  const draftThen = async () => {
    const next = await startHttp(workspace, { env: { MCP_ORCHESTRATION_DATABASE_URL: database.url } });
    const { body } = await next.ask('GET', '/v1/config/cursor/default/draft', { token: server.token ?? null });
    return JSON.stringify(body);
  };
  return { database, line, server, lines, draftThen };
}

it.skipIf(postgres === '')(
  'ends in time when PostgreSQL does not answer, and says how many uses of tokens it lost',
  async () => {
    const { line, server, lines, draftThen } = await serverBehindLine();
    line.becomes({ kind: 'drop' });
    const write = server.ask('POST', DRAFT, { body: { server_id: 'time' } });
    // The sender of webhooks looks once a second.
    await sleep(1_200);
    const since = performance.now();
    const [stopped, answer] = await Promise.all([server.stop(), write]);

    expect(stopped).toEqual({ code: 0, signal: null });
    expect(performance.now() - since).toBeLessThan(8_000);
    expect(answer).toMatchObject({ status: 503, body: { error: { code: 'UNAVAILABLE' } } });
    // The second request could not even be let in.
    const lost = lines().filter(({ msg }) => String(msg).startsWith('uses of tokens'));
    expect(lost).toMatchObject([{ level: 40, uses: 1, tokens: 1 }]);
    expect(await draftThen()).toContain('memory');
  },
);

it.skipIf(postgres === '')('finishes a write that PostgreSQL is still at work on', async () => {
  const { database, server, lines, draftThen } = await serverBehindLine();
  const other = new pg.Client({ connectionString: database.url });
  await other.connect();
  onTestFinished(() => other.end());
  await other.query(`select pg_advisory_lock(hashtext(current_schema::text), hashtext('default'))`);
  const write = server.ask('POST', DRAFT, { body: { server_id: 'time' } });
  await sleep(200);
  const stopped = server.stop();
  // Longer than a stop waits before it looks whether PostgreSQL is there.
  await sleep(4_200);
  await other.query('select pg_advisory_unlock_all()');

  expect((await write).status).toBe(200);
  expect(await stopped).toEqual({ code: 0, signal: null });
  expect(lines().filter(({ level }) => Number(level) >= 40)).toEqual([]);
  expect(await draftThen()).toContain('time');
});
