import { readFileSync } from 'node:fs';
import fastify from 'fastify';

/** `node bare-fastify.ts ROUTES.json`: the least that a Fastify server does to give back fixed bytes. */

export interface BareRoute {
  path: string;
  status: number;
  headers: Record<string, string>;
  body: string;
}

const app = fastify();
const routes: BareRoute[] = JSON.parse(readFileSync(String(process.argv[2]), 'utf8'));
for (const { path, status, headers, body } of routes) {
  const bytes = Buffer.from(body);
  app.get(path, (_request, reply) => {
    reply.code(status).headers(headers);
    return status === 304 ? reply.send() : reply.send(bytes);
  });
}
const url = await app.listen({ host: '127.0.0.1', port: 0 });
process.stdout.write(`${JSON.stringify({ url })}\n`);
process.once('SIGTERM', () => process.exit(0));
