import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { databaseBehindLine } from './support/database-behind-line.ts';
import { findPostgres, OWNER } from './support/postgres.ts';
import { type HttpServer, startHttp } from './support/process.ts';
import { openEvents } from './support/sse.ts';
import { testWorkspace } from './support/workspace.ts';

/** A server whose connection that hears of changes is lost: who runs it is told, once. */

const found = await findPostgres();
const postgres = 'url' in found ? found.url : '';
if ('missing' in found) process.stderr.write(`SKIPPED listening on PostgreSQL: ${found.missing}\n`);

/** A server that reaches PostgreSQL through a line that can fail. */
async function serverBehindLine() {
  const { line, url } = await databaseBehindLine(postgres);
  const server = await startHttp(await testWorkspace(), { env: { MCP_ORCHESTRATION_DATABASE_URL: url } });
  return { line, server };
}

const told = ({ output }: HttpServer) =>
  output.stderr
    .split('\n')
    .filter((line) => line.includes('PostgreSQL tells of'))
    .map((line) => JSON.parse(line) as Record<string, unknown>);

async function hears(server: HttpServer): Promise<string | undefined> {
  const headers = { authorization: `Bearer ${server.token}` };
  const page = await (await fetch(`${server.url}/metrics`, { headers })).text();
  return /^mcp_orchestration_store_hears_changes (\d)$/m.exec(page)?.[1];
}

it.skipIf(postgres === '')(
  'says once that it hears of no changes, with the reason, and once that it does again',
  async () => {
    const { line, server } = await serverBehindLine();
    await expect.poll(() => hears(server)).toBe('1');
    // On a busy machine the first question may have gone unanswered for too long.
    const before = told(server).length;
    const since = () => told(server).slice(before);

    await line.close();
    await expect.poll(() => since()).toHaveLength(1);
    const tries = line.connections();
    await sleep(1_000);
    await line.open();
    await expect.poll(() => since(), { timeout: 5_000 }).toHaveLength(2);
    expect(line.connections()).toBeGreaterThan(tries);
    expect(since()).toMatchObject([
      { level: 40, reason: 'ECONNRESET' },
      { level: 30, msg: 'PostgreSQL tells of changes again' },
    ]);
    await expect.poll(() => hears(server)).toBe('1');

    line.becomes({ kind: 'drop' });
    await expect.poll(() => since(), { timeout: 3_000 }).toHaveLength(3);
    expect(since()[2]).toMatchObject({ level: 40, reason: 'no_answer' });
    line.becomes({ kind: 'none' });
    line.cut();
    await expect.poll(() => since(), { timeout: 10_000 }).toHaveLength(4);

    expect(await server.stop()).toEqual({ code: 0, signal: null });
    expect(since()).toHaveLength(4);
    // The password is the name.
    expect(server.output.stderr + server.output.stdout).not.toContain(OWNER);
  },
);

it.skipIf(postgres === '')('does not fill its log while PostgreSQL is away, whoever waits for events', async () => {
  const { line, server } = await serverBehindLine();
  const streams = await Promise.all(
    ['one', 'two'].map(() => openEvents(`${server.url}/v1/events`, { authorization: `Bearer ${server.token}` })),
  );
  const draft = { token: server.token ?? null, body: { server_id: 'memory' } };
  expect((await server.ask('POST', '/v1/config/cursor/default/draft/add', draft)).status).toBe(200);
  await Promise.all(streams.map((stream) => stream.until(1)));
  const warnings = () =>
    server.output.stderr
      .split('\n')
      .filter((text) => text.includes('"level":40'))
      .map((text) => String((JSON.parse(text) as Record<string, unknown>)['msg']));
  await line.close();
  await expect.poll(warnings).toContain('webhooks could not be read; the next look tries again');
  await sleep(3_000);
  expect(warnings()).toContain('events could not be read; the next commit tries again');
  expect(new Set(warnings()).size).toBe(warnings().length);
  await line.open();
  for (const stream of streams) stream.close();
});
