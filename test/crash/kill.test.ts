import { spawn } from 'node:child_process';
import { createPrivateKey, createPublicKey } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { cli, run } from '../support/process.ts';
import { makeTestBuild, type TestBuild } from '../support/test-build.ts';
import { makeWorkspace, testWorkspace, type Workspace } from '../support/workspace.ts';
import {
  type Acknowledged,
  assertWhole,
  call,
  callOn,
  isUndamaged,
  onHome,
  query,
  temporaryFiles,
} from './invariants.ts';
import { deployPoints, launcherPoints, unfinished, WAITS_IN_VAIN } from './points.ts';

const ROUNDS = Number(process.env['CRASH_ROUNDS'] ?? 30);
/** Kills come at a random moment of the first so many milliseconds of work. */
const KILL_WITHIN_MS = 400;
const target = { client_id: 'vscode', profile_id: 'default' };
const FILE = '.config/Code/User/mcp.json';
const BEFORE = `{
  // mine, and not to be touched
  "servers": {
    "own": { "command": "mine", "args": ["1e3", /* why */ "x"], "n": 1.0 },
  },
  "inputs": [],
}
`;
/** The payload of a number; the padding makes the client file large enough to be torn, were it written in pieces. */
const payloadOf = (number: number | string) => ({
  mcpServers: { counter: { command: 'node', args: [String(number), 'x'.repeat(30_000)] } },
});

let build: TestBuild;
beforeAll(async () => {
  build = await makeTestBuild();
});
afterAll(() => rmSync(build.directory, { recursive: true, force: true }));

/** A home with a signing key, one release and one deployment into a file that has a comment and a foreign entry. */
async function prepared(workspace: Workspace): Promise<Acknowledged[]> {
  mkdirSync(dirname(join(workspace.home, FILE)), { recursive: true });
  writeFileSync(join(workspace.home, FILE), BEFORE);
  await call(workspace, 'initialize_keys');
  const first = await call(workspace, 'publish_config', { ...target, payload: payloadOf('first') });
  await call(workspace, 'deploy_config', target);
  return [{ ...target, sequence: Number(first['sequence']), artifact_id: String(first['artifact_id']) }];
}

/** The number in the client file; fails unless the file is exactly one that a finished deployment leaves. */
function numberInFile({ home }: Workspace): string | undefined {
  const text = readFileSync(join(home, FILE), 'utf8');
  const number = /"counter": \{[^}]*?"args": \[\s*"([^"]+)"/.exec(text)?.[1];
  const ours = /,?\s*"counter": \{[^}]*\}/;
  expect(text.endsWith('}\n') && text.includes('// mine, and not to be touched'), 'the file is whole').toBe(true);
  expect(text.replace(ours, '').replaceAll(/[\s,]+/g, ''), 'what is not ours stays').toBe(
    BEFORE.replaceAll(/[\s,]+/g, ''),
  );
  if (number !== undefined) expect(text).toContain('x'.repeat(30_000));
  return number;
}

/** One command line of the test build with a failpoint that kills it. */
const killedAt = (point: string, workspace: Workspace, ...args: string[]) => struckBy(`${point}=kill`, workspace, args);

const struckBy = (failpoints: string, { env, home }: Workspace, args: readonly string[]) =>
  run(process.execPath, [build.bin, ...args, '--json'], {
    env: { ...env, MCP_ORCHESTRATION_FAILPOINTS: failpoints },
    cwd: home,
  });

/** A deployment in which these are never done. What can be done without them is; then the process has nothing left to do. */
async function deployWithout(workspace: Workspace, points: readonly string[]): Promise<void> {
  const failpoints = points.map((point) => `${point}=hold`).join(',');
  const ended = await struckBy(failpoints, workspace, ['deploy-config', '--client', 'vscode']);
  expect(ended).toMatchObject({ code: WAITS_IN_VAIN, stdout: '' });
}

const copiesIn = ({ data_dir }: Workspace) =>
  readdirSync(join(data_dir, 'backups')).filter((name) => name.endsWith('.bak'));

