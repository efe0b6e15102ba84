import { setImmediate as nextTurn } from 'node:timers/promises';

/** What was measured, beside what it is measured against. */

export type Unit = 'ms' | 'µs' | 'per s' | 'MiB';

export interface Summary {
  median: number;
  /** The tenth and the ninetieth percentile: how far a single round was from the median. */
  low: number;
  high: number;
  rounds: number;
}

/** `times`: ours is so many times the bare one; `share`: ours reaches that part of it; `over`: ours takes so much more. */
export type Comparison = 'times' | 'share' | 'over';

export interface Row {
  what: string;
  unit: Unit;
  bare: Summary & { what: string };
  ours: Summary;
  compared: { as: Comparison; value: number };
  budget: { text: string; met: boolean; of: Budget['of'] } | null;
}

/** A limit on the comparison, or on our own figure alone. Shares must reach it, times must stay below it. */
export interface Budget {
  of: 'comparison' | 'ours';
  limit: number;
}

export interface Measured {
  what: string;
  unit: Unit;
  bare: { what: string; samples: readonly number[] };
  ours: readonly number[];
  as: Comparison;
  budget?: Budget;
}

/** Nearest rank: always a value that was measured. */
export function quantile(samples: readonly number[], part: number): number {
  const sorted = Float64Array.from(samples).sort();
  const value = sorted[Math.max(0, Math.ceil(part * sorted.length) - 1)];
  if (value === undefined) throw new Error('nothing was measured');
  return value;
}

export const summaryOf = (samples: readonly number[]): Summary => ({
  median: quantile(samples, 0.5),
  low: quantile(samples, 0.1),
  high: quantile(samples, 0.9),
  rounds: samples.length,
});

export function rowOf({ what, unit, bare, ours, as, budget }: Measured): Row {
  const [theirs, own] = [summaryOf(bare.samples), summaryOf(ours)];
  const value = as === 'over' ? own.median - theirs.median : own.median / theirs.median;
  return {
    what,
    unit,
    bare: { what: bare.what, ...theirs },
    ours: own,
    compared: { as, value },
    budget: budget ? { ...judged(budget, { as, value, unit, own: own.median }), of: budget.of } : null,
  };
}

function judged(
  { of, limit }: Budget,
  { as, value, unit, own }: { as: Comparison; value: number; unit: Unit; own: number },
): { text: string; met: boolean } {
  if (of === 'ours') return { text: `< ${limit} ${unit}`, met: own < limit };
  if (as === 'share') return { text: `at least ${percent(limit)}`, met: value >= limit };
  if (as === 'over') return { text: `< ${limit} ${unit} over`, met: value < limit };
  return { text: `< ${limit}x`, met: value < limit };
}

/** To a tenth, downwards: what does not reach a limit must not look as if it did. */
export const percent = (part: number): string => `${Math.floor(part * 1000) / 10} %`;

/** Milliseconds that the work takes. What it gives back is dropped: the work itself has to refuse a wrong answer. */
export async function timed(work: () => unknown): Promise<number> {
  const begin = performance.now();
  await work();
  return performance.now() - begin;
}

export type Task = () => number | Promise<number>;

/**
 * Runs every task once a round and collects what each gives back. Every other round runs backwards, so that no task is
 * always the one that comes after another. The first rounds warm up code and disk, and do not count.
 */
export async function interleave<Name extends string>(
  { rounds, warmups }: { rounds: number; warmups: number },
  tasks: Readonly<Record<Name, Task>>,
): Promise<Record<Name, number[]>> {
  const names = Object.keys(tasks) as Name[];
  const samples = Object.fromEntries(names.map((name) => [name, [] as number[]])) as Record<Name, number[]>;
  for (let round = -warmups; round < rounds; round += 1) {
    for (const name of round % 2 === 0 ? names : names.toReversed()) {
      // Tasks may block from begin to end: only between them can a signal be heard.
      await nextTurn();
      const value = await tasks[name]();
      if (round >= 0) samples[name].push(value);
    }
  }
  return samples;
}
