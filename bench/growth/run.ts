import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { factsText, machineFacts } from '../machine.ts';
import { ROOT } from '../sandbox.ts';
import { byArtifacts, byConnections, byServers, type Chart, type Curve, type GrowthEffort } from './curves.ts';
import { STORES } from './stores.ts';
import { svgOf } from './svg.ts';

/**
 * `npm run bench:growth [-- STORE...] [--quick] [--write]`: how the product behaves as things grow, on each store. STORE is
 * `sqlite`, `postgres` or `redis`. Ends with 1 when what has to be flat is not. `--write` keeps the figures and pictures in
 * docs/performance/, of which docs/performance.md is made (`node scripts/performance-page.ts`).
 */

const FULL: GrowthEffort = {
  artifacts: [10, 1_000, 100_000],
  connections: [1, 100, 1_000],
  servers: [1, 10, 100, 1_000],
  calls: 200,
  seconds: 3,
};
const QUICK: GrowthEffort = { artifacts: [10, 20], connections: [1, 2], servers: [1, 2], calls: 2, seconds: 0.2 };

/** The median of the most against that of the fewest. */
const FLAT = 1.3;
const HAS_TO_BE_FLAT = /^artifacts-/;

const ratio = ({ points }: Curve): number => (points.at(-1)?.median ?? 1) / (points[0]?.median ?? 1);

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { quick: { type: 'boolean', default: false }, write: { type: 'boolean', default: false } },
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
const effort = values.quick ? QUICK : FULL;
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

process.stdout.write(`${factsText(machine)}\n\n`);
let missed = 0;
for (const chart of charts) {
  process.stdout.write(`${chart.title} (${chart.unit})\n`);
  for (const curve of chart.curves) {
    const figures = curve.points.map(({ at, median }) => `${at}: ${Number(median.toPrecision(3))}`).join('  ');
    const flat = HAS_TO_BE_FLAT.test(chart.id);
    const steep = flat && ratio(curve) >= FLAT;
    missed += steep ? 1 : 0;
    const verdict = flat ? `  ${ratio(curve).toFixed(2)}x, ${steep ? 'NOT FLAT' : 'flat'} (< ${FLAT})` : '';
    process.stdout.write(`  ${curve.store}: ${figures}${verdict}\n`);
  }
}
if (values.write) {
  const folder = join(ROOT, 'docs/performance');
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'growth.json'), `${JSON.stringify({ machine, effort, charts }, null, 2)}\n`);
  for (const chart of charts) writeFileSync(join(folder, `${chart.id}.svg`), svgOf(chart));
}
process.exitCode = missed > 0 && !values.quick ? 1 : 0;
