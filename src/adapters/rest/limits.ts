import rateLimit from '@fastify/rate-limit';
import type { FastifyInstance } from 'fastify';
import { AppError } from '../../core/errors.ts';

/** A burst is as many requests as two seconds allow. */
const WINDOW_MS = 2_000;

const limited = (message: string, retry_after: number) => new AppError('RATE_LIMITED', message, { retry_after });

/** So many requests a second of one credential, in this process. Says in every answer how many are left. */
export async function limitRates(app: FastifyInstance, per_second: number): Promise<void> {
  await app.register(rateLimit, {
    // Behind the credentials, which a route asks for before anything else.
    hook: 'preHandler',
    max: (per_second * WINDOW_MS) / 1000,
    timeWindow: WINDOW_MS,
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
/** Beyond it, the counts begin anew: a guesser with that many addresses is not slowed by counting them. */
const ADDRESSES = 10_000;

/** Guesses are slow: of one address, so many wrong credentials a minute. A right one is never refused for them. */
export class WrongCredentials {
  readonly #now: () => Date;
  readonly #counts = new Map<string, { count: number; until: number }>();

  constructor(now: () => Date) {
    this.#now = now;
  }

  /** The refusal to send instead, or undefined while there are few. Only wrong credentials count, not missing ones. */
  count(address: string, error: Error): AppError | undefined {
    if (!(error instanceof AppError) || error.code !== 'INVALID_CREDENTIALS') return undefined;
    const now = this.#now().getTime();
    if (this.#counts.size >= ADDRESSES) this.#counts.clear();
    const known = this.#counts.get(address);
    const entry = known !== undefined && now < known.until ? known : { count: 0, until: now + MINUTE_MS };
    entry.count += 1;
    this.#counts.set(address, entry);
    if (entry.count <= WRONG_A_MINUTE) return undefined;
    return limited('There were too many wrong credentials from this address.', Math.ceil((entry.until - now) / 1000));
  }
}
