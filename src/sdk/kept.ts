const MOST_ANSWERS = 100;
/** Characters of all answers together. */
const MOST_TEXT = 8_000_000;

/** Answers that have an entity tag, by address: the server says 304 instead of sending one again. */
export class KeptAnswers {
  readonly #answers = new Map<string, { etag: string; text: string }>();
  #size = 0;

  get(address: string): { etag: string; text: string } | undefined {
    return this.#answers.get(address);
  }

  /** The oldest go when there are too many. */
  keep(address: string, etag: string, text: string): void {
    this.#drop(address);
    if (text.length > MOST_TEXT) return;
    this.#answers.set(address, { etag, text });
    this.#size += text.length;
    for (const oldest of this.#answers.keys()) {
      if (this.#answers.size <= MOST_ANSWERS && this.#size <= MOST_TEXT) return;
      this.#drop(oldest);
    }
  }

  #drop(address: string): void {
    this.#size -= this.#answers.get(address)?.text.length ?? 0;
    this.#answers.delete(address);
  }
}
