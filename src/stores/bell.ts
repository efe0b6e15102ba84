/**
 * Rings when anything was committed to a store, by this process or another one. It looks only while somebody listens;
 * who listens has read the version before reading the store, so that no commit falls between the two. A first commit
 * rings at once where the store tells of it; of many that come fast, those after it ring together.
 */
export class Bell {
  readonly #version: () => string;
  readonly #every_ms: number;
  readonly #listeners = new Set<() => void>();
  readonly #waiting = new Set<() => void>();
  #ended = false;
  #heard = '';
  #rungAt = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;
  #hurried: NodeJS.Immediate | undefined;

  /** `version` differs whenever anything was committed since it was last asked. */
  constructor(version: () => string, every_ms = 50) {
    this.#version = version;
    this.#every_ms = every_ms;
  }

  /** The version may have changed just now. */
  hurry(): void {
    if (this.#timer === undefined || this.#hurried !== undefined) return;
    if (performance.now() - this.#rungAt < this.#every_ms) return;
    this.#hurried = setImmediate(() => {
      this.#hurried = undefined;
      this.#look();
    });
  }

  version(): string {
    return this.#version();
  }

  /** Calls back after every commit, several in one, until the returned function is called. */
  listen(listener: () => void): () => void {
    this.#listeners.add(listener);
    if (this.#timer === undefined) {
      this.#heard = this.#version();
      this.#timer = setInterval(() => this.#look(), this.#every_ms);
      this.#timer.unref();
    }
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size > 0) return;
      clearInterval(this.#timer);
      this.#timer = undefined;
    };
  }

  /** Waits until something was committed after `version` was read, at most so many milliseconds. False: nothing was. */
  async changed(version: string, ms: number): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const giveUp = () => resolve(false);
    const stop = this.listen(() => this.#version() !== version && resolve(true));
    const over = setTimeout(giveUp, ms);
    this.#waiting.add(giveUp);
    if (this.#version() !== version) resolve(true);
    else if (this.#ended) giveUp();
    try {
      return await promise;
    } finally {
      clearTimeout(over);
      this.#waiting.delete(giveUp);
      stop();
    }
  }

  /** Nobody waits any more, from now on: the server stops. Listeners still hear of commits. */
  endWaiting(): void {
    this.#ended = true;
    for (const giveUp of this.#waiting) giveUp();
  }

  #look(): void {
    let version: string;
    try {
      version = this.#version();
    } catch {
      return; // the store is closing, or cannot be read now: the next look says more
    }
    if (version === this.#heard) return;
    this.#heard = version;
    this.#rungAt = performance.now();
    for (const listener of [...this.#listeners]) listener();
  }
}
