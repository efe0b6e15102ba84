import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createClient } from '../../src/sdk/index.ts';
import { ROUTES, type Route, unlikeDocument } from '../support/openapi.ts';
import { sendRaw } from './raw-http.ts';
import { type Asked, made, realRequests, spoil, spoiledRequests } from './requests.ts';
import { API_KEY, codeIn, startRest } from './server.ts';

/** Requests of each kind in one run. */
const RUNS = Number(process.env['PROPERTY_RUNS'] ?? 1000);
const seed = Number(process.env['FUZZ_SEED'] ?? Date.now() % 2 ** 31);
process.stderr.write(`FUZZ_SEED=${seed}\n`);

/** A stream has no end, and the document about all this is long. */
const LEFT_OUT = new Set(['/v1/events', '/sse', '/openapi.json', '/docs/']);
const routes = ROUTES.filter(({ path }) => !LEFT_OUT.has(path));

/** Statuses of a refusal that these requests may meet; none of them says that the server is at fault. */
const REFUSALS = [400, 401, 403, 404, 405, 406, 409, 412, 413, 414, 415, 422];

/** Those of them that no route has for itself: the layer below answers. */
const BY_HTTP = [414];

const patterns = ROUTES.map((route) => ({
  route,
  pattern: new RegExp(`^${route.path.replaceAll('.', '\\.').replaceAll(/\{\w+\}/g, '[^/]+')}$`),
}));

/** The route that a request reaches, however it was damaged; a HEAD is a GET. */
function reached({ method, url }: Asked): Route | undefined {
  // Two slashes at the start would else begin a host.
  const path = new URL(`http://localhost${url}`).pathname;
  const named = method === 'HEAD' ? 'GET' : method;
  return patterns.find(({ route, pattern }) => route.method === named && pattern.test(path))?.route;
}

describe('requests that a generator made from the OpenAPI document', { timeout: 60_000 + RUNS * 60 }, () => {
  let rest: Awaited<ReturnType<typeof startRest>>;
  beforeAll(async () => {
    rest = await startRest({ whole: true });
    const client = createClient({ url: await rest.server.listen({ host: '127.0.0.1', port: 0 }), apiKey: API_KEY });
    const target = { client_id: 'cursor', profile_id: 'default' };
    await client.initializeKeys();
    const payload = { mcpServers: { x: { command: 'node', args: [] } } };
    made['artifact_id'] = (await client.publishConfig({ ...target, payload })).artifact_id;
    made['token_id'] = (await client.generateToken({ kind: 'agent' })).token_id;
    const { webhook_id } = await client.subscribeWebhook({ url: 'https://198.41.0.4/hook', events: ['key.rotated'] });
    made['webhook_id'] = webhook_id;
    made['delivery_id'] = (await client.testWebhook({ webhook_id })).delivery_id;
    await client.deployConfig(target);
  });
  afterAll(() => rest.close());

  async function send(request: Asked) {
    const { method, url, headers, body } = request;
    const answer = await rest.server.inject({
      method: method as 'GET',
      url,
      headers: { host: 'localhost', 'x-api-key': API_KEY, ...headers },
      ...(body !== undefined && { body }),
    });
    expect(rest.unexpected.splice(0)).toEqual([]);
    expect(answer.headers['x-request-id']).toMatch(/^[A-Za-z0-9._-]{1,64}$/);
    return answer;
  }

  /** Refuses every answer that the document does not know of, whatever was asked. */
  function judge(request: Asked, { statusCode, body, headers }: Awaited<ReturnType<typeof send>>): void {
    const route = reached(request);
    if (statusCode >= 400) expect(REFUSALS).toContain(statusCode);
    if (request.method === 'HEAD') return;
    // What is sent again names the request that it was the answer to.
    const id = 'idempotency-replayed' in headers ? undefined : String(headers['x-request-id']);
    const code = statusCode >= 400 && !body.startsWith('{"jsonrpc"') ? codeIn(body, id) : undefined;
    expect(route !== undefined || statusCode >= 400, 'there is no such route').toBe(true);
    if (!route) return;
    const answer = { status: statusCode, type: String(headers['content-type']), body };
    expect(unlikeDocument(route, answer)).toBeUndefined();
    if (code === undefined) return;
    const described = route.responses[statusCode];
    if (described) expect(described.description.split(', ')).toContain(code);
    else expect(BY_HTTP).toContain(statusCode);
  }

  it(`${RUNS} that look like real ones are answered as it describes`, async () => {
    const seen = new Set<string>();
    const property = fc.asyncProperty(realRequests(routes), async (request) => {
      const answer = await send(request);
      const route = reached(request);
      seen.add(`${route?.method} ${route?.path} ${answer.statusCode < 400 ? 'ok' : 'refused'}`);
      judge(request, answer);
    });
    await fc.assert(property, { numRuns: RUNS, seed });
    const both = routes.flatMap(({ method, path }) => [`${method} ${path} ok`, `${method} ${path} refused`]);
    const missing = both.filter((one) => !seen.has(one));
    expect(missing.length, `the generator reaches nearly every outcome; not: ${missing.join(', ')}`).toBeLessThan(
      // A thousand requests are some twenty for each route.
      both.length / (RUNS > 1000 ? 4 : 3),
    );
  });

  it(`${RUNS} that were spoiled somewhere are too`, async () => {
    const property = fc.asyncProperty(spoiledRequests(routes), async (request) => judge(request, await send(request)));
    await fc.assert(property, { numRuns: RUNS, seed });
    const health = await rest.server.inject({ url: '/health', headers: { host: 'localhost' } });
    expect(health.statusCode, 'the server is well').toBe(200);
  });
});

it('bytes spoiled on their way over a real socket are answered with less than 500, or not at all', {
  timeout: 120_000,
}, async () => {
  const { server, close, unexpected } = await startRest();
  const url = await server.listen({ host: '127.0.0.1', port: 0 });
  const head = `Host: ${new URL(url).host}\r\nX-API-Key: ${API_KEY}\r\n`;
  const body = '{"config_a":{"mcpServers":{}},"config_b":{"mcpServers":{}}}';
  const whole = [
    `GET /v1/clients?detect=true HTTP/1.1\r\n${head}\r\n`,
    `POST /v1/config/diff HTTP/1.1\r\n${head}Content-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    `POST /v1/config/diff HTTP/1.1\r\n${head}Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`,
  ];
  const byte = fc.oneof(
    fc.constantFrom('\r', '\n', '\r\n', ' ', '\t', '\0', ':', 'Host: x\r\n', 'Content-Length: 1\r\n', '0', '\xff'),
    fc.string({ unit: 'binary-ascii', maxLength: 3 }),
  );
  const damage = fc.record({
    at: fc.double({ min: 0, max: 1, noNaN: true }),
    drop: fc.integer({ min: 0, max: 6 }),
    insert: byte,
  });
  const property = fc.asyncProperty(
    fc.constantFrom(...whole),
    fc.array(damage, { minLength: 1, maxLength: 3 }),
    async (bytes, damages) => {
      const answers = await sendRaw(url, [damages.reduce(spoil, bytes)], { end: true });
      for (const answer of answers.filter(({ status }) => status >= 400)) {
        expect([...REFUSALS, 408, 417, 431]).toContain(answer.status);
        codeIn(answer.body, answer.headers['x-request-id']);
      }
    },
  );
  await fc.assert(property, { numRuns: Math.min(RUNS, 500) });
  expect(unexpected).toEqual([]);
  await close();
});
