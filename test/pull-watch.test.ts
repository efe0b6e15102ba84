import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { setImmediate, setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { runCli } from '../src/adapters/cli/cli.ts';
import { compose } from '../src/main/compose.ts';
import { readConfig } from '../src/main/config.ts';
import { quietLog } from '../src/main/log.ts';
import { renewPointers } from '../src/operations/pointer-keeper.ts';
import { pullConfig } from '../src/operations/pull.ts';
import { cliHereJson } from './support/in-process.ts';
import { cliJson, startHttp, startLines } from './support/process.ts';
import { type Offer, payload, publisher, puller, wayTo } from './support/pulling.ts';
import { testWorkspace, type Workspace } from './support/workspace.ts';

/** A machine that follows a server: at once while it can, and alone again after it could not. */

const LONG = Number(process.env['CRASH_ROUNDS'] ?? 50) > 50;
const RELEASES = LONG ? 100 : 20;
const DAY_MS = 24 * 60 * 60 * 1000;
const serverIn = ({ home }: Workspace) =>
  JSON.parse(readFileSync(join(home, '.cursor/mcp.json'), 'utf8')).mcpServers.ours.args;

it('what is published is in the file of the other machine within a second', { timeout: 120_000 }, async () => {
  const office = await testWorkspace();
  const server = await startHttp(office, { env: { MCP_ORCHESTRATION_TRUSTED_PROXIES: '127.0.0.1' } });
  await cliJson(office, 'initialize-keys');
  const publish = (word: string) =>
    server.ask('POST', '/v1/config/cursor/default/publish', { body: { payload: payload(word) } });
  await publish('0');
  const made = await cliJson(office, 'generate-token', '--scope', 'config:read', '--scope', 'events:read');
  const machine = await puller(server.url, String(made['token']));
  await cliJson(machine, 'trust-key', join(office.data_dir, 'keys/signing.pub'));
  const watch = startLines(machine, ['pull', '--watch', '--client', 'cursor', '--json']);
  await watch.line();
  expect(JSON.parse(watch.lines[0] ?? '')).toMatchObject({ status: 'deployed', sequence: 1 });
  const took: number[] = [];
  for (let number = 1; number <= RELEASES; number += 1) {
    const begun = performance.now();
    expect((await publish(String(number))).status).toBe(201);
    while (watch.lines.length <= number) await watch.line();
    took.push(performance.now() - begun);
    expect(JSON.parse(watch.lines[number] ?? '')).toMatchObject({ status: 'deployed', sequence: number + 1 });
    expect(serverIn(machine)).toEqual([String(number)]);
  }
  const sorted = took.toSorted((a, b) => a - b);
  const p95 = sorted[Math.ceil(sorted.length * 0.95) - 1] ?? Number.POSITIVE_INFINITY;
  process.stdout.write(
    `published to applied, ${RELEASES} releases: median ${sorted[sorted.length >> 1]?.toFixed(0)} ms, p95 ${p95.toFixed(0)} ms, most ${sorted.at(-1)?.toFixed(0)} ms\n`,
  );
  expect(p95).toBeLessThan(1000);
  watch.child.kill('SIGTERM');
  expect(await watch.ended).toEqual([0, null]);
  expect(watch.output.stderr).toBe('');
});

/** `pull --watch` in this process, with a clock and pauses of the test. */
async function watching(
  machine: Workspace,
  { now, pause }: { now: () => Date; pause: (ms: number, signal: AbortSignal) => Promise<void> },
) {
  const { env, home } = machine;
  const log = quietLog(() => undefined, false);
  const app = await compose({ config: readConfig(env), env, log });
  const contextOf = async () => ({ ...app.localContext('cli'), now, services: { ...app.services, pause } });
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const said: { status?: string; sequence?: number; error?: { code: string; details: { reason: string } } }[] = [];
  stdout.setEncoding('utf8').on('data', (line: string) => said.push(JSON.parse(line)));
  const before = process.listeners('SIGTERM');
  const ended = runCli(
    {
      args: ['pull', '--watch', '--client', 'cursor', '--json'],
      stdin: Readable.from([]),
      stdout,
      stderr,
      cwd: home,
      env,
    },
    {
      version: '0.0.0',
      operations: [pullConfig],
      locals: [],
      contextOf,
      fallback: { now, request_id: 'req_test', services: { log } },
    },
  );
  const stop = async () => {
    for (const listener of process.listeners('SIGTERM')) if (!before.includes(listener)) listener('SIGTERM');
    const code = await ended;
    await app.close();
    return code;
  };
  return { said, stop };
}

it.each<[string, (offer: Offer) => unknown]>([
  ['nothing is new', (offer) => offer],
  ['every answer is refused', (offer) => ({ ...offer, pointer: null })],
])('a server that tells of releases all the time is not asked all the time when %s', async (_what, change) => {
  const server = await publisher();
  await server.publish('one');
  const way = await wayTo(server.url);
  way.tellsOf(Array.from({ length: 5000 }, (_, index) => index + 1));
  let asked = 0;
  way.becomes((offer) => {
    asked += 1;
    return change(offer);
  });
  const machine = await puller(way.url, await server.token(['config:read']));
  await cliHereJson(machine, 'trust-key', server.public_key);
  const { stop } = await watching(machine, {
    now: () => new Date(),
    pause: async (ms, signal) => void (await sleep(ms, undefined, { signal }).catch(() => undefined)),
  });
  await expect.poll(() => asked).toBeGreaterThan(1);
  const before = asked;
  await sleep(2000);
  expect(asked - before).toBeLessThan(6);
  expect(await stop()).toBe(0);
});

it('after 30 days without a server a machine has what it had, and comes back alone', { timeout: 240_000 }, async () => {
  let at = Date.now();
  const now = () => new Date(at);
  const server = await publisher({ now });
  await server.publish('one');
  const way = await wayTo(server.url);
  const machine = await puller(way.url, await server.token(['config:read']));
  await cliHereJson(machine, 'trust-key', server.public_key);
  let back = at;
  let longest = 0;
  /** While the server is away nobody waits: time passes instead. */
  const pause = async (ms: number, signal: AbortSignal) => {
    if (at >= back) return sleep(20, undefined, { signal }).catch(() => undefined);
    at += ms;
    longest = Math.max(longest, ms);
    await setImmediate();
  };
  const { said, stop } = await watching(machine, { now, pause });
  await expect.poll(() => said.length).toBe(1);
  await way.cut();
  back = at + 31 * DAY_MS;
  // Some nine thousand tries, each a refused connection.
  await expect.poll(() => at, { timeout: 200_000 }).toBeGreaterThanOrEqual(back);
  expect(longest).toBeLessThanOrEqual(5 * 60_000);
  expect(serverIn(machine)).toEqual(['one']);
  expect(said.slice(1)).toEqual([{ error: expect.objectContaining({ code: 'UNAVAILABLE' }) }]);
  // Back with what it said a month ago: that may be held back, so it is not taken for the latest.
  await way.mend();
  await expect.poll(() => said.at(-1)?.error?.details.reason).toBe('expired');
  expect(serverIn(machine)).toEqual(['one']);
  const { store, services } = server.app;
  await renewPointers({ store, keys: services.keys, log: services.log, now });
  await server.publish('two');
  await expect.poll(() => said.at(-1)).toMatchObject({ status: 'deployed', sequence: 2 });
  expect(serverIn(machine)).toEqual(['two']);
  expect(await stop()).toBe(0);
});
