import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type DraftPayload, Payload } from '../payload.ts';
import { assertDraftShape } from './shape.ts';
import { parseStrictPayload, validatePayload, validationReport } from './validate.ts';

const check = (draft: unknown, settings = {}) =>
  validatePayload(draft as DraftPayload, { client_id: 'cursor', ...settings });
const server = (entry: unknown, rest = {}) => ({ mcpServers: { x: entry }, ...rest }) as DraftPayload;
const lines = (draft: unknown, settings = {}) =>
  check(draft, settings).map(({ code, severity, path }) => [code, severity, path]);

const GOOD = { command: 'node', args: ['server.js'] };

test('a good payload has no findings', () => {
  const payload = {
    mcpServers: {
      files: {
        command: 'npx',
        args: ['-y', 'pkg@1.2.3', '${input:root}'],
        env: { TOKEN: '${env:TOKEN}' },
        cwd: '/tmp',
      },
      remote: {
        type: 'http',
        url: 'https://host/mcp',
        headers: { Authorization: 'Bearer ${secret:t}' },
        disabled: true,
        tools: { allow: ['a'], deny: [] },
        timeout_ms: 5000,
        'x-client': { vscode: { any: [1, null] } },
      },
    },
    inputs: { root: { description: 'Folder', default: '/tmp', required: true } },
    bridge: { package: 'mcp-remote', version: '0.1.37' },
  };
  expect(check(payload)).toEqual([]);
  expect(parseStrictPayload(payload, check(payload))).toEqual(payload);
});

