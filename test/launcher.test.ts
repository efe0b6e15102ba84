import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { buffer, text } from 'node:stream/consumers';
import { Client } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { describe, expect, it, onTestFinished } from 'vitest';
import { cliHere, cliHereJson, cliHereWith } from './support/in-process.ts';
import { cli } from './support/process.ts';
import { ROOT, testWorkspace, type Workspace } from './support/workspace.ts';

/** Made up. */
const SECRET = 'made-up-Walrus-0815';

/** A server that says what it got, gives back what comes in, and ends with 7. */
const SERVER = `
const { A, B, NODE_OPTIONS } = process.env;
const ours = Object.keys(process.env).filter((name) => name.startsWith('MCP_ORCHESTRATION'));
process.stdout.write(JSON.stringify({ A, B, NODE_OPTIONS, ours, args: process.argv.slice(2), cwd: process.cwd(), pid: process.pid }) + '\\n');
if (process.argv.includes('echo')) process.stdin.pipe(process.stdout);
if (process.argv.includes('wait')) setInterval(() => {}, 1000);
process.stdin.on('end', () => process.exit(7)).resume();
`;

interface Written {
  command: string;
  args: string[];
}

/** Deploys one entry for Claude Desktop, which resolves nothing itself, and gives the entry that the file got. */
async function deployed(workspace: Workspace, entry: object, more: object = {}): Promise<Written> {
  writeFileSync(join(workspace.home, 'server.cjs'), SERVER);
  await cliHereJson(workspace, 'initialize-keys');
  const payload = JSON.stringify({ mcpServers: { it: entry }, ...more });
  await cliHereJson(workspace, 'publish-config', '--payload', payload);
  const { config_path } = await cliHereJson(workspace, 'deploy-config');
  return JSON.parse(readFileSync(String(config_path), 'utf8')).mcpServers.it;
}

const serverIn = ({ home }: Workspace, ...args: string[]) => ({
  command: process.execPath,
  args: [join(home, 'server.cjs'), ...args],
});

/** As a client does it: command and arguments from its file, and hardly any environment. */
const started = ({ home }: Workspace, { command, args }: Written, env: Record<string, string> = {}) =>
  spawn(command, args, { env: { HOME: home, PATH: '/usr/bin:/bin', ...env }, cwd: '/', stdio: 'pipe' });

async function finished(workspace: Workspace, written: Written, env?: Record<string, string>, input = '') {
  const child = started(workspace, written, env);
  child.stdin.on('error', () => undefined).end(input);
  const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
  return { stdout, stderr, code };
}

const store = (workspace: Workspace, name: string) => cliHereWith(workspace, { input: SECRET }, 'set-secret', name);

/** Files in the home directory, the store and its log among them, that hold the secret as it is. */
const filesWithSecret = ({ home }: Workspace): string[] =>
  readdirSync(home, { recursive: true, encoding: 'utf8' }).filter((path) => {
    const file = join(home, path);
    return statSync(file).isFile() && readFileSync(file).includes(SECRET);
  });

const sql = ({ data_dir }: Workspace, statement: string) => {
  const database = new DatabaseSync(join(data_dir, 'state.db'));
  database.exec(statement);
  database.close();
};

