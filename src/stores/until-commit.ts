/** What was read from a store, kept for as long as nothing is committed to it, by this process or by another one. */
export class UntilCommit<T> {
  readonly #version: () => string;
  readonly #most: number;
  readonly #kept = new Map<string, T>();
  /** What is being read since the version that was seen last. */
  readonly #reading = new Map<string, Promise<T | undefined>>();
  #at: string | undefined;
  /** How often something was kept, and how often it had to be read. */
  hits = 0;
  misses = 0;

  /** `version` differs whenever anything was committed since it was last asked; `most` is how many values are kept. */
  constructor(version: () => string, most: number) {
    this.#version = version;
    this.#most = most;
  }

  get(key: string): T | undefined {
    this.#refresh();
    const value = this.#kept.get(key);
    if (value !== undefined) this.hits += 1;
    return value;
  }

  /**
   * Reads, and keeps what was found unless something was committed meanwhile or it is not `worth` keeping. Who comes while
   * the same is being read waits for that: after a commit, everybody asks at once for what was dropped. What is not worth
   * keeping is for its own reader alone.
   */
  async read<R extends T | undefined>(
    key: string,
    work: () => Promise<R>,
    worth: (value: T) => boolean = () => true,
  ): Promise<R> {
    const before = this.#refresh();
    const ahead = this.#reading.get(key);
    if (ahead !== undefined) {
      const value = await ahead.catch(() => undefined);
      if (value !== undefined && worth(value)) {
        this.hits += 1;
        return value as R;
      }
    }
    this.misses += 1;
    const reading = work();
    // Another one may read it too by now, after one ahead that was worth nothing; the last is who is waited for.
    this.#reading.set(key, reading);
    try {
      const value = await reading;
      if (value !== undefined && worth(value) && this.#refresh() === before) {
        if (this.#kept.size >= this.#most) this.#kept.clear();
        this.#kept.set(key, value);
      }
      return value;
    } finally {
      if (this.#reading.get(key) === reading) this.#reading.delete(key);
    }
  }

  #refresh(): string {
    const version = this.#version();
    if (version !== this.#at) {
      this.#kept.clear();
      this.#reading.clear();
    }
    this.#at = version;
    return version;
  }
}
