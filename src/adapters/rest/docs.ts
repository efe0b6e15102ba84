import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { notFound } from './routes.ts';

/** The docs page brings its own script and styles; nothing may come from elsewhere or go elsewhere. */
const DOCS_POLICY =
  "default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/**
 * `/docs`: the OpenAPI document as a page. It is made when somebody looks: its script has megabytes, which every server
 * would else hold, and read at its start.
 */
export function registerDocs(app: FastifyInstance, open: boolean): void {
  let pages: Promise<FastifyInstance> | undefined;
  app.addHook('onClose', async () => (await pages)?.close());
  const handler = async (request: FastifyRequest, reply: FastifyReply) => {
    pages ??= makePages();
    const page = await (await pages).inject({ method: 'GET', url: request.url });
    if (page.statusCode === 404) throw notFound(request);
    const { 'content-type': type, location } = page.headers;
    reply.header('content-security-policy', DOCS_POLICY);
    if (location !== undefined) return reply.redirect(location, page.statusCode);
    return reply.type(type ?? 'text/html').send(page.rawPayload);
  };
  for (const url of ['/docs', '/docs/*']) app.get(url, { config: { open } }, handler);
}

async function makePages(): Promise<FastifyInstance> {
  const { default: scalar } = await import('@scalar/fastify-api-reference');
  const pages = fastify();
  await pages.register(scalar, {
    routePrefix: '/docs',
    configuration: {
      url: '/openapi.json',
      pageTitle: 'mcp-orchestration: REST API',
      telemetry: false,
      withDefaultFonts: false,
      hideClientButton: true,
    },
  });
  return pages;
}
