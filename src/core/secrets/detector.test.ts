import { describe, expect, test } from 'vitest';
import { processorMs } from '../../../test/support/cpu.ts';
import type { DraftPayload } from '../payload.ts';
import { assertNoSecret, assertNoSecretText, firstSecret, maskSecrets, secretFindings } from './detector.ts';

const TOKEN = `ghp_${'A1b2'.repeat(9)}`;
const PLAIN = 'A1b2C3d4E5f6G7h8';

const inServer = (name: string, entry: DraftPayload['mcpServers'][string]): DraftPayload => ({
  mcpServers: { [name]: entry },
});

describe('where a secret is found and what is to be written instead', () => {
  const CASES: [where: string, payload: DraftPayload, path: string, reference: string][] = [
    ['env', inServer('gh', { env: { GITHUB_TOKEN: TOKEN } }), '/mcpServers/gh/env/GITHUB_TOKEN', '${env:GITHUB_TOKEN}'],
    [
      'env with an odd name',
      inServer('gh', { env: { 'my.token': TOKEN } }),
      '/mcpServers/gh/env/my.token',
      '${env:GH_MY_TOKEN}',
    ],
    [
      'header',
      inServer('my-server', { headers: { 'X-Api-Key': PLAIN } }),
      '/mcpServers/my-server/headers/X-Api-Key',
      '${env:MY_SERVER_X_API_KEY}',
    ],
    [
      'url parameter',
      inServer('tavily', { url: `https://h/mcp/?tavilyApiKey=${PLAIN}` }),
      '/mcpServers/tavily/url',
      '${env:TAVILY_API_KEY}',
    ],
    ['url password', inServer('db', { url: 'https://u:hunter2@h/' }), '/mcpServers/db/url', '${env:DB_PASSWORD}'],
    ['flag and value', inServer('x', { args: ['--api-key', PLAIN] }), '/mcpServers/x/args/1', '${env:X_API_KEY}'],
    ['flag=value', inServer('x', { args: ['a', `--apiKey=${PLAIN}`] }), '/mcpServers/x/args/1', '${env:X_API_KEY}'],
    [
      'variable in args',
      inServer('x', { args: ['-e', `GITHUB_TOKEN=${PLAIN}`] }),
      '/mcpServers/x/args/1',
      '${env:GITHUB_TOKEN}',
    ],
    ['bare argument', inServer('x', { args: ['a', 'b', TOKEN] }), '/mcpServers/x/args/2', '${env:X_ARG_3}'],
    [
      'header argument',
      inServer('x', { args: ['--header', `Authorization: Bearer ${PLAIN}`] }),
      '/mcpServers/x/args/1',
      '${env:X_AUTHORIZATION}',
    ],
    ['command', inServer('x', { command: `run-${TOKEN}` }), '/mcpServers/x/command', '${env:X_COMMAND}'],
    ['cwd', inServer('x', { cwd: `/tmp/${TOKEN}` }), '/mcpServers/x/cwd', '${env:X_CWD}'],
    [
      'x-client',
      inServer('x', { 'x-client': { vscode: { deep: [{ apiKey: PLAIN }] } } }),
      '/mcpServers/x/x-client/vscode/deep/0/apiKey',
      '${env:X_API_KEY}',
    ],
    ['unknown field', inServer('x', { note: { a: ['', TOKEN] } }), '/mcpServers/x/note/a/1', '${env:X_A}'],
    ['number-like name', inServer('1st', { env: { '2': TOKEN } }), '/mcpServers/1st/env/2', '${env:_1ST_2}'],
    ['name without letters', inServer('名', { headers: { '': TOKEN } }), '/mcpServers/名/headers/', '${env:HEADERS}'],
    ['key', inServer('x', { env: { [TOKEN]: '1' } }), '/mcpServers/x/env', '${env:X_ENV}'],
    ['name of a server', inServer(TOKEN, {}), '/mcpServers', '${env:SECRET}'],
    [
      'default of an input',
      { mcpServers: {}, inputs: { 'gh-token': { description: 'd', default: PLAIN, required: true } } },
      '/inputs/gh-token/default',
      '${env:GH_TOKEN}',
    ],
    ['other root field', { mcpServers: {}, $note: TOKEN }, '/$note', '${env:NOTE}'],
  ];

  test.each(CASES)('%s', (_where, payload, path, reference) => {
    const found = secretFindings(payload);
    expect(found).toHaveLength(1);
    expect(found[0]).toMatchObject({ code: 'SECRET_IN_CONFIG', severity: 'error', path });
    expect(found[0]?.hint).toContain(`\`${reference}\``);
    expect(firstSecret(payload)).toMatchObject({ path, reference });
    expect(JSON.stringify(found[0]?.message)).not.toMatch(/ghp_|A1b2A1|C3d4E5/);
  });
});

