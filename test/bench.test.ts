import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readlinkSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type Measured, type Row, rowOf } from '../bench/figures.ts';
import { type CpuProfile, flameGraph, mergedFrames } from '../bench/flame-graph.ts';
import { joined, lastPart } from '../bench/profiles.ts';
import { budgetsOf, tableOf } from '../bench/table.ts';
import { run } from './support/process.ts';
import { ROOT, temporaryDirectory } from './support/workspace.ts';

/** That the benchmark runs and says what it should. What the figures are depends on the machine: that is no test. */

const SCRIPT = join(ROOT, 'bench/run.ts');

/** An environment in which everything temporary lies in a directory of the test. */
async function environment() {
  const temporary = await temporaryDirectory('mcpo-bench-test');
  onTestFinished(() => rm(temporary, { recursive: true, force: true }));
  return { temporary, env: { HOME: temporary, TMPDIR: temporary, PATH: process.env['PATH'] ?? '' } };
}

/** Processes that work in a directory, also one that is gone. */
function processesIn(directory: string): string[] {
  return readdirSync('/proc').filter((pid) => {
    try {
      return /^\d+$/.test(pid) && readlinkSync(`/proc/${pid}/cwd`).startsWith(directory);
    } catch {
      return false; // it ended meanwhile, or is somebody else's
    }
  });
}

