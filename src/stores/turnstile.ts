import { setImmediate as turnOfTheLoop } from 'node:timers/promises';

/** The clock of `performance` is a module that every start of the program would load. */
export const milliseconds = (): number => process.uptime() * 1000;

/** A few transactions. */
const LONGEST_TURN_MS = 5;

/**
 * First come, first served: unlike the mutex in Kysely, nobody overtakes a waiter.
 *
 * A transaction waits for nothing while it runs, so a row of them would be one long turn of the event loop. Of connections,
 * libuv accepts one in each turn (`uv__server_io`): with long turns, clients that come anew would wait for seconds. So the
 * loop goes round before a transaction, and those that have queued up follow in the same turn for a short while.
 */
export class Turnstile {
  #last: Promise<void> = Promise.resolve();
  #open: () => void = () => {};
  #users = 0;
  #until = 0;
  readonly #beforeTurn: () => unknown;

  /** `beforeTurn` is called before the loop goes round, when nobody is inside. */
  constructor(beforeTurn: () => unknown) {
    this.#beforeTurn = beforeTurn;
  }

  async enter(): Promise<void> {
    const before = this.#last;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#last = promise;
    const follows = this.#users > 0;
    this.#users += 1;
    await before;
    if (!follows || milliseconds() >= this.#until) {
      this.#beforeTurn();
      await turnOfTheLoop();
      this.#until = milliseconds() + LONGEST_TURN_MS;
    }
    this.#open = resolve;
  }

  leave(): void {
    this.#users -= 1;
    this.#open();
  }

  /** Asked by who is inside: is anybody behind? Whoever waits does not give up, and comes in. */
  get isWaitedFor(): boolean {
    return this.#users > 1;
  }
}
