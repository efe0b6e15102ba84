import type { JsonValue } from './payload.ts';
import { maskSecrets } from './secrets/detector.ts';

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
  const wanted = print(after);
  let head = 0;
  while (head < old.length && head < wanted.length && old[head] === wanted[head]) head += 1;
  let tail = 0;
  while (tail < old.length - head && tail < wanted.length - head && old.at(-1 - tail) === wanted.at(-1 - tail))
    tail += 1;
  return [
    ...old.slice(0, head).map((line) => `  ${line}`),
    ...old.slice(head, old.length - tail).map((line) => `- ${line}`),
    ...wanted.slice(head, wanted.length - tail).map((line) => `+ ${line}`),
    ...wanted.slice(wanted.length - tail).map((line) => `  ${line}`),
  ];
}

const print = (value: JsonValue | undefined): string[] =>
  value === undefined ? [] : JSON.stringify(maskSecrets(value), null, 2).split('\n');