describe('the benchmark', () => {
  it('has a row for everything, with its budget, and leaves nothing behind', { timeout: 240_000 }, async () => {
    const { temporary, env } = await environment();
    const { code, stdout, stderr } = await run(process.execPath, [SCRIPT, '--quick', '--json'], { env });
    expect(stderr).toMatch(/^(measuring \w+ \.\.\.\n)+$/);
    expect([0, 1], stderr).toContain(code);
    const { machine, rows } = JSON.parse(stdout) as { machine: object; rows: Row[] };
    expect(machine).toMatchObject({ node: process.version, cores: expect.any(Number), date: expect.any(String) });
    expect(rows.map(({ what, bare, budget }) => [what, bare.what, budget?.text ?? 'no budget'])).toEqual([
      ['start: --help', 'node -e 0', '< 1.8x'],
      ['start: list-servers --json', 'node -e 0', '< 3x'],
      ['launcher: a variable filled in', 'the same server directly', '< 60 ms over'],
      ['launcher: a secret filled in', 'the same server directly', '< 60 ms over'],
      ['publish: 5 servers, in process', 'sign, SQLite transaction', 'no budget'],
      ['publish: 5 servers, over REST, 8 in flight', 'SQLite commits of one small row', 'at least 40 %'],
      ['plan: small file', 'read, parse', 'no budget'],
      ['deploy: small file', 'durable replace', '< 3x'],
      ['deploy: small file', 'read, parse, durable replace', 'no budget'],
      ['plan: file of 5 MB', 'read, parse', 'no budget'],
      ['deploy: file of 5 MB', 'durable replace', '< 3x'],
      ['deploy: file of 5 MB', 'read, parse, durable replace', 'no budget'],
      ['plan: all writable clients', expect.stringMatching(/^read their files \(\d+ of \d+\)$/), '< 150 ms'],
      ['GET config: 100 connections', 'bare Fastify, same bytes', 'at least 60 %'],
      ['GET config: p95', 'bare Fastify, same bytes', '< 300 ms'],
      ['GET config: p99', 'bare Fastify, same bytes', 'no budget'],
      ['GET config: processor time per request', 'bare Fastify, same bytes', 'no budget'],
      ['GET config: p99 at 500 requests/s', 'bare Fastify, same bytes', '< 25 ms'],
      ['GET config: unchanged (304)', 'bare Fastify, 304', 'at least 70 %'],
      ['GET clients: 100 connections', 'bare Fastify, same bytes', 'at least 60 %'],
      ['GET clients: p95', 'bare Fastify, same bytes', '< 200 ms'],
      ['GET clients: p99', 'bare Fastify, same bytes', 'no budget'],
      ['GET clients: processor time per request', 'bare Fastify, same bytes', 'no budget'],
      ['GET servers: 100 connections', 'bare Fastify, same bytes', 'at least 60 %'],
      ['GET servers: p95', 'bare Fastify, same bytes', '< 200 ms'],
      ['GET servers: p99', 'bare Fastify, same bytes', 'no budget'],
      ['GET servers: processor time per request', 'bare Fastify, same bytes', 'no budget'],
      ['MCP tools/call list_clients, 2026-07-28', 'bare SDK, same tools', 'at least 80 %'],
      ['MCP tools/call list_clients, 2025-11-25', 'bare SDK, same tools', 'at least 80 %'],
      ['serve-http ready: one release', 'bare Fastify', '< 1000 ms'],
      ['serve-http ready: 100 releases', 'bare Fastify', '< 2000 ms'],
      ['memory: serve-http at rest', 'bare Fastify at rest', '< 130 MiB'],
      ['memory: after 200 requests', 'the same after 20', '< 1.1x'],
    ]);
    for (const { what, bare, ours, compared } of rows) {
      for (const figure of [bare.median, ours.median]) expect(figure, what).toBeGreaterThan(0);
      expect(compared.value, what).toBeTypeOf('number');
    }
    expect(code).toBe(rows.some(({ budget }) => budget?.met === false) ? 1 : 0);
    expect(readdirSync(temporary)).toEqual([]);
    expect(processesIn(temporary)).toEqual([]);
  });

  it('leaves nothing behind when it is broken off', async () => {
    const { temporary, env } = await environment();
    const child = spawn(process.execPath, [SCRIPT, 'http'], { env, stdio: ['ignore', 'pipe', 'pipe'] });
    const said = text(child.stdout);
    const ended = once(child, 'close');
    // Both servers run by the time that the load begins.
    while (processesIn(temporary).length < 2 && child.exitCode === null) await new Promise((go) => setTimeout(go, 20));
    child.kill('SIGTERM');
    expect(await ended).toEqual([143, null]);
    expect(await said).toBe('');
    await expect.poll(() => processesIn(temporary)).toEqual([]);
    expect(readdirSync(temporary)).toEqual([]);
  });

  it('names what can be measured when it is asked for something else', async () => {
    const { env } = await environment();
    const { code, stderr } = await run(process.execPath, [SCRIPT, 'everything'], { env });
    expect([code, stderr]).toEqual([
      2,
      'There is no measurement "everything". There are: start, launcher, publish, deploy, http, mcp, ready, memory.\n',
    ]);
  });
});

describe('a budget', () => {
  const times: Measured = {
    what: 'it',
    unit: 'ms',
    as: 'times',
    bare: { what: 'bare', samples: [1, 2, 9] },
    ours: [5, 6, 7],
  };
  const met = (change: Partial<Measured>) => rowOf({ ...times, ...change }).budget?.met;

  it('is met below a number of times, a difference or a figure, and not at it', () => {
    expect(met({ budget: { of: 'comparison', limit: 3.01 } })).toBe(true);
    expect(met({ budget: { of: 'comparison', limit: 3 } })).toBe(false);
    expect(met({ as: 'over', budget: { of: 'comparison', limit: 4.01 } })).toBe(true);
    expect(met({ as: 'over', budget: { of: 'comparison', limit: 4 } })).toBe(false);
    expect(met({ budget: { of: 'ours', limit: 6.01 } })).toBe(true);
    expect(met({ budget: { of: 'ours', limit: 6 } })).toBe(false);
  });

  it('is met when a share is reached', () => {
    const share = { unit: 'per s', as: 'share', bare: { what: 'bare', samples: [10] }, ours: [6] } as const;
    expect(met({ ...share, budget: { of: 'comparison', limit: 0.6 } })).toBe(true);
    expect(met({ ...share, budget: { of: 'comparison', limit: 0.61 } })).toBe(false);
  });

  it('that is missed stands out in the table, and a share is never rounded up to it', () => {
    const share = { unit: 'per s', as: 'share', bare: { what: 'bare', samples: [1000] }, ours: [599] } as const;
    const table = tableOf([rowOf({ ...times, ...share, budget: { of: 'comparison', limit: 0.6 } }), rowOf(times)]);
    expect(
      table.split('\n').map((line) =>
        line
          .split('|')
          .map((cell) => cell.trim())
          .slice(5, 8),
      ),
    ).toEqual([
      ['ours against bare', 'budget', 'verdict'],
      [expect.stringMatching(/^-+$/), expect.stringMatching(/^-+$/), expect.stringMatching(/^-+$/)],
      ['59.9 %', 'at least 60 %', 'NOT MET'],
      ['3.00x', 'no budget', ''],
    ]);
  });
});

