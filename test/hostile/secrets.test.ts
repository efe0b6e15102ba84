import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { CATALOG } from '../../src/catalog/index.ts';
import { call, callOn, onHome } from '../crash/invariants.ts';
import { cli, HELLO, startHttp, startLines, toolCall } from '../support/process.ts';
import { testWorkspace, type Workspace } from '../support/workspace.ts';
import { foundIn, foundUnder, tracesOf } from './traces.ts';

/** Made up; only the shapes are those of real ones. Put together here, so that no scanner takes this file for a leak. */
const GITHUB = ['ghp', 'A1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q7r8'].join('_');
const ANTHROPIC = ['sk', 'ant', 'api03', `${'Zx9Yw8Vu7Ts6Rq5Po4Nm3Lk2Ji1Hg0Fe'.repeat(3).slice(0, 93)}AA`].join('-');
const SLACK = ['xoxb', '215364758697', '708192031425', 'mNbVcXzLkJhGfDsApOiUyTrE'].join('-');
const AWS = ['AKIA', 'Q3EGV5MHT7RKXW2P'].join('');
const SHAPELESS = 'f3a91c0e7b5d48269c1fe0a47d3b8265aa17c39e';
const SECRETS = [GITHUB, ANTHROPIC, SLACK, AWS, SHAPELESS];
const BY_SHAPE = [GITHUB, ANTHROPIC, SLACK, AWS];

const target = { client_id: 'cursor', profile_id: 'dev' };
const stdio = (more: Record<string, unknown>) => ({ mcpServers: { x: { command: 'node', args: ['s.js'], ...more } } });
const remote = (more: Record<string, unknown>) => ({
  mcpServers: { x: { type: 'http', url: 'https://mcp.example.net/', ...more } },
});

/** Payloads that hold a secret in each place that a payload has. */
const PAYLOADS: [place: string, payload: (secret: string) => Record<string, unknown>][] = [
  ['env', (secret) => stdio({ env: { API_TOKEN: secret } })],
  ['a flag of args', (secret) => stdio({ args: ['--api-key', secret] })],
  ['args, with its name', (secret) => stdio({ args: [`--token=${secret}`] })],
  ['a header', (secret) => remote({ headers: { Authorization: `Bearer ${secret}` } })],
  ['the query of a URL', (secret) => remote({ url: `https://mcp.example.net/?api_key=${secret}` })],
  ['the password of a URL', (secret) => remote({ url: `https://me:${secret}@mcp.example.net/` })],
  ['x-client', (secret) => stdio({ 'x-client': { cursor: { apiKey: secret } } })],
];

/** The same in places where only its shape shows a secret, and where it stands for nothing. */
const ODD_PLACES: [place: string, payload: (secret: string) => Record<string, unknown>][] = [
  ['the default of an input', (secret) => ({ ...stdio({}), inputs: { TOKEN: { description: 'a', default: secret } } })],
  ['the name of an input', (secret) => ({ ...stdio({}), inputs: { [secret]: { description: 'a' } } })],
  ['the name of a variable', (secret) => stdio({ env: { [secret]: 'a value' } })],
  ['the name of a server', (secret) => ({ mcpServers: { [secret]: { command: 'node', args: [] } } })],
];

interface Attempt {
  tool: string;
  input: Record<string, unknown>;
  /** The reference that the answer has to name; none where the answer is a comparison or a fault of form. */
  reference?: string;
}

/** Everything that a person can do wrong with a secret, for one secret. */
function attemptsWith(secret: string): Attempt[] {
  const github = { ...target, server_id: 'github', transport: 'stdio' };
  const named = '${env:GITHUB_PERSONAL_ACCESS_TOKEN}';
  const env_vars = { GITHUB_PERSONAL_ACCESS_TOKEN: secret };
  const own = { ...env_vars, GITHUB_PERSONAL_ACCESS_TOKEN: named, MY_OWN_TOKEN: secret };
  const adds: Attempt[] = [
    { tool: 'add_server_to_config', input: { ...github, env_vars }, reference: named },
    { tool: 'add_server_to_config', input: { ...github, env_vars: JSON.stringify(env_vars) }, reference: named },
    { tool: 'add_server_to_config', input: { ...github, env_vars: own }, reference: '${env:MY_OWN_TOKEN}' },
    { tool: 'add_server_to_config', input: { ...github, params: { nothing_of_ours: secret } } },
    { tool: 'add_server_to_config', input: { ...github, env_vars: `{"GITHUB_PERSONAL_ACCESS_TOKEN": "${secret}` } },
    { tool: 'add_server_to_config', input: { ...github, env_vars: { GITHUB_PERSONAL_ACCESS_TOKEN: { a: secret } } } },
    { tool: 'add_server_to_config', input: { ...github, replace: secret } },
    { tool: 'add_server_to_config', input: { ...github, runtime: secret } },
    { tool: 'add_server_to_config', input: { ...github, transport: secret } },
  ];
  const payloads = PAYLOADS.flatMap(([, payload]): Attempt[] => [
    { tool: 'set_draft_config', input: { ...target, payload: payload(secret) }, reference: '${env:' },
    { tool: 'publish_config', input: { ...target, payload: payload(secret) }, reference: '${env:' },
    { tool: 'validate_config', input: { ...target, payload: payload(secret) }, reference: '${env:' },
    { tool: 'diff_config', input: { ...target, local_payload: payload(secret) } },
    { tool: 'diff_config', input: { config_a: payload(secret), config_b: stdio({ env: { API_TOKEN: 'x' } }) } },
    { tool: 'diff_config', input: { config_a: stdio({}), config_b: payload(secret) } },
  ]);
  return [...adds, ...payloads];
}

