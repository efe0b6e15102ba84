import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { assertWhole, call } from '../crash/invariants.ts';
import { startHttp } from '../support/process.ts';
import { makeTestBuild } from '../support/test-build.ts';
import { testWorkspace } from '../support/workspace.ts';
import { type Effort, promise, quantile } from './support/promise.ts';
import { faultsOf } from './support/store-faults.ts';
import { type Acknowledged, KEY, lostOf, startWriters } from './support/writers.ts';

/** Kills come at a random moment of the first so many milliseconds of work. */
const KILL_WITHIN_MS = 400;
const POINTS = [
  'publish.after-draft',
  'publish.after-artifact',
  'publish.after-release',
  'operation.before-commit',
  'operation.after-commit',
];
const released = (all: readonly Acknowledged[]) =>
  all.flatMap((one) => (one.what === 'release' ? [{ ...one, profile_id: 'default' }] : []));

interface Seen {
  kills: number;
  at_points: number;
  acknowledged: number;
  lost: string[];
  half: string[];
  starts: number[];
}

/** Starts, writes, is killed, and is looked at: again and again on one home. */
async function killAgainAndAgain(bin: string, { rounds, random }: Effort): Promise<Seen> {
  const workspace = await testWorkspace();
  workspace.env['MCP_ORCHESTRATION_API_KEY'] = KEY;
  await call(workspace, 'initialize_keys');
  const seen: Seen = { kills: 0, at_points: 0, acknowledged: 0, lost: [], half: [], starts: [] };
  const all: Acknowledged[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const point = round % 2 === 0 ? undefined : POINTS[Math.floor(random() * POINTS.length)];
    const moment = random();
    const env = point && { MCP_ORCHESTRATION_FAILPOINTS: `${point}=kill@${1 + Math.floor(moment * 20)}` };
    const began = performance.now();
    const server = await startHttp(workspace, { bin, ...(env && { env }) });
    seen.starts.push(performance.now() - began);
    const writing = startWriters(server.url, `r${round}`);
    if (point === undefined) {
      await sleep(moment * KILL_WITHIN_MS);
      await server.stop('SIGKILL');
    }
    await writing.ended;
    expect(writing.failed, `round ${round}`).toEqual([]);
    // At a failpoint nobody was killed but by itself.
    const { signal } = await server.stop('SIGKILL');
    expect(signal).toBe('SIGKILL');
    seen.kills += 1;
    seen.at_points += point === undefined ? 0 : 1;
    all.push(...writing.acknowledged);
    seen.lost.push(...lostOf(workspace, all));
    seen.half.push(...faultsOf(join(workspace.data_dir, 'state.db')));
    // What `doctor --deep` sees: digests, signatures, numbers, and what refers to what.
    await assertWhole(workspace, { client_id: 'cursor', profile_id: 'default' }, released(writing.acknowledged));
    expect([seen.lost, seen.half], `round ${round}, ${point ?? `after ${moment * KILL_WITHIN_MS} ms`}`).toEqual([
      [],
      [],
    ]);
  }
  seen.acknowledged = all.length;
  return seen;
}

let tried: Promise<Seen[]> | undefined;

/** Both promises are about the same kills. */
function killBoth(effort: Effort): Promise<Seen[]> {
  tried ??= (async () => {
    const build = await makeTestBuild();
    // Two homes at once, one core for each.
    const half = { ...effort, rounds: Math.ceil(effort.rounds / 2) };
    const homes = await Promise.all([killAgainAndAgain(build.bin, half), killAgainAndAgain(build.bin, half)]);
    rmSync(build.directory, { recursive: true, force: true });
    return homes;
  })();
  return tried;
}

const rounds = { short: 50, long: 1000 };

promise(
  'R1',
  { promise: 'nothing that was acknowledged is lost by a kill', asked: '0 lost in 1,000 kills', rounds },
  async (effort) => {
    const homes = await killBoth(effort);
    const sum = (of: (seen: Seen) => number) => homes.reduce((total, seen) => total + of(seen), 0);
    const starts = homes.flatMap((seen) => seen.starts);
    expect(sum((seen) => seen.acknowledged)).toBeGreaterThan(effort.rounds);
    expect(homes.flatMap((seen) => seen.lost)).toEqual([]);
    return (
      `${sum((seen) => seen.kills)} kills, ${sum((seen) => seen.at_points)} of them at failpoints, ` +
      `${sum((seen) => seen.acknowledged)} acknowledged writes of 4 writers, 0 lost; ` +
      `ready again after ${Math.round(quantile(starts, 0.5))} ms (median), ${Math.round(Math.max(...starts))} ms at most`
    );
  },
);

promise(
  'R3',
  {
    promise: 'a release, its artifact, its audit row, its event and its draft are there together or not at all',
    asked: '0 mismatches after every round of R1 and R2',
    rounds,
  },
  async (effort) => {
    const homes = await killBoth(effort);
    expect(homes.flatMap((seen) => seen.half)).toEqual([]);
    return `${homes.reduce((total, { kills }) => total + kills, 0)} stores looked at after a kill, 0 mismatches`;
  },
);
