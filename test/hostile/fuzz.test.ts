import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Field, fieldsOf } from '../../src/operations/fields.ts';
import { OPERATIONS } from '../../src/operations/index.ts';
import type { Operation } from '../../src/operations/operation.ts';
import { callOn } from '../crash/invariants.ts';
import { requestOf } from './doors.ts';
import { sendRaw } from './raw-http.ts';
import { API_KEY, codeIn, startRest } from './server.ts';

/** Requests of each kind in one run. */
const RUNS = Number(process.env['PROPERTY_RUNS'] ?? 1000);
const routes = OPERATIONS.filter(({ rest }) => rest !== undefined);

const name = fc.constantFrom(
  'cursor',
  'vscode',
  'claude-desktop',
  'default',
  'dev',
  'memory',
  'filesystem',
  'github',
  'x',
  'team-a',
);
const reference = fc.constantFrom('${env:T}', '${secret:a.b}', '$${x}', '${nothing', '${env:}', '${input:Q}');
const text = fc.oneof(
  name,
  reference,
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.string({ maxLength: 200 }),
  fc.constantFrom('', '..', '/etc/passwd', 'f'.repeat(64), '1', 'true', '{}'),
);
const junk = fc.jsonValue({ maxDepth: 4 }).map((value): unknown => value);
const entry = fc.oneof(
  fc.record({ command: fc.oneof(fc.constant('npx'), text), args: fc.array(text, { maxLength: 4 }) }),
  fc.record({
    command: fc.constant('node'),
    args: fc.array(text, { maxLength: 2 }),
    env: fc.dictionary(text, text, { maxKeys: 3 }),
  }),
  fc.record({
    type: fc.constantFrom('http', 'sse'),
    url: fc.oneof(fc.webUrl(), text),
    headers: fc.dictionary(text, text, { maxKeys: 2 }),
  }),
  fc.dictionary(
    fc.constantFrom('command', 'args', 'env', 'type', 'url', 'cwd', 'timeout_ms', 'tools', 'x-client', 'disabled'),
    junk,
    { maxKeys: 5 },
  ),
);
const payload = fc.oneof(
  { weight: 4, arbitrary: fc.record({ mcpServers: fc.dictionary(fc.oneof(name, text), entry, { maxKeys: 3 }) }) },
  { weight: 1, arbitrary: junk },
);
const map = fc.oneof(fc.dictionary(text, fc.oneof(text, junk), { maxKeys: 3 }), text, fc.json());

/** Ids that the store gave out before the first request. */
const made: Record<string, unknown> = {};
const existing = (id: string) =>
  fc.oneof({ weight: 3, arbitrary: fc.constant(id).map((name) => made[name]) }, { weight: 1, arbitrary: text });

/** Things that mostly exist: what is not found is seldom looked into. */
const IDS: Record<string, fc.Arbitrary<unknown>> = {
  client_id: fc.constantFrom('cursor', 'cursor', 'vscode', 'claude-desktop', 'x'),
  profile_id: fc.constantFrom('default', 'default', 'dev', 'x'),
  server_id: fc.constantFrom('memory', 'filesystem', 'github', 'x'),
  server_name: name,
  artifact_id: existing('artifact_id'),
  local_artifact_id: existing('artifact_id'),
  token_id: existing('token_id'),
  expires: fc.constantFrom('90d', '1h', 'never', '0'),
};

/** What a batch is made of. */
const item = fc.oneof(
  fc.record({
    operation: fc.constantFrom(
      'view_draft_config',
      'get_latest',
      'validate',
      'deploy',
      'list_available_servers',
      'batch',
    ),
    client_id: fc.constantFrom('cursor', 'x'),
  }),
  fc.record({
    operation: fc.constantFrom('publish', 'list_clients'),
    input: fc.record({ payload }, { requiredKeys: [] }),
  }),
  junk,
);