/** A release to compare with; its only server has the name that the payloads above use. */
async function released(): Promise<Workspace> {
  const workspace = await testWorkspace();
  await call(workspace, 'initialize_keys');
  await call(workspace, 'publish_config', { ...target, payload: stdio({ env: { API_TOKEN: '${env:API_TOKEN}' } }) });
  return workspace;
}

function judge({ tool, input, reference }: Attempt, answer: string, secrets: readonly string[]): void {
  const where = `${tool} ${Object.keys(input).join(' ')}`;
  expect(foundIn(answer, secrets), where).toEqual([]);
  if (reference === undefined) return;
  expect(answer, where).toContain('SECRET_IN_CONFIG');
  expect(answer, where).toContain(reference);
}

describe('a literal secret is refused with the reference to write, and nothing keeps or shows it', {
  timeout: 120_000,
}, () => {
  it('over REST, logging everything', async () => {
    const workspace = await released();
    const server = await startHttp(workspace, { args: ['--log-level', 'trace'] });
    for (const secret of SECRETS) {
      for (const attempt of attemptsWith(secret)) {
        const { method, path, body } = requestOf(attempt);
        const answer = await server.ask(method, path, { body });
        judge(attempt, JSON.stringify(answer.body), SECRETS);
      }
    }
    expect(foundUnder(workspace.home, SECRETS), 'while it runs, with the write-ahead log').toEqual([]);
    await server.stop();
    expect(foundUnder(workspace.home, SECRETS)).toEqual([]);
    expect(foundIn(server.output.stdout + server.output.stderr, SECRETS)).toEqual([]);
  });

  it('over MCP, logging everything', async () => {
    const workspace = await released();
    const server = startLines(workspace, ['serve'], { MCP_ORCHESTRATION_LOG_LEVEL: 'trace' });
    for (const message of HELLO) server.send(message);
    let id = 0;
    for (const secret of SECRETS) {
      for (const attempt of attemptsWith(secret)) {
        id += 1;
        server.send(toolCall(id, attempt.tool, attempt.input));
        judge(attempt, JSON.stringify(await server.answer(id)), SECRETS);
      }
    }
    expect(foundUnder(workspace.home, SECRETS), 'while it runs, with the write-ahead log').toEqual([]);
    server.child.stdin?.end();
    expect(await server.ended).toEqual([0, null]);
    expect(foundUnder(workspace.home, SECRETS)).toEqual([]);
    expect(foundIn(server.lines.join('\n') + server.output.stderr, SECRETS)).toEqual([]);
  });

  it('is not shown by a comparison, wherever in a payload it stands', async () => {
    const bare = { ...stdio({}), inputs: {} };
    await onHome(await released(), async (app) => {
      for (const secret of BY_SHAPE) {
        for (const [place, payload] of ODD_PLACES) {
          const written = payload(secret);
          for (const [config_a, config_b] of [
            [written, bare],
            [bare, written],
            [written, { ...written, ...payload('other') }],
            [{ ...written, bridge: { package: secret } }, written],
          ]) {
            const answer = await callOn(app, 'diff_config', { config_a, config_b });
            expect(foundIn(JSON.stringify(answer), SECRETS), place).toEqual([]);
            expect(answer['status'], place).not.toBe('up-to-date');
          }
        }
      }
    });
  });

  it('on the command line, with --json and without', async () => {
    const workspace = await released();
    workspace.env['MCP_ORCHESTRATION_LOG_LEVEL'] = 'trace';
    const file = join(workspace.home, 'apart', 'payload.json');
    mkdirSync(join(workspace.home, 'apart'));
    writeFileSync(file, JSON.stringify(stdio({ env: { API_TOKEN: SLACK } })));
    const github = ['add-server', 'github', '--client', 'cursor', '--transport', 'stdio'];
    const lines: [args: string[], reference?: string][] = [
      [[...github, '--env', `GITHUB_PERSONAL_ACCESS_TOKEN=${GITHUB}`], '${env:GITHUB_PERSONAL_ACCESS_TOKEN}'],
      [
        [...github, '--env', `OTHER_TOKEN=${SHAPELESS}`, '--env', 'GITHUB_PERSONAL_ACCESS_TOKEN=${env:T}'],
        '${env:OTHER_TOKEN}',
      ],
      [[...github, '--env', GITHUB]],
      [[...github, `--token=${ANTHROPIC}`]],
      [[...github, `--${AWS}`]],
      [[...github, '--runtime', SHAPELESS]],
      [['add-server', 'github', '--transport', SHAPELESS]],
      [['add-server', 'github', SLACK]],
      [['clear-draft', '--to', GITHUB]],
      [['set-draft', '--file', file], '${env:API_TOKEN}'],
      [['publish-config', '--payload', JSON.stringify(stdio({ args: ['--api-key', ANTHROPIC] }))], '${env:X_API_KEY}'],
      [['validate-config', '--file', file], '${env:API_TOKEN}'],
      [['diff-config', '--client', 'cursor', '--profile', 'dev', '--file', file]],
      [['set-draft', '--payload', `{"mcpServers": {"x": "${GITHUB}`]],
    ];
    const calls = lines.flatMap(([args, reference]) => [
      [args, reference] as const,
      [[...args, '--json'], reference] as const,
    ]);
    for (let at = 0; at < calls.length; at += 4) {
      await Promise.all(
        calls.slice(at, at + 4).map(async ([args, reference]) => {
          const { stdout, stderr } = await cli(workspace, ...args);
          const where = `${args[0]} ${args.length} ${args.at(-1) === '--json'}`;
          expect(foundIn(stdout + stderr, SECRETS), where).toEqual([]);
          if (reference !== undefined) expect(stdout + stderr, where).toContain(reference);
        }),
      );
    }
    expect(foundUnder(workspace.data_dir, SECRETS)).toEqual([]);
  });
});