describe('the launcher', () => {
  it('fills in what the client cannot, and the value is in the environment of the server alone', async () => {
    const workspace = await testWorkspace();
    await store(workspace, 'api.key');
    const env = { A: 'key ${secret:api.key}', B: '${env:FROM_CLIENT} $${literal}' };
    const written = await deployed(workspace, { ...serverIn(workspace, 'wait'), env, cwd: '/usr' });
    expect(JSON.stringify(written)).not.toMatch(/api\.key|server\.cjs/);
    const child = started(workspace, written, { FROM_CLIENT: 'yes', NODE_OPTIONS: '--no-warnings' });
    const [line] = (await once(child.stdout, 'data')) as [Buffer];
    const said = JSON.parse(line.toString());
    expect(said).toMatchObject({ A: `key ${SECRET}`, B: 'yes ${literal}', ours: [], cwd: '/usr' });
    expect(said.NODE_OPTIONS).toBeUndefined();
    // The process that the client started is the server now: same pid, and no secret in its arguments.
    expect(said.pid).toBe(child.pid);
    expect(readFileSync(`/proc/${child.pid}/cmdline`, 'utf8')).not.toContain(SECRET);
    child.kill('SIGTERM');
    expect(await once(child, 'close')).toEqual([null, 'SIGTERM']);
    expect(filesWithSecret(workspace)).toEqual([]);
  });

  it('starts for each place what is deployed there: a project, a file that was named, the file of the user', async () => {
    const workspace = await testWorkspace();
    const { home } = workspace;
    const project = join(home, 'my project');
    const named = join(home, 'named.json');
    mkdirSync(project);
    writeFileSync(join(home, 'server.cjs'), SERVER);
    await cliHereJson(workspace, 'initialize-keys');
    const places = [['--config-scope', 'project', '--project', project], ['--config-path', named], []];
    for (const [number, place] of places.entries()) {
      // A name may look like a flag.
      const mcpServers = { '-it': { ...serverIn(workspace, `release-${number}`), env: { A: '${input:A}' } } };
      const inputs = { A: { description: 'Another value in each place', required: true } };
      const kiro = ['--client', 'kiro'];
      await cliHereJson(workspace, 'publish-config', ...kiro, '--payload', JSON.stringify({ mcpServers, inputs }));
      await cliHereJson(workspace, 'deploy-config', ...kiro, ...place, '--input', `A=${number}`);
    }
    const files = [join(project, '.kiro/settings/mcp.json'), named, join(home, '.kiro/settings/mcp.json')];
    for (const [number, file] of files.entries()) {
      const written = JSON.parse(readFileSync(file, 'utf8')).mcpServers['-it'];
      const { stdout } = await finished(workspace, written);
      expect(JSON.parse(stdout)).toMatchObject({ args: [`release-${number}`], A: String(number) });
    }
  });

  it('is quick: the bench has the figure, and this notices only when something is very wrong', async () => {
    const workspace = await testWorkspace();
    const entry = { ...serverIn(workspace), env: { A: '${env:HOME}' } };
    const written = await deployed(workspace, entry);
    const fastest = async (command: Written) => {
      const times: number[] = [];
      for (let round = 0; round < 3; round += 1) {
        const began = performance.now();
        await finished(workspace, command);
        times.push(performance.now() - began);
      }
      return Math.min(...times);
    };
    expect((await fastest(written)) - (await fastest(entry))).toBeLessThan(400);
  });

  it('takes no variable for set because every object has something by its name', async () => {
    const workspace = await testWorkspace();
    for (const name of ['toString', 'constructor', 'hasOwnProperty']) {
      const written = await deployed(workspace, { ...serverIn(workspace), env: { A: `\${env:${name}}` } });
      const { stdout, stderr, code } = await finished(workspace, written);
      expect([stdout, code], name).toEqual(['', 6]);
      expect(stderr).toContain(`The variable ${name} is not set`);
      const { A } = JSON.parse((await finished(workspace, written, { [name]: 'given' })).stdout);
      expect(A).toBe('given');
    }
  });

  it('fills in an input with what this machine was told, or else with its default', async () => {
    const workspace = await testWorkspace();
    const env = { A: '${input:DATA_DIR}', B: '${input:MODE}' };
    const inputs = {
      DATA_DIR: { description: 'Where the data is', required: true },
      MODE: { description: 'How', required: false, default: 'read' },
    };
    const payload = JSON.stringify({ mcpServers: { it: { ...serverIn(workspace), env } }, inputs });
    writeFileSync(join(workspace.home, 'server.cjs'), SERVER);
    await cliHereJson(workspace, 'initialize-keys');
    await cliHereJson(workspace, 'publish-config', '--payload', payload);
    const { config_path } = await cliHereJson(workspace, 'deploy-config', '--input', 'DATA_DIR=/srv/data');
    const written = JSON.parse(readFileSync(String(config_path), 'utf8')).mcpServers.it;
    const { stdout } = await finished(workspace, written);
    expect(JSON.parse(stdout)).toMatchObject({ A: '/srv/data', B: 'read' });
  });

  it('passes every byte and the exit code on', async () => {
    const workspace = await testWorkspace();
    const written = await deployed(workspace, { ...serverIn(workspace, 'echo'), env: { A: '${env:HOME}' } });
    const child = started(workspace, written);
    const bytes = randomBytes(3_000_000);
    const output = buffer(child.stdout);
    child.stdin.end(bytes);
    const [code] = await once(child, 'close');
    const all = await output;
    expect(code).toBe(7);
    expect(all.subarray(all.indexOf(10) + 1).equals(bytes)).toBe(true);
  });

  it('finds its data without HOME, for clients that pass on nothing but PATH', async () => {
    const workspace = await testWorkspace();
    await store(workspace, 'k');
    const written = await deployed(workspace, { ...serverIn(workspace), env: { A: '${secret:k}' } });
    const { stdout, code } = await finished(workspace, written, { HOME: '' });
    expect([JSON.parse(stdout).A, code]).toEqual([SECRET, 7]);
  });

  it('speaks MCP for a real server', async () => {
    const workspace = await testWorkspace();
    const script = join(ROOT, 'node_modules/@modelcontextprotocol/server-memory/dist/index.js');
    const written = await deployed(workspace, {
      command: process.execPath,
      args: [script],
      env: { MEMORY_FILE_PATH: '${env:HOME}/memory.json' },
    });
    const client = new Client({ name: 'test', version: '1.0.0' });
    await client.connect(
      new StdioClientTransport({ ...written, env: { HOME: workspace.home, PATH: '/usr/bin:/bin' }, stderr: 'ignore' }),
    );
    expect((await client.listTools()).tools.map(({ name }) => name)).toContain('create_entities');
    await client.close();
  });

  it('starts nothing of a release that was changed in the store', async () => {
    const workspace = await testWorkspace();
    const written = await deployed(workspace, { ...serverIn(workspace, 'good'), env: { A: '${env:HOME}' } });
    const tampered = [
      `UPDATE artifacts SET canonical = replace(canonical, '"good"', '"evil"')`,
      `UPDATE releases SET envelope = replace(envelope, '"sig":"', '"sig":"AAAA')`,
      `UPDATE keys SET status = 'revoked'`,
      `UPDATE keys SET key_id = 'other'`,
    ];
    const clean = readFileSync(join(workspace.data_dir, 'state.db'));
    for (const statement of tampered) {
      sql(workspace, statement);
      const { code, stdout, stderr } = await finished(workspace, written);
      expect([code, stdout], `${statement}: ${stderr}`).toEqual([6, '']);
      expect(stderr).toContain('SIGNATURE_INVALID');
      writeFileSync(join(workspace.data_dir, 'state.db'), clean);
    }
    expect((await finished(workspace, written)).code).toBe(7);
  });

  it('starts what is deployed, not what was published since; also an older release that is pinned', async () => {
    const workspace = await testWorkspace();
    const entry = (word: string) => ({ ...serverIn(workspace, word), env: { A: '${env:HOME}' } });
    const written = await deployed(workspace, entry('first'));
    const first = await cliHereJson(workspace, 'get-latest');
    const args = async () => JSON.parse((await finished(workspace, written)).stdout).args;
    await cliHereJson(
      workspace,
      'publish-config',
      '--payload',
      JSON.stringify({ mcpServers: { it: entry('second') } }),
    );
    expect(await args()).toEqual(['first']);
    await cliHereJson(workspace, 'deploy-config');
    expect(await args()).toEqual(['second']);
    await cliHereJson(workspace, 'deploy-config', '--artifact', String(first['artifact_id']));
    expect(await args()).toEqual(['first']);
    await cliHereJson(workspace, 'undo-deployment');
    expect(await args()).toEqual(['second']);
  });

  it('gives a remote server to the pinned bridge, with the secret in its environment only', async () => {
    const workspace = await testWorkspace();
    await store(workspace, 'tok');
    const bin = join(workspace.home, 'bin');
    mkdirSync(bin);
    const code = `#!/bin/sh\nprintf '%s\\n' "$@" "env=$MCP_HEADER_AUTHORIZATION"\ntr '\\0' ' ' </proc/$$/cmdline >&2\n`;
    writeFileSync(join(bin, 'npx'), code, { mode: 0o755 });
    const headers = { Authorization: 'Bearer ${secret:tok}' };
    const written = await deployed(workspace, { type: 'http', url: 'https://a.example.com/mcp', headers });
    const { stdout, stderr } = await finished(workspace, written, { PATH: `${bin}:/usr/bin:/bin` });
    // Its command line as every user of the machine can read it.
    expect(stderr).toContain('mcp-remote@0.15.1');
    expect(stderr).not.toContain(SECRET);
    expect(filesWithSecret(workspace)).toEqual([]);
    expect(stdout.trim().split('\n')).toEqual([
      '-y',
      'mcp-remote@0.15.1',
      'https://a.example.com/mcp',
      '--transport',
      'http-only',
      '--header',
      'Authorization:${MCP_HEADER_AUTHORIZATION}',
      `env=Bearer ${SECRET}`,
    ]);
  });

  it('says in one line what is missing, and writes nothing to standard output', async () => {
    const workspace = await testWorkspace();
    const entry = (reference: string) => ({ ...serverIn(workspace), env: { A: reference } });
    const written = await deployed(workspace, entry('${env:NOT_SET_HERE}'));
    const { code, stdout, stderr } = await finished(workspace, written);
    expect([code, stdout]).toEqual([6, '']);
    expect(stderr).toBe(
      'mcp-orchestration: SECRET_NOT_FOUND: The variable NOT_SET_HERE is not set where this server is started.\n' +
        'Set NOT_SET_HERE in the environment of the client. Applications that are not started from a terminal have only the variables of the session.\n',
    );
    // None of these starts a program, so this process need not be given up for it.
    const refusal = async (...args: string[]) => {
      const said = await cliHere(workspace, 'exec-server', ...args);
      expect(said.stdout).toBe('');
      return [said.code, ...(/^mcp-orchestration: (\w+): (.*)\n/.exec(said.stderr)?.slice(1) ?? [])];
    };
    const desktop = ['--client', 'claude-desktop'];
    const here = () => refusal(...desktop, 'it');
    await deployed(workspace, entry('${secret:not-there}'));
    expect(await here()).toEqual([6, 'SECRET_NOT_FOUND', 'There is no secret "not-there" on this machine.']);
    await deployed(workspace, { ...entry('${env:HOME}'), command: 'no-such-program' });
    expect(await here()).toEqual([4, 'NOT_FOUND', 'There is no program "no-such-program" to start this server with.']);
    await deployed(workspace, { ...entry('${env:HOME}'), cwd: '/no/such/directory' });
    expect(await here()).toEqual([4, 'NOT_FOUND', 'The working directory of this server cannot be entered (ENOENT).']);
    expect(await refusal(...desktop, 'other')).toEqual([
      4,
      'SERVER_NOT_FOUND',
      'Release 4 of claude-desktop/default has no server "other".',
    ]);
    expect(await refusal('--client', 'cursor', 'it')).toEqual([
      4,
      'DEPLOYMENT_NOT_FOUND',
      'Profile default of cursor is not deployed into the scope user on this machine.',
    ]);
    expect(await refusal(...desktop, '--config-scope', 'project', 'it')).toEqual([
      4,
      'DEPLOYMENT_NOT_FOUND',
      'Profile default of claude-desktop is not deployed into the scope project on this machine.',
    ]);
    sql(workspace, `UPDATE deployments SET machine_id = 'another'`);
    expect(await here()).toEqual([4, 'DEPLOYMENT_NOT_FOUND', expect.stringContaining('is not deployed')]);
  });

  it.runIf(process.platform === 'linux')(
    'says what cannot be started, and never ends with its memory in a core file: the environment holds secrets',
    async () => {
      const workspace = await testWorkspace();
      await store(workspace, 'api.key');
      const script = join(workspace.home, 'script');
      const launched = async (text: string, args: string[]) => {
        writeFileSync(script, text, { mode: 0o755 });
        const env = { A: '${secret:api.key}' };
        const written = await deployed(workspace, { command: script, args, env });
        const { code, stdout, stderr } = await finished(workspace, written);
        expect(stderr).not.toMatch(/^ *at |Native stack/m);
        return [code, stdout.trim(), /^mcp-orchestration: (.*)$/m.exec(stderr)?.[1]];
      };
      const gone = '#!/no/such/interpreter\n';
      const reason = (name: string) => `NOT_FOUND: ${script} cannot be started (${name}).`;
      expect(await launched(gone, [])).toEqual([4, '', reason('ENOENT')]);
      expect(await launched('#!/bin/sh\n', ['x'.repeat(200_000)])).toEqual([4, '', reason('E2BIG')]);
      expect(await launched('not a program', [])).toEqual([127, '', undefined]);
      expect(await launched('echo "$A"\n', [])).toEqual([0, SECRET, undefined]);
      expect(await launched(`#!${script}\n`, [])).toEqual([4, '', reason('ELOOP')]);
    },
  );

  it('says what is wrong with its command line, or with where it should look', async () => {
    const workspace = await testWorkspace();
    const written = await deployed(workspace, { ...serverIn(workspace), env: { A: '${env:HOME}' } });
    for (const args of [
      ['exec-server', '--client', 'claude-desktop', '--verbose', 'it'],
      ['exec-server', 'it'],
    ]) {
      const { code, stdout, stderr } = await finished(workspace, { ...written, args });
      expect([code, stdout, /mcp-orchestration: (\w+)/.exec(stderr)?.[1]]).toEqual([2, '', 'INVALID_INPUT']);
    }
    const desktop = ['exec-server', '--client', 'claude-desktop', 'it'];
    const withEnv = (env: Record<string, string>) => cliHere({ ...workspace, env }, ...desktop);
    expect(await withEnv({ HOME: 'relative' })).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('set HOME or MCP_ORCHESTRATION_HOME to an absolute path'),
    });
    expect(await withEnv({ HOME: join(workspace.home, 'nobody') })).toMatchObject({
      code: 4,
      stderr: expect.stringContaining(
        'Deploy it here: mcp-orchestration deploy-config --client claude-desktop --profile default',
      ),
    });
    writeFileSync(join(workspace.home, 'no-store'), 'made-up');
    const database = `sqlite:${join(workspace.home, 'no-store')}`;
    const unreadable = await withEnv({ ...workspace.env, MCP_ORCHESTRATION_DATABASE_URL: database });
    expect([unreadable.code, unreadable.stdout]).toEqual([1, '']);
    expect(unreadable.stderr).toContain('mcp-orchestration: UNAVAILABLE: The store cannot be opened.\n');
  });

  it('starts no server that its release switched off', async () => {
    const workspace = await testWorkspace();
    const entry = { ...serverIn(workspace), env: { A: '${env:HOME}' } };
    await deployed(workspace, entry);
    // A client that runs has the entry of the earlier release until it is started again.
    const payload = JSON.stringify({ mcpServers: { it: { ...entry, disabled: true } } });
    await cliHereJson(workspace, 'publish-config', '--payload', payload);
    await cliHereJson(workspace, 'deploy-config');
    const { code, stdout, stderr } = await cliHere(workspace, 'exec-server', '--client', 'claude-desktop', 'it');
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toContain('"it" is switched off in this release');
  });

  it('where a process cannot become another one, the server is its child, and the exit code is passed on', async () => {
    const workspace = await testWorkspace();
    const script = join(workspace.home, 'says.cjs');
    const told = join(workspace.home, 'told.json');
    const env = { A: '${secret:key}', B: '${input:MODE}', TOLD: told };
    writeFileSync(
      script,
      `require('fs').writeFileSync(process.env.TOLD, JSON.stringify(process.env)); process.exit(9)`,
    );
    await store(workspace, 'key');
    const inputs = { MODE: { description: 'How', required: false, default: 'read' } };
    await deployed(workspace, { command: process.execPath, args: [script], env }, { inputs });
    const { execve } = process;
    // As on Windows.
    Reflect.deleteProperty(process, 'execve');
    onTestFinished(() => void Object.assign(process, { execve }));
    const { code, stdout, stderr } = await cliHere(workspace, 'exec-server', '--client', 'claude-desktop', 'it');
    expect([code, stdout, stderr]).toEqual([9, '', '']);
    expect(JSON.parse(readFileSync(told, 'utf8'))).toMatchObject({ A: SECRET, B: 'read' });
  });

  it('refuses what another profile replaced in the same file', async () => {
    const workspace = await testWorkspace();
    const written = await deployed(workspace, { ...serverIn(workspace), env: { A: '${env:HOME}' } });
    const payload = JSON.stringify({ mcpServers: { it: { command: 'node', args: [] } } });
    await cliHereJson(workspace, 'publish-config', '--profile', 'dev', '--payload', payload);
    await cliHereJson(workspace, 'deploy-config', '--profile', 'dev');
    const { code, stderr } = await finished(workspace, written);
    expect(code).toBe(4);
    expect(stderr).toContain('claude-desktop/dev took its place');
  });

  it('explains itself, and a dry run makes no launcher', async () => {
    const workspace = await testWorkspace();
    const help = await cli(workspace, 'exec-server', '--help');
    expect([help.code, help.stdout.includes('--config-scope')]).toEqual([0, true]);
    await cliHereJson(workspace, 'initialize-keys');
    const payload = JSON.stringify({ mcpServers: { it: { command: 'node', args: ['${env:HOME}'] } } });
    await cliHereJson(workspace, 'publish-config', '--payload', payload);
    await cliHereJson(workspace, 'deploy-config', '--dry-run');
    expect(readdirSync(workspace.data_dir)).not.toContain('bin');
  });
});
