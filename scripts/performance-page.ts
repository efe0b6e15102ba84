import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import type { Row } from '../bench/figures.ts';
import type { Chart, Curve } from '../bench/growth/curves.ts';
import { factsText, type MachineFacts } from '../bench/machine.ts';
import { tableOf } from '../bench/table.ts';

/** Makes docs/performance.md of the figures that `npm run bench` and `npm run bench:growth` have left in docs/performance/. */

const read = <T>(name: string): T | undefined => {
  const url = new URL(`../docs/performance/${name}`, import.meta.url);
  return existsSync(url) ? (JSON.parse(readFileSync(url, 'utf8')) as T) : undefined;
};

const short = (value: number) =>
  value >= 100 ? Math.round(value).toLocaleString('en-US') : String(Number(value.toPrecision(3)));

function tableOfChart({ curves, along, unit }: Chart): string {
  const steps = curves[0]?.points.map(({ at }) => at) ?? [];
  const row = ({ store, points }: Curve) => {
    const ratio = (points.at(-1)?.median ?? 1) / (points[0]?.median ?? 1);
    return `| ${[store, ...points.map(({ median }) => `${short(median)} ${unit}`), `${ratio.toFixed(2)}x`].join(' | ')} |`;
  };
  const head = ['', ...steps.map((step) => `${step.toLocaleString('en-US')} ${along}`), 'most against first'];
  return [`| ${head.join(' | ')} |`, `| ${head.map(() => '---').join(' | ')} |`, ...curves.map(row)].join('\n');
}

const growth = read<{ machine: MachineFacts; charts: Chart[] }>('growth.json');
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
