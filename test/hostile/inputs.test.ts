import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { fieldsOf } from '../../src/operations/fields.ts';
import { OPERATIONS } from '../../src/operations/index.ts';
import type { Operation } from '../../src/operations/operation.ts';
import { HELLO, startLines, toolCall } from '../support/process.ts';
import { testWorkspace } from '../support/workspace.ts';
import { type Doors, openDoors, operationOf } from './doors.ts';

afterEach(() => expect(({} as { polluted?: unknown }).polluted).toBeUndefined());

/** None is an id; each has been one to some program, on some system, once. */
const BAD_IDS = [
  '',
  ' ',
  '.',
  '..',
  '...',
  './x',
  '../x',
  '../../etc/passwd',
  '..\\..\\x',
  '/etc/passwd',
  '\\\\host\\share',
  'C:\\x',
  'c:x',
  '~',
  '~/x',
  '~root',
  'x/y',
  'x\\y',
  'x/',
  '/x',
  'x.',
  '-x',
  '--json',
  '_x',
  '.x',
  'X',
  'CURSOR',
  'cursor ',
  ' cursor',
  'cursor\n',
  'cursor\0',
  'cursor\0.json',
  '\0',
  '\t',
  '\r\nx: y',
  '%2e%2e',
  '%00',
  '%',
  'con',
  'con.txt',
  'nul',
  'aux',
  'prn',
  'com1',
  'lpt9',
  'lpt1.x',
  'a'.repeat(65),
  'a'.repeat(5000),
  'é',
  'ı',
  'ｃｕｒｓｏｒ',
  'cur\u200bsor',
  '\u202ecursor',
  '🙂',
  "x' or '1'='1",
  'x"; drop table drafts; --',
  '$(id)',
  '`id`',
  '${env:HOME}',
  '${HOME}',
  '<script>',
  '{{7*7}}',
  'x?y=1',
  'x#y',
  'x;y',
  'x|y',
  'x*',
  'x,y',
  'x y',
  '[]',
  '{}',
];
const ID_FIELDS = [
  'client_id',
  'profile_id',
  'server_id',
  'artifact_id',
  'local_artifact_id',
  'source_client_id',
  'source_profile_id',
  'deployment_id',
];

/** The fields of an operation that take an id. To remove takes `server_id` for the name of an entry, which may be nearly anything. */
const idFieldsOf = (operation: Operation) =>
  fieldsOf(operation)
    .map(({ name }) => name)
    .filter(
      (name) =>
        ID_FIELDS.includes(name) && !(operation.mcp?.tool === 'remove_server_from_config' && name === 'server_id'),
    );

/** What an operation needs besides the id, so that the id is what it trips over. */
const REQUIRED: Record<string, Record<string, unknown>> = {
  create_profile: { profile_id: 'team' },
  add_server_to_config: { server_id: 'memory' },
  describe_server: { server_id: 'memory' },
  remove_server_from_config: { server_name: 'x' },
  set_draft_config: { payload: { mcpServers: {} } },
  diff_config: { local_payload: { mcpServers: {} } },
  list_profiles: { client_id: 'cursor' },
  revert_config: { artifact_id: '0'.repeat(64) },
  link_profile: { source_client_id: 'vscode' },
};

/** Every path under a directory but for the data directory's own. */
const outside = (home: string): string[] =>
  readdirSync(home, { recursive: true, encoding: 'utf8' }).filter((name) => !name.startsWith('.mcp-orchestration'));