test('findings come in payload order, one per string, with the name of their server', () => {
  const payload = {
    mcpServers: {
      b: { args: [TOKEN, `${TOKEN} ${TOKEN}`], env: { A_TOKEN: TOKEN } },
      a: { env: { OK: '${env:OK}', B_TOKEN: TOKEN } },
    },
  };
  expect(secretFindings(payload).map(({ server, path }) => [server, path])).toEqual([
    ['b', '/mcpServers/b/args/0'],
    ['b', '/mcpServers/b/args/1'],
    ['b', '/mcpServers/b/env/A_TOKEN'],
    ['a', '/mcpServers/a/env/B_TOKEN'],
  ]);
});

test('the refusal names field, path, kind and reference and shows no more', () => {
  const payload = inServer('github', { env: { GITHUB_TOKEN: TOKEN } });
  expect(() => assertNoSecret(payload)).toThrow(
    expect.objectContaining({
      code: 'SECRET_IN_CONFIG',
      details: {
        field: 'mcpServers.github.env.GITHUB_TOKEN',
        path: '/mcpServers/github/env/GITHUB_TOKEN',
        reference: '${env:GITHUB_TOKEN}',
        kind: 'github_personal_token',
      },
    }),
  );
  expect(() => assertNoSecret(inServer('x', { env: { GITHUB_TOKEN: '${env:GITHUB_TOKEN}' } }))).not.toThrow();
  expect(firstSecret({ mcpServers: {} })).toBeUndefined();
});

test('a value is masked wherever it hides a secret, and is otherwise the same', () => {
  const entry = {
    command: 'npx',
    args: ['-y', 'pkg', '--token', PLAIN, [TOKEN], 1],
    environment: { GITHUB_TOKEN: TOKEN, MODE: 'dev', REF: '${env:GITHUB_TOKEN}' },
    url: `https://h/?a=1&api_key=${PLAIN}&b=2`,
    on: true,
    none: null,
    [TOKEN]: 'x',
  };
  expect(maskSecrets(entry)).toEqual({
    command: 'npx',
    args: [
      '-y',
      'pkg',
      '--token',
      '[secret_value ending in ...G7h8]',
      ['[github_personal_token ending in ...A1b2]'],
      1,
    ],
    environment: {
      GITHUB_TOKEN: '[github_personal_token ending in ...A1b2]',
      MODE: 'dev',
      REF: '${env:GITHUB_TOKEN}',
    },
    url: 'https://h/?a=1&api_key=[secret_value ending in ...G7h8]&b=2',
    on: true,
    none: null,
    '[github_personal_token ending in ...A1b2]': 'x',
  });
  expect(maskSecrets(TOKEN)).toBe('[github_personal_token ending in ...A1b2]');
});

test('a mebibyte of anything is searched at once, however deep', () => {
  const deep = Array.from({ length: 50_000 }).reduce<unknown>((inner) => [inner], 'x'.repeat(20));
  const bombs: Record<string, unknown> = {
    deep,
    items: Array.from({ length: 350_000 }, () => ''),
    words: Array.from({ length: 60_000 }, () => 'some words'),
    text: 'sk-a '.repeat(200_000),
    map: Object.fromEntries(Array.from({ length: 50_000 }, (_, index) => [`TOKEN_${index}`, `value-${index}`])),
  };
  for (const [kind, bomb] of Object.entries(bombs)) {
    const took = processorMs(() => firstSecret({ mcpServers: { x: { env: bomb } } } as DraftPayload));
    expect(took, kind).toBeLessThan(1500);
  }
});

test('any word is a secret in a field that is named for a password, unless it holds its place', () => {
  const draft = (DB_PASSWORD: string) => ({ mcpServers: { db: { command: 'db', args: [], env: { DB_PASSWORD } } } });
  expect(firstSecret(draft('correcthorse'))).toMatchObject({ reference: '${env:DB_PASSWORD}' });
  expect(firstSecret(draft('changeme'))).toBeUndefined();
});

test('words beside a configuration are searched too, and what was found is not repeated', () => {
  const token = `ghp_${'A1b2'.repeat(9)}`;
  const act = () => assertNoSecretText({ name: undefined, changelog: `for ${token}` });
  expect(act).toThrow(
    expect.objectContaining({ code: 'SECRET_IN_CONFIG', details: expect.objectContaining({ field: 'changelog' }) }),
  );
  expect(act).not.toThrow(token);
  expect(() => assertNoSecretText({ changelog: 'Adds the token rotation of 2026-11-22' })).not.toThrow();
});
