import { connect } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { mcpOverHttp } from '../../src/adapters/mcp/http.ts';
import { offerOf } from '../../src/adapters/mcp/mcp.ts';
import { OPERATIONS } from '../../src/operations/index.ts';
import { type Operation, TOOLSETS } from '../../src/operations/operation.ts';
import { mcpInProcess, openSession } from '../support/mcp-in-process.ts';
import { startHttp } from '../support/process.ts';
import { openEvents } from '../support/sse.ts';
import { testWorkspace } from '../support/workspace.ts';
import { askRaw, type RawAnswer, sendRaw } from './raw-http.ts';
import { API_KEY, codeIn, restInProcess } from './server.ts';

/** A running server, and the head of a request to it as a well-behaved client would write it. */
async function running() {
  const workspace = await testWorkspace();
  const server = await startHttp(workspace, { env: { MCP_ORCHESTRATION_API_KEY: API_KEY } });
  const host = `Host: ${new URL(server.url).host}\r\nConnection: close\r\n`;
  const key = `X-API-Key: ${API_KEY}\r\n`;
  return { ...server, workspace, host, key };
}

const outcome = ({ status, headers, body }: RawAnswer) => {
  if (headers['content-type'] !== 'application/json; charset=utf-8') return [status, headers['content-type']];
  return status < 400 ? [status] : [status, codeIn(body, headers['x-request-id'])];
};

