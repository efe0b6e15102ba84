import { setImmediate as nextTurn } from 'node:timers/promises';
import { type Product, typicalPayload, withProduct } from '../product.ts';
import { randomFrom } from '../random.ts';
import type { Sandbox } from '../sandbox.ts';
import { type Chart, pointOf } from './chart.ts';
import type { GrowthEffort } from './curves.ts';
import { grow, type MeasuredStore, onStore, TARGET } from './stores.ts';

/** A store with so many artifacts of one profile, open in this process. */
interface Grown {
  size: number;
  call: Product['call'];
  /** Behind which a page begins that lies in the middle of the history. */
  middle: string;
}

/** So few that the smallest store has a full page both at the beginning and in the middle of its history. */
const PAGE = 4;
const WARMUPS = 50;
/** The longest page that may be asked for. */
const STRIDE = 200;

/** The last one leaves the stores larger than it found them, by a few hundred each. */
const ASKED: Readonly<Record<string, (store: Grown) => Promise<unknown>>> = {
  'get_config, latest': ({ call }) => call('releases.get', TARGET),
  get_latest: ({ call }) => call('releases.latest', TARGET),
  'history, first page': ({ call }) => page(call, undefined, PAGE),
  'history, page from the middle': ({ call, middle }) => page(call, middle, PAGE),
  publish_config: ({ call }) => call('releases.publish', { ...TARGET, payload: typicalPayload() }),
};

/** Refuses a page that is not full: a shorter one would be quicker for another reason than the size of the store. */
async function page(call: Product['call'], cursor: string | undefined, limit: number): Promise<string> {
  const { releases, next_cursor } = await call('releases.history', { ...TARGET, limit, ...(cursor && { cursor }) });
  if (!Array.isArray(releases) || releases.length !== limit || typeof next_cursor !== 'string') {
    throw new Error(`a page of ${limit} should be full, and another one should follow`);
  }
  return next_cursor;
}

/** Walks there page by page, as everybody has to: a cursor is only had from the page before. */
async function cursorBehind(call: Product['call'], rows: number): Promise<string> {
  let cursor: string | undefined;
  for (let left = rows; left > 0; left -= STRIDE) cursor = await page(call, cursor, Math.min(left, STRIDE));
  return cursor ?? '';
}

async function fill(store: MeasuredStore, sandbox: Sandbox, size: number): Promise<void> {
  const publish = ({ call }: Product) => call('releases.publish', { ...TARGET, payload: typicalPayload() });
  await withProduct(sandbox, publish);
  await grow(store, sandbox, 1, size - 1);
  await withProduct(sandbox, publish);
}

/** Opens a store of each size beside the others. */
function withGrown<T>(
  store: MeasuredStore,
  [size, ...larger]: readonly number[],
  work: (grown: readonly Grown[]) => Promise<T>,
  opened: readonly Grown[] = [],
): Promise<T> {
  if (size === undefined) return work(opened);
  return onStore(store, async (sandbox) => {
    await fill(store, sandbox, size);
    return withProduct(sandbox, async ({ call }) => {
      const middle = await cursorBehind(call, Math.floor(size / 2));
      return withGrown(store, larger, work, [...opened, { size, call, middle }]);
    });
  });
}

/** The order of each round is another one, so that no size always comes after the same other. */
function shuffled<T>(items: readonly T[], random: () => number): T[] {
  const order = [...items];
  for (let last = order.length - 1; last > 0; last -= 1) {
    const other = Math.floor(random() * (last + 1));
    [order[last], order[other]] = [order[other] as T, order[last] as T];
  }
  return order;
}

/**
 * Asks all of them in turn, so that what else the machine does meanwhile hits all sizes alike. Milliseconds of each call, by
 * size; the first rounds find everything cold and do not count.
 */
async function byTurns(
  grown: readonly Grown[],
  rounds: number,
  { ask, random }: { ask: (store: Grown) => Promise<unknown>; random: () => number },
): Promise<Map<number, number[]>> {
  const samples = new Map(grown.map(({ size }) => [size, [] as number[]]));
  for (let round = -Math.min(WARMUPS, rounds); round < rounds; round += 1) {
    for (const store of shuffled(grown, random)) {
      // What the call before has left to be done later is done now, and not within the next measurement.
      await nextTurn();
      const begun = performance.now();
      await ask(store);
      const took = performance.now() - begun;
      if (round >= 0) samples.get(store.size)?.push(took);
    }
  }
  return samples;
}

/** Operations are called in this process: nothing is kept from one call to the next, as REST would keep it. */
export async function byArtifacts(
  stores: readonly MeasuredStore[],
  { artifacts, rounds, seed }: GrowthEffort,
): Promise<Chart[]> {
  const random = randomFrom(seed);
  const charts = Object.keys(ASKED).map(
    (what): Chart => ({
      id: `artifacts-${what.replaceAll(/\W+/g, '-')}`,
      title: `${what}, by the number of artifacts`,
      along: 'artifacts',
      unit: 'ms',
      curves: [],
    }),
  );
  for (const store of stores) {
    await withGrown(store, artifacts, async (grown) => {
      for (const [at, [what, ask]] of Object.entries(ASKED).entries()) {
        const turns = what === 'publish_config' ? rounds.publish : rounds.read;
        const samples = await byTurns(grown, turns, { ask, random });
        const points = [...samples].map(([size, times]) => pointOf(size, times));
        charts[at]?.curves.push({ what, store: store.name, points });
      }
    });
  }
  return charts;
}