/** Struck at one of these, the new file is in place already. */
const ARRIVED = [
  'file.after-exchange',
  'file.after-rename',
  'deploy.after-write',
  'deploy.before-commit',
  'deploy.after-commit',
];

const unsettled = (workspace: Workspace) =>
  query(workspace, "select deployment_id from deployments where status = 'intent'");

describe('a command that is killed at a named step', { timeout: 120_000 }, () => {
  let workspace: Workspace;
  let acknowledged: Acknowledged[];
  let sequence = 1;
  beforeAll(async () => {
    workspace = await makeWorkspace();
    acknowledged = await prepared(workspace);
  });
  afterAll(() => workspace.remove());

  const publish = async (number: string) => {
    const done = await call(workspace, 'publish_config', { ...target, payload: payloadOf(number) });
    acknowledged.push({ ...target, sequence: Number(done['sequence']), artifact_id: String(done['artifact_id']) });
    sequence = Number(done['sequence']);
  };

  it.each([
    ['publish.after-draft', 'before'],
    ['publish.after-artifact', 'before'],
    ['publish.after-release', 'before'],
    ['operation.before-commit', 'before'],
    ['operation.after-commit', 'after'],
  ] as const)('publish at %s: nothing or everything is stored', async (point, when) => {
    const revision = Number((await call(workspace, 'view_draft_config', target))['revision']);
    const payload = JSON.stringify(payloadOf(point));
    const killed = await killedAt(point, workspace, 'publish-config', '--client', 'vscode', '--payload', payload);
    expect(killed).toMatchObject({ signal: 'SIGKILL', stdout: '' });
    const stored = when === 'after' ? 1 : 0;
    expect(await assertWhole(workspace, target, acknowledged)).toBe(sequence + stored);
    expect(await call(workspace, 'view_draft_config', target)).toMatchObject({ revision: revision + stored });
    await publish(`${point} again`);
    expect(sequence).toBe(acknowledged.length + (await unheard(workspace, acknowledged)));
    expect(isUndamaged(workspace)).toBe(true);
  });

  it.each(['operation.before-commit', 'operation.after-commit'])(
    'an atomic batch whose first item is at %s: nothing is stored',
    async (point) => {
      const revision = Number((await call(workspace, 'view_draft_config', target))['revision']);
      const items = ['one', 'two'].map((number) => ({ operation: 'publish', ...target, payload: payloadOf(number) }));
      const killed = await killedAt(point, workspace, 'batch', '--atomic', '--items', JSON.stringify(items));
      expect(killed).toMatchObject({ signal: 'SIGKILL', stdout: '' });
      expect(await assertWhole(workspace, target, acknowledged)).toBe(sequence);
      expect(await call(workspace, 'view_draft_config', target)).toMatchObject({ revision });
      expect(isUndamaged(workspace)).toBe(true);
    },
  );

  it.each(deployPoints())('deploy at %s: the file is whole, and nobody hears of drift', async (point) => {
    const state = ARRIVED.includes(point) ? 'new' : 'old';
    const before = numberInFile(workspace);
    await publish(`for ${point}`);
    const killed = await killedAt(point, workspace, 'deploy-config', '--client', 'vscode');
    expect(killed).toMatchObject({ signal: 'SIGKILL', stdout: '' });
    expect(numberInFile(workspace)).toBe(state === 'new' ? `for ${point}` : before);
    const deployed = await call(workspace, 'get_deployed', target);
    expect(deployed).toMatchObject({ drift: false, changes: [], up_to_date: state === 'new' });
    expect(unsettled(workspace), 'the next command settles what was left open').toEqual([]);
    const again = await call(workspace, 'deploy_config', target);
    expect(again['status']).toBe(state === 'new' ? 'unchanged' : 'deployed');
    expect(numberInFile(workspace)).toBe(`for ${point}`);
    // A deployment that has nothing to write has nothing to clear away either: the next one that writes does.
    await publish(`after ${point}`);
    await call(workspace, 'deploy_config', target);
    expect(temporaryFiles(workspace.home)).toEqual([]);
  });

  it.each(unfinished('deploy').map((points) => [points.join(' and '), points] as const))(
    'deploy that ends before %s: the file is the old one, nobody hears of drift, and an undo finds the old bytes',
    async (names, points) => {
      await publish(`without ${names}`);
      const [before, copies] = [readFileSync(join(workspace.home, FILE)), new Set(copiesIn(workspace))];
      await deployWithout(workspace, points);
      expect(readFileSync(join(workspace.home, FILE)).equals(before)).toBe(true);
      expect(unsettled(workspace)).toHaveLength(points.includes('deploy.before-intent') ? 0 : 1);
      const made = copiesIn(workspace).filter((name) => !copies.has(name));
      expect(made).toHaveLength(points.includes('backup.before-fsync') ? 0 : 1);
      for (const name of made)
        expect(readFileSync(join(workspace.data_dir, 'backups', name)).equals(before)).toBe(true);
      const deployed = await call(workspace, 'get_deployed', target);
      expect(deployed).toMatchObject({ drift: false, changes: [], up_to_date: false });
      expect(unsettled(workspace)).toEqual([]);
      expect(await call(workspace, 'deploy_config', target)).toMatchObject({ status: 'deployed', sequence });
      expect(temporaryFiles(workspace.home)).toEqual([]);
      await call(workspace, 'undo_deployment', target);
      expect(readFileSync(join(workspace.home, FILE)).equals(before)).toBe(true);
      await call(workspace, 'deploy_config', target);
    },
  );

  it('a deployment without its copy never happened, also when somebody wrote the same by hand', async () => {
    await publish('written by hand');
    const before = readFileSync(join(workspace.home, FILE), 'utf8');
    await deployWithout(workspace, ['backup.before-fsync']);
    const byHand = before
      .replace(`"${numberInFile(workspace)}"`, '"written by hand"')
      .replace('// mine, and', '// still mine, and');
    writeFileSync(join(workspace.home, FILE), byHand);
    expect(await call(workspace, 'get_deployed', target)).toMatchObject({
      drift: true,
      changes: [{ server: 'counter', kind: 'changed' }],
      up_to_date: false,
    });
    expect(unsettled(workspace)).toEqual([]);
    writeFileSync(join(workspace.home, FILE), before);
    expect(await call(workspace, 'deploy_config', target)).toMatchObject({ status: 'deployed', sequence });
  });

  it('the copy of a deployment that is not settled yet is not taken away', async () => {
    await publish('not settled');
    const before = readFileSync(join(workspace.home, FILE));
    await killedAt('deploy.after-write', workspace, 'deploy-config', '--client', 'vscode');
    await call(workspace, 'prune_backups', { keep: 0 });
    await call(workspace, 'undo_deployment', target);
    expect(readFileSync(join(workspace.home, FILE)).equals(before)).toBe(true);
    await call(workspace, 'deploy_config', target);
  });

  it.each(['deploy.after-intent', 'deploy.after-write'])(
    'the next deployment settles a deployment killed at %s',
    async (point) => {
      await publish(`settled after ${point}`);
      await killedAt(point, workspace, 'deploy-config', '--client', 'vscode');
      expect(unsettled(workspace)).toHaveLength(1);
      const again = await call(workspace, 'deploy_config', target);
      expect(again).toMatchObject({ status: point === 'deploy.after-write' ? 'unchanged' : 'deployed', sequence });
      expect(unsettled(workspace)).toEqual([]);
      expect(await call(workspace, 'get_deployed', target)).toMatchObject({ drift: false, up_to_date: true });
    },
  );

  it.each(['keys.after-temp', 'keys.after-place', 'keys.after-public-temp', 'keys.before-record'])(
    'a new key killed at %s: what is published next verifies, and no copy of a private key stays',
    async (point) => {
      const killed = await killedAt(point, workspace, 'initialize-keys', '--regenerate');
      expect(killed).toMatchObject({ signal: 'SIGKILL', stdout: '' });
      await publish(`signed after ${point}`);
      await assertWhole(workspace, target, acknowledged);
      const keys = join(workspace.data_dir, 'keys');
      const inForce = createPublicKey(createPrivateKey(readFileSync(join(keys, 'signing.key'))));
      expect(readFileSync(join(keys, 'signing.pub'), 'utf8')).toBe(inForce.export({ type: 'spki', format: 'pem' }));
      expect(temporaryFiles(keys)).toEqual([]);
    },
  );
});