it('whatever field of whatever catalog server it is given to, a secret with a known shape is neither kept nor echoed', {
  timeout: 120_000,
}, async () => {
  const workspace = await testWorkspace();
  await onHome(workspace, async (app) => {
    for (const server of CATALOG) {
      for (const transport of server.transports) {
        const names = transport.parameters.map(({ name }) => ({ params: { [name]: GITHUB } }));
        const variables = 'env' in transport ? transport.env.map(({ name }) => ({ env_vars: { [name]: GITHUB } })) : [];
        for (const given of [...names, ...variables]) {
          const input = { ...target, server_id: server.server_id, ...given, replace: true };
          const outcome = await callOn(app, 'add_server_to_config', input).catch((error: unknown) => error);
          const { code, message, details } = outcome as Record<string, unknown>;
          const shown = JSON.stringify([outcome, message, details]);
          expect(
            foundIn(shown, [GITHUB]),
            `${server.server_id} ${JSON.stringify(Object.keys(Object.values(given)[0] ?? {}))} ${code}`,
          ).toEqual([]);
        }
      }
    }
  });
  expect(foundUnder(workspace.home, BY_SHAPE)).toEqual([]);
});

it('the search itself finds every form of a secret', () => {
  for (const secret of SECRETS) {
    const bytes = Buffer.from(`{"k":"${secret}"}`);
    const forms = [bytes.toString(), bytes.toString('base64'), bytes.toString('base64url'), bytes.toString('hex')];
    const moved = ['a', 'ab'].map((before) => Buffer.from(before + secret).toString('base64'));
    for (const form of [...forms, ...moved]) expect(foundIn(form, [secret])).toEqual(['secret 0']);
    expect(tracesOf(secret).every((trace) => trace.length >= 10)).toBe(true);
  }
});

function requestOf({ tool, input }: Attempt): { method: string; path: string; body: unknown } {
  const { client_id: _client, profile_id: _profile, ...body } = input;
  const base = '/v1/config/cursor/dev';
  if (tool === 'diff_config') return { method: 'POST', path: '/v1/config/diff', body: input };
  if (tool === 'set_draft_config') return { method: 'PUT', path: `${base}/draft`, body };
  const last = { add_server_to_config: 'draft/add', publish_config: 'publish', validate_config: 'validate' }[tool];
  return { method: 'POST', path: `${base}/${last}`, body };
}
