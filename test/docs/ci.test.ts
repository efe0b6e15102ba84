import { execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { ERRORS } from '../../src/core/errors.ts';
import { type HttpServer, run, startHttp } from '../support/process.ts';
import { testWorkspace, type Workspace } from '../support/workspace.ts';
import { ROOT } from './markdown.ts';

/** The recipes for CI as they stand there, in a repository of a user and against a running server. */

const MEMORY = { command: 'npx', args: ['-y', '@modelcontextprotocol/server-memory@2026.8.31'] };
const FETCH = { command: 'uvx', args: ['mcp-server-fetch@2025.4.7'] };
/** A real one has 40 hexadecimal digits, which must not be taken for a secret in the changelog. */
const SHA = '3f786850e387550fdab836ed7e6dc881de23001b';

const GITHUB = readFileSync(join(ROOT, 'integrations/github-actions/mcp-config.yml'), 'utf8');
const GENERIC = join(ROOT, 'integrations/ci/recipe.sh');

interface Repository {
  workspace: Workspace;
  path: string;
  server: HttpServer;
  /** Names of variables and secrets of the CI, with their values. */
  settings: Record<string, string>;
  payload(path: string, payload: unknown): void;
  ask: HttpServer['ask'];
}

/** What is checked out on the machine of a CI, with `npm` replaced: the package is there as if it had been installed. */
async function repositoryWithServer(role = 'publisher'): Promise<Repository> {
  const workspace = await testWorkspace();
  const server = await startHttp(workspace);
  await server.ask('POST', '/v1/keys/initialize', { body: {} });
  const token = await server.ask('POST', '/v1/tokens', { body: { name: 'ci', role } });
  const path = join(workspace.home, 'repository');
  const shims = join(workspace.home, 'bin');
  for (const directory of [path, shims, join(path, 'mcp/cursor'), join(path, 'mcp/vscode'), join(path, 'node_modules')])
    mkdirSync(directory, { recursive: true });
  symlinkSync(ROOT, join(path, 'node_modules/mcp-orchestration'));
  writeFileSync(join(shims, 'npm'), '#!/bin/sh\ntest "$*" = "ci --ignore-scripts"\n');
  chmodSync(join(shims, 'npm'), 0o755);
  copyFileSync(GENERIC, join(path, 'recipe.sh'));
  const payload = (name: string, value: unknown) =>
    writeFileSync(join(path, 'mcp', name), typeof value === 'string' ? value : JSON.stringify(value));
  payload('cursor/default.json', { mcpServers: { memory: MEMORY } });
  payload('vscode/default.json', { mcpServers: { fetch: FETCH } });
  const settings = { MCP_CONFIG_URL: server.url, MCP_CONFIG_TOKEN: String(token.body['token']) };
  return { workspace, path, server, settings, payload, ask: server.ask };
}

interface Job {
  if?: string;
  needs?: string;
  environment?: string;
  steps: { run?: string; uses?: string; env?: Record<string, string> }[];
}
const workflow: {
  on: object;
  permissions: object;
  concurrency: object;
  env: Record<string, string>;
  jobs: Record<string, Job>;
} = parse(GITHUB);

/** As GitHub fills in what stands in `${{ }}`. */
function filledIn(text: string, { settings }: Repository): string {
  const known: Record<string, string | undefined> = {
    'vars.MCP_CONFIG_URL': settings['MCP_CONFIG_URL'],
    'secrets.MCP_CONFIG_TOKEN': settings['MCP_CONFIG_TOKEN'],
    'github.sha': SHA,
    'github.repository': 'example/settings',
  };
  return text.replaceAll(/\$\{\{ ([\w.]+) \}\}/g, (_all, name: string) => {
    const value = known[name];
    if (value === undefined) throw new Error(`the workflow asks for ${name}`);
    return value;
  });
}

/** The steps of a job that run something, one after the other; the code of the first that fails. */
async function github(repository: Repository, name: string): Promise<{ code: number | null; output: string }> {
  let output = '';
  for (const { run: script, env = {} } of workflow.jobs[name]?.steps ?? []) {
    if (script === undefined) continue;
    const set = Object.entries({ ...workflow.env, ...env }).map(([key, value]) => [key, filledIn(value, repository)]);
    const { code, stdout, stderr } = await shell(repository, ['-ec', script], Object.fromEntries(set));
    output += stdout + stderr;
    if (code !== 0) return { code, output };
  }
  return { code: 0, output };
}

const GENERIC_NAMES: Record<string, string> = { validate: 'pull-request', publish: 'merge', drift: 'schedule' };

async function generic(repository: Repository, name: string): Promise<{ code: number | null; output: string }> {
  const secrets = name === 'validate' ? {} : { ...repository.settings, COMMIT: SHA };
  const { code, stdout, stderr } = await shell(repository, ['recipe.sh', GENERIC_NAMES[name] ?? ''], secrets);
  return { code, output: stdout + stderr };
}

function shell({ workspace, path }: Repository, args: string[], env: Record<string, string>) {
  const own = { ...workspace.env, PATH: `${join(workspace.home, 'bin')}:${workspace.env['PATH']}` };
  return run('/bin/sh', args, { env: { ...own, ...env }, cwd: path });
}

const latest = async ({ ask }: Repository, client: string) => (await ask('GET', `/v1/config/${client}/default`)).body;

describe.each([
  ['GitHub Actions', github],
  ['any other CI', generic],
])('the recipe for %s', (_name, job) => {
  it('validates what stands in the repository, publishes it, and finds out when something else is published', async () => {
    const repository = await repositoryWithServer();
    expect(await job(repository, 'validate')).toMatchObject({ code: 0 });
    expect(await job(repository, 'drift'), 'nothing is published yet').toMatchObject({ code: 7 });

    const published = await job(repository, 'publish');
    expect(published, published.output).toMatchObject({ code: 0 });
    expect(await latest(repository, 'vscode')).toMatchObject({
      payload: { mcpServers: { fetch: FETCH } },
      sequence: 1,
    });
    const cursor = await latest(repository, 'cursor');
    expect(cursor).toMatchObject({ sequence: 1, metadata: { changelog: expect.stringContaining(`Commit ${SHA}`) } });
    expect(await job(repository, 'drift')).toMatchObject({ code: 0 });

    const again = await job(repository, 'publish');
    expect([again.code, again.output]).toEqual([0, expect.stringContaining('unchanged, release 1')]);

    const body = { payload: { mcpServers: { memory: MEMORY, fetch: FETCH } } };
    expect((await repository.ask('POST', '/v1/config/cursor/default/publish', { body })).status).toBe(201);
    const drift = await job(repository, 'drift');
    expect([drift.code, drift.output]).toEqual([7, expect.stringContaining('+ fetch is published, and not here')]);
  });

  it('ends with 6 for what is not valid, says what is wrong, and does not publish it', async () => {
    const repository = await repositoryWithServer();
    repository.payload('cursor/default.json', {
      mcpServers: { memory: { ...MEMORY, env: { API_TOKEN: 'hunter2hunter2hunter2' } } },
    });
    const checked = await job(repository, 'validate');
    expect([checked.code, checked.output]).toEqual([6, expect.stringContaining('API_TOKEN')]);
    const published = await job(repository, 'publish');
    expect(published.code).toBe(6);
    expect((await latest(repository, 'cursor'))['error']).toMatchObject({ code: 'CONFIG_NOT_FOUND' });
  });

  it('ends with 3 for a token that may not publish, and shows no token', async () => {
    const repository = await repositoryWithServer('viewer');
    const { code, output } = await job(repository, 'publish');
    expect([code, output]).toEqual([3, expect.stringContaining('FORBIDDEN')]);
    expect(output).not.toContain(repository.settings['MCP_CONFIG_TOKEN']);
  });

  it('ends with 1 when no server answers', async () => {
    const repository = await repositoryWithServer();
    await repository.server.stop();
    expect(await job(repository, 'drift')).toMatchObject({ code: 1 });
  });
});

describe('the program of the recipes', () => {
  const recipe = (cwd: string, env: Record<string, string>, ...args: string[]) =>
    run(process.execPath, [join(ROOT, 'integrations/ci/mcp-config.js'), ...args], { env, cwd });

  it('tries every file, and ends with the code of the first that fails', async () => {
    const repository = await repositoryWithServer();
    repository.payload('cursor/default.json', '{ "mcpServers": ');
    const env = { ...repository.workspace.env, ...repository.settings };
    const { code, stdout } = await recipe(repository.path, env, 'publish', 'mcp');
    expect([code, stdout]).toEqual([2, expect.stringContaining('published, release 1')]);
    expect(await latest(repository, 'vscode')).toMatchObject({ sequence: 1 });
  });

  it('says what is wrong with what it was given: an address that is none, a directory without payloads', async () => {
    const place = await testWorkspace();
    const env = { ...place.env, MCP_CONFIG_URL: 'mcp.example', MCP_CONFIG_TOKEN: 'made-up' };
    mkdirSync(join(place.home, 'mcp/cursor'), { recursive: true });
    writeFileSync(join(place.home, 'mcp/cursor/default.json'), '{"mcpServers": {}}');
    const wrong = await recipe(place.home, env, 'publish', 'mcp');
    expect([wrong.code, wrong.stderr]).toEqual([2, expect.stringContaining('MCP_CONFIG_URL is no address')]);
    const empty = await recipe(place.home, env, 'validate', 'mpc');
    expect([empty.code, empty.stderr]).toEqual([
      2,
      `There is no file CLIENT/PROFILE.json in ${join(place.home, 'mpc')}\n`,
    ]);
    expect((await recipe(place.home, env, 'validat', 'mcp')).stderr).toMatch(/^usage: /);
  });

  it('has for every refusal of a server the exit code of the command line', async () => {
    const text = readFileSync(join(ROOT, 'integrations/ci/mcp-config.js'), 'utf8');
    const [, table = ''] = /EXIT_OF_STATUS = \{([^}]*)\}/.exec(text) ?? [];
    const codes = Object.fromEntries(
      [...table.matchAll(/(\d+): (\d)/g)].map(([, status, exit]) => [status, Number(exit)]),
    );
    const different = Object.entries(ERRORS).filter(([, { status, exit }]) => (codes[status] ?? 1) !== exit);
    expect(different).toEqual([]);
  });

  it.each([['validate'], ['drift'], ['publish']])(
    'writes no line of its log that a file of a stranger chose: %s',
    async (task) => {
      const repository = await repositoryWithServer();
      mkdirSync(join(repository.path, 'mcp/x\n::add-mask::a'));
      repository.payload('x\n::add-mask::a/b\n##[error]c.json', { mcpServers: {} });
      repository.payload('cursor/default.json', '::error::\r::error::\n::error::');
      const env = { ...repository.workspace.env, ...repository.settings };
      const { stdout, stderr } = await recipe(repository.path, env, task, 'mcp');
      const lines = (stdout + stderr).split(/[\r\n]/);
      expect(lines.filter((line) => /^\s*(::|##\[)/.test(line))).toEqual([]);
      expect(stdout).toContain('== x');
    },
  );

  it.each([{ words: '' }, { words: 'validate' }, { words: 'deploy mcp' }])(
    'refuses "$words" with its usage',
    async ({ words }) => {
      const { home, env } = await testWorkspace();
      const args = words.split(' ').filter((word) => word !== '');
      expect(await recipe(home, env, ...args)).toMatchObject({ code: 2, stderr: expect.stringContaining('usage: ') });
    },
  );
});

describe('the workflow for GitHub Actions', () => {
  it('gives strangers nothing: no credential before a merge, and no permission but to read', () => {
    expect(workflow.permissions).toEqual({ contents: 'read' });
    expect(Object.keys(workflow.on)).toEqual(['pull_request', 'push', 'schedule']);
    const withSecrets = Object.entries(workflow.jobs).filter(([, job]) => JSON.stringify(job).includes('secrets.'));
    expect(withSecrets.map(([name, job]) => [name, job.if, job.environment])).toEqual([
      ['publish', "github.event_name == 'push'", 'mcp'],
      ['drift', "github.event_name == 'schedule'", 'mcp'],
    ]);
    expect(workflow.jobs['publish']?.needs).toBe('validate');
  });

  it('lets merges publish in their order: not only the last job of a run waits for the run before', () => {
    expect(workflow.concurrency).toEqual({
      group: "mcp-config-${{ github.event_name == 'push' && 'merges' || github.run_id }}",
    });
    expect(Object.values(workflow.jobs).filter((job) => 'concurrency' in job)).toEqual([]);
  });

  it('puts nothing that others write into a script', () => {
    const scripts = Object.values(workflow.jobs).flatMap(({ steps }) =>
      steps.flatMap(({ run: script }) => script ?? []),
    );
    expect(scripts.filter((script) => script.includes('${{'))).toEqual([]);
  });

  it('is written for a shell that understands the generic recipe too', () => {
    expect(() => execFileSync('/bin/sh', ['-n', GENERIC])).not.toThrow();
  });
});