/** Values for a field: mostly of its type, sometimes anything. */
function valueFor(field: Field): fc.Arbitrary<unknown> {
  const fitting: Record<Field['type'], fc.Arbitrary<unknown>> = {
    string: field.choices ? fc.constantFrom(...field.choices) : text,
    integer: fc.integer({ min: -1, max: 20 }),
    boolean: fc.boolean(),
    array: fc.array(text, { maxLength: 3 }),
    object: fc.dictionary(
      fc.constantFrom('check_schema', 'check_limits', 'check_security', 'NAME'),
      fc.oneof(fc.boolean(), text),
      { maxKeys: 2 },
    ),
    texts: map,
    'text-or-map': map,
    'text-or-null': fc.oneof(text, fc.constant(null)),
    'flag-or-list': fc.oneof(fc.constant(true), fc.array(text, { maxLength: 2 })),
    any: field.name === 'items' ? fc.array(item, { maxLength: 3 }) : payload,
  };
  const known = IDS[field.name] ?? fitting[field.type];
  return fc.oneof(
    { weight: 6, arbitrary: known },
    { weight: 1, arbitrary: fitting[field.type] },
    { weight: 1, arbitrary: junk },
  );
}

const byId = new Map(routes.map((operation) => [operation.id, operation]));

/** The id of an operation together with an input that looks like one of its own, unknown fields now and then among it. */
const callOf = fc.constantFrom(...byId.keys()).chain((id) => {
  const known = fieldsOf(operationOf(id));
  const fields = Object.fromEntries(known.map((field) => [field.name, valueFor(field)]));
  const input = fc.record(fields, {
    requiredKeys: known.filter(({ required }) => required).map((field) => field.name),
  });
  const extra = fc.dictionary(text, junk, { minKeys: 1, maxKeys: 1 });
  const more = fc.oneof({ weight: 9, arbitrary: fc.constant({}) }, { weight: 1, arbitrary: extra });
  return fc
    .tuple(input, more)
    .map(([own, others]) => ({ id, input: { ...others, ...own } as Record<string, unknown> }));
});

function operationOf(id: string): Operation {
  const operation = byId.get(id);
  if (!operation) throw new Error(`there is no operation ${id}`);
  return operation;
}

/** What is done to a request that was fine: body as text, to be spoiled, and headers that few clients send. */
const spoiling = fc.record({
  at: fc.double({ min: 0, max: 1, noNaN: true }),
  drop: fc.integer({ min: 0, max: 12 }),
  insert: fc.oneof(
    fc.constantFrom(
      '{',
      '}',
      '[',
      '"',
      ',',
      ':',
      '\\',
      '\0',
      '\ud800',
      '1e999',
      '__proto__',
      '%00',
      '%',
      '../',
      '?',
      '#',
      '&a=b',
    ),
    fc.string({ maxLength: 5 }),
  ),
  where: fc.constantFrom('body', 'url', 'method', 'headers'),
  method: fc.constantFrom('GET', 'POST', 'PUT', 'DELETE', 'PATCH', 'HEAD', 'OPTIONS'),
  headers: fc.dictionary(
    fc.constantFrom(
      'content-type',
      'if-match',
      'if-none-match',
      'x-request-id',
      'origin',
      'accept',
      'content-encoding',
      'authorization',
      'x-api-key',
      'host',
      'expect',
      'range',
    ),
    fc.oneof(
      fc.string({ unit: fc.constantFrom(...'abc/;=",*0 W-'), maxLength: 20 }),
      fc.constantFrom('application/json', '"0"', '*', 'localhost'),
    ),
    { minKeys: 1, maxKeys: 3 },
  ),
});

function spoil(whole: string, { at, drop, insert }: { at: number; drop: number; insert: string }): string {
  const position = Math.floor(at * whole.length);
  return whole.slice(0, position) + insert + whole.slice(position + drop);
}

/** Statuses of a refusal that these requests may meet; none of them says that the server is at fault. */
const REFUSALS = [400, 401, 403, 404, 405, 409, 412, 413, 414, 415, 422];
/** Codes that an operation need not name, because any route or the layer below it answers them. */
const ANYWHERE = [
  'INVALID_INPUT',
  'INVALID_JSON',
  'FORBIDDEN',
  'NOT_FOUND',
  'METHOD_NOT_ALLOWED',
  'AUTHENTICATION_REQUIRED',
  'INVALID_CREDENTIALS',
  'HOST_NOT_ALLOWED',
  'ORIGIN_NOT_ALLOWED',
  'UNSUPPORTED_MEDIA_TYPE',
  'PAYLOAD_TOO_LARGE',
  'URI_TOO_LONG',
];

