import { mkdirSync, writeFileSync } from 'node:fs';
import { Session } from 'node:inspector/promises';
import { dirname } from 'node:path';
import { parseArgs } from 'node:util';
import { type CpuProfile, flameGraph } from './flame-graph.ts';
import { PATHS } from './hot-paths.ts';
import { PROCESSES, type Profiled } from './profiles.ts';

/**
 * `npm run flame -- NAME OUT.svg [--calls N] [--seconds N] [--profile FILE]`: does one hot path over and over and draws
 * where its time goes. Only what is between the warm-up and the last call is in the picture, so that loading and opening do
 * not hide it. `start` and `get-config...` run the bundle, in processes of their own; of these, the second is asked for
 * so many seconds. `--profile` keeps the profile itself, for the tools of a browser.
 */

const INTERVAL_US = 200;

function readArguments() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      calls: { type: 'string', default: '200' },
      seconds: { type: 'string', default: '5' },
      profile: { type: 'string' },
    },
  });
  const [name = '', out] = positionals;
  const names = [...Object.keys(PATHS), ...Object.keys(PROCESSES)];
  if (!names.includes(name) || out === undefined) {
    process.stderr.write(`npm run flame -- NAME OUT.svg; NAME is one of: ${names.join(', ')}.\n`);
    process.exit(2);
  }
  return { name, out, calls: Number(values.calls), seconds: Number(values.seconds), keep: values.profile };
}

/** One of `PATHS`, in this process. */
async function profiledHere(name: string, calls: number): Promise<Profiled> {
  const session = new Session();
  session.connect();
  await session.post('Profiler.enable');
  await session.post('Profiler.setSamplingInterval', { interval: INTERVAL_US });
  let elapsed = 0;
  let profile: CpuProfile | undefined;
  await PATHS[name]?.(async (call) => {
    for (let warm = 0; warm < Math.min(50, calls); warm += 1) await call();
    await session.post('Profiler.start');
    const begin = performance.now();
    for (let count = 0; count < calls; count += 1) await call();
    elapsed = performance.now() - begin;
    ({ profile } = (await session.post('Profiler.stop')) as { profile: CpuProfile });
  });
  if (profile === undefined) throw new Error(`${name} was not measured`);
  return { profile, calls, elapsed };
}

const { name, out, calls, seconds, keep } = readArguments();
const measured = (await PROCESSES[name]?.({ calls, seconds })) ?? (await profiledHere(name, calls));
if (keep !== undefined) writeFileSync(keep, JSON.stringify(measured.profile));
const each = `${(measured.elapsed / measured.calls).toFixed(2)} ms each`;
mkdirSync(dirname(out), { recursive: true });
writeFileSync(out, flameGraph(measured.profile, `${name}: ${measured.calls} calls, ${each}`));
process.stdout.write(`${name}: ${each}, ${out}\n`);