describe('bytes that no browser sends', () => {
  it('are answered in the one envelope, with the status of the fault', async () => {
    const { url, host, key } = await running();
    const get = (path: string, ...lines: string[]) =>
      `GET ${path} HTTP/1.1\r\n${host}${lines.map((line) => `${line}\r\n`).join('')}\r\n`;
    const as = (method: string, path: string, ...lines: string[]) => get(path, ...lines).replace('GET', method);
    const post = (body: string, type: string, ...lines: string[]) =>
      `${as('POST', '/v1/config/diff', `X-API-Key: ${API_KEY}`, type, `Content-Length: ${body.length}`, ...lines)}${body}`;
    const json = 'Content-Type: application/json';
    const chunked = (...chunks: string[]) =>
      `${as('POST', '/v1/config/diff', `X-API-Key: ${API_KEY}`, json, 'Transfer-Encoding: chunked')}${chunks.join('')}`;
    const with_ = (...lines: string[]) => get('/v1/clients', ...lines, key.trim());
    const cases: Record<string, [bytes: string, ...expected: unknown[]]> = {
      'no host': ['GET /health HTTP/1.1\r\nConnection: close\r\n\r\n', 400, 'INVALID_INPUT'],
      'no host in HTTP/1.0': ['GET /health HTTP/1.0\r\n\r\n', 400, 'INVALID_INPUT'],
      'two hosts': [get('/health', 'Host: evil.example'), 400, 'INVALID_INPUT'],
      'two equal hosts': [`GET /health HTTP/1.1\r\n${host}${host}\r\n`, 400, 'INVALID_INPUT'],
      'a foreign host': [
        'GET /health HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n',
        403,
        'HOST_NOT_ALLOWED',
      ],
      'a host that begins like ours': [
        'GET /health HTTP/1.1\r\nHost: localhost.evil.example\r\nConnection: close\r\n\r\n',
        403,
        'HOST_NOT_ALLOWED',
      ],
      'a host with a user in front': [
        'GET /health HTTP/1.1\r\nHost: localhost@evil.example\r\nConnection: close\r\n\r\n',
        403,
        'HOST_NOT_ALLOWED',
      ],
      'an empty host': ['GET /health HTTP/1.1\r\nHost:\r\nConnection: close\r\n\r\n', 403, 'HOST_NOT_ALLOWED'],
      'a host with another port': ['GET /health HTTP/1.1\r\nHost: LOCALHOST:1\r\nConnection: close\r\n\r\n', 200],
      'another host in the request line': [get('http://evil.example/health'), 400, 'INVALID_INPUT'],
      'a foreign origin on an open route': [get('/health', 'Origin: https://evil.example'), 403, 'ORIGIN_NOT_ALLOWED'],
      'a foreign origin with credentials': [with_('Origin: https://evil.example'), 403, 'ORIGIN_NOT_ALLOWED'],
      'the origin of a sandboxed page': [with_('Origin: null'), 403, 'ORIGIN_NOT_ALLOWED'],
      'two origins, one of them ours': [
        with_(`Origin: ${url}`, 'Origin: https://evil.example'),
        403,
        'ORIGIN_NOT_ALLOWED',
      ],
      'our own origin': [with_(`Origin: ${url}`), 200],
      'the preflight of a foreign origin': [
        as('OPTIONS', '/v1/clients', 'Origin: https://evil.example', 'Access-Control-Request-Method: GET'),
        403,
        'ORIGIN_NOT_ALLOWED',
      ],
      'OPTIONS that is no preflight': [as('OPTIONS', '/v1/clients'), 401, 'AUTHENTICATION_REQUIRED'],
      'OPTIONS for the whole server': [as('OPTIONS', '*'), 400, 'INVALID_INPUT'],
      garbage: ['\x00\x01\x02 hello\r\n\r\n', 400, 'INVALID_INPUT'],
      'the preface of HTTP/2': ['PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 400, 'INVALID_INPUT'],
      'a TLS hello': ['\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n', 400, 'INVALID_INPUT'],
      'a huge header': [get('/health', `X-Big: ${'a'.repeat(20_000)}`), 431, 'REQUEST_HEADER_FIELDS_TOO_LARGE'],
      'too many headers': [
        get('/health', ...Array.from({ length: 3000 }, (_, at) => `a${at}: b`)),
        431,
        'REQUEST_HEADER_FIELDS_TOO_LARGE',
      ],
      'a folded header': [get('/health', 'X: a\r\n b'), 400, 'INVALID_INPUT'],
      'line ends without CR': [get('/health').replaceAll('\r', ''), 400, 'INVALID_INPUT'],
      'an odd expectation': [get('/health', 'Expect: a teapot'), 417, 'EXPECTATION_FAILED'],
      'a request for a tunnel': [as('CONNECT', 'evil.example:443'), 405, 'METHOD_NOT_ALLOWED'],
      'a method that nobody knows': [as('BREW', '/v1/clients'), 400, 'INVALID_INPUT'],
      'a method that HTTP knows': [with_().replace('GET', 'PROPFIND'), 405, 'METHOD_NOT_ALLOWED'],
      TRACE: [with_().replace('GET', 'TRACE'), 405, 'METHOD_NOT_ALLOWED'],
      'a wrong method on an open route': [as('POST', '/health', key.trim()), 405, 'METHOD_NOT_ALLOWED'],
      'an upgrade that nobody offers': [with_('Upgrade: websocket').replace('close', 'Upgrade, close'), 200],
      'a body that is no JSON by name': [post('{}', 'Content-Type: text/plain'), 415, 'UNSUPPORTED_MEDIA_TYPE'],
      'a form': [post('a=b', 'Content-Type: application/x-www-form-urlencoded'), 415, 'UNSUPPORTED_MEDIA_TYPE'],
      'a multipart body': [
        post('--x--', 'Content-Type: multipart/form-data; boundary=x'),
        415,
        'UNSUPPORTED_MEDIA_TYPE',
      ],
      'a body of no type': [post('{}', 'X-Nothing: 1'), 415, 'UNSUPPORTED_MEDIA_TYPE'],
      'a type that begins like JSON': [post('{}', 'Content-Type: application/jsonx'), 415, 'UNSUPPORTED_MEDIA_TYPE'],
      'a type that is none': [post('{}', 'Content-Type: ;;;'), 415, 'UNSUPPORTED_MEDIA_TYPE'],
      'a tab behind the type skips no check': [
        post('{"bogus":1}', 'Content-Type: application/json\t'),
        400,
        'INVALID_INPUT',
      ],
      'a compressed body': [post('{}', json, 'Content-Encoding: gzip'), 415, 'UNSUPPORTED_MEDIA_TYPE'],
      'a body called compressed that is not': [
        post('{}', json, 'Content-Encoding: identity'),
        415,
        'UNSUPPORTED_MEDIA_TYPE',
      ],
      'a body compressed on the way': [
        chunked('2\r\n{}\r\n0\r\n\r\n').replace('chunked', 'gzip, chunked'),
        415,
        'UNSUPPORTED_MEDIA_TYPE',
      ],
      'one byte too many': [post(JSON.stringify({ x: 'a'.repeat(1_048_576 - 7) }), json), 413, 'PAYLOAD_TOO_LARGE'],
      'as many bytes as there may be': [
        post(JSON.stringify({ x: 'a'.repeat(1_048_576 - 8) }), json),
        400,
        'INVALID_INPUT',
      ],
      'too many bytes in chunks': [
        chunked(...Array.from({ length: 18 }, () => `10000\r\n${'a'.repeat(65_536)}\r\n`)),
        413,
        'PAYLOAD_TOO_LARGE',
      ],
      'a body in chunks': [chunked('1\r\n{\r\n', '1\r\n}\r\n0\r\n\r\n'), 400, 'INVALID_INPUT'],
      'a chunk without a length': [chunked('zz\r\n{}\r\n0\r\n\r\n'), 400, 'INVALID_INPUT'],
      'a chunk that is too long': [chunked('1\r\n{}\r\n0\r\n\r\n'), 400, 'INVALID_INPUT'],
      'chunks and a length': [
        chunked('2\r\n{}\r\n0\r\n\r\n').replace('Transfer', 'Content-Length: 2\r\nTransfer'),
        400,
        'INVALID_INPUT',
      ],
      'two lengths': [post('{}', json, 'Content-Length: 3'), 400, 'INVALID_INPUT'],
      'a length below zero': [post('{}', json).replace('Length: 2', 'Length: -1'), 400, 'INVALID_INPUT'],
      'an array': [post('[]', json), 400, 'INVALID_INPUT'],
      'a text': [post('"{}"', json), 400, 'INVALID_INPUT'],
      'a cut off body': [post('{"config_a":', json), 400, 'INVALID_JSON'],
      'bytes that are not UTF-8': [post('{"a":"\xff"}', json), 400, 'INVALID_JSON'],
      'UTF-8 in too many bytes': [post('{"a":"\xc0\xaf"}', json), 400, 'INVALID_JSON'],
      'a byte order mark': [post('\xef\xbb\xbf{}', json), 400, 'INVALID_JSON'],
      'half of a surrogate pair': [post('{"a":"\\ud800"}', json), 400, 'INVALID_JSON'],
      'a key that comes twice': [post('{"config_a":1,"config_a":2}', json), 400, 'INVALID_JSON'],
      'a key that comes twice, once escaped': [post('{"a":1,"\\u0061":2}', json), 400, 'INVALID_JSON'],
      'the prototype': [post('{"__proto__":{"polluted":true}}', json), 400, 'INVALID_JSON'],
      'the prototype, escaped': [post('{"\\u005f_proto__":{"polluted":true}}', json), 400, 'INVALID_JSON'],
      'the constructor': [post('{"a":{"constructor":{"prototype":{"polluted":true}}}}', json), 400, 'INVALID_JSON'],
      'a hundred thousand arrays': [post('['.repeat(100_000), json), 400, 'INVALID_JSON'],
      'a hundred thousand objects': [post('{"a":'.repeat(100_000), json), 400, 'INVALID_JSON'],
      'a number that loses digits': [post('{"a":9007199254740993}', json), 400, 'INVALID_JSON'],
      'a number without end': [post('{"a":1e999}', json), 400, 'INVALID_JSON'],
      'a key of 256 characters': [post('{}', json, `Idempotency-Key: ${'k'.repeat(256)}`), 400, 'INVALID_INPUT'],
      'an empty key': [post('{}', json, 'Idempotency-Key:'), 400, 'INVALID_INPUT'],
      'an unknown field': [post('{"bogus":1}', json), 400, 'INVALID_INPUT'],
      'an unknown query field': [get('/v1/clients?bogus=1', key.trim()), 400, 'INVALID_INPUT'],
      'a query field that comes twice': [
        get('/v1/servers?search_query=a&search_query=b', key.trim()),
        400,
        'INVALID_INPUT',
      ],
      'the prototype in a query': [get('/v1/clients?__proto__=1', key.trim()), 400, 'INVALID_INPUT'],
      'a path that cannot be decoded': [get('/v1/clients/%zz/profiles', key.trim()), 400, 'INVALID_INPUT'],
      'a path that is not UTF-8': [get('/v1/clients/%ff/profiles', key.trim()), 400, 'INVALID_INPUT'],
      'a NUL in a path': [get('/v1/clients/%00/profiles', key.trim()), 400, 'INVALID_INPUT'],
      'a slash in a path part': [get('/v1/clients/..%2f..%2fetc/profiles', key.trim()), 400, 'INVALID_INPUT'],
      'dots in a path': [get('/v1/clients/../profiles', key.trim()), 400, 'INVALID_INPUT'],
      'dots in a path, encoded': [get('/v1/clients/%2e%2e/profiles', key.trim()), 400, 'INVALID_INPUT'],
      'a path part that is an encoded id': [get('/v1/clients/%63ursor/profiles', key.trim()), 200],
      'an id that is too long': [get(`/v1/clients/${'a'.repeat(65)}/profiles`, key.trim()), 400, 'INVALID_INPUT'],
      'a path part that is much too long': [
        get(`/v1/clients/${'a'.repeat(12_000)}/profiles`, key.trim()),
        414,
        'URI_TOO_LONG',
      ],
      'an unknown route without credentials': [get('/nothing'), 401, 'AUTHENTICATION_REQUIRED'],
      'an unknown route with credentials': [get('/nothing', key.trim()), 404, 'NOT_FOUND'],
      'a known route in other letters': [get('/V1/clients', key.trim()), 404, 'NOT_FOUND'],
      'a way out of the docs': [get('/docs/js/../../../../etc/passwd', key.trim()), 404, 'NOT_FOUND'],
      'a weak tag in If-Match': [
        as('DELETE', '/v1/config/cursor/dev/draft', key.trim(), 'If-Match: W/"0"'),
        400,
        'INVALID_INPUT',
      ],
      'an old revision in If-Match': [
        as('DELETE', '/v1/config/cursor/dev/draft', key.trim(), 'If-Match: "7"'),
        412,
        'DRAFT_CHANGED',
      ],
      'the revision in If-Match': [as('DELETE', '/v1/config/cursor/dev/draft', key.trim(), 'If-Match: "0"'), 200],
      'a file elsewhere to deploy into': [
        post('{"config_path":"/etc/passwd"}', json).replace('/v1/config/diff', '/v1/config/vscode/default/deploy'),
        400,
        'INVALID_INPUT',
      ],
    };
    const seen: Record<string, unknown> = {};
    for (const [name, [bytes]] of Object.entries(cases)) seen[name] = outcome(await askRaw(url, bytes));
    expect(seen).toEqual(Object.fromEntries(Object.entries(cases).map(([name, [, ...expected]]) => [name, expected])));
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
    expect((await askRaw(url, get('/health'))).status, 'the server is well').toBe(200);
  });
});

describe('a well-behaved client', () => {
  it('gets tags, short answers and its own request id', async () => {
    const { url, host, key } = await running();
    const ask = (method: string, path: string, ...lines: string[]) =>
      askRaw(url, `${method} ${path} HTTP/1.1\r\n${host}${key}${lines.map((line) => `${line}\r\n`).join('')}\r\n`);
    await ask('DELETE', '/v1/config/cursor/dev/draft');
    const draft = await ask('GET', '/v1/config/cursor/dev/draft');
    expect(draft.headers).toMatchObject({
      etag: '"1"',
      'cache-control': 'private, no-cache',
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
    });
    for (const tag of ['"1"', 'W/"1"', '"9", "1"', '*']) {
      expect(await ask('GET', '/v1/config/cursor/dev/draft', `If-None-Match: ${tag}`)).toMatchObject({
        status: 304,
        body: '',
      });
    }
    expect((await ask('GET', '/v1/config/cursor/dev/draft', 'If-None-Match: "2"')).status).toBe(200);
    expect(await ask('HEAD', '/v1/clients')).toMatchObject({ status: 200, body: '' });
    expect(await ask('HEAD', '/nothing')).toMatchObject({ status: 404, body: '' });
    const wrong = await ask('GET', '/v1/config/cursor/dev/publish');
    expect(wrong).toMatchObject({ status: 405, headers: { allow: 'POST', 'cache-control': 'no-store' } });
    const named = await ask('GET', '/nothing', 'X-Request-Id: my.id-1_2');
    expect([named.headers['x-request-id'], codeIn(named.body, 'my.id-1_2')]).toEqual(['my.id-1_2', 'NOT_FOUND']);
    for (const odd of ['<script>', 'a b', 'a'.repeat(65)]) {
      const own = await ask('GET', '/nothing', `X-Request-Id: ${odd}`);
      expect(own.headers['x-request-id']).toMatch(/^req_[0-9a-f-]{36}$/);
    }
    expect((await ask('GET', '/nothing')).headers['www-authenticate']).toBeUndefined();
    const unreadable = await ask('GET', '/v1/clients/%zz/profiles', 'X-Request-Id: mine');
    expect(unreadable.headers).toMatchObject({ 'x-content-type-options': 'nosniff', 'x-request-id': 'mine' });
    const none = await askRaw(url, `GET /v1/clients HTTP/1.1\r\n${host}\r\n`);
    expect(none.headers['www-authenticate']).toBe('Bearer realm="mcp-orchestration"');
  });

  it('gets three answers in order on one connection, refusals among them', async () => {
    const { url, host, key } = await running();
    const open = host.replace('close', 'keep-alive');
    const requests = [
      `GET /health HTTP/1.1\r\n${open}\r\n`,
      `GET /v1/clients/zz/profiles HTTP/1.1\r\n${open}${key}\r\n`,
      `GET /readyz HTTP/1.1\r\n${host}\r\n`,
    ];
    const answers = await sendRaw(url, [requests.join('')]);
    expect(answers.map(({ status }) => status)).toEqual([200, 404, 200]);
  });
});

describe('slow clients', () => {
  it('have 15 s for their headers and 30 s for a request, and are looked at every 5 s', async () => {
    const { server } = await restInProcess();
    expect(server.server).toMatchObject({
      headersTimeout: 15_000,
      requestTimeout: 30_000,
      keepAliveTimeout: 5_000,
      maxHeadersCount: null,
    });
    expect(server.initialConfig).toMatchObject({ bodyLimit: 1_048_576, requestTimeout: 30_000 });
  });

  it('are told so in the one envelope when their time is over, be it for headers or for a body', {
    timeout: 120_000,
  }, async () => {
    const { server } = await restInProcess();
    Object.assign(server.server, { headersTimeout: 50, requestTimeout: 60 });
    const url = await server.listen({ host: '127.0.0.1', port: 0 });
    const begun = `POST /v1/config/diff HTTP/1.1\r\nHost: localhost\r\nX-API-Key: ${API_KEY}\r\n`;
    // Neither reads what it is told nor goes by itself.
    const deaf = connect({ port: Number(new URL(url).port), host: '127.0.0.1', allowHalfOpen: true });
    onTestFinished(() => void deaf.destroy());
    deaf.on('error', () => undefined).write('GET /health');
    const answers = await Promise.all([
      askRaw(url, 'GET /health HTTP/1.1\r\nHost: local', 'host\r\nX-Slow: '),
      askRaw(url, `${begun}Content-Type: application/json\r\nContent-Length: 100\r\n\r\n`, '{', '"a"'),
    ]);
    expect(answers.map(outcome)).toEqual([
      [408, 'REQUEST_TIMEOUT'],
      [408, 'REQUEST_TIMEOUT'],
    ]);
    const open = () => new Promise((resolve) => server.server.getConnections((_error, count) => resolve(count)));
    await expect.poll(open).toBe(0);
  });
});

describe('an operation that takes too long', () => {
  it('is given up also when it came with a body, over a real connection', async () => {
    const never = {
      ...OPERATIONS.find(({ id }) => id === 'releases.diff'),
      run: () => new Promise(() => undefined),
    } as unknown as Operation;
    const { server } = await restInProcess({ operations: [never], handler_ms: 50 });
    const url = await server.listen({ host: '127.0.0.1', port: 0 });
    const answer = await fetch(`${url}/v1/config/diff`, {
      method: 'POST',
      headers: { 'x-api-key': API_KEY, 'content-type': 'application/json' },
      body: '{"client_id":"cursor"}',
      signal: AbortSignal.timeout(3_000),
    });
    expect([answer.status, codeIn(await answer.text())]).toEqual([503, 'UNAVAILABLE']);
  });

  it('is given up with 503, in the one envelope', async () => {
    const never = {
      ...OPERATIONS.find(({ id }) => id === 'drafts.view'),
      run: () => new Promise(() => undefined),
    } as unknown as Operation;
    const { server } = await restInProcess({ operations: [never], handler_ms: 50 });
    const url = '/v1/config/cursor/dev/draft';
    const answer = await server.inject({ url, headers: { host: 'localhost', 'x-api-key': API_KEY } });
    expect([answer.statusCode, answer.json().error.code]).toEqual([503, 'UNAVAILABLE']);
  });
});

describe('pages of other origins', () => {
  const origin = 'https://console.example';
  const preflight = (from: string) => ({
    method: 'OPTIONS' as const,
    url: '/v1/clients',
    headers: {
      host: 'localhost',
      origin: from,
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'authorization, last-event-id',
    },
  });

  it('may call when their exact origin is configured, never with cookies', async () => {
    const { server } = await restInProcess({ cors_origins: new Set([origin]) });
    const allowed = await server.inject(preflight(origin));
    expect(allowed.statusCode).toBe(204);
    expect(allowed.headers).toMatchObject({
      'access-control-allow-origin': origin,
      'access-control-allow-methods': 'GET, POST, PUT, DELETE',
      'access-control-allow-headers': expect.stringContaining('last-event-id'),
    });
    expect(allowed.headers['access-control-allow-credentials']).toBeUndefined();
    const called = await server.inject({
      url: '/v1/clients',
      headers: { host: 'localhost', origin, 'x-api-key': API_KEY },
    });
    expect(called.statusCode).toBe(200);
    expect(called.headers).toMatchObject({ 'access-control-allow-origin': origin });
    const refused = await server.inject({ url: '/v1/clients', headers: { host: 'localhost', origin } });
    expect(refused.statusCode, 'a preflight is no credential').toBe(401);
  });

  it('may read streams of events, and learn in which session of MCP they are', async () => {
    const { url } = await mcpInProcess({ cors_origins: new Set([origin]) });
    const headers = { 'x-api-key': API_KEY, origin };
    const stream = await openEvents(url.replace('/mcp', '/v1/events'), headers);
    onTestFinished(() => stream.close());
    expect([stream.status, stream.headers['access-control-allow-origin']]).toEqual([200, origin]);
    const { opened } = await openSession(url, headers);
    expect(opened.headers.get('access-control-allow-origin')).toBe(origin);
    expect(opened.headers.get('mcp-session-id')).not.toBeNull();
    expect(opened.headers.get('access-control-expose-headers')?.split(', ')).toContain('mcp-session-id');
  });

  it('learn how many requests they have left', async () => {
    const { server } = await restInProcess({ cors_origins: new Set([origin]), rate_limit: 5 });
    const { headers } = await server.inject({
      url: '/v1/clients',
      headers: { host: 'localhost', origin, 'x-api-key': API_KEY },
    });
    const shown = String(headers['access-control-expose-headers']).split(', ');
    const limits = Object.keys(headers).filter((name) => name.startsWith('ratelimit-'));
    expect(limits).toHaveLength(3);
    expect(shown).toEqual(expect.arrayContaining([...limits, 'retry-after']));
  });

  it.each(['https://console.example.evil', 'http://console.example', 'https://console.example:8443', 'null', '*'])(
    'may not call from %s when another origin is configured',
    async (from) => {
      const { server } = await restInProcess({ cors_origins: new Set([origin]) });
      for (const request of [preflight(from), { url: '/health', headers: { host: 'localhost', origin: from } }]) {
        const { statusCode, body, headers } = await server.inject(request);
        expect([statusCode, codeIn(body)]).toEqual([403, 'ORIGIN_NOT_ALLOWED']);
        expect(headers['access-control-allow-origin']).toBeUndefined();
      }
    },
  );

  it('get no CORS headers when nothing is configured', async () => {
    const { server } = await restInProcess();
    const { statusCode, headers } = await server.inject({ url: '/health', headers: { host: 'localhost' } });
    expect([statusCode, headers['access-control-allow-origin']]).toEqual([200, undefined]);
  });
});

describe('what has no end, or is no document', () => {
  it.each([
    ['/mcp', 'GET, POST, DELETE'],
    ['/v1/events', 'GET'],
  ])('%s has no HEAD, and says so as every other path does', async (url, allow) => {
    const mcp = mcpOverHttp(offerOf(OPERATIONS, { version: '0.0.0', toolsets: new Set(TOOLSETS) }), {
      now: () => new Date(),
    });
    const { server, unexpected } = await restInProcess({ mcp });
    const signal = AbortSignal.timeout(5_000);
    const answer = await server.inject({
      method: 'HEAD',
      url,
      headers: { host: 'localhost', 'x-api-key': API_KEY },
      signal,
    });
    expect([answer.statusCode, answer.headers['allow'], unexpected]).toEqual([405, allow, []]);
  });
});