describe('through every door', { timeout: 120_000 }, () => {
  let doors: Doors;
  beforeAll(async () => {
    doors = await openDoors();
  });
  afterAll(() => doors.close());

  it(`${BAD_IDS.length} things that are no ids are refused by every operation that takes one, and touch no file`, async () => {
    const before = [outside(doors.home), readdirSync(join(doors.home, '..')).length > 0];
    let calls = 0;
    for (const operation of OPERATIONS) {
      const tool = operation.mcp?.tool ?? '';
      for (const field of tool === '' ? [] : idFieldsOf(operation)) {
        for (const id of BAD_IDS) {
          const input = { ...REQUIRED[tool], [field]: id };
          for await (const { door, code, words } of doors.each(operation, input)) {
            calls += 1;
            // A URL library takes dots out before anything is sent; http.test.ts sends them as they are.
            if (door === 'REST' && /^\.{1,2}$/.test(id) && code.endsWith('_NOT_FOUND')) continue;
            expect(code, `${door} ${tool} ${field} ${JSON.stringify(id)} ${words.slice(0, 200)}`).toMatch(
              /^(INVALID_INPUT|NOT_FOUND|METHOD_NOT_ALLOWED|URI_TOO_LONG)$/,
            );
          }
        }
      }
    }
    expect(calls).toBeGreaterThan(5000);
    expect([outside(doors.home), true]).toEqual(before);
    expect(doors.unexpected).toEqual([]);
  });

  it.each(['constructor', 'prototype', 'tostring', 'hasownproperty', 'valueof'])(
    '%s is the id of nothing',
    async (id) => {
      const codes: string[] = [];
      for (const [tool, input] of [
        ['list_profiles', { client_id: id }],
        ['view_draft_config', { client_id: id }],
        ['view_draft_config', { client_id: 'cursor', profile_id: id }],
        ['describe_server', { server_id: id }],
        ['add_server_to_config', { client_id: 'cursor', server_id: id }],
      ] as const) {
        for await (const { code } of doors.each(operationOf(tool), input)) codes.push(code);
      }
      const three = (code: string) => [code, code, code];
      const expected = ['CLIENT', 'CLIENT', 'PROFILE', 'SERVER', 'SERVER'].flatMap((what) =>
        three(`${what}_NOT_FOUND`),
      );
      expect(codes).toEqual(expected);
    },
  );

  it('nothing reaches the prototype of anything', async () => {
    const target = { client_id: 'cursor', profile_id: 'dev' };
    const evil = [
      '{"__proto__":{"polluted":1}}',
      '{"a":{"__proto__":{"polluted":1}}}',
      '{"constructor":{"prototype":{"polluted":1}}}',
    ];
    for (const json of evil) {
      for (const field of ['params', 'env_vars']) {
        const input = { ...target, server_id: 'memory', [field]: json };
        for await (const { door, code } of doors.each(operationOf('add_server_to_config'), input))
          expect([door, code]).toEqual([door, 'INVALID_JSON']);
      }
      const parsed = { mcpServers: { x: JSON.parse(json) } };
      for (const tool of ['set_draft_config', 'validate_config', 'publish_config']) {
        const said = await doors.mcp(operationOf(tool), { ...target, payload: parsed });
        expect(said.code, said.words).toMatch(/^INVALID_(INPUT|JSON)$/);
        expect(
          (await doors.cli(operationOf(tool).cli?.verb ?? '', '--payload', JSON.stringify(parsed), '--json')).code,
        ).toBe('INVALID_JSON');
      }
    }
    for (const pair of ['__proto__=x', 'constructor=x', 'prototype=x', '__proto__.polluted=1']) {
      for (const flag of ['--param', '--env']) {
        const said = await doors.cli('add-server', 'memory', '--client', 'cursor', flag, pair, '--json');
        expect(said.code === 'ok' ? flag : said.code, said.words).toMatch(/^(INVALID_INPUT|--env)$/);
      }
    }
    for (const name of ['toString', 'hasOwnProperty', 'valueOf', '__defineGetter__']) {
      const payload = { mcpServers: { [name]: { command: 'node', args: [], env: { [name]: 'x' } } } };
      for await (const { door, code, words } of doors.each(operationOf('set_draft_config'), { ...target, payload })) {
        expect([door, code, JSON.parse(words.split('\n')[0] ?? '').draft], words).toEqual([door, 'ok', payload]);
      }
      for await (const { door, code } of doors.each(operationOf('remove_server_from_config'), {
        ...target,
        server_name: `${name}x`,
      })) {
        expect([door, code]).toEqual([door, 'SERVER_NOT_IN_DRAFT']);
      }
    }
    expect(doors.unexpected).toEqual([]);
  });

  const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth);
  const big = 900_000;
  const fill = (piece: string) => piece.repeat(Math.floor(big / piece.length));
  const many = (count: number, member: (at: number) => string) =>
    Array.from({ length: count }, (_, at) => member(at)).join(',');
  const entry = '"command":"node"';
  /** Text of payloads that have hurt readers, matchers or checkers somewhere. */
  const BOMBS: Record<string, string> = {
    'arrays in arrays': `{"mcpServers":{"x":{"args":${nested(100_000)}}}}`,
    'objects in objects': `{"mcpServers":${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}}`,
    'unclosed objects': '{"a":'.repeat(150_000),
    'forty-five thousand servers': `{"mcpServers":{${many(45_000, (at) => `"s${at}":{${'"a":1'}}`)}}}`,
    'two hundred thousand arguments': `{"mcpServers":{"x":{${entry},"args":[${many(200_000, () => '""')}]}}}`,
    'fifty thousand variables': `{"mcpServers":{"x":{${entry},"args":[],"env":{${many(50_000, (at) => `"A${at}":""`)}}}}}`,
    'one long text': `{"mcpServers":{"x":{${entry},"args":["${fill('a')}"]}}}`,
    'references that never end': `{"mcpServers":{"x":{${entry},"args":["${fill('${env:')}"]}}}`,
    'references in references': `{"mcpServers":{"x":{${entry},"args":["${fill('${')}${fill('}').slice(0, 100_000)}"]}}}`,
    'names and signs': `{"mcpServers":{"x":{${entry},"args":["${fill('--a=')}"]}}}`,
    'pairs of a query': `{"mcpServers":{"x":{"type":"http","url":"https://e.example/?${fill('token=abcdef1&')}"}}}`,
    'quotes in a text': `{"mcpServers":{"x":{${entry},"args":["${fill('\\"token\\":\\"a')}"]}}}`,
    'hex digits': `{"mcpServers":{"x":{${entry},"args":[],"env":{"API_TOKEN":"${fill('0123456789abcdef')}"}}}}`,
    'anchors of tokens': `{"mcpServers":{"x":{${entry},"args":["${fill('ghp_ sk-ant- AKIA xoxb- ')}"]}}}`,
    'schemes in a header': `{"mcpServers":{"x":{"type":"http","url":"https://e.example","headers":{"Authorization":"${fill('Bearer ')}"}}}}`,
    spaces: `{"mcpServers":{"x":{${entry},"args":["a${fill(' ')}b"]}}}`,
    'dashes in a name': `{"mcpServers":{"${fill('-')}":{${entry},"args":[]}}}`,
    escapes: `{"mcpServers":{"x":{${entry},"args":["${fill('\\u0041')}"]}}}`,
  };

  /** Microseconds of computing, which other programs on this machine do not lengthen; the coverage of a test run does. */
  const LIMIT_US = 2_500_000;

  it.each(Object.entries(BOMBS))('a payload of %s is answered at once', async (_name, bomb) => {
    // Once before the clock runs: what the first call loads and compiles is not the payload's doing.
    await doors.cli('validate-config', '--client', 'cursor', '--json');
    const file = join(doors.data_dir, 'bomb.json');
    writeFileSync(file, bomb);
    const slow: string[] = [];
    const timed = async (...args: string[]) => {
      const before = process.cpuUsage();
      const { code } = await doors.cli(...args, '--client', 'cursor', '--json');
      const { user, system } = process.cpuUsage(before);
      if (user + system > LIMIT_US) slow.push(`${args[0]} took ${(user + system) / 1000} ms`);
      return code;
    };
    for (const verb of ['validate-config', 'set-draft', 'diff-config']) {
      const code = await timed(verb, '--file', file);
      expect(['ok', 'INVALID_JSON', 'INVALID_INPUT', 'SECRET_IN_CONFIG', 'PAYLOAD_TOO_LARGE']).toContain(code);
    }
    await timed('add-server', 'memory', '--params', bomb);
    expect(slow).toEqual([]);
    expect(doors.unexpected).toEqual([]);
  });

  it.each([
    ['an entry', { command: { length: { toString: 1 } }, args: [] }, '/mcpServers/x/command'],
    ['a list', { command: 'node', args: { length: { toString: 1 } } }, '/mcpServers/x/args'],
  ])('%s that is an object with a `length` of its own is refused with its place', async (_name, x, place) => {
    const input = { client_id: 'cursor', profile_id: 'dev', payload: { mcpServers: { x } } };
    const errors = expect.arrayContaining([expect.objectContaining({ severity: 'error', path: place })]);
    for await (const { door, code, words } of doors.each(operationOf('validate_config'), input)) {
      expect([door, code, JSON.parse(words.split('\n')[0] ?? '')]).toMatchObject([
        door,
        'ok',
        { valid: false, errors },
      ]);
    }
    const published = operationOf('publish_config');
    for await (const { door, code } of doors.each(published, input)) {
      expect([door, code]).toEqual([door, 'VALIDATION_FAILED']);
    }
    const named = { ...input, client_id: { length: { toString: 1 } } };
    expect((await doors.mcp(published, named)).code).toBe('INVALID_INPUT');
    expect(doors.unexpected).toEqual([]);
  });

  it('a body of more than 1 MiB is refused by size on every door that reads text', async () => {
    const file = join(doors.data_dir, 'large.json');
    writeFileSync(file, `{"mcpServers":{}${' '.repeat(1_048_576)}}`);
    expect((await doors.cli('set-draft', '--file', file, '--json')).code).toBe('PAYLOAD_TOO_LARGE');
    const params = `{"a":"${'x'.repeat(1_048_576)}"}`;
    expect((await doors.mcp(operationOf('add_server_to_config'), { server_id: 'memory', params })).code).toBe(
      'PAYLOAD_TOO_LARGE',
    );
  });
});

