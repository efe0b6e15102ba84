import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, lstatSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { expect, it, onTestFinished } from 'vitest';
import { AppError } from '../../src/core/errors.ts';
import type { App } from '../../src/main/compose.ts';
import { ROOT, temporaryDirectory, testWorkspace } from '../support/workspace.ts';
import type { AttackPlan } from './attacker.ts';
import { call, callOn, onHome, temporaryFiles } from './invariants.ts';

const ROUNDS = 2 * Number(process.env['CRASH_ROUNDS'] ?? 50);
/** The writer waits for its lock for eight seconds; nothing else may wait. */
const LONGEST_MS = 10_000;
const OWN = '{\n  "mcpServers": { "own": { "command": "mine" } }\n}\n';
const payloadOf = (word: string) => ({ mcpServers: { ours: { command: 'node', args: [word] } } });

/** One file that was there before us, and one that an undo takes away again. */
const CLIENTS = ['cursor', 'windsurf'];
const FILES = ['.cursor/mcp.json', '.codeium/windsurf/mcp_config.json'];

/** What each command may answer, besides that it worked. */
const REFUSALS = new Set([
  'WRITE_FAILED',
  'CLIENT_FILE_CHANGED',
  'CLIENT_FILE_UNPARSABLE',
  'DRIFT_DETECTED',
  'DEPLOYMENT_NOT_FOUND',
  'INVALID_INPUT',
]);

const look = (name: string) => {
  const { ino, mode, uid, gid, mtimeMs } = lstatSync(name);
  return { name, text: readFileSync(name, 'utf8'), ino, mode, uid, gid, mtimeMs };
};

/** Linux says it; elsewhere nothing is said. */
const openFiles = () => (process.platform === 'linux' ? readdirSync('/proc/self/fd').length : 0);

/**
 * Outside the home directory: client files as good as ours. Inside, where a link of the user to a client file of the user
 * is followed: a file that is none.
 */
async function victimsOf(home: string) {
  const outside = await temporaryDirectory('mcpo-victim');
  const texts: [string, string][] = [
    [join(outside, 'victim.json'), OWN],
    [join(home, '.ssh/authorized_keys'), 'ssh-ed25519 AAAA somebody\n'],
    ...FILES.map((file): [string, string] => [join(outside, 'directory', basename(file)), OWN]),
    ...FILES.map((file): [string, string] => [join(home, 'vault', basename(file)), 'a vault\n']),
  ];
  for (const [name, text] of texts) {
    mkdirSync(dirname(name), { recursive: true });
    writeFileSync(name, text);
    chmodSync(name, 0o600);
  }
  return {
    all: texts.map(([name]) => name),
    linked: [join(outside, 'victim.json'), join(home, '.ssh/authorized_keys')],
    directories: [join(outside, 'directory'), join(home, 'vault')],
  };
}

/** Starts it, and gives what it says at its end. */
async function attack(plan: AttackPlan): Promise<{ over: () => boolean; said: Promise<Record<string, number>> }> {
  const program = [join(ROOT, 'test/crash/attacker.ts'), JSON.stringify(plan)];
  const child = spawn(process.execPath, program, { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  const lines: string[] = [];
  const reader = createInterface({ input: child.stdout });
  const ended = once(child, 'close');
  await once(reader, 'line');
  reader.on('line', (line) => lines.push(line));
  const said = ended.then(([code]) => {
    expect(code).toBe(0);
    return JSON.parse(lines[0] ?? '') as Record<string, number>;
  });
  return { over: () => child.exitCode !== null, said };
}

/** One command; its outcome, or the code and reason of its refusal. */
async function outcomeOf(app: App, tool: string, input: Record<string, unknown>): Promise<string> {
  const started = performance.now();
  try {
    return String((await callOn(app, tool, input))['status']);
  } catch (error) {
    if (!(error instanceof AppError) || !REFUSALS.has(error.code) || error.details['reason'] === 'unexpected')
      throw error;
    return error.code;
  } finally {
    expect(performance.now() - started, `${tool} hung`).toBeLessThan(LONGEST_MS);
  }
}

it('an attacker who swaps client files, their directories and temporary files never gets a victim changed, nor a command to hang', async () => {
  const workspace = await testWorkspace();
  const { home } = workspace;
  const workshop = join(home, 'workshop');
  mkdirSync(workshop);
  execFileSync('mkfifo', [join(home, 'pipe')]);
  const [present = '', missing = ''] = FILES.map((file) => join(home, file));
  for (const file of [present, missing]) mkdirSync(dirname(file), { recursive: true });
  writeFileSync(present, OWN, { mode: 0o600 });
  await call(workspace, 'initialize_keys');
  const artifacts: string[] = [];
  for (const client_id of CLIENTS)
    for (const word of ['first', 'second'])
      artifacts.push(
        String((await call(workspace, 'publish_config', { client_id, payload: payloadOf(word) }))['artifact_id']),
      );
  const victims = await victimsOf(home);
  const before = victims.all.map(look);
  const seed = Number(process.env['ATTACK_SEED'] ?? Date.now() % 1_000_000);
  const { over, said } = await attack({
    rounds: ROUNDS,
    seed,
    targets: [
      { file: present, plain: OWN },
      { file: missing, plain: null },
    ],
    victims: victims.linked,
    victim_directories: victims.directories,
    pipe: join(home, 'pipe'),
    workshop,
  });
  const outcomes: Record<string, number> = {};
  const descriptors = openFiles();
  await onHome(workspace, async (app) => {
    for (let turn = 0; !over(); turn += 1) {
      const client_id = CLIENTS[turn % 2] ?? '';
      const deploys = turn % 4 < 2;
      const artifact_id = artifacts[(turn % 2) * 2 + ((turn >> 2) % 2)];
      const outcome = deploys
        ? await outcomeOf(app, 'deploy_config', { client_id, artifact_id, on_drift: 'overwrite' })
        : await outcomeOf(app, 'undo_deployment', { client_id });
      outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
    }
  });
  process.stdout.write(`ATTACK_SEED=${seed}: ${JSON.stringify(await said)}; ${JSON.stringify(outcomes)}\n`);
  expect(victims.all.map(look)).toEqual(before);
  expect(outcomes['deployed'], 'it never found a quiet moment').toBeGreaterThan(0);
  expect(outcomes['undone'], 'it never found a quiet moment').toBeGreaterThan(0);
  expect(openFiles(), 'files that were left open').toBeLessThan(descriptors + 10);
  for (const client_id of CLIENTS) {
    await call(workspace, 'deploy_config', {
      client_id,
      artifact_id: artifacts[CLIENTS.indexOf(client_id) * 2],
      on_drift: 'overwrite',
    });
    await call(workspace, 'deploy_config', { client_id });
    expect(await call(workspace, 'get_deployed', { client_id })).toMatchObject({ drift: false, up_to_date: true });
  }
  expect(JSON.parse(readFileSync(present, 'utf8')).mcpServers).toMatchObject({ own: { command: 'mine' }, ours: {} });
  // A directory that the attacker gave such a name is its own.
  const left = temporaryFiles(home).filter((name) => !lstatSync(join(home, name)).isDirectory());
  expect(left, 'left behind').toEqual([]);
  expect(victims.all.map(look)).toEqual(before);
});
