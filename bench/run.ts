import { parseArgs } from 'node:util';
import { deploy } from './deploy.ts';
import type { Row } from './figures.ts';
import { http } from './http.ts';
import { launcher } from './launcher.ts';
import { factsText, machineFacts } from './machine.ts';
import { mcp } from './mcp.ts';
import { FULL, type Measurement, QUICK } from './measurement.ts';
import { memory } from './memory.ts';
import { publish } from './publish.ts';
import { readiness } from './ready.ts';
import { start } from './start.ts';
import { budgetsOf, tableOf } from './table.ts';

/**
 * `npm run bench [-- NAME...] [--json] [--quick]`: speed, beside what the machine itself takes for the same, in the same
 * run. Ends with 1 when a budget is not met, and with 2 when it was called wrongly. `--quick` only shows that it works:
 * its figures say nothing.
 */

const MEASUREMENTS: readonly Measurement[] = [start, launcher, publish, deploy, http, mcp, readiness, memory];

function chosen(names: readonly string[]): readonly Measurement[] {
  const known = MEASUREMENTS.map(({ name }) => name);
  const unknown = names.find((name) => !known.includes(name));
  if (unknown !== undefined) throw new Error(`There is no measurement "${unknown}". There are: ${known.join(', ')}.`);
  return names.length === 0 ? MEASUREMENTS : MEASUREMENTS.filter(({ name }) => names.includes(name));
}

function readArguments() {
  const option = { type: 'boolean', default: false } as const;
  try {
    const { values, positionals } = parseArgs({ allowPositionals: true, options: { json: option, quick: option } });
    return { ...values, measurements: chosen(positionals) };
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n`);
    process.exit(2);
  }
}

const { json, quick, measurements } = readArguments();
const machine = machineFacts();
const rows: Row[] = [];
for (const { name, run } of measurements) {
  process.stderr.write(`measuring ${name} ...\n`);
  rows.push(...(await run(quick ? QUICK : FULL)));
}
const missed = rows.filter(({ budget }) => budget?.met === false).length;
if (json) process.stdout.write(`${JSON.stringify({ machine, quick, rows }, null, 2)}\n`);
else
  process.stdout.write(
    `${factsText(machine)}\n\n${tableOf(rows)}\n\n${budgetsOf(rows)}\n\n${missed} budgets not met\n`,
  );
process.exitCode = missed > 0 ? 1 : 0;
