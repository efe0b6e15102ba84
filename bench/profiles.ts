import { mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CpuProfile } from './flame-graph.ts';
import { load } from './http/load.ts';
import { startOurs } from './http/servers.ts';
import { typicalPayload, withProduct } from './product.ts';
import { BIN, cliJson, inSandbox, runToEnd, type Sandbox } from './sandbox.ts';

/** What is profiled in processes of its own, as users get it: with the bundle, and with the compiled code that was kept. */

export interface Profiled {
  profile: CpuProfile;
  calls: number;
  /** From the first call to the last, in milliseconds. */
  elapsed: number;
}

type Measure = (effort: { calls: number; seconds: number }) => Promise<Profiled>;

const CONFIG = '/v1/config/claude-desktop/default';
const CONNECTIONS = 20;
const INTERVAL_US = 100;

/** The flags with which Node leaves a profile behind, and how to read what was left. */
function profiler({ home }: Sandbox) {
  const directory = mkdtempSync(join(home, 'profiles-'));
  const flags = ['--cpu-prof', `--cpu-prof-interval=${INTERVAL_US}`, `--cpu-prof-dir=${directory}`];
  const read = () =>
    readdirSync(directory).map((name) => withoutEnd(JSON.parse(readFileSync(join(directory, name), 'utf8'))));
  return { flags, read };
}

/** In `process.exit` Node writes the profile itself, which takes longer than much that is in it. */
function withoutEnd(profile: CpuProfile): CpuProfile {
  const ends = new Set(
    profile.nodes.filter(({ callFrame }) => callFrame.functionName === 'reallyExit').map(({ id }) => id),
  );
  const isKept = (at: number) => !ends.has(profile.samples[at] ?? 0);
  const samples = profile.samples.filter((_id, at) => isKept(at));
  return { ...profile, samples, timeDeltas: profile.timeDeltas.filter((_delta, at) => isKept(at)) };
}

/** Profiles of several processes as one: their roots become one root. */
export function joined(profiles: readonly CpuProfile[]): CpuProfile {
  const roots: number[] = [];
  const nodes: CpuProfile['nodes'][number][] = [];
  let behind = 1;
  const samples = profiles.flatMap((profile) => {
    const from = behind;
    const idOf = (id: number) => id + from;
    for (const { id, callFrame, children = [] } of profile.nodes)
      nodes.push({ id: idOf(id), callFrame, children: children.map(idOf) });
    roots.push(...(profile.nodes[0]?.children ?? []).map(idOf));
    behind += Math.max(0, ...profile.nodes.map(({ id }) => id)) + 1;
    return profile.samples.map(idOf);
  });
  const root = { id: 0, callFrame: { functionName: '(root)', url: '', lineNumber: -1 }, children: roots };
  return { nodes: [root, ...nodes], samples, timeDeltas: profiles.flatMap(({ timeDeltas }) => timeDeltas) };
}

/** What was sampled in the last so many milliseconds. */
export function lastPart(profile: CpuProfile, ms: number): CpuProfile {
  let left = ms * 1000;
  let from = profile.samples.length;
  while (from > 0 && left > 0) {
    from -= 1;
    left -= profile.timeDeltas[from] ?? 0;
  }
  return { ...profile, samples: profile.samples.slice(from), timeDeltas: profile.timeDeltas.slice(from) };
}

const start: Measure = ({ calls }) =>
  inSandbox(async (sandbox) => {
    cliJson(sandbox, 'initialize-keys');
    cliJson(sandbox, 'list-servers');
    const { flags, read } = profiler(sandbox);
    const begin = performance.now();
    for (let count = 0; count < calls; count += 1)
      runToEnd(process.execPath, [...flags, BIN, 'list-servers', '--json'], sandbox);
    return { calls, elapsed: performance.now() - begin, profile: joined(read()) };
  });

/** Requests for a configuration; with `known`, by callers that have it already. */
const getConfig =
  (known: boolean): Measure =>
  ({ seconds }) =>
    inSandbox(async (sandbox) => {
      await withProduct(sandbox, ({ call }) => call('releases.publish', { payload: typicalPayload() }));
      const { flags, read } = profiler(sandbox);
      const server = await startOurs(sandbox, flags);
      const url = server.url + CONFIG;
      const etag = (await fetch(url, { headers: server.headers })).headers.get('etag') ?? '';
      const ask = known
        ? { headers: { ...server.headers, 'if-none-match': etag }, status: 304 }
        : { headers: server.headers };
      const question = { url, connections: CONNECTIONS, ...ask };
      await load({ ...question, seconds: 1 });
      const begin = performance.now();
      const { answers } = await load({ ...question, seconds });
      const elapsed = performance.now() - begin;
      await server.stop();
      return { calls: answers, elapsed, profile: lastPart(joined(read()), elapsed) };
    });

export const PROCESSES: Readonly<Record<string, Measure>> = {
  start,
  'get-config': getConfig(false),
  'get-config-304': getConfig(true),
};
