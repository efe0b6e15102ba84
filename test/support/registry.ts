import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A registry of MCP servers on this machine. */
export interface Registry {
  /** Settings with which the product asks it. */
  env: Record<string, string>;
  /** Paths that were asked for, as they came. */
  asked: string[];
  close(): void;
}

/** Answers each path with its JSON value, or with a text as it stands; 404 elsewhere. */
export async function startRegistry(answers: Readonly<Record<string, unknown>>): Promise<Registry> {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    const path = request.url ?? '';
    asked.push(path);
    const answer = Object.hasOwn(answers, path) ? answers[path] : undefined;
    const status = answer === undefined ? 404 : typeof answer === 'number' ? answer : 200;
    response.writeHead(status, { location: 'http://127.0.0.1:9/', connection: 'close' });
    response.end(typeof answer === 'string' ? answer : JSON.stringify(answer ?? { error: 'not found' }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const place = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    env: { MCP_ORCHESTRATION_REGISTRY_URL: `http://${place}/`, MCP_ORCHESTRATION_WEBHOOK_ALLOW: place },
    asked,
    close: () => void server.close(),
  };
}
