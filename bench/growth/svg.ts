import type { Chart, Point } from './chart.ts';

const WIDTH = 720;
const HEIGHT = 360;
const LEFT = 70;
const RIGHT = 170;
const TOP = 40;
const BOTTOM = 50;
/** Colours that people with colour blindness can tell apart (Okabe and Ito, 2008). */
const COLOURS = ['#0072b2', '#d55e00', '#009e73', '#cc79a7'];

const escaped = (text: string) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
const short = (value: number) =>
  value >= 1000 ? `${Number((value / 1000).toPrecision(3))}k` : String(Number(value.toPrecision(3)));

/** The next round number, so that the axis ends on one. */
function ceiling(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value));
  return ([1, 2, 5, 10].find((step) => step * power >= value) ?? 10) * power;
}

/** A chart as a picture: the steps along the way at equal distances, medians as lines, the middle 80 % as whiskers. */
export function svgOf(chart: Chart): string {
  const steps = [...new Set(chart.curves.flatMap(({ points }) => points.map(({ at }) => at)))].sort((a, b) => a - b);
  const top = ceiling(Math.max(...chart.curves.flatMap(({ points }) => points.map(({ high }) => high)), 1e-6));
  const x = (at: number) => LEFT + ((WIDTH - LEFT - RIGHT) * steps.indexOf(at)) / Math.max(1, steps.length - 1);
  const y = (value: number) => HEIGHT - BOTTOM - ((HEIGHT - TOP - BOTTOM) * value) / top;
  const grid = [0, 0.25, 0.5, 0.75, 1].map((part) => {
    const at = y(part * top).toFixed(1);
    return `<line x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${at}" y2="${at}" stroke="#ddd"/><text x="${LEFT - 8}" y="${at}" text-anchor="end" dominant-baseline="middle">${short(part * top)}</text>`;
  });
  const ticks = steps.map(
    (at) =>
      `<text x="${x(at).toFixed(1)}" y="${HEIGHT - BOTTOM + 20}" text-anchor="middle">${at.toLocaleString('en-US')}</text>`,
  );
  const whisker =
    (colour: string) =>
    ({ at, low, high }: Point) =>
      `<line x1="${x(at).toFixed(1)}" x2="${x(at).toFixed(1)}" y1="${y(low).toFixed(1)}" y2="${y(high).toFixed(1)}" stroke="${colour}" stroke-opacity="0.5"/>`;
  const lines = chart.curves.map(({ store, points }, index) => {
    const colour = COLOURS[index % COLOURS.length] ?? '#000';
    const path = points.map(({ at, median }) => `${x(at).toFixed(1)},${y(median).toFixed(1)}`).join(' ');
    const dots = points.map(
      ({ at, median }) => `<circle cx="${x(at).toFixed(1)}" cy="${y(median).toFixed(1)}" r="3" fill="${colour}"/>`,
    );
    const label = `<text x="${WIDTH - RIGHT + 12}" y="${TOP + 18 * index + 6}" fill="${colour}">${escaped(store)}</text>`;
    return `${points.map(whisker(colour)).join('')}<polyline fill="none" stroke="${colour}" stroke-width="2" points="${path}"/>${dots.join('')}${label}`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="12" fill="#333">
<title>${escaped(chart.title)}</title>
<rect width="${WIDTH}" height="${HEIGHT}" fill="#fff"/>
<text x="${LEFT}" y="20" font-size="14">${escaped(chart.title)} (${chart.unit})</text>
${grid.join('\n')}
${ticks.join('\n')}
<text x="${(LEFT + WIDTH - RIGHT) / 2}" y="${HEIGHT - 10}" text-anchor="middle">${escaped(chart.along)}</text>
${lines.join('\n')}
</svg>
`;
}