/** Releases that exist though their publisher was killed before it could say so. */
async function unheard(workspace: Workspace, acknowledged: readonly Acknowledged[]): Promise<number> {
  const latest = await assertWhole(workspace, target, acknowledged);
  return latest - new Set(acknowledged.map(({ sequence }) => sequence)).size;
}

it.each(['keys.after-temp', 'keys.after-place', 'machine.after-temp', 'machine.after-link'])(
  'the very first start killed at %s: the next one finishes it',
  async (point) => {
    const workspace = await testWorkspace();
    const words = point.startsWith('keys') ? ['init'] : ['get-deployed', '--client', 'vscode'];
    expect(await killedAt(point, workspace, ...words)).toMatchObject({ signal: 'SIGKILL', stdout: '' });
    await call(workspace, 'initialize_keys');
    await call(workspace, 'publish_config', { ...target, payload: payloadOf(1) });
    await call(workspace, 'deploy_config', target);
    expect(await call(workspace, 'get_deployed', target)).toMatchObject({ drift: false, up_to_date: true });
    expect(temporaryFiles(workspace.home)).toEqual([]);
  },
);

describe('the first deployment of all', () => {
  it.each(launcherPoints())('killed at %s: no file yet, and the next one finishes it', async (point) => {
    const workspace = await testWorkspace();
    await call(workspace, 'initialize_keys');
    await call(workspace, 'publish_config', { ...target, payload: payloadOf(1) });
    const killed = await killedAt(point, workspace, 'deploy-config', '--client', 'vscode');
    expect(killed).toMatchObject({ signal: 'SIGKILL', stdout: '' });
    expect(existsSync(join(workspace.home, FILE))).toBe(false);
    // The same program again: another one would write the launcher anew in any case.
    const again = ['deploy-config', '--client', 'vscode', '--json'];
    const { env, home } = workspace;
    expect(await run(process.execPath, [build.bin, ...again], { env, cwd: home })).toMatchObject({ code: 0 });
    expect(statSync(join(workspace.data_dir, 'bin/mcp-orchestration')).mode & 0o777).toBe(0o700);
    expect(await call(workspace, 'get_deployed', target)).toMatchObject({ drift: false, up_to_date: true });
    expect(temporaryFiles(workspace.home)).toEqual([]);
  });
});

