import type { FastifyInstance, FastifyRequest } from 'fastify';
import { DEFAULT_WORKSPACE, isBound } from '../../core/binding.ts';
import { AppError } from '../../core/errors.ts';
import type { Context } from '../../operations/operation.ts';

/** What a scrape is answered, in the text format of Prometheus. */
export interface MetricsPage {
  content_type: string;
  text(): Promise<string>;
}

/** `GET /metrics`, with credentials as every route: it tells how much this server is used, and for what. */
export function registerMetrics(
  app: FastifyInstance,
  page: MetricsPage,
  contextOf: (request: FastifyRequest) => Context,
): void {
  app.get('/metrics', async (request, reply) => {
    const { principal, workspace } = contextOf(request);
    if (!principal.scopes.has('metrics:read')) {
      const details = { needs: 'metrics:read', kind: principal.kind };
      throw new AppError('FORBIDDEN', 'This credential lacks the scope metrics:read.', details);
    }
    // They are about every workspace.
    if (workspace !== DEFAULT_WORKSPACE || isBound(principal.binding)) {
      throw new AppError(
        'FORBIDDEN',
        'This credential is for a part of the installation, and metrics are about all of it.',
      );
    }
    return reply
      .header('cache-control', 'no-store')
      .header('content-type', page.content_type)
      .send(await page.text());
  });
}
