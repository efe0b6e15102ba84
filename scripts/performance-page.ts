import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import type { Row } from '../bench/figures.ts';
import { type Chart, type Curve, FLAT, flatnessOf, ratioOf } from '../bench/growth/chart.ts';
import type { GrowthEffort } from '../bench/growth/curves.ts';
import { factsText, type MachineFacts } from '../bench/machine.ts';
import { tableOf } from '../bench/table.ts';

/** Makes docs/performance.md of the figures that `npm run bench` and `npm run bench:growth` have left in docs/performance/. */

const read = <T>(name: string): T | undefined => {
  const url = new URL(`../docs/performance/${name}`, import.meta.url);
  return existsSync(url) ? (JSON.parse(readFileSync(url, 'utf8')) as T) : undefined;
};

const short = (value: number) =>
  value >= 100 ? Math.round(value).toLocaleString('en-US') : String(Number(value.toPrecision(3)));

function tableOfChart(chart: Chart): string {
  const { curves, along, unit } = chart;
  const steps = curves[0]?.points.map(({ at }) => at) ?? [];
  const row = (curve: Curve) => {
    const flatness = flatnessOf(chart, curve);
    const verdict = `${ratioOf(curve).toFixed(2)}x${flatness ? `, ${flatness}` : ''}`;
    return `| ${[curve.store, ...curve.points.map(({ median }) => `${short(median)} ${unit}`), verdict].join(' | ')} |`;
  };
  const head = [
    '',
    ...steps.map((step) => `${step.toLocaleString('en-US')} ${step === 1 ? along.replace(/s$/, '') : along}`),
    'most against first',
  ];
  return [`| ${head.join(' | ')} |`, `| ${head.map(() => '---').join(' | ')} |`, ...curves.map(row)].join('\n');
}

const growth = read<{ machine: MachineFacts; effort: GrowthEffort; charts: Chart[] }>('growth.json');
const budgets = read<{ machine: MachineFacts; rows: Row[] }>('bench.json');
const parts = [
  '# Performance',
  '',
  'Measured, not promised: what is asked of each figure is in the budgets, and what is not met says so. Figures are medians. Each budget stands beside its bare counterpart, measured in the same run, because only the ratio says something about another machine. Made by `node scripts/performance-page.ts` of the files in [performance/](performance/).',
  '',
  ...(budgets
    ? [
        '## Budgets',
        '',
        `\`npm run bench -- --json > docs/performance/bench.json\`: ${factsText(budgets.machine)}.`,
        '',
        tableOf(budgets.rows),
        '',
      ]
    : []),
  ...(growth
    ? [
        '## Growth',
        '',
        `\`npm run bench:growth -- --write\`: ${factsText(growth.machine)}. PostgreSQL and Redis run on the same cores as the server and the load.`,
        '',
        'Calls by the number of artifacts and servers are made in one process, where nothing is kept from one call to the next; those by connections go over REST.',
        '',
        `By the number of artifacts: stores of all sizes are open at once and are asked in turn, in an order that changes with each round, so that what else the machine does hits all alike. Flat is less than ${FLAT} times the fewest. Pages have as many rows in the smallest store as in the largest. Publishing comes last, and makes each store larger by a few hundred while it is measured.`,
        '',
        ...growth.charts.flatMap((chart) => [
          `### ${chart.title}`,
          '',
          `![${chart.title}](performance/${chart.id}.svg)`,
          '',
          tableOfChart(chart),
          '',
        ]),
      ]
    : []),
];
writeFileSync(new URL('../docs/performance.md', import.meta.url), `${parts.join('\n').trimEnd()}\n`);
