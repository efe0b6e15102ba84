import rateLimit, { type FastifyRateLimitStore } from '@fastify/rate-limit';
import type { FastifyInstance } from 'fastify';
import { AppError } from '../../core/errors.ts';

/** A burst is as many requests as two seconds allow. */
const WINDOW_MS = 2_000;

const limited = (message: string, retry_after: number) => new AppError('RATE_LIMITED', message, { retry_after });

/** How often something was counted in the window that runs, this time included, and how much of that is left. */
interface Counted {
  count: number;
  left_ms: number;
}

/** Counts for several processes. Undefined, at once or later: nobody knows now, so each goes by its own count. */
export type SharedCount = (key: string, window_ms: number) => Promise<Counted | undefined> | undefined;

/** Beyond it the oldest count is forgotten: memory has a bound, and a guesser with that many addresses is not slowed anyway. */
const MOST = 10_000;

/** Counts of this process. A window begins with the first of its counts, and ends in its time although the clock is set back. */
class Windows {
  readonly #counts = new Map<string, { count: number; until: number }>();

  count(key: string, window_ms: number): Counted {
    const now = performance.now();
    const known = this.#counts.get(key);
    if (known !== undefined && now < known.until) {
      known.count += 1;
      return { count: known.count, left_ms: known.until - now };
    }
    this.#counts.delete(key);
    const [oldest] = this.#counts.size >= MOST ? this.#counts.keys() : [];
    if (oldest !== undefined) this.#counts.delete(oldest);
    this.#counts.set(key, { count: 1, until: now + window_ms });
    return { count: 1, left_ms: window_ms };
  }
}

/**
 * Counts here every time, so that the own count is right at once when the shared one falls away; that one decides as long
 * as it is known.
 */
function storeOf(shared: SharedCount | undefined): new () => FastifyRateLimitStore {
  const windows = new Windows();
  return class Counts implements FastifyRateLimitStore {
    incr(key: string, done: Parameters<FastifyRateLimitStore['incr']>[1]): void {
      const own = windows.count(key, WINDOW_MS);
      const tell = ({ count, left_ms }: Counted = own) => done(null, { current: count, ttl: left_ms });
      const asked = shared?.(`rate ${key}`, WINDOW_MS);
      if (asked === undefined) tell();
      else asked.then(tell, () => tell());
    }

    child(): FastifyRateLimitStore {
      return this;
    }
  };
}

/**
 * So many requests a second of one credential, in all servers that count together. Says in every answer how many are left.
 */
export async function limitRates(app: FastifyInstance, per_second: number, shared?: SharedCount): Promise<void> {
  await app.register(rateLimit, {
    // Behind the credentials, which a route asks for before anything else.
    hook: 'preHandler',
    max: (per_second * WINDOW_MS) / 1000,
    timeWindow: WINDOW_MS,
    store: storeOf(shared),
    enableDraftSpec: true,
    // An issuer of tokens may name the same person in several workspaces.
    keyGenerator: ({ caller }) => (caller ? `${caller.workspace} ${caller.principal.actor}` : ''),
    allowList: ({ caller }) => caller === undefined,
    errorResponseBuilder: (_request, { ttl }) =>
      limited(`A credential may send ${per_second} requests a second.`, Math.max(1, Math.ceil(ttl / 1000))),
  });
}

const WRONG_A_MINUTE = 10;
const MINUTE_MS = 60_000;

/** Guesses are slow: of one address, so many wrong credentials a minute. A right one is never refused for them. */
export class WrongCredentials {
  readonly #shared: SharedCount | undefined;
  readonly #windows = new Windows();

  constructor(shared?: SharedCount) {
    this.#shared = shared;
  }

  /** The refusal to send instead, or undefined while there are few. Only wrong credentials count, not missing ones. */
  async count(address: string, error: Error): Promise<AppError | undefined> {
    if (!(error instanceof AppError) || error.code !== 'INVALID_CREDENTIALS') return undefined;
    const own = this.#windows.count(address, MINUTE_MS);
    // Whatever goes wrong there, this request has to be answered.
    const shared = this.#shared?.(`wrong ${address}`, MINUTE_MS)?.catch(() => undefined);
    const { count, left_ms } = (await shared) ?? own;
    if (count <= WRONG_A_MINUTE) return undefined;
    return limited('There were too many wrong credentials from this address.', Math.ceil(left_ms / 1000));
  }
}
