import { appendFileSync, mkdirSync } from 'node:fs';
import { availableParallelism, totalmem } from 'node:os';
import { join } from 'node:path';
import { it } from 'vitest';
import { randomFrom } from '../../../bench/random.ts';
import { ROOT } from '../../support/workspace.ts';

/** One line of coverage/faults.json. */
export interface Record {
  id: string;
  promise: string;
  /** The figure that the promise asks for. */
  asked: string;
  measured: string;
  rounds: number;
  seed: number;
  seconds: number;
  command: string;
  date: string;
  machine: string;
}

export interface Effort {
  /** How many rounds this run does. */
  rounds: number;
  /** Whether this run asks for all that the promise does. */
  long: boolean;
  seed: number;
  /** Numbers from 0 up to 1, the same again for the same seed. */
  random: () => number;
}

interface Promised {
  promise: string;
  asked: string;
  /** Rounds of the short form, which is part of CI, and of the long one. */
  rounds: { short: number; long: number };
}

const RESULTS = join(ROOT, 'coverage/faults.json');
const MACHINE = `${availableParallelism()} cores, ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.version}`;

/** `FAULT_ROUNDS`: a number, or `long` for what the promise asks for; `FAULT_SEED`: that of the run to do again. */
export function effortOf({ short, long }: Promised['rounds']): Effort {
  const asked = process.env['FAULT_ROUNDS'] ?? '';
  const rounds = asked === 'long' ? long : asked === '' ? short : Number(asked);
  if (!Number.isInteger(rounds) || rounds < 1) throw new Error(`FAULT_ROUNDS=${asked}: a number, or long`);
  const seed = Number(process.env['FAULT_SEED'] ?? Date.now() % 2 ** 31);
  return { rounds, long: rounds >= long, seed, random: randomFrom(seed) };
}

/** How this run can be started again. */
const commandOf = (id: string) => {
  const rounds = process.env['FAULT_ROUNDS'];
  const file = `r${id.slice(1).padStart(2, '0')}`;
  return `${rounds === undefined ? '' : `FAULT_ROUNDS=${rounds} `}npm run test:faults -- ${file}`;
};

export function keep(id: string, { promise, asked }: Promised, { rounds, seed }: Effort, measured: string, ms: number) {
  process.stdout.write(`${id}: ${measured}\n`);
  const record: Record = {
    id,
    promise,
    asked,
    measured,
    rounds,
    seed,
    seconds: Math.round(ms / 1000),
    command: commandOf(id),
    date: new Date().toISOString().slice(0, 10),
    machine: MACHINE,
  };
  mkdirSync(join(ROOT, 'coverage'), { recursive: true });
  // One line in one write: two test files may end in the same moment.
  appendFileSync(RESULTS, `${JSON.stringify(record)}\n`);
}

/** A promise of docs/evidence, with the test that measures it: `work` fails, or gives the figure. */
export function promise(id: string, promised: Promised, work: (effort: Effort) => Promise<string>): void {
  const effort = effortOf(promised.rounds);
  it(`${id} ${promised.promise}`, async () => {
    process.stdout.write(`${id}: ${effort.rounds} rounds, FAULT_SEED=${effort.seed}\n`);
    const began = performance.now();
    const measured = await work(effort);
    keep(id, promised, effort, measured, performance.now() - began);
  });
}

/** A promise that cannot be tried on this machine: it is skipped with the reason, and no figure is kept. In CI it fails. */
export function cannot(id: string, reason: string): void {
  const fail = () => {
    throw new Error(reason);
  };
  it.skipIf(process.env['CI'] === undefined)(`${id} cannot be tried: ${reason}`, fail);
}

export const quantile = (values: readonly number[], part: number): number => {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0;
};

/** The best of a few tries, as a machine that does other work spoils single ones. Stops at the first that is `enough`. */
export async function bestOf<T>(tries: number, once: () => Promise<T>, of: (result: T) => number, enough: number) {
  let best: T | undefined;
  for (let left = tries; left > 0; left -= 1) {
    const result = await once();
    if (best === undefined || of(result) < of(best)) best = result;
    if (of(best) < enough) break;
  }
  return best as T;
}