describe('requests that a generator made from the operations', { timeout: 60_000 + RUNS * 60 }, () => {
  let rest: Awaited<ReturnType<typeof startRest>>;
  beforeAll(async () => {
    rest = await startRest();
    const target = { client_id: 'cursor', profile_id: 'default' };
    const payload = { mcpServers: { x: { command: 'node', args: [] } } };
    await callOn(rest.app, 'initialize_keys');
    Object.assign(made, await callOn(rest.app, 'publish_config', { ...target, payload }));
    const body = { kind: 'agent' };
    const headers = { host: 'localhost', 'x-api-key': API_KEY };
    const token = await rest.server.inject({ method: 'POST', url: '/v1/tokens', headers, body });
    made['token_id'] = token.json().token_id;
    await callOn(rest.app, 'deploy_config', target);
  });
  afterAll(() => rest.close());

  const send = (method: string, url: string, headers: Record<string, string>, body: string | undefined) =>
    rest.server.inject({
      method: method as 'GET',
      url,
      headers: { host: 'localhost', 'x-api-key': API_KEY, ...headers },
      ...(body !== undefined && { body }),
    });

  function judge(
    operation: Operation | undefined,
    { statusCode, body, headers }: Awaited<ReturnType<typeof send>>,
    method = 'GET',
  ): void {
    expect(rest.unexpected).toEqual([]);
    expect(headers['x-request-id']).toMatch(/^[A-Za-z0-9._-]{1,64}$/);
    if (statusCode >= 400) {
      expect(REFUSALS).toContain(statusCode);
      if (method === 'HEAD') return;
      const code = codeIn(body, String(headers['x-request-id']));
      if (operation) expect([...ANYWHERE, ...operation.errors, ...(operation.passesOn ?? [])]).toContain(code);
    } else if (operation) {
      expect(operation.rest?.statuses ?? [200]).toContain(statusCode);
      expect(operation.output.safeParse(JSON.parse(body)).error).toBeUndefined();
    }
  }

  it(`${RUNS} that look like real ones get an answer of the documented shape`, async () => {
    const seen = new Set<string>();
    const property = fc.asyncProperty(callOf, async ({ id, input }) => {
      const operation = operationOf(id);
      const [method, url, body] = requestOf(operation, input);
      const answer = await send(
        method,
        url,
        body === undefined ? {} : { 'content-type': 'application/json' },
        body === undefined ? undefined : JSON.stringify(body),
      );
      seen.add(`${operation.id} ${answer.statusCode < 400 ? 'ok' : 'refused'}`);
      judge(operation, answer);
    });
    await fc.assert(property, { numRuns: RUNS });
    const both = routes.flatMap(({ id }) => [`${id} ok`, `${id} refused`]);
    const missing = both.filter((one) => !seen.has(one));
    expect(missing.length, `the generator reaches nearly every outcome; not: ${missing.join(', ')}`).toBeLessThan(
      // A thousand requests are some twenty for each route.
      both.length / (RUNS > 1000 ? 4 : 3),
    );
  });

  it(`${RUNS} that were spoiled somewhere get one too`, async () => {
    const property = fc.asyncProperty(callOf, spoiling, async ({ id, input }, how) => {
      let [method, url, json] = requestOf(operationOf(id), input);
      let body = json === undefined ? undefined : JSON.stringify(json);
      let headers: Record<string, string> = body === undefined ? {} : { 'content-type': 'application/json' };
      if (how.where === 'body' && body !== undefined) body = spoil(body, how);
      if (how.where === 'url') url = `/${spoil(url.slice(1), how)}`;
      if (how.where === 'method') method = how.method;
      if (how.where === 'headers') headers = { ...headers, ...how.headers };
      fc.pre(URL.canParse(url, 'http://localhost')); // what the test client cannot send
      judge(undefined, await send(method, url, headers, body), method);
    });
    await fc.assert(property, { numRuns: RUNS });
  });
});

it('bytes spoiled on their way over a real socket are answered with less than 500, or not at all', {
  timeout: 60_000,
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
