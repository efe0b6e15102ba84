import { nullRecord } from './null-record.ts';
import type { JsonValue } from './payload.ts';
import { maskSecrets } from './secrets/detector.ts';
import { isObject, ownMember } from './splice/equality.ts';

/** One entry of a client's file before and after a deployment; undefined: not there. */
export interface EntryChange {
  name: string;
  before: JsonValue | undefined;
  after: JsonValue | undefined;
}

/**
 * A readable diff of owned entries only: no line of the rest of the file is shown, because it may hold other people's
 * secrets, and what looks like a secret inside an entry that we take over is masked.
 */
export function entryDiff(changes: readonly EntryChange[]): string {
  return changes
    .map(({ name, before, after }) => [`@@ ${JSON.stringify(name)} @@`, ...lines(before, after)].join('\n'))
    .join('\n');
}

function lines(before: JsonValue | undefined, after: JsonValue | undefined): string[] {
  const old = print(before);
  const wanted = print(after === undefined ? undefined : inOrderOf(before, after));
  let head = 0;
  while (head < old.length && head < wanted.length && old[head] === wanted[head]) head += 1;
  let tail = 0;
  while (tail < old.length - head && tail < wanted.length - head && old.at(-1 - tail) === wanted.at(-1 - tail))
    tail += 1;
  return [
    ...old.slice(0, head).map((line) => `  ${line}`),
    ...between(old.slice(head, old.length - tail), wanted.slice(head, wanted.length - tail)),
    ...wanted.slice(wanted.length - tail).map((line) => `  ${line}`),
  ];
}

/** Beyond this, two long entries without a common beginning or end, the one is shown and then the other. */
const MAX_COMPARED = 1_000_000;

/** Lines that go and lines that come, around the longest sequence of lines that both have. */
function between(old: readonly string[], wanted: readonly string[]): string[] {
  const out = (line: string) => `- ${line}`;
  const into = (line: string) => `+ ${line}`;
  if (old.length * wanted.length > MAX_COMPARED) return [...old.map(out), ...wanted.map(into)];
  const width = wanted.length + 1;
  const common = new Uint16Array((old.length + 1) * width);
  const at = (i: number, j: number) => common[i * width + j] ?? 0;
  for (let i = old.length - 1; i >= 0; i -= 1) {
    for (let j = wanted.length - 1; j >= 0; j -= 1) {
      common[i * width + j] = old[i] === wanted[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
    }
  }
  const shown: string[] = [];
  let [i, j] = [0, 0];
  while (i < old.length && j < wanted.length) {
    const line = old[i] ?? '';
    if (line === wanted[j]) shown.push(`  ${line}`);
    else if (at(i + 1, j) >= at(i, j + 1)) shown.push(out(line));
    else shown.push(into(wanted[j] ?? ''));
    const step = shown.at(-1)?.[0];
    if (step !== '+') i += 1;
    if (step !== '-') j += 1;
  }
  return [...shown, ...old.slice(i).map(out), ...wanted.slice(j).map(into)];
}

/** The order of keys means nothing: what comes is shown in the order of what goes. */
function inOrderOf(before: JsonValue | undefined, after: JsonValue): JsonValue {
  if (!isObject(before) || !isObject(after)) return after;
  const keys = new Set([...Object.keys(before).filter((key) => Object.hasOwn(after, key)), ...Object.keys(after)]);
  return nullRecord([...keys].map((key) => [key, inOrderOf(ownMember(before, key), after[key] as JsonValue)]));
}

const print = (value: JsonValue | undefined): string[] =>
  value === undefined ? [] : JSON.stringify(maskSecrets(value), null, 2).split('\n');
