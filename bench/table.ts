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

/** The figure that the budget is about: ours alone, or beside the bare one. */
const judgedText = (row: Row): string =>
  row.budget?.of === 'ours' ? `${number(row.ours.median)} ${row.unit}` : comparedText(row);

const HEAD = ['what', 'bare counterpart', 'bare', 'ours', 'ours against bare', 'budget', 'verdict', 'rounds'];

const cells = (row: Row): string[] => [
  row.what,
  row.bare.what,
  figure(row.bare, row.unit),
  figure(row.ours, row.unit),
  comparedText(row),
  row.budget?.text ?? 'no budget',
  verdictOf(row),
  String(row.ours.rounds),
];

const verdictOf = ({ budget }: Row): string => (budget === null ? '' : budget.met ? 'met' : 'NOT MET');

function tableFrom(head: readonly string[], rows: readonly string[][]): string {
  const lines = [head, ...rows];
  const widths = head.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)));
  const written = lines.map(
    (line) => `| ${line.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`,
  );
  const rule = `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`;
  return [written[0], rule, ...written.slice(1)].join('\n');
}

/** A table that reads well in a terminal and is Markdown. Figures are medians, with the tenth and ninetieth percentile. */
export const tableOf = (rows: readonly Row[]): string => tableFrom(HEAD, rows.map(cells));

/** Every budget with what it is held against: what a person wants to know first stands last, above the prompt. */
export const budgetsOf = (rows: readonly Row[]): string =>
  tableFrom(
    ['budget of', 'limit', 'measured', 'verdict'],
    rows.flatMap((row) => (row.budget === null ? [] : [[row.what, row.budget.text, judgedText(row), verdictOf(row)]])),
  );