describe('each fault has its code, severity and place', () => {
  const CASES: [draft: unknown, ...found: [code: string, severity: string, path: string][]][] = [
    [{ mcpServers: {} }, ['EMPTY_CONFIG', 'error', '/mcpServers']],
    [server({}), ['MISSING_COMMAND', 'error', '/mcpServers/x/command']],
    [server({ args: [] }), ['MISSING_COMMAND', 'error', '/mcpServers/x/command']],
    [server({ command: '', args: [] }), ['MISSING_COMMAND', 'error', '/mcpServers/x/command']],
    [server({ command: ' ', args: [] }), ['MISSING_COMMAND', 'error', '/mcpServers/x/command']],
    [server({ type: 'http' }), ['MISSING_COMMAND', 'error', '/mcpServers/x/url']],
    [server({ type: 'http', url: '' }), ['MISSING_COMMAND', 'error', '/mcpServers/x/url']],
    [server({ command: 7, args: [] }), ['INVALID_ENTRY', 'error', '/mcpServers/x/command']],
    [server({ command: 'node' }), ['MISSING_ARGS', 'error', '/mcpServers/x/args']],
    [server({ command: 'node', args: 'a' }), ['INVALID_ARGS_TYPE', 'error', '/mcpServers/x/args']],
    [server({ command: 'node', args: ['a', 1] }), ['INVALID_ARGS_TYPE', 'error', '/mcpServers/x/args/1']],
    [server({ ...GOOD, env: [] }), ['INVALID_ENV_TYPE', 'error', '/mcpServers/x/env']],
    [server({ ...GOOD, env: { 'A/B': 1 } }), ['INVALID_ENV_TYPE', 'error', '/mcpServers/x/env/A~1B']],
    [server({ ...GOOD, env: { 'A=B': 'x' } }), ['INVALID_ENTRY', 'error', '/mcpServers/x/env/A=B']],
    [server({ ...GOOD, env: { A: '' } }), ['EMPTY_ENV_VAR', 'warning', '/mcpServers/x/env/A']],
    [server({ ...GOOD, type: 'stdio' }), ['UNKNOWN_FIELD', 'error', '/mcpServers/x/type']],
    [server({ ...GOOD, url: 'https://h' }), ['UNKNOWN_FIELD', 'error', '/mcpServers/x/url']],
    [server({ ...GOOD, autoApprove: [] }), ['UNKNOWN_FIELD', 'error', '/mcpServers/x/autoApprove']],
    [server({ ...GOOD, cwd: '' }), ['INVALID_ENTRY', 'error', '/mcpServers/x/cwd']],
    [server({ ...GOOD, timeout_ms: 1.5 }), ['INVALID_ENTRY', 'error', '/mcpServers/x/timeout_ms']],
    [server({ ...GOOD, disabled: 'no' }), ['INVALID_ENTRY', 'error', '/mcpServers/x/disabled']],
    [server({ ...GOOD, tools: [] }), ['INVALID_ENTRY', 'error', '/mcpServers/x/tools']],
    [server({ ...GOOD, tools: { allow: ['a', 2] } }), ['INVALID_ENTRY', 'error', '/mcpServers/x/tools/allow/1']],
    [server({ ...GOOD, tools: { only: [] } }), ['UNKNOWN_FIELD', 'error', '/mcpServers/x/tools/only']],
    [server({ ...GOOD, 'x-client': 1 }), ['INVALID_ENTRY', 'error', '/mcpServers/x/x-client']],
    [server({ ...GOOD, 'x-client': { zed: [] } }), ['INVALID_ENTRY', 'error', '/mcpServers/x/x-client/zed']],
    [server({ url: 'https://h' }), ['INVALID_ENTRY', 'error', '/mcpServers/x/type']],
    [server({ type: 'streamable-http', url: 'https://h' }), ['INVALID_ENTRY', 'error', '/mcpServers/x/type']],
    [server({ type: 'http', url: 'ftp://h' }), ['INVALID_ENTRY', 'error', '/mcpServers/x/url']],
    [server({ type: 'http', url: 'https://' }), ['INVALID_ENTRY', 'error', '/mcpServers/x/url']],
    [server({ type: 'http', url: 3 }), ['INVALID_ENTRY', 'error', '/mcpServers/x/url']],
    [server({ type: 'sse', url: 'https://h', args: [] }), ['UNKNOWN_FIELD', 'error', '/mcpServers/x/args']],
    [
      server({ type: 'sse', url: 'https://h', headers: { 'a b': 'c' } }),
      ['INVALID_ENTRY', 'error', '/mcpServers/x/headers/a b'],
    ],
    [
      server({ type: 'sse', url: 'https://h', headers: { a: 'b\r\nc: d' } }),
      ['INVALID_ENTRY', 'error', '/mcpServers/x/headers/a'],
    ],
    [
      server({ type: 'sse', url: 'https://h', headers: { a: 1 } }),
      ['INVALID_ENTRY', 'error', '/mcpServers/x/headers/a'],
    ],
    [server({ type: 'sse', url: 'https://h', headers: 'a' }), ['INVALID_ENTRY', 'error', '/mcpServers/x/headers']],
    [server(GOOD, { note: 1 }), ['UNKNOWN_FIELD', 'error', '/note']],
    [server(GOOD, { bridge: { package: 'p' } }), ['INVALID_ENTRY', 'error', '/bridge/version']],
    [server(GOOD, { inputs: [] }), ['INVALID_ENTRY', 'error', '/inputs']],
    [server(GOOD, { inputs: { '-': { description: '', required: true } } }), ['INVALID_ENTRY', 'error', '/inputs/-']],
    [server(GOOD, { inputs: { a: { description: '' } } }), ['INVALID_ENTRY', 'error', '/inputs/a/required']],
    [{ mcpServers: { 'My Server': GOOD } }, ['SERVER_NAME_UNSUPPORTED', 'warning', '/mcpServers/My Server']],
    [{ mcpServers: { '': GOOD } }, ['SERVER_NAME_UNSUPPORTED', 'error', '/mcpServers/']],
    [
      { mcpServers: { ['n'.repeat(129)]: GOOD } },
      ['SERVER_NAME_UNSUPPORTED', 'error', `/mcpServers/${'n'.repeat(129)}`],
    ],
    [
      { mcpServers: { 'a\u202Eb': GOOD } },
      ['SERVER_NAME_UNSUPPORTED', 'error', '/mcpServers/a\u202Eb'],
      ['INVISIBLE_TEXT', 'error', '/mcpServers/a\u202Eb'],
    ],
    [server({ ...GOOD, env: { A: '${HOME}' } }), ['UNKNOWN_REFERENCE', 'error', '/mcpServers/x/env/A']],
    [server({ ...GOOD, cwd: '${workspaceFolder}' }), ['UNKNOWN_REFERENCE', 'error', '/mcpServers/x/cwd']],
    [server({ ...GOOD, env: { A: '${input:who}' } }), ['UNKNOWN_REFERENCE', 'error', '/mcpServers/x/env/A']],
    [
      server({ ...GOOD, env: { A: '${input:toString}' } }, { inputs: {} }),
      ['UNKNOWN_REFERENCE', 'error', '/mcpServers/x/env/A'],
    ],
    [server({ ...GOOD, command: '${env:NODE}' }), ['UNKNOWN_REFERENCE', 'error', '/mcpServers/x/command']],
    [server({ ...GOOD, env: { '${env:A}': 'x' } }), ['UNKNOWN_REFERENCE', 'error', '/mcpServers/x/env/${env:A}']],
    [
      { mcpServers: { '${env:A}': GOOD } },
      ['SERVER_NAME_UNSUPPORTED', 'warning', '/mcpServers/${env:A}'],
      ['UNKNOWN_REFERENCE', 'error', '/mcpServers/${env:A}'],
    ],
    [server({ ...GOOD, args: ['${secret:a}'] }), ['SECRET_IN_ARGUMENT', 'warning', '/mcpServers/x/args/0']],
    [server({ ...GOOD, args: ['--t=${env:T}'] }), ['SECRET_IN_ARGUMENT', 'warning', '/mcpServers/x/args/0']],
    [server({ type: 'http', url: 'https://h/${env:T}' }), ['SECRET_IN_ARGUMENT', 'warning', '/mcpServers/x/url']],
    [server({ command: 'npx', args: ['-y', 'pkg'] }), ['UNPINNED_PACKAGE', 'warning', '/mcpServers/x/args/1']],
    [
      server({ ...GOOD, env: { API_TOKEN: 'A1b2C3d4E5f6G7h8' } }),
      ['SECRET_IN_CONFIG', 'error', '/mcpServers/x/env/API_TOKEN'],
    ],
    [server({ command: 'no\u200bde', args: [] }), ['INVISIBLE_TEXT', 'error', '/mcpServers/x/command']],
    [server({ command: 'node', args: ['a\u0007'] }), ['INVISIBLE_TEXT', 'error', '/mcpServers/x/args/0']],
    [server({ ...GOOD, env: { 'A\u200c': 'x' } }), ['INVISIBLE_TEXT', 'error', '/mcpServers/x/env/A\u200c']],
    [server({ ...GOOD, env: { A: 'x\u2066' } }), ['INVISIBLE_TEXT', 'error', '/mcpServers/x/env/A']],
    [server({ ...GOOD, env: { A: 'two\nlines' } })],
    [server({ ...GOOD, args: ['$${env:A}'] })],
    [
      server(
        { type: 'http', url: 'http://localhost:${input:port}/mcp' },
        { inputs: { port: { description: '', required: true } } },
      ),
    ],
  ];
  test.each(CASES)('%j', (draft, ...found) => {
    expect(lines(draft)).toEqual(found);
    for (const finding of check(draft)) {
      expect(finding.message).not.toMatch(/[\u200b-\u200f\u202a-\u202e]|A1b2C3/);
      expect(finding.server).toBe(
        finding.path.startsWith('/mcpServers/') ? Object.keys((draft as DraftPayload).mcpServers)[0] : undefined,
      );
    }
  });
});