it('every step of a deployment that has a name is struck above', () => {
  expect(deployPoints()).toEqual(expect.arrayContaining(ARRIVED));
  expect(deployPoints()).toHaveLength(18);
  expect(launcherPoints()).toHaveLength(6);
});

it('the bundle that users get knows no failpoints: the setting is refused by name', async () => {
  const workspace = await testWorkspace();
  workspace.env['MCP_ORCHESTRATION_FAILPOINTS'] = 'operation.before-commit=kill';
  const refused = await cli(workspace, 'create-profile', 'team', '--json');
  expect(refused.code).toBe(2);
  expect(refused.json()).toMatchObject({
    error: {
      code: 'INVALID_INPUT',
      details: { field: 'MCP_ORCHESTRATION_FAILPOINTS', reason: 'there is no such setting' },
    },
  });
});

/** Works until it is killed, and says what was acknowledged to it. Releases are numbered, so that a file names its own. */
const PUBLISHER = (main: string, from: string) => `
  import { main } from ${JSON.stringify(main)};
  import { Writable } from 'node:stream';
  const call = async (...args) => {
    let out = '';
    const stdout = new Writable({ write: (chunk, _encoding, done) => { out += chunk; done(); } });
    const stderr = new Writable({ write: (_chunk, _encoding, done) => done() });
    const code = await main({ args: [...args, '--json'], stdin: process.stdin, stdout, stderr, cwd: '/', env: process.env });
    return { code, output: JSON.parse(out) };
  };
  console.log('ready');
  for (let number = 0; ; number += 1) {
    ${from}
  }`;
