import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { BIN, run } from '../support/process.ts';
import { temporaryDirectory, testWorkspace, type Workspace } from '../support/workspace.ts';
import { call, temporaryFiles } from './invariants.ts';

/**
 * The disk refuses one system call of a command, at each place in turn (strace injects the fault). Whatever happens: the
 * client file is the whole old or the whole new one, and the ledger agrees with it after the next command.
 */
const STRACE = '/usr/bin/strace';
const CALLS = [
  'openat',
  'write',
  'pwrite64',
  'ftruncate',
  'fchmod',
  'fsync',
  'rename',
  'renameat2',
  'link',
  'unlink',
  'mkdir',
];
const ERRORS = ['EIO', 'ENOSPC', 'EACCES'];
/** All places in the long form; a sample that a seed chooses otherwise. */
const ALL = Number(process.env['CRASH_ROUNDS'] ?? 50) > 50;
const SAMPLE = 24;

const target = { client_id: 'vscode' };
const FILE = '.config/Code/User/mcp.json';
const OWN = '{\n  // mine\n  "servers": { "own": { "command": "mine", "n": 1.0 } },\n}\n';
const payload = (round: string) => ({ mcpServers: { ours: { command: 'node', args: [round] } } });
const textOf = ({ home }: Pick<Workspace, 'home'>) =>
  existsSync(join(home, FILE)) ? readFileSync(join(home, FILE), 'utf8') : null;

interface Place {
  name: string;
  /** The how-many-th call of that name in its thread. */
  nth: number;
}

/** One command under strace, with a single worker thread so that the calls come in the same order every time. */
async function traced({ home, env }: Pick<Workspace, 'home' | 'env'>, verb: readonly string[], trace: string[]) {
  // Only the named calls stop the program: it need not wait for strace at every call that it makes.
  const args = ['-f', '--seccomp-bpf', '-qq', '-y', '-s', '0', ...trace, process.execPath, BIN, ...verb, '--json'];
  return run(STRACE, args, { env: { ...env, UV_THREADPOOL_SIZE: '1' }, cwd: home });
}