test('a url that is one reference cannot be judged and passes', () => {
  expect(lines(server({ type: 'http', url: '${env:MCP_URL}' }))).toEqual([
    ['SECRET_IN_ARGUMENT', 'warning', '/mcpServers/x/url'],
  ]);
});

test('a broken reference is shown only when it is a bare name', () => {
  const message = (text: string) =>
    check(server({ ...GOOD, env: { A: text } })).find(({ code }) => code === 'UNKNOWN_REFERENCE');
  expect(message('${GITHUB_TOKEN}')?.message).toContain('(`${GITHUB_TOKEN}`)');
  expect(message('${GITHUB_TOKEN}')?.hint).toContain('`${env:GITHUB_TOKEN}`');
  expect(message('${HOME:-hunter2}')?.message).not.toContain('hunter2');
  expect(message(`\${ghp_${'A1b2'.repeat(9)}}`)?.message).not.toContain('A1b2');
});

test('too many servers, variables and arguments are findings, at one more than allowed', () => {
  const many = (count: number, value: unknown) =>
    Object.fromEntries(Array.from({ length: count }, (_, index) => [`n${index}`, value]));
  const text = (count: number) => Array.from({ length: count }, () => 'a');
  expect(check({ mcpServers: many(1000, GOOD) })).toEqual([]);
  expect(lines({ mcpServers: many(1001, GOOD) })).toEqual([['TOO_MANY_SERVERS', 'error', '/mcpServers']]);
  expect(check({ mcpServers: many(3, GOOD) }, { limits: { max_servers: 2 } })[0]?.message).toBe(
    'There are 3 servers; cursor takes at most 2.',
  );
  expect(check(server({ ...GOOD, env: many(256, 'v') }))).toEqual([]);
  expect(lines(server({ ...GOOD, env: many(257, 'v') }))).toEqual([
    ['TOO_MANY_ENV_VARS', 'error', '/mcpServers/x/env'],
  ]);
  expect(check(server({ command: 'node', args: text(256) }))).toEqual([]);
  expect(lines(server({ command: 'node', args: text(257) }))).toEqual([
    ['TOO_MANY_ARGS', 'error', '/mcpServers/x/args'],
  ]);
  const off = { options: { check_schema: true, check_limits: false, check_security: false } };
  expect(lines({ mcpServers: many(1001, GOOD) }, off)).toEqual([['TOO_MANY_SERVERS', 'error', '/mcpServers']]);
});

