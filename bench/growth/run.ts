import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { factsText, machineFacts } from '../machine.ts';
import { ROOT } from '../sandbox.ts';
import { byArtifacts } from './by-artifacts.ts';
import { type Chart, FLAT, flatnessOf, ratioOf } from './chart.ts';
import { byConnections, byServers, type GrowthEffort } from './curves.ts';
import { STORES } from './stores.ts';
import { svgOf } from './svg.ts';

/**
 * `npm run bench:growth [-- STORE...] [--quick] [--write] [--seed N]`: how the product behaves as things grow, on each
 * store. STORE is `sqlite`, `postgres` or `redis`. What has to be flat is called flat or not; that does not change how this
 * ends, for a busy machine may bend a curve. `--seed` gives the stores their turns in the order of another run. `--write` keeps the figures and pictures in
 * docs/performance/, of which docs/performance.md is made (`node scripts/performance-page.ts`).
 */

const FULL: Omit<GrowthEffort, 'seed'> = {
  artifacts: [10, 1_000, 100_000],
  rounds: { read: 1_000, publish: 300 },
  connections: [1, 100, 1_000],
  servers: [1, 10, 100, 1_000],
  calls: 200,
  seconds: 3,
};
const QUICK: Omit<GrowthEffort, 'seed'> = {
  artifacts: [10, 20],
  rounds: { read: 2, publish: 2 },
  connections: [1, 2],
  servers: [1, 2],
  calls: 2,
  seconds: 0.2,
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
    seed: { type: 'string' },
  },
});
const NAMES: Readonly<Record<string, string>> = {
  sqlite: 'SQLite',
  postgres: 'PostgreSQL',
  redis: 'PostgreSQL and Redis',
};
const unknown = positionals.find((name) => !Object.hasOwn(NAMES, name));
if (unknown !== undefined) {
  process.stderr.write(`There is no store "${unknown}". There are: ${Object.keys(NAMES).join(', ')}.\n`);
  process.exit(2);
}
const stores = STORES.filter(({ name }) => positionals.length === 0 || positionals.some((key) => NAMES[key] === name));
const seed = Number(values.seed ?? Date.now() % 2 ** 31);
if (!Number.isSafeInteger(seed)) {
  process.stderr.write('A seed is a whole number.\n');
  process.exit(2);
}
const effort: GrowthEffort = { ...(values.quick ? QUICK : FULL), seed };
const machine = machineFacts();
const charts: Chart[] = [];
for (const [name, measure] of Object.entries({
  artifacts: byArtifacts,
  servers: byServers,
  connections: byConnections,
})) {
  process.stderr.write(`measuring by ${name} ...\n`);
  charts.push(...(await measure(stores, effort)));
}

process.stdout.write(`${factsText(machine)}\nseed ${seed}\n\n`);
for (const chart of charts) {
  process.stdout.write(`${chart.title} (${chart.unit})\n`);
  for (const curve of chart.curves) {
    const figures = curve.points.map(({ at, median }) => `${at}: ${Number(median.toPrecision(3))}`).join('  ');
    const flatness = flatnessOf(chart, curve);
    const verdict = flatness ? `, ${flatness} (< ${FLAT}x)` : '';
    process.stdout.write(`  ${curve.store}: ${figures}  ${ratioOf(curve).toFixed(2)}x${verdict}\n`);
  }
}
if (values.write) {
  const folder = join(ROOT, 'docs/performance');
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'growth.json'), `${JSON.stringify({ machine, effort, charts }, null, 2)}\n`);
  for (const chart of charts) writeFileSync(join(folder, `${chart.id}.svg`), svgOf(chart));
}
