/** What was read from a store, kept for as long as nothing is committed to it, by this process or by another one. */
export class UntilCommit<T> {
  readonly #version: () => string;
  readonly #most: number;
  readonly #kept = new Map<string, T>();
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

  /** Reads, and keeps what was found unless something was committed meanwhile or it is not `worth` keeping. */
  async read<R extends T | undefined>(
    key: string,
    work: () => Promise<R>,
    worth: (value: T) => boolean = () => true,
  ): Promise<R> {
    this.misses += 1;
    const before = this.#refresh();
    const value = await work();
    if (value !== undefined && worth(value) && this.#refresh() === before) {
      if (this.#kept.size >= this.#most) this.#kept.clear();
      this.#kept.set(key, value);
    }
    return value;
  }

  #refresh(): string {
    const version = this.#version();
    if (version !== this.#at) this.#kept.clear();
    this.#at = version;
    return version;
  }
}
