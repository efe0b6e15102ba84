import fc from 'fast-check';
import { DOCUMENT, JSON_TYPE, type Route, type Schema } from '../support/openapi.ts';

/** Requests that a generator makes from the OpenAPI document: some that look like real ones, and some with damage. */
export interface Asked {
  method: string;
  url: string;
  headers: Record<string, string>;
  body: string | undefined;
}

const name = fc.constantFrom('cursor', 'vscode', 'claude-desktop', 'default', 'dev', 'memory', 'github', 'x', 'team-a');
const reference = fc.constantFrom('${env:T}', '${secret:a.b}', '$${x}', '${nothing', '${env:}', '${input:Q}');
/** Ids and texts of people who mean harm, or of nobody. */
const hostile = fc.constantFrom(
  '',
  '.',
  '..',
  '../../etc/passwd',
  '%2e%2e%2f',
  'con',
  'a.',
  '-x',
  '__proto__',
  'constructor',
  'toString',
  'x'.repeat(101),
  'y'.repeat(3000),
  '\u0000',
  '\u202e',
  '\u{e0041}',
  'e\u0301',
  '\ufeff',
  '\ud83d\ude00',
  '<script>',
  '\r\nx: y',
  "'; DROP TABLE drafts; --",
  'f'.repeat(64),
  '9999999999999999',
  'true',
  '{}',
);
const text = fc.oneof(
  name,
  reference,
  hostile,
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.string({ maxLength: 200 }),
);
const number = fc.oneof(
  fc.integer({ min: -1, max: 20 }),
  fc.constantFrom(0, -1, 1.5, 1e9, 2 ** 31, Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER + 1, 1e308),
);
const junk = fc.jsonValue({ maxDepth: 4 }).map((value): unknown => value);
const anything = fc.oneof(text, number, fc.boolean(), fc.constant(null), junk);

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

/** Ids that the store gave out before the first request. */
export const made: Record<string, unknown> = {};
const existing = (id: string) =>
  fc.oneof({ weight: 3, arbitrary: fc.constant(id).map((name) => made[name]) }, { weight: 1, arbitrary: text });

/** What the schema does not say: things that mostly exist, because what is not found is seldom looked into. */
const KNOWN: Readonly<Record<string, fc.Arbitrary<unknown>>> = {
  client_id: fc.constantFrom('cursor', 'cursor', 'vscode', 'claude-desktop', 'x'),
  source_client_id: fc.constantFrom('cursor', 'vscode'),
  profile_id: fc.constantFrom('default', 'default', 'dev', 'x'),
  server_id: fc.constantFrom('memory', 'filesystem', 'github', 'x'),
  server_name: name,
  artifact_id: existing('artifact_id'),
  local_artifact_id: existing('artifact_id'),
  token_id: existing('token_id'),
  webhook_id: existing('webhook_id'),
  delivery_id: existing('delivery_id'),
  expires: fc.constantFrom('90d', '1h', 'never', '0'),
  since: fc.constantFrom('0000000000000000', '0000000000000003', 'x'),
  types: fc.constantFrom('config.published', 'key.rotated,config.deployed', 'x'),
  // Nobody waits for what may not come.
  wait: fc.constantFrom(0, 0, -1, 31),
  url: fc.constantFrom('https://198.41.0.4/hook', 'https://127.0.0.1/hook', 'http://198.41.0.4/', 'x'),
  payload,
  local_payload: payload,
  config_a: payload,
  config_b: payload,
  items: fc.array(item, { maxLength: 3 }),
  // Of an MCP message; what would be a stream without end is left out.
  method: fc.constantFrom('tools/list', 'tools/call', 'ping', 'resources/read', 'prompts/get', 'initialize', 'x'),
  params: fc.record(
    { name: fc.oneof(fc.constant('list_clients'), text), uri: text, arguments: anything },
    { requiredKeys: [] },
  ),
};

