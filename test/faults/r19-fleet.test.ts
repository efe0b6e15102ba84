import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { call } from '../crash/invariants.ts';
import { cli, cliJson, startHttp } from '../support/process.ts';
import { payload, puller } from '../support/pulling.ts';
import { tokens } from '../support/watchers.ts';
import { testWorkspace, type Workspace } from '../support/workspace.ts';
import { promise, quantile } from './support/promise.ts';
import { passing } from './support/suites.ts';

const PATH = '/v1/config/cursor/default';
const PER_TOKEN = 20;
const PROMISED_MS = 60_000;
const AWAY_MS = 2_000;

interface Fleet {
  /** Milliseconds from the start of the server until each agent had the new release. */
  back: number[];
  /** Answers that no agent must get. */
  bad: string[];
  refused: number;
}

/** Agents that poll at a moment of their own in each period, as one does that was started whenever its machine was. */
async function fleet(
  urlOf: () => string,
  given: readonly string[],
  wanted: { sequence: number },
  options: {
    agents: number;
    period_ms: number;
    random: () => number;
    began: () => number;
  },
): Promise<Fleet> {
  const seen: Fleet = { back: [], bad: [], refused: 0 };
  const agent = async (number: number) => {
    const authorization = `Bearer ${given[Math.floor(number / PER_TOKEN)]}`;
    let etag = '';
    for (let wait = options.random() * options.period_ms; ; wait = options.period_ms * (0.5 + options.random())) {
      await sleep(wait);
      try {
        const answer = await fetch(urlOf() + PATH, {
          headers: { authorization, ...(etag && { 'if-none-match': etag }) },
        });
        const text = await answer.text();
        if (![200, 304, 429].includes(answer.status)) seen.bad.push(`${answer.status} ${text}`);
        if (answer.status !== 200) continue;
        etag = answer.headers.get('etag') ?? '';
        if (JSON.parse(text).sequence === wanted.sequence)
          return void seen.back.push(performance.now() - options.began());
      } catch {
        // Nobody is there: what it has stays in force, and it asks again.
        seen.refused += 1;
      }
    }
  };
  await Promise.all(Array.from({ length: options.agents }, (_, number) => agent(number)));
  return seen;
}

const inFile = ({ home }: Workspace) =>
  JSON.parse(readFileSync(join(home, '.cursor/mcp.json'), 'utf8')).mcpServers.ours.args[0];

promise(
  'R19',
  {
    promise: 'agents that could not reach their server come back alone',
    asked:
      '30 days offline: last good configuration in force, never an unverified one; 1,000 agents reconnect within 60 s without 5xx',
    // Agents.
    rounds: { short: 1000, long: 1000 },
  },
  async ({ rounds: agents, random }) => {
    const workspace = await testWorkspace();
    await call(workspace, 'initialize_keys');
    const wanted = { sequence: 2 };
    const given = await tokens(workspace, Math.ceil(agents / PER_TOKEN) + 1);
    // As a server for others: with its limits of rates, and with pointers.
    const env = { MCP_ORCHESTRATION_TRUSTED_PROXIES: '127.0.0.1' };
    let server = await startHttp(workspace, { env });
    const real = await puller(server.url, given.at(-1) ?? '');
    await cliJson(real, 'trust-key', join(workspace.data_dir, 'keys/signing.pub'));
    const told = await server.ask('POST', `${PATH}/publish`, {
      token: given.at(-1) ?? '',
      body: { payload: payload('one') },
    });
    expect(told.status).toBe(201);
    await cliJson(real, 'pull', '--client', 'cursor');
    let began = performance.now();
    // The long form gives agents the period that the promise allows, the short one a third.
    const period_ms = process.env['FAULT_ROUNDS'] === 'long' ? 30_000 : 10_000;
    const coming = fleet(() => server.url, given, wanted, { agents, period_ms, random, began: () => began });
    await sleep(period_ms / 2);
    await server.stop('SIGKILL');
    expect((await cli(real, 'pull', '--client', 'cursor', '--json')).code).not.toBe(0);
    expect(inFile(real)).toBe('one');
    await sleep(AWAY_MS);
    began = performance.now();
    server = await startHttp(workspace, { env });
    const next = await server.ask('POST', `${PATH}/publish`, {
      token: given.at(-1) ?? '',
      body: { payload: payload('two') },
    });
    expect(next.body).toMatchObject({ sequence: wanted.sequence });
    const { back, bad, refused } = await coming;
    real.env['MCP_ORCHESTRATION_SERVER'] = server.url;
    await cliJson(real, 'pull', '--client', 'cursor');
    expect(inFile(real)).toBe('two');
    expect(bad).toEqual([]);
    expect(back).toHaveLength(agents);
    const last = quantile(back, 1);
    expect(last).toBeLessThan(PROMISED_MS);
    expect(await server.stop()).toEqual({ code: 0, signal: null });
    // A month offline needs a clock of the test.
    if (process.env['FAULT_ROUNDS'] === 'long') await passing('r19', ['test/pull-watch.test.ts'], {});
    return (
      `${agents} agents, all back ${(last / 1000).toFixed(1)} s after the start of their server (median ${(quantile(back, 0.5) / 1000).toFixed(1)} s), ` +
      `${refused} asked in vain meanwhile, 0 answers of 500 or more; a machine kept its file and went on by itself; 30 days offline: test/pull-watch.test.ts`
    );
  },
);
