import { CLIENTS, stopUnderLoad } from '../e2e/stopping.ts';
import { promise } from './support/promise.ts';

promise(
  'R9',
  {
    promise: 'a server that is told to stop answers what is in flight, and ends',
    asked: '0 failed in-flight requests, exit within 10 s, SSE gets a retry hint',
    rounds: { short: 1, long: 20 },
  },
  async ({ rounds }) => {
    const all: Awaited<ReturnType<typeof stopUnderLoad>>[] = [];
    for (let round = 0; round < rounds; round += 1) all.push(await stopUnderLoad());
    const sum = (of: 'answers' | 'after') => all.reduce((total, one) => total + one[of], 0);
    return (
      `${rounds} stops under ${CLIENTS} clients, ${sum('answers')} answers, ${sum('after')} after SIGTERM, 0 failed; ` +
      `ended after ${Math.max(...all.map(({ took }) => took))} ms at most; every stream was told when to come back`
    );
  },
);