/** Values that fit a schema, as far as it says what fits. */
function fitting(schema: Schema): fc.Arbitrary<unknown> {
  if (schema.$ref !== undefined) {
    const found = schema.$ref.split('/').at(-1) ?? '';
    // Only the schema of any JSON value has no name of ours, and it refers to itself.
    return found.startsWith('__') ? junk : fitting(DOCUMENT.components.schemas[found] ?? {});
  }
  if (schema.const !== undefined) return fc.constant(schema.const);
  if (schema.enum) return fc.constantFrom(...schema.enum);
  if (schema.anyOf) return fc.oneof(...schema.anyOf.map(fitting));
  switch ([schema.type].flat()[0]) {
    case 'string':
      return text;
    case 'integer':
      return fc.integer({ min: schema.minimum ?? -1, max: Math.min(schema.maximum ?? 20, 20) });
    case 'number':
      return number;
    case 'boolean':
      return fc.boolean();
    case 'null':
      return fc.constant(null);
    case 'array':
      return fc.array(fitting(schema.items ?? {}), { maxLength: 3 });
    case 'object': {
      if (schema.properties) return objectOf(schema);
      const values = typeof schema.additionalProperties === 'object' ? fitting(schema.additionalProperties) : anything;
      return fc.dictionary(text, values, { maxKeys: 3 });
    }
    default:
      return payload;
  }
}

/** Mostly what is wanted, now and then what nobody expects. */
const valueFor = (field: string, schema: Schema): fc.Arbitrary<unknown> =>
  fc.oneof(
    { weight: 8, arbitrary: KNOWN[field] ?? fitting(schema) },
    { weight: 1, arbitrary: fitting(schema) },
    { weight: 1, arbitrary: anything },
  );

function objectOf({ properties = {}, required = [] }: Schema): fc.Arbitrary<Record<string, unknown>> {
  const fields = Object.fromEntries(
    Object.entries(properties).map(([field, schema]) => [field, valueFor(field, schema)]),
  );
  return fc.record(fields, { requiredKeys: required.filter((field) => field in fields) }) as fc.Arbitrary<
    Record<string, unknown>
  >;
}

/** A request before it is written down, so that its parts can be damaged one by one. */
interface Parts {
  route: Route;
  path: Record<string, unknown>;
  query: Record<string, unknown>;
  headers: Record<string, string>;
  body: unknown;
}

const written = (value: unknown): string => (typeof value === 'string' ? value : (JSON.stringify(value) ?? ''));

function partsOf(route: Route): fc.Arbitrary<Parts> {
  const fields = (where: string) => {
    const known = (route.parameters ?? []).filter((parameter) => parameter.in === where);
    const properties = Object.fromEntries(known.map((parameter) => [parameter.name, parameter.schema]));
    return objectOf({
      properties,
      required: known.filter(({ required }) => required).map((parameter) => parameter.name),
    });
  };
  const schema = route.requestBody?.content[JSON_TYPE]?.schema;
  const whole = schema?.type === 'array' ? KNOWN['items'] : undefined;
  const headers = fc.record(
    {
      'if-match': fc.constantFrom('"0"', '"1"', '*', 'x'),
      'if-none-match': fc.constantFrom('"0"', '*', 'x'),
      'idempotency-key': fc.constantFrom('a', 'b', 'c'.repeat(255), 'c'.repeat(256)),
    },
    { requiredKeys: [] },
  ) as fc.Arbitrary<Record<string, string>>;
  const usual: Record<string, string> = route.path === '/mcp' ? { accept: 'application/json, text/event-stream' } : {};
  return fc.record({
    route: fc.constant(route),
    path: fields('path'),
    query: fields('query'),
    headers: fc.oneof({ weight: 9, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary: headers }),
    body: schema === undefined ? fc.constant(undefined) : (whole ?? objectOf(schema)),
  });
}

function asked({ route, path, query, headers, body }: Parts): Asked {
  const where = route.path.replaceAll(/\{(\w+)\}/g, (_all, field: string) => {
    const value = written(path[field]).toWellFormed();
    // A parser of URLs would take these away before anybody sees them.
    return value === '.' || value === '..' ? value.replaceAll('.', '%252e') : encodeURIComponent(value);
  });
  const search = new URLSearchParams(
    Object.entries(query).map(([field, value]): [string, string] => [field, written(value)]),
  );
  return {
    method: route.method,
    url: search.size > 0 ? `${where}?${search}` : where,
    headers: body === undefined ? headers : { 'content-type': JSON_TYPE, ...headers },
    body: body === undefined ? undefined : JSON.stringify(body),
  };
}

