/** What was read from a store, kept for as long as nothing is committed to it, by this process or by another one. */
export class UntilCommit<T> {
  readonly #version: () => number;
  readonly #most: number;
  readonly #kept = new Map<string, T>();
  #at: number | undefined;

  /** `version` differs whenever anything was committed since it was last asked; `most` is how many values are kept. */
  constructor(version: () => number, most: number) {
    this.#version = version;
    this.#most = most;
  }

  get(key: string): T | undefined {
    this.#refresh();
    return this.#kept.get(key);
  }

  /** Reads, and keeps what was read unless something was committed meanwhile or it is not `worth` keeping. */
  async read(key: string, work: () => Promise<T>, worth: (value: T) => boolean = () => true): Promise<T> {
    const before = this.#refresh();
    const value = await work();
    if (worth(value) && this.#refresh() === before) {
      if (this.#kept.size >= this.#most) this.#kept.clear();
      this.#kept.set(key, value);
    }
    return value;
  }

  #refresh(): number {
    const version = this.#version();
    if (version !== this.#at) this.#kept.clear();
    this.#at = version;
    return version;
  }
}