describe('the table of budgets', () => {
  it('has each of them once, with the figure that it is about, and nothing without one', () => {
    const times = { what: 'deploy', unit: 'ms', as: 'times', bare: { what: 'bare', samples: [2] }, ours: [6] } as const;
    const rows = [
      rowOf({ ...times, budget: { of: 'comparison', limit: 3 } }),
      rowOf({ ...times, what: 'plan', budget: { of: 'ours', limit: 150 } }),
      rowOf({ ...times, what: 'no limit' }),
    ];
    expect(budgetsOf(rows).split('\n')).toEqual([
      '| budget of | limit    | measured | verdict |',
      '| --------- | -------- | -------- | ------- |',
      '| deploy    | < 3x     | 3.00x    | NOT MET |',
      '| plan      | < 150 ms | 6 ms     | met     |',
    ]);
  });
});

describe('a flame graph', () => {
  const at = (id: number, functionName: string, url: string, children: number[] = []) => ({
    id,
    callFrame: { functionName, url, lineNumber: 9 },
    children,
  });
  const profile: CpuProfile = {
    nodes: [
      at(1, '(root)', '', [2, 5]),
      at(2, 'publish', 'file:///home/someone/repo/src/operations/publish.ts', [3, 4]),
      at(3, '<T>', 'file:///home/someone/repo/node_modules/kysely/dist/kysely.js'),
      at(4, '<T>', 'file:///home/someone/repo/node_modules/kysely/dist/kysely.js'),
      at(5, '(idle)', ''),
    ],
    samples: [2, 3, 4, 5],
    timeDeltas: [1000, 2000, 3000, 50_000],
  };

  it('adds up the calls of a function, leaves idling out, and names no directory of this machine', () => {
    const svg = flameGraph(profile, 'publish & more');
    const titles = [...svg.matchAll(/<title>(.*?)<\/title>/g)].map(([, title]) => title);
    expect(titles).toEqual([
      'publish &amp; more',
      'all : 6.0 ms, 100.0 %, itself 0.0 ms',
      'publish src/operations/publish.ts:10: 6.0 ms, 100.0 %, itself 1.0 ms',
      '&lt;T&gt; kysely/dist/kysely.js:10: 5.0 ms, 83.3 %, itself 5.0 ms',
    ]);
    expect(svg).toContain('publish &amp; more');
    expect(flameGraph(profile, 'publish & more')).toBe(svg);
  });

  it('of several processes adds them up, and can be of the last part only', () => {
    const totalOf = (one: CpuProfile) => mergedFrames(one).total;
    expect(totalOf(joined([profile, profile, profile]))).toBe(3 * totalOf(profile));
    const [publish] = mergedFrames(joined([profile, profile])).callees.values();
    expect(publish).toMatchObject({ name: 'publish', own: 2000, total: 12_000 });
    expect(totalOf(lastPart(profile, 53))).toBe(3000);
  });
});