/** Every part of a path has something in it: without, it would be another path. */
const hasPath = ({ path }: Parts) => Object.values(path).every((value) => written(value) !== '');

export const realRequests = (routes: readonly Route[]): fc.Arbitrary<Asked> =>
  fc
    .constantFrom(...routes)
    .chain(partsOf)
    .filter(hasPath)
    .map(asked);

/** Damage to a part: a field that is missing, one too many, or one with something else in it. */
const change = fc.record({
  part: fc.constantFrom('path', 'query', 'body'),
  how: fc.constantFrom('drop', 'add', 'replace'),
  which: fc.nat(20),
  name: fc.oneof(name, hostile, fc.constantFrom('payload', 'client_id', 'if_revision', 'atomic')),
  value: anything,
});

function changed(
  parts: Parts,
  { part, how, which, name, value }: { part: string; how: string; which: number; name: string; value: unknown },
): Parts {
  const given = parts[part as 'path' | 'query' | 'body'];
  if (part === 'body' && (typeof given !== 'object' || given === null || (how === 'replace' && which > 15)))
    return { ...parts, body: value };
  const fields = Object.entries(given as object);
  const at = which % Math.max(1, fields.length);
  if (how === 'add' && part !== 'path') fields.push([name, value]);
  else if (how === 'drop' && part !== 'path') fields.splice(at, 1);
  else if (fields[at]) fields[at] = [fields[at][0], value];
  return { ...parts, [part]: Object.fromEntries(fields) };
}

/** Damage to what is sent: bytes of the body or of the address, the method, headers that few clients send. */
const damage = fc.record({
  where: fc.constantFrom('body', 'url', 'method', 'headers', 'nothing'),
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
      '"__proto__":1,',
      '%00',
      '%',
      '../',
      '?',
      '#',
      '&a=b',
    ),
    fc.constantFrom('"\\ud800"', '9007199254740993', '[['.repeat(40), '\ufeff', '/', ';', '%ff', '%2f'),
    fc.string({ maxLength: 5 }),
  ),
  method: fc.constantFrom('GET', 'POST', 'PUT', 'DELETE', 'PATCH', 'HEAD', 'OPTIONS'),
  headers: fc.dictionary(
    fc.constantFrom(
      'content-type',
      'if-match',
      'if-none-match',
      'idempotency-key',
      'last-event-id',
      'x-request-id',
      'x-forwarded-for',
      'x-http-method-override',
      'origin',
      'accept',
      'content-encoding',
      'transfer-encoding',
      'authorization',
      'x-api-key',
      'host',
      'expect',
      'range',
    ),
    fc.oneof(
      fc.string({ unit: fc.constantFrom(...'abc/;=",*0 W-'), maxLength: 20 }),
      fc.constantFrom(
        JSON_TYPE,
        'text/plain',
        'application/json; charset=latin1',
        'application/xml',
        '"0"',
        '*',
        'localhost',
        'gzip',
      ),
    ),
    { minKeys: 1, maxKeys: 3 },
  ),
});

export function spoil(whole: string, { at, drop, insert }: { at: number; drop: number; insert: string }): string {
  const position = Math.floor(at * whole.length);
  return whole.slice(0, position) + insert + whole.slice(position + drop);
}

export const spoiledRequests = (routes: readonly Route[]): fc.Arbitrary<Asked> =>
  fc
    .tuple(fc.constantFrom(...routes).chain(partsOf), fc.array(change, { maxLength: 3 }), damage)
    .map(([parts, changes, how]) => {
      const request = asked(changes.reduce(changed, parts));
      if (how.where === 'body' && request.body !== undefined) return { ...request, body: spoil(request.body, how) };
      if (how.where === 'url') return { ...request, url: `/${spoil(request.url.slice(1), how)}` };
      if (how.where === 'method') return { ...request, method: how.method };
      if (how.where === 'headers') return { ...request, headers: { ...request.headers, ...how.headers } };
      return request;
    })
    // What the test client cannot send.
    .filter(({ url }) => URL.canParse(url, 'http://localhost'));
