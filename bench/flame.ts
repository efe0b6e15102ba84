import { mkdirSync, writeFileSync } from 'node:fs';
import { Session } from 'node:inspector/promises';
import { dirname } from 'node:path';
import { parseArgs } from 'node:util';
import { type CpuProfile, flameGraph } from './flame-graph.ts';
import { PATHS } from './hot-paths.ts';

/**
 * `npm run flame -- NAME OUT.svg [--calls N] [--profile FILE]`: does one hot path over and over and draws where its time
 * goes. Only what is between the warm-up and the last call is in the picture, so that loading and opening do not hide it.
 * `--profile` keeps the profile itself, for the tools of a browser.
 */

const INTERVAL_US = 200;

function readArguments() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { calls: { type: 'string', default: '200' }, profile: { type: 'string' } },
  });
  const [name = '', out] = positionals;
  const path = PATHS[name];
  if (path === undefined || out === undefined) {
    process.stderr.write(`npm run flame -- NAME OUT.svg; NAME is one of: ${Object.keys(PATHS).join(', ')}.\n`);
    process.exit(2);
  }
  return { name, out, path, calls: Number(values.calls), keep: values.profile };
}

const { name, out, path, calls, keep } = readArguments();
const session = new Session();
session.connect();
await session.post('Profiler.enable');
await session.post('Profiler.setSamplingInterval', { interval: INTERVAL_US });
let elapsed = 0;
let profile: CpuProfile | undefined;
await path(async (call) => {
  for (let warm = 0; warm < Math.min(50, calls); warm += 1) await call();
  await session.post('Profiler.start');
  const begin = performance.now();
  for (let count = 0; count < calls; count += 1) await call();
  elapsed = performance.now() - begin;
  ({ profile } = (await session.post('Profiler.stop')) as { profile: CpuProfile });
});
if (profile === undefined) throw new Error(`${name} was not measured`);
if (keep !== undefined) writeFileSync(keep, JSON.stringify(profile));
const each = `${(elapsed / calls).toFixed(2)} ms each`;
mkdirSync(dirname(out), { recursive: true });
writeFileSync(out, flameGraph(profile, `${name}: ${calls} calls, ${each}`));
process.stdout.write(`${name}: ${each}, ${out}\n`);