test('options switch their group and no other', () => {
  const draft = {
    mcpServers: {
      a: { command: 'npx', args: ['pkg'], env: { API_TOKEN: 'A1b2C3d4E5f6G7h8' } },
      b: {},
      c: { ...GOOD, env: { A: '${X}' } },
    },
  };
  const only = (options: object) =>
    lines(draft, {
      options: { check_schema: false, check_limits: false, check_security: false, ...options },
      limits: { max_servers: 2 },
    }).map(([code]) => code);
  expect(only({})).toEqual([]);
  expect(only({ check_schema: true })).toEqual(['MISSING_COMMAND', 'UNKNOWN_REFERENCE']);
  expect(only({ check_limits: true })).toEqual(['TOO_MANY_SERVERS']);
  expect(only({ check_security: true })).toEqual(['UNPINNED_PACKAGE', 'SECRET_IN_CONFIG']);
});

test('an empty configuration is a warning when it is meant', () => {
  expect(lines({ mcpServers: {} }, { allow_empty: true })).toEqual([['EMPTY_CONFIG', 'warning', '/mcpServers']]);
});

test('findings follow the payload, what is missing last', () => {
  const draft = {
    note: 1,
    mcpServers: {
      b: { args: ['x', 1, '${Y}'], command: 'npx', zzz: 1, env: { E: '' } },
      'a~/': { env: { K: 1 }, command: 'node' },
    },
    inputs: { i: 1 },
  };
  expect(check(draft).map(({ path }) => path)).toEqual([
    '/note',
    '/mcpServers/b/args/0',
    '/mcpServers/b/args/1',
    '/mcpServers/b/args/2',
    '/mcpServers/b/zzz',
    '/mcpServers/b/env/E',
    '/mcpServers/a~0~1',
    '/mcpServers/a~0~1/env/K',
    '/mcpServers/a~0~1/args',
    '/inputs/i',
  ]);
});

