/** Turns a profile of V8 (`node --cpu-prof`) into one SVG file: no script, no font, the same bytes for the same profile. */

export interface CallFrame {
  functionName: string;
  url: string;
  lineNumber: number;
}

export interface CpuProfile {
  nodes: readonly { id: number; callFrame: CallFrame; children?: readonly number[] }[];
  samples: readonly number[];
  /** Microseconds between a sample and the one before. */
  timeDeltas: readonly number[];
}

/** A function as it was called from the one above: all its calls there together. */
interface Frame {
  name: string;
  place: string;
  own: number;
  total: number;
  callees: Map<string, Frame>;
}

const WIDTH = 1200;
const ROW = 17;
const HEAD = 44;
/** Pixels. What is narrower cannot be seen, and a file that a browser opens at once says more. */
const NARROWEST = 1;
const LETTER = 6.2;

const frame = (name: string, place: string): Frame => ({ name, place, own: 0, total: 0, callees: new Map() });

/** The part of an address that says where it is on any machine: behind `node_modules` or the repository. */
function placeOf({ url, lineNumber }: CallFrame): string {
  if (url === '') return '';
  const inside = /\/node_modules\/(.*)$/.exec(url)?.[1] ?? /\/((?:src|bench|dist|bin)\/.*)$/.exec(url)?.[1];
  return `${inside ?? url}:${lineNumber + 1}`;
}

/** Microseconds that were sampled in each node. Waiting for the disk counts: a call that blocks is on the stack. */
function timesOf({ samples, timeDeltas }: CpuProfile): Map<number, number> {
  const times = new Map<number, number>();
  samples.forEach((id, at) => {
    times.set(id, (times.get(id) ?? 0) + Math.max(0, timeDeltas[at] ?? 0));
  });
  return times;
}

/** Calls of one function by the same caller become one frame, whichever line they come from. */
export function mergedFrames(profile: CpuProfile): Frame {
  const nodes = new Map(profile.nodes.map((node) => [node.id, node]));
  const times = timesOf(profile);
  const add = (id: number, parent: Frame): number => {
    const node = nodes.get(id);
    if (node === undefined || node.callFrame.functionName === '(idle)') return 0;
    const name = node.callFrame.functionName || '(anonymous)';
    const place = placeOf(node.callFrame);
    const key = `${name} ${place}`;
    const into = parent.callees.get(key) ?? frame(name, place);
    parent.callees.set(key, into);
    const own = times.get(id) ?? 0;
    let total = own;
    for (const child of node.children ?? []) total += add(child, into);
    into.own += own;
    into.total += total;
    return total;
  };
  const all = frame('all', '');
  const [root] = profile.nodes;
  for (const id of root?.children ?? []) all.total += add(id, all);
  return all;
}

const escaped = (text: string) =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');

/** Ours, of a package, of Node, of the machine: a colour each. */
function colourOf({ name, place }: Frame): string {
  if (/^(src|dist|bin)\//.test(place)) return '#f2a65a';
  if (place.startsWith('bench/')) return '#c9c9c9';
  if (name === '(garbage collector)') return '#d46a6a';
  if (place === '' || place.startsWith('node:')) return '#9ec5e5';
  return '#b5d99c';
}

const ms = (microseconds: number) => (microseconds / 1000).toFixed(1);

function boxOf(one: Frame, at: { x: number; y: number; width: number }, whole: number): string {
  const share = ((one.total / whole) * 100).toFixed(1);
  const title = `${one.name} ${one.place}: ${ms(one.total)} ms, ${share} %, itself ${ms(one.own)} ms`;
  const letters = Math.floor((at.width - 4) / LETTER);
  const label = one.name.length <= letters ? one.name : letters > 3 ? `${one.name.slice(0, letters - 1)}…` : '';
  const text = label === '' ? '' : `<text x="${(at.x + 2).toFixed(1)}" y="${at.y + 12}">${escaped(label)}</text>`;
  const size = `x="${at.x.toFixed(1)}" y="${at.y}" width="${at.width.toFixed(1)}" height="${ROW - 1}"`;
  return `<g><title>${escaped(title)}</title><rect ${size} fill="${colourOf(one)}"/>${text}</g>`;
}

/** The widest first, so that two profiles of one path can be laid side by side. */
const byTime = (one: Frame, other: Frame) => other.total - one.total || (one.name < other.name ? -1 : 1);

export function flameGraph(profile: CpuProfile, title: string): string {
  const all = mergedFrames(profile);
  const boxes: string[] = [];
  let deepest = 0;
  const draw = (one: Frame, x: number, depth: number) => {
    const width = (one.total / Math.max(1, all.total)) * WIDTH;
    if (width < NARROWEST) return;
    deepest = Math.max(deepest, depth);
    boxes.push(boxOf(one, { x, y: HEAD + depth * ROW, width }, all.total));
    let left = x;
    for (const callee of [...one.callees.values()].toSorted(byTime)) {
      draw(callee, left, depth + 1);
      left += (callee.total / Math.max(1, all.total)) * WIDTH;
    }
  };
  draw(all, 0, 0);
  const height = HEAD + (deepest + 1) * ROW + 4;
  const legend = 'orange: this project, green: packages, blue: Node and the system, red: garbage collection';
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" font-family="monospace" font-size="10">
<title>${escaped(title)}</title>
<rect width="100%" height="100%" fill="#fff"/>
<text x="4" y="16" font-size="13">${escaped(title)}</text>
<text x="4" y="34">${ms(all.total)} ms without idling; ${legend}</text>
${boxes.join('\n')}
</svg>
`;
}
