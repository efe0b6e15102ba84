import { percent, type Row, type Summary, type Unit } from './figures.ts';

/** Three digits are more than such figures deserve. */
const number = (value: number): string =>
  Math.abs(value) >= 100 ? Math.round(value).toLocaleString('en-US') : String(Number(value.toPrecision(3)));

const figure = ({ median, low, high }: Summary, unit: Unit): string =>
  `${number(median)} ${unit} (${number(low)}-${number(high)})`;

function comparedText({ compared: { as, value }, unit }: Row): string {
  if (as === 'share') return percent(value);
  if (as === 'over') return `${value < 0 ? '' : '+'}${number(value)} ${unit}`;
  return `${value.toFixed(2)}x`;
}

const HEAD = ['what', 'bare counterpart', 'bare', 'ours', 'ours against bare', 'budget', 'verdict', 'rounds'];

const cells = (row: Row): string[] => [
  row.what,
  row.bare.what,
  figure(row.bare, row.unit),
  figure(row.ours, row.unit),
  comparedText(row),
  row.budget?.text ?? 'no budget',
  row.budget === null ? '' : row.budget.met ? 'met' : 'NOT MET',
  String(row.ours.rounds),
];

/** A table that reads well in a terminal and is Markdown. Figures are medians, with the tenth and ninetieth percentile. */
export function tableOf(rows: readonly Row[]): string {
  const lines = [HEAD, ...rows.map(cells)];
  const widths = HEAD.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)));
  const written = lines.map(
    (line) => `| ${line.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`,
  );
  const rule = `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`;
  return [written[0], rule, ...written.slice(1)].join('\n');
}
