/** Upper bounds in seconds: from an answer out of memory to the longest handler. */
export const BOUNDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.25, 0.3, 0.5, 1, 2.5, 5, 10] as const;

/**
 * A histogram whose labels were looked up before: prom-client's own costs more for each request than a kept answer does.
 */
export class Times {
  readonly #counts = new Array<number>(BOUNDS.length).fill(0);
  count = 0;
  sum = 0;

  add(seconds: number): void {
    this.count += 1;
    this.sum += seconds;
    let at = 0;
    while (at < BOUNDS.length && seconds > (BOUNDS[at] as number)) at += 1;
    if (at < BOUNDS.length) this.#counts[at] = (this.#counts[at] as number) + 1;
  }

  /** How many were at most as long as each bound. */
  cumulative(): number[] {
    let sum = 0;
    return this.#counts.map((count) => {
      sum += count;
      return sum;
    });
  }
}