test('a report is valid without errors, and strict reading names the first of them', () => {
  const findings = check(server({ command: 'npx', args: ['pkg', 1] }));
  const report = validationReport(findings);
  expect(report).toMatchObject({
    valid: false,
    errors: [{ code: 'INVALID_ARGS_TYPE' }],
    warnings: [{ code: 'UNPINNED_PACKAGE' }],
  });
  expect(validationReport(report.warnings).valid).toBe(true);
  expect(() => parseStrictPayload(server({ command: 'npx', args: ['pkg', 1] }), findings)).toThrow(
    expect.objectContaining({
      code: 'VALIDATION_FAILED',
      details: expect.objectContaining({ field: 'mcpServers.x.args.1', issues: report.errors }),
    }),
  );
});

test('strict reading obeys the schema even where no finding was asked for', () => {
  expect(() => parseStrictPayload(server({ ...GOOD, cwd: '' }), [])).toThrow(
    expect.objectContaining({ code: 'VALIDATION_FAILED' }),
  );
});

test.each([
  [null, 'payload'],
  [[], 'payload'],
  ['{}', 'payload'],
  [{}, 'payload.mcpServers'],
  [{ mcpServers: [] }, 'payload.mcpServers'],
  [{ mcpServers: null }, 'payload.mcpServers'],
  [{ mcpServers: { a: {}, x: 1 } }, 'payload.mcpServers.x'],
  [{ mcpServers: { x: [] } }, 'payload.mcpServers.x'],
  [{ mcpServers: { 'a\u202Eb': null } }, 'payload.mcpServers.a\\u{202e}b'],
])('%j is no draft', (value, field) => {
  expect(() => assertDraftShape(value)).toThrow(
    expect.objectContaining({ code: 'INVALID_INPUT', details: expect.objectContaining({ field }) }),
  );
});

test('a draft with faults inside its entries is taken as it is', () => {
  const draft = server({ command: 1, other: [] }, { more: true });
  expect(assertDraftShape(draft)).toBe(draft);
});

const scalar = fc.oneof(
  fc.string(),
  fc.constantFrom('', 'http', 'https://h', '${env:A}', '${x'),
  fc.integer(),
  fc.boolean(),
  fc.constant(null),
);
const anything = fc.oneof(
  scalar,
  fc.array(scalar, { maxLength: 3 }),
  fc.dictionary(fc.string({ minLength: 1 }), fc.oneof(scalar, fc.array(scalar), fc.dictionary(fc.string(), scalar))),
);
const field = (good: fc.Arbitrary<unknown>) =>
  fc.option(fc.oneof({ weight: 6, arbitrary: good }, { weight: 1, arbitrary: anything }), { nil: undefined });
const entry = fc
  .record({
    command: field(fc.constantFrom('node', 'npx')),
    args: field(fc.array(fc.constantFrom('a', '-y', 'b@1.2.3'))),
    env: field(fc.dictionary(fc.constantFrom('A', 'B=', ''), fc.constantFrom('', 'v'))),
    cwd: field(fc.constantFrom('/tmp', '')),
    type: field(fc.constantFrom('http', 'sse', 'stdio')),
    url: field(fc.constantFrom('https://h', 'http://h/p', 'x')),
    headers: field(fc.dictionary(fc.constantFrom('A', 'b c'), fc.constantFrom('v', 'a\nb'))),
    disabled: field(fc.boolean()),
    tools: field(fc.record({ allow: fc.array(fc.constant('t')) })),
    timeout_ms: field(fc.constantFrom(1, 0, -1, 1.5)),
    'x-client': field(fc.dictionary(fc.constant('zed'), fc.dictionary(fc.constant('k'), scalar))),
    extra: fc.option(anything, { nil: undefined, freq: 8 }),
  })
  .map((record) => Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined)));
