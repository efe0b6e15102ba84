/** A set of whole numbers that mostly come one after another: what is kept is where rows of them begin and end. */
export class Ranges {
  readonly #rows: [from: number, to: number][] = [];

  add(number: number): void {
    const last = this.#rows.at(-1);
    if (last !== undefined && number === last[1] + 1) last[1] = number;
    else if (last === undefined || number > last[1]) this.#rows.push([number, number]);
    else if (!this.has(number)) {
      const at = this.#rows.findIndex(([from]) => from > number);
      this.#rows.splice(at, 0, [number, number]);
    }
  }

  has(number: number): boolean {
    return this.#rows.some(([from, to]) => from <= number && number <= to);
  }

  get least(): number | undefined {
    return this.#rows[0]?.[0];
  }

  /** Those that another set does not have, smallest first; at most `limit`. */
  without(other: Ranges | undefined, limit: number): number[] {
    const missing: number[] = [];
    for (const [from, to] of this.#rows) {
      for (let number = from; number <= to && missing.length < limit; number += 1) {
        if (other?.has(number) !== true) missing.push(number);
      }
    }
    return missing;
  }
}

/** One such set for each client and profile. */
export class RangesOf {
  readonly #sets = new Map<string, Ranges>();

  of(target: string): Ranges | undefined {
    return this.#sets.get(target);
  }

  add(target: string, number: number): void {
    const numbers = this.#sets.get(target) ?? new Ranges();
    numbers.add(number);
    this.#sets.set(target, numbers);
  }

  entries(): IterableIterator<[string, Ranges]> {
    return this.#sets.entries();
  }
}
