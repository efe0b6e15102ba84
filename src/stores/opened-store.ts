import { AppError } from '../core/errors.ts';
import type { Snapshot } from './inspect/inspect.ts';
import type { Store } from './store.ts';

/** What a statement runs inside, for who traces: `verb` is the first word of its SQL. */
export type Around = <T>(verb: string, work: () => Promise<T>) => Promise<T>;

/** What transactions (waiting for their turn included) and statements run inside, for who measures. */
export interface Surroundings {
  transaction<T>(work: () => Promise<T>): Promise<T>;
  statement?: Around;
}

/** A second way, besides the one that a store has itself, in which processes tell each other that they have committed. */
export interface FanOut {
  /** This process has. Neither fails nor waits. */
  tell(): void;
  /** Calls back when another one says so. */
  hear(listener: () => void): void;
}

/** Where a store tells what no call of it can tell. */
export interface StoreLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}

/** What is asked of a store after its end. */
export const closedError = () => new AppError('UNAVAILABLE', 'The database is closed: this process is stopping.');

/** A file that was not closed when it was last used, and that nobody has looked at since. */
export interface UncleanStop {
  file: string;
  /** It was looked at, and is whole. */
  passed(): void;
  /** It is damaged. From now on this process writes nothing into it, and the probe says so. */
  failed(): void;
}

/** A store as a process has it. */
export interface OpenedStore extends Store {
  /**
   * A text that differs whenever anything was committed since it was last asked, by this process or another one.
   * A cache asks before it reads what it keeps, and drops what it kept under another text. Commits of this process show at
   * once; those of another one on SQLite at the latest in the next turn of the event loop, on PostgreSQL when it has told.
   */
  dataVersion(): string;
  /** What the person should know who runs a server on it, in a few sentences; mostly nothing. */
  remarks(): Promise<string[]>;
  /** Calls back soon after the text above has changed, where the store is told of it; others are asked. */
  onChange?(listener: () => void): void;
  /** Whether it is told what others commit, where that can fail; undefined while nobody has wanted to know. */
  hears?(): boolean | undefined;
  /** Since this process opened the store. */
  statistics(): { commits: number; busy_retries: number };
  /**
   * Whether a new process could open the store now, and write where this one can. Nothing is written. Throws UNAVAILABLE or
   * WRITE_FAILED with `details.reason` when it could not.
   */
  probe(): Promise<void>;
  /**
   * For who has to come to an end: where the database is elsewhere and does not answer, all that waits for it fails, and
   * whatever is asked later. Where it answers, nothing happens. Never fails.
   */
  endSilence?(): Promise<void>;
  /** What is due before this file can be believed; whoever runs for long sees to it. */
  unclean?: UncleanStop;
  /** Work on all tables as they are at one instant, on a connection of its own: whoever writes is not kept waiting. */
  snapshot<T>(work: (snapshot: Snapshot) => Promise<T>): Promise<T>;
}