const PUBLISH = `
    const payload = { mcpServers: { counter: { command: 'node', args: [process.argv[1] + '-' + number, 'x'.repeat(30000)] } } };
    const { code, output } = await call('publish-config', '--client', 'vscode', '--payload', JSON.stringify(payload));
    if (code === 0) console.log(JSON.stringify(output));
    else console.log('failed ' + output.error.code);`;
const DEPLOY = `
    const { code, output } = await call('deploy-config', '--client', 'vscode');
    if (code !== 0) console.log('failed ' + output.error.code);
    await new Promise((passed) => setTimeout(passed, 5));`;

/**
 * Starts both workers, kills them at random moments, and gives what they said. Every other publisher is killed at its start,
 * which on a busy machine is all that it comes to; the others when they have published once.
 */
async function killWorkers({ env, home }: Workspace, round: number): Promise<string[]> {
  const lines: string[] = [];
  const work = async (body: string, spoken: number) => {
    const program = ['--input-type=module', '--eval', PUBLISHER(build.main, body), `r${round}`];
    const child = spawn(process.execPath, program, { env, cwd: home, stdio: ['ignore', 'pipe', 'inherit'] });
    onTestFinished(() => void child.kill('SIGKILL'));
    const ended = once(child, 'close');
    const reader = createInterface({ input: child.stdout });
    await once(reader, 'line');
    let heard = 0;
    const enough = new Promise<void>((resolve) => {
      if (spoken === 0) resolve();
      reader.on('line', () => ++heard === spoken && resolve());
    });
    reader.on('line', (line) => lines.push(line));
    await Promise.race([enough, ended]);
    await sleep(Math.random() * KILL_WITHIN_MS);
    child.kill('SIGKILL');
    await ended;
  };
  await Promise.all([work(PUBLISH, round % 2), work(DEPLOY, 0)]);
  return lines;
}

/** Many rounds on one home; gives the number of releases that were acknowledged to a process before it was killed. */
async function killAndLookAgain(rounds: number): Promise<number> {
  const workspace = await makeWorkspace();
  workspace.env['NODE_COMPILE_CACHE'] = join(build.directory, 'cache');
  const acknowledged = await prepared(workspace);
  let checked = 1;
  for (let round = 0; round < rounds; round += 1) {
    const lines = await killWorkers(workspace, round);
    expect(lines.filter((line) => line.startsWith('failed'))).toEqual([]);
    const told = lines.map((line): Acknowledged => JSON.parse(line));
    // A long run has many releases: after its first rounds, not every one looks at all of them again.
    const depth = round < 30 || round % 20 === 0 ? 'all' : 'told';
    checked = Math.max(checked, await assertWhole(workspace, target, told, depth));
    acknowledged.push(...told);
    expect(existsSync(join(workspace.home, FILE))).toBe(true);
    numberInFile(workspace);
    await onHome(workspace, async (app) => {
      // The next command settles, whichever it is.
      if (round % 2 === 0)
        expect(await callOn(app, 'get_deployed', target)).toMatchObject({ drift: false, changes: [] });
      expect((await callOn(app, 'deploy_config', target))['sequence']).toBe(checked);
      expect(unsettled(workspace)).toEqual([]);
      expect(await callOn(app, 'get_deployed', target)).toMatchObject({ drift: false, up_to_date: true });
    });
  }
  await assertWhole(workspace, target, acknowledged);
  await call(workspace, 'publish_config', { ...target, payload: payloadOf('last') });
  await call(workspace, 'deploy_config', target);
  expect(temporaryFiles(workspace.home)).toEqual([]);
  expect(isUndamaged(workspace)).toBe(true);
  await workspace.remove();
  return acknowledged.length;
}

it(`a publisher and a deployer killed ${ROUNDS} times at random lose nothing and tear nothing`, {
  timeout: ROUNDS * 4000 + 60_000,
}, async () => {
  const heard = await Promise.all([killAndLookAgain(Math.ceil(ROUNDS / 2)), killAndLookAgain(Math.floor(ROUNDS / 2))]);
  expect(heard[0] + heard[1]).toBeGreaterThanOrEqual(2 * Math.floor(ROUNDS / 4));
});