it('a stdio server answers bombs and garbage and goes on serving', async () => {
  const workspace = await testWorkspace();
  const server = startLines(workspace, ['serve']);
  for (const message of HELLO) server.send(message);
  const deep = (depth: number) => `${'['.repeat(depth)}${']'.repeat(depth)}`;
  const write = (line: string) => server.child.stdin?.write(`${line}\n`);
  for (const line of [
    'garbage',
    '',
    '{',
    '[]',
    'null',
    '"x"',
    '{"jsonrpc":"1.0"}',
    '\0',
    '{"jsonrpc":"2.0","id":{},"method":"tools/list"}',
  ])
    write(line);
  for (const [id, depth] of [
    [1, 70],
    [2, 5_000],
  ] as const) {
    write(
      `{"jsonrpc":"2.0","id":${id},"method":"tools/call","params":{"name":"validate_config","arguments":{"payload":${deep(depth)}}}}`,
    );
  }
  write(
    '{"jsonrpc":"2.0","id":3,"method":"tools/call","params":{"name":"validate_config","arguments":{"payload":{"__proto__":{"polluted":1}}}}}',
  );
  write('{"jsonrpc":"2.0","id":4,"method":"tools/call","params":{"name":"constructor","arguments":{}}}');
  for (const id of [1, 2, 3])
    expect(JSON.stringify(await server.answer(id))).toMatch(/INVALID_INPUT|INVALID_JSON|"code":-32/);
  expect(JSON.stringify(await server.answer(4))).toMatch(/constructor|"error"/);
  server.send(toolCall(9, 'list_profiles', { client_id: 'cursor' }));
  expect(await server.answer(9)).toMatchObject({ result: { structuredContent: { count: 4 } } });
  server.child.stdin?.end();
  expect(await server.ended).toEqual([0, null]);
});