const draftOf = fc.record(
  {
    mcpServers: fc.dictionary(fc.oneof(fc.constantFrom('a', 'b', 'C d'), fc.string()), entry, { maxKeys: 3 }),
    inputs: fc.oneof(
      fc.dictionary(fc.constantFrom('i', '-'), fc.record({ description: scalar, required: scalar })),
      anything,
    ),
    bridge: fc.oneof(fc.record({ package: fc.constantFrom('p', ''), version: fc.constant('1') }), anything),
  },
  { requiredKeys: ['mcpServers'] },
);

describe('properties', () => {
  test('a draft without structural errors is one that the schema accepts, and the schema accepts nothing else but finer faults', () => {
    const options = { check_schema: true, check_limits: true, check_security: false };
    fc.assert(
      fc.property(draftOf, (draft) => {
        const { errors } = validationReport(check(draft, { options }));
        const accepted = Payload.safeParse(draft).success;
        if (errors.length === 0) expect(accepted).toBe(true);
        const finer = ['EMPTY_CONFIG', 'UNKNOWN_REFERENCE', 'INVALID_ENTRY', 'MISSING_COMMAND'];
        if (accepted) expect(errors.filter(({ code }) => !finer.includes(code))).toEqual([]);
      }),
      { numRuns: 1000 },
    );
  });

  test('findings are in order and point to something, or into something that is there', () => {
    const at = (root: unknown, path: string) =>
      path
        .split('/')
        .slice(1)
        .reduce<unknown>(
          (node, key) =>
            (node as Record<string, unknown> | undefined)?.[key.replaceAll('~1', '/').replaceAll('~0', '~')],
          root,
        );
    fc.assert(
      fc.property(draftOf, (draft) => {
        for (const { path } of check(draft)) {
          const parent = path.slice(0, path.lastIndexOf('/'));
          expect(at(draft, parent), path).toBeDefined();
        }
      }),
    );
  });
});

test('a report stays small and quick, whatever a payload is filled with', () => {
  const many = (count: number, value: (index: number) => unknown) =>
    Object.fromEntries(Array.from({ length: count }, (_, index) => [`k${index}`, value(index)]));
  const bombs: unknown[] = [
    server({ command: 'npx', args: Array.from({ length: 500_000 }, () => 1) }),
    server({ ...GOOD, env: many(40_000, () => 1) }),
    server({ ...GOOD, env: many(40_000, () => '') }),
    server({ type: 'http', url: 'https://h', headers: many(40_000, () => 1) }),
    server({ ...GOOD, tools: { allow: Array.from({ length: 300_000 }, () => 1) } }),
    server({ ...GOOD, 'x-client': many(40_000, () => 1) }),
    server(many(40_000, () => 1)),
    server(GOOD, { inputs: many(40_000, () => 1) }),
    server(
      GOOD,
      many(40_000, () => 1),
    ),
    server({ ...GOOD, args: ['${'.repeat(500_000)] }),
    server({ ...GOOD, args: ['${input:a}'.repeat(100_000)] }),
    server({ command: '\u202e'.repeat(300_000), args: ['\u202e'.repeat(300_000)] }),
    { mcpServers: many(50_000, () => ({})) },
  ];
  for (const [index, bomb] of bombs.entries()) {
    const before = process.cpuUsage();
    const found = check(bomb);
    const { user } = process.cpuUsage(before);
    expect(found.length, `bomb ${index}`).toBeLessThanOrEqual(1000);
    expect(user / 1000, `milliseconds for bomb ${index}`).toBeLessThan(2000);
  }
});