/** Every call of the command that touches something in the home directory, save the cache of compiled code. */
async function placesOf(workspace: Workspace, verb: readonly string[]): Promise<Place[]> {
  const log = join(workspace.home, 'strace.txt');
  await traced(workspace, verb, ['-o', log, '-e', `trace=${CALLS.join(',')}`]);
  const counts = new Map<string, number>();
  const places = new Map<string, Place>();
  for (const line of readFileSync(log, 'utf8').split('\n')) {
    const [, thread, name] = /^(\d+)\s+(\w+)\(/.exec(line) ?? [];
    if (thread === undefined || name === undefined) continue;
    const nth = (counts.get(`${thread} ${name}`) ?? 0) + 1;
    counts.set(`${thread} ${name}`, nth);
    const ours = line.includes(workspace.home) && !line.includes('/.mcp-orchestration/cache');
    const writes = name !== 'openat' || line.includes('O_CREAT') || line.includes(FILE);
    if (ours && writes) places.set(`${name} ${nth}`, { name, nth });
  }
  return [...places.values()];
}

/** A state of the home directory that can be put back: the ledger names absolute paths, so a copy elsewhere will not do. */
async function snapshotOf({ home }: Workspace): Promise<() => void> {
  const kept = await temporaryDirectory('mcpo-kept');
  onTestFinished(() => rmSync(kept, { recursive: true, force: true }));
  cpSync(home, kept, { recursive: true });
  return () => {
    rmSync(home, { recursive: true, force: true });
    cpSync(kept, home, { recursive: true });
  };
}

function sampleOf(places: readonly Place[], seed: number): { place: Place; error: string }[] {
  const all = places.flatMap((place) => ERRORS.map((error) => ({ place, error })));
  if (ALL) return all;
  let state = seed;
  const random = () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
  return all
    .map((item) => ({ item, at: random() }))
    .sort((a, b) => a.at - b.at)
    .slice(0, SAMPLE)
    .map(({ item }) => item);
}

async function prepared(verb: readonly string[]): Promise<Workspace> {
  const workspace = await testWorkspace();
  mkdirSync(dirname(join(workspace.home, FILE)), { recursive: true });
  writeFileSync(join(workspace.home, FILE), OWN);
  await call(workspace, 'initialize_keys');
  await call(workspace, 'publish_config', { ...target, payload: payload('first') });
  await call(workspace, 'deploy_config', target);
  await call(workspace, 'publish_config', { ...target, payload: payload('second') });
  if (verb[0] === 'undo-deployment') await call(workspace, 'deploy_config', target);
  return workspace;
}

/** What the command leaves when nothing goes wrong. */
async function outcomeOf(workspace: Workspace, verb: readonly string[]): Promise<string | null> {
  const finished = await run(process.execPath, [BIN, ...verb, '--json'], { env: workspace.env, cwd: workspace.home });
  expect(finished.code, finished.stderr).toBe(0);
  return textOf(workspace);
}

async function strike(
  workspace: Workspace,
  verb: readonly string[],
  { place, error }: { place: Place; error: string },
  texts: { before: string | null; after: string | null },
): Promise<void> {
  const inject = `inject=${place.name}:error=${error}:when=${place.nth}`;
  const what = `${verb[0]}, ${inject}`;
  const log = join(workspace.home, 'strace.txt');
  const finished = await traced(workspace, verb, ['-o', log, '-e', `trace=${place.name}`, '-e', inject]);
  const found = textOf(workspace);
  expect([texts.before, texts.after], `${what}: a torn file`).toContain(found);
  if (finished.code === 0) expect(found, `${what}: it said that it worked`).toBe(texts.after);
  else {
    // libuv aborts the process when it cannot wake one of its own threads, which is a `write` as well.
    expect([null, ...(place.name === 'write' ? ['SIGABRT'] : [])], what).toContain(finished.signal);
    // The same number in the other thread may be the start of Node itself, or the write of the answer.
    const unsaid = ['openat', 'write'].includes(place.name) && finished.stdout === '';
    const code = unsaid ? 'unsaid' : JSON.parse(finished.stdout).error.code;
    expect(['WRITE_FAILED', 'UNAVAILABLE', 'CLIENT_FILE_CHANGED', 'unsaid'], `${what}: ${finished.stdout}`).toContain(
      code,
    );
  }
  const deployed = await call(workspace, 'get_deployed', target);
  expect(deployed['drift'], `${what}: ${JSON.stringify(deployed)}`).toBe(false);
  expect(textOf(workspace), `${what}: only a look`).toBe(found);
  await call(workspace, 'publish_config', { ...target, payload: payload('third') });
  await call(workspace, 'deploy_config', target);
  expect(await call(workspace, 'get_deployed', target), what).toMatchObject({ drift: false, up_to_date: true });
  expect(temporaryFiles(workspace.home), `${what}: left behind`).toEqual([]);
}

describe('a disk that refuses one call of', () => {
  it.each([[['deploy-config', '--client', 'vscode']], [['undo-deployment', '--client', 'vscode']]])(
    '%s leaves the file whole and the ledger right',
    async (verb) => {
      if (!existsSync(STRACE)) {
        process.stderr.write('skipped: there is no strace on this machine\n');
        return;
      }
      const workspace = await prepared(verb);
      const restore = await snapshotOf(workspace);
      const before = textOf(workspace);
      const after = await outcomeOf(workspace, verb);
      expect(after).not.toBe(before);
      restore();
      const places = await placesOf(workspace, verb);
      expect(places.length).toBeGreaterThan(20);
      const seed = Number(process.env['FAULT_SEED'] ?? Date.now() % 1_000_000);
      process.stdout.write(`${verb[0]}: ${places.length} places, FAULT_SEED=${seed}\n`);
      for (const fault of sampleOf(places, seed)) {
        restore();
        await strike(workspace, verb, fault, { before, after });
      }
    },
  );
});
