import { expect } from 'vitest';
import { promise } from './support/promise.ts';
import { passing } from './support/suites.ts';

promise(
  'R7',
  {
    promise: 'malformed input never gives a 5xx, a hang or an exit',
    asked: '10,000 generated + 10,000 mutated requests: all refusals below 500, in the documented shape',
    rounds: { short: 1000, long: 10_000 },
  },
  async ({ rounds, seed }) => {
    const env = { PROPERTY_RUNS: String(rounds), FUZZ_SEED: String(seed) };
    expect(await passing('r07', ['test/hostile/fuzz.test.ts'], env)).toBe(3);
    return `${rounds} generated + ${rounds} mutated requests and 500 on a raw socket: 0 answers of 500 or more, 0 hangs, 0 exits`;
  },
);
