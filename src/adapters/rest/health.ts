import type { FastifyInstance } from 'fastify';
import { AppError } from '../../core/errors.ts';

/** Why this server cannot do what it is for, in words without paths; an empty list: it can. */
export type Readiness = () => Promise<readonly string[]>;

/** For so long one look serves all who ask, in milliseconds: nobody needs credentials to ask. */
const LOOK_HOLDS_MS = 1_000;

/** `/health` and `/healthz`: the process answers. `/readyz`: it can also do its work. All open, everywhere. */
export function registerHealth(app: FastifyInstance, version: string, look: Readiness): void {
  const config = { open: true };
  for (const path of ['/health', '/healthz']) app.get(path, { config }, async () => ({ status: 'ok', version }));
  app.get('/readyz', { config }, async (_request, reply) => {
    const reasons = await look();
    if (reasons.length > 0) throw notReady(reasons);
    return reply.header('cache-control', 'no-store').send({ status: 'ready', version });
  });
}

function notReady(reasons: readonly string[]): AppError {
  const hint = 'Look at the log of the server, and at "When it is not ready" in user-docs/how-to/operate.md.';
  return new AppError('UNAVAILABLE', `This server is not ready: ${reasons.join(', ')}.`, { reasons }, { hint });
}

/** What is found holds for a while; that a stop has begun shows at once. */
export function heldReadiness(readiness: Readiness, stopping: () => boolean): Readiness {
  let looking: Promise<readonly string[]> | undefined;
  let until = 0;
  return async () => {
    if (stopping()) return ['stopping'];
    if (looking === undefined || performance.now() >= until) {
      until = Number.POSITIVE_INFINITY;
      looking = readiness().finally(() => {
        until = performance.now() + LOOK_HOLDS_MS;
      });
    }
    return looking;
  };
}
