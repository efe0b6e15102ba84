import { describe, expect, it } from 'vitest';
import type { McpDoor } from '../../src/adapters/rest/mcp.ts';
import { OPERATIONS } from '../../src/operations/index.ts';
import { API_KEY, codeIn, restInProcess } from './server.ts';

/** Every route, also those that come later: the operations by their definitions, the rest by name. */
const ROUTES: [method: string, path: string][] = [
  ...OPERATIONS.flatMap(({ rest }): [string, string][] => (rest ? [[rest.method, rest.path]] : [])),
  ['GET', '/health'],
  ['GET', '/healthz'],
  ['GET', '/readyz'],
  ['GET', '/docs'],
  ['GET', '/docs/js/scalar.js'],
  ['GET', '/openapi.json'],
  ['GET', '/schemas/payload-v1.json'],
  ['GET', '/.well-known/anything'],
  ['GET', '/.well-known/oauth-protected-resource/mcp'],
  ['GET', '/v1/events'],
  ['POST', '/mcp'],
  ['GET', '/mcp'],
  ['GET', '/nothing'],
  ['PROPFIND', '/v1/clients'],
];

/** MCP is there, and must not be reached. */
const mcp: McpDoor = {
  fetch: async () => {
    throw new Error('a request came through');
  },
  close: async () => undefined,
};
const ALLOWED = 'https://console.example';

describe('T21: on every route', () => {
  it.each([
    ['a foreign host', { host: 'evil.example' }, 403, 'HOST_NOT_ALLOWED'],
    ['a host that only begins like ours', { host: 'localhost.evil.example' }, 403, 'HOST_NOT_ALLOWED'],
    ['a foreign origin', { origin: 'https://evil.example' }, 403, 'ORIGIN_NOT_ALLOWED'],
    ['the origin of a sandboxed page', { origin: 'null' }, 403, 'ORIGIN_NOT_ALLOWED'],
    ['our host over another origin', { origin: 'http://localhost.evil.example' }, 403, 'ORIGIN_NOT_ALLOWED'],
  ])('%s is refused, with credentials and without', async (_what, headers, status, code) => {
    const { server } = await restInProcess({ mcp, cors_origins: new Set([ALLOWED]) });
    const wrong: unknown[] = [];
    for (const [method, path] of ROUTES) {
      for (const credentials of [{}, { 'x-api-key': API_KEY }]) {
        const url = path.replaceAll(/\{\w+\}/g, 'default');
        const answer = await server.inject({
          method: method as 'GET',
          url,
          headers: { host: 'localhost', ...credentials, ...headers },
        });
        if (answer.statusCode !== status || codeIn(answer.body) !== code) wrong.push([method, path, answer.statusCode]);
      }
    }
    expect(ROUTES.length).toBeGreaterThan(50);
    expect(wrong).toEqual([]);
  });
});

describe('T22: the preflight matrix', () => {
  const origins = [
    ALLOWED,
    `${ALLOWED}/`,
    `${ALLOWED}:443`,
    `${ALLOWED}.evil.example`,
    'http://console.example',
    'https://CONSOLE.example',
    'https://a.console.example',
    'https://evil.example',
    'null',
    '*',
  ];
  const methods = ['GET', 'POST', 'PUT', 'DELETE', 'PATCH', 'TRACE', 'CONNECT'];
  const asked = ['authorization', 'content-type, idempotency-key', 'mcp-protocol-version', 'cookie', 'x-odd'];
  const paths = ['/v1/clients', '/v1/events', '/mcp', '/health', '/v1/tokens', '/nothing'];

  async function answersOf(cors_origins: ReadonlySet<string>) {
    const { server } = await restInProcess({ mcp, cors_origins });
    const answers: { origin: string; status: number; headers: Record<string, unknown> }[] = [];
    for (const origin of origins)
      for (const method of methods)
        for (const headers of asked)
          for (const url of paths) {
            const given = { 'access-control-request-method': method, 'access-control-request-headers': headers };
            const request = { method: 'OPTIONS' as const, url, headers: { host: 'localhost', origin, ...given } };
            const answer = await server.inject(request);
            answers.push({ origin, status: answer.statusCode, headers: answer.headers });
          }
    return answers;
  }
  const size = origins.length * methods.length * asked.length * paths.length;

  it('lets in one origin, with fixed methods and headers, and never with cookies', async () => {
    const answers = await answersOf(new Set([ALLOWED]));
    expect(answers).toHaveLength(size);
    for (const { origin, status, headers } of answers) {
      const allowed = origin === ALLOWED;
      expect([origin, status, headers['access-control-allow-origin']]).toEqual(
        allowed ? [origin, 204, ALLOWED] : [origin, 403, undefined],
      );
      expect(headers['access-control-allow-credentials']).toBeUndefined();
      if (!allowed) continue;
      expect(headers['access-control-allow-methods']).toBe('GET, POST, PUT, DELETE');
      expect(headers['access-control-allow-headers']).not.toMatch(/cookie|x-odd|\*/);
      expect(headers['vary']).toMatch(/Origin/i);
    }
  });

  it('lets in nobody when no origin is configured', async () => {
    const answers = await answersOf(new Set());
    expect(answers).toHaveLength(size);
    expect(answers.filter(({ status }) => status !== 403)).toEqual([]);
    expect(answers.filter(({ headers }) => Object.keys(headers).some((name) => name.startsWith('access-')))).toEqual(
      [],
    );
  });
});
