import { quantile } from '../figures.ts';

/** One point of a curve: the median, with the tenth and ninetieth percentile. */
export interface Point {
  at: number;
  median: number;
  low: number;
  high: number;
}
export interface Curve {
  /** What is asked. */
  what: string;
  store: string;
  points: Point[];
}
export interface Chart {
  id: string;
  title: string;
  /** What grows along the way. */
  along: string;
  unit: 'ms' | 'per s';
  curves: Curve[];
}

export const pointOf = (at: number, samples: readonly number[]): Point => ({
  at,
  median: quantile(samples, 0.5),
  low: quantile(samples, 0.1),
  high: quantile(samples, 0.9),
});

/** Below this the most takes no longer than the fewest. */
export const FLAT = 1.3;

/** The median of the most against that of the fewest. */
export const ratioOf = ({ points }: Curve): number => (points.at(-1)?.median ?? 1) / (points[0]?.median ?? 1);

/** Undefined where growing with what is asked for is in its nature. */
export const flatnessOf = ({ id }: Chart, curve: Curve): 'flat' | 'not flat' | undefined =>
  id.startsWith('artifacts-') ? (ratioOf(curve) < FLAT ? 'flat' : 'not flat') : undefined;
