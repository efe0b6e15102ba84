import type { Row } from './figures.ts';

/** How often everything is done: enough for a median that holds still, or just enough to see that it works. */
export interface Effort {
  /** Starts of a process. */
  starts: number;
  /** Calls within this process. */
  calls: number;
  /** Calls on a file of several megabytes. */
  large_calls: number;
  /** Of a load there is one at most. */
  warmups: number;
  /** Rounds of load, and seconds of each. */
  loads: number;
  load_seconds: number;
  /** Releases in a store that is opened, and requests after which memory is looked at. */
  releases: number;
  requests: number;
}

export const FULL: Effort = {
  starts: 30,
  calls: 100,
  large_calls: 20,
  warmups: 5,
  loads: 5,
  load_seconds: 4,
  releases: 100_000,
  requests: 200_000,
};
export const QUICK: Effort = {
  starts: 1,
  calls: 2,
  large_calls: 1,
  warmups: 0,
  loads: 1,
  load_seconds: 0.3,
  releases: 100,
  requests: 200,
};

export interface Measurement {
  name: string;
  run(effort: Effort): Promise<Row[]>;
}
