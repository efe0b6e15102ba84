import { AppError } from '../../core/errors.ts';
import type { Group } from './group.ts';

/** Milliseconds: as long as for the lock of another process. */
export const PATIENCE_MS = 5_000;

const lockedError = () =>
  new AppError('UNAVAILABLE', 'Other changes kept the workspace locked for too long.', { reason: '55P03' });

/** Where the writers of a workspace wait for each other: first come, first served, and nobody for ever. */
export class Lane {
  readonly #waiting = new Set<() => void>();
  #isTaken = false;
  /** The transaction that is open for whoever comes in next. */
  group: Group | undefined;

  /** Throws UNAVAILABLE when it takes too long. */
  async enter(patience_ms: number): Promise<void> {
    if (!this.#isTaken) {
      this.#isTaken = true;
      return;
    }
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const letIn = () => {
      clearTimeout(timer);
      resolve();
    };
    const timer = setTimeout(() => {
      this.#waiting.delete(letIn);
      reject(lockedError());
    }, patience_ms);
    this.#waiting.add(letIn);
    await promise;
  }

  leave(): void {
    const [next] = this.#waiting;
    if (next === undefined) {
      this.#isTaken = false;
      return;
    }
    this.#waiting.delete(next);
    next();
  }

  /** Asked by who is inside: does anybody come in behind, once he leaves? */
  get isWaitedFor(): boolean {
    return this.#waiting.size > 0;
  }

  get isEmpty(): boolean {
    return !this.#isTaken;
  }
}
