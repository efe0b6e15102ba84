import { expect, it } from 'vitest';
import { formatToken } from '../../src/core/token.ts';
import { invoke } from '../../src/operations/operation.ts';
import { generateToken } from '../../src/operations/tokens.ts';
import { API_KEY, restInProcess } from './server.ts';

/** How long a refusal takes must not say how close a guess was. Figures of a busy machine say nothing: only in the long run. */
const LONG = Number(process.env['CRASH_ROUNDS'] ?? 50) > 50;
const SAMPLES = 4_000;
const SHUFFLES = 300;

const median = (values: readonly number[]) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;

function shuffled(values: readonly number[]): number[] {
  const all = [...values];
  for (let at = all.length - 1; at > 0; at -= 1) {
    const other = Math.floor(Math.random() * (at + 1));
    [all[at], all[other]] = [all[other] ?? 0, all[at] ?? 0];
  }
  return all;
}

/** The largest difference that groups have which are equal: the samples of both, dealt out at random. */
function noiseOf(first: readonly number[], second: readonly number[]): number {
  const differences = Array.from({ length: SHUFFLES }, () => {
    const all = shuffled([...first, ...second]);
    return Math.abs(median(all.slice(0, first.length)) - median(all.slice(first.length)));
  });
  return Math.max(...differences);
}

it.skipIf(!LONG)(
  'T23: a refused token that begins like a valid one takes as long as any other',
  { timeout: 600_000 },
  async () => {
    const { app, server } = await restInProcess();
    const valid = String((await invoke(generateToken, app.localContext('cli'), {}))['token']);
    const random = () => formatToken('user', crypto.getRandomValues(new Uint8Array(32)));
    // As long a common beginning as there can be with a checksum that is right: guesses are taken until one has it.
    const close = () => {
      for (;;) {
        const token = random();
        if (token.slice(10, 12) === valid.slice(10, 12)) return token;
      }
    };
    const took = async (headers: Record<string, string>) => {
      const begin = process.hrtime.bigint();
      const answer = await server.inject({ url: '/v1/clients', headers: { host: 'localhost', ...headers } });
      const ns = Number(process.hrtime.bigint() - begin);
      expect(answer.statusCode).toBe(401);
      return ns;
    };
    const compare = async (near: () => Record<string, string>, far: () => Record<string, string>) => {
      const samples: [number[], number[]] = [[], []];
      for (let round = -500; round < SAMPLES; round += 1) {
        const order = round % 2 === 0 ? [0, 1] : [1, 0];
        for (const which of order) {
          const ns = await took(which === 0 ? near() : far());
          if (round >= 0) samples[which as 0 | 1].push(ns);
        }
      }
      const difference = Math.abs(median(samples[0]) - median(samples[1]));
      const noise = noiseOf(...samples);
      process.stdout.write(`difference of medians ${difference} ns, of equal groups at most ${noise} ns\n`);
      return { difference, noise };
    };
    const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
    const tokens = Array.from({ length: 50 }, () => [close(), random()] as const);
    const any = (which: 0 | 1) => tokens[Math.floor(Math.random() * tokens.length)]?.[which] ?? '';
    const token = await compare(
      () => bearer(any(0)),
      () => bearer(any(1)),
    );
    expect(token.difference).toBeLessThanOrEqual(token.noise);
    const key = await compare(
      () => ({ 'x-api-key': `${API_KEY.slice(0, -1)}!` }),
      () => ({ 'x-api-key': `!${API_KEY.slice(1)}` }),
    );
    expect(key.difference).toBeLessThanOrEqual(key.noise);
  },
);
