import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { expect, onTestFinished } from 'vitest';
import { cliHere } from '../support/in-process.ts';
import { BIN, run } from '../support/process.ts';
import { STRACE } from '../support/strace.ts';
import { temporaryDirectory, testWorkspace, type Workspace } from '../support/workspace.ts';
import { call, temporaryFiles } from './invariants.ts';

/**
 * The disk refuses one system call of a command, at each place in turn (strace injects the fault). Whatever happens: the
 * client file is the whole old or the whole new one, and the ledger agrees with it after the next command.
 */
/** Every call that leaves something on the disk, and reading the client file; with what it may be refused. */
const CALLS: Readonly<Record<string, readonly string[]>> = {
  openat: ['EACCES', 'EMFILE', 'ENOSPC', 'EROFS'],
  read: ['EIO'],
  pread64: ['EIO'],
  write: ['EIO', 'ENOSPC'],
  pwrite64: ['EIO', 'ENOSPC'],
  ftruncate: ['EIO', 'EROFS'],
  chmod: ['EACCES', 'EROFS'],
  fchmod: ['EACCES', 'EROFS'],
  fchown: ['EACCES', 'EROFS'],
  fsync: ['EIO', 'ENOSPC'],
  fdatasync: ['EIO', 'ENOSPC'],
  rename: ['EACCES', 'EIO', 'ENOSPC'],
  renameat2: ['EACCES', 'EIO', 'ENOSPC', 'EROFS'],
  link: ['EACCES', 'EIO', 'ENOSPC'],
  unlink: ['EACCES', 'EIO', 'EROFS'],
  mkdir: ['EACCES', 'EROFS', 'ENOSPC'],
};
/** Calls that change nothing. One that is neither here nor above is a step that nobody has thought of yet. */
const HARMLESS = new Set(
  'access close execve fadvise64 fcntl fstat fstatfs getcwd getdents64 inotify_add_watch ioctl lseek lstat mmap newfstatat readlink stat statfs statx'.split(
    ' ',
  ),
);
const READS = ['read', 'pread64'];
export const target = { client_id: 'vscode' };
export const FILE = '.config/Code/User/mcp.json';
const OWN = '{\n  // mine\n  "servers": { "own": { "command": "mine", "n": 1.0 } },\n}\n';
const payload = (round: string) => ({ mcpServers: { ours: { command: 'node', args: [round] } } });
export const textOf = ({ home }: Pick<Workspace, 'home'>) =>
  existsSync(join(home, FILE)) ? readFileSync(join(home, FILE), 'utf8') : null;

/** It ends with 0 whatever became of the repair, and begins with drift. */
const heals = ([name]: readonly string[]) => name === 'watch';

interface Place {
  name: string;
  /** The how-many-th call of that name in its thread. */
  nth: number;
}

/** One command under strace, with a single worker thread so that the calls come in the same order every time. */
export async function traced({ home, env }: Pick<Workspace, 'home' | 'env'>, verb: readonly string[], trace: string[]) {
  // Only the named calls stop the program: it need not wait for strace at every call that it makes.
  const args = ['-f', '--seccomp-bpf', '-qq', '-y', '-s', '0', ...trace, process.execPath, BIN, ...verb, '--json'];
  return run(STRACE, args, { env: { ...env, UV_THREADPOOL_SIZE: '1' }, cwd: home });
}

/** A call on something in the home directory, save the cache of compiled code. */
function isOurs(line: string, { home }: Pick<Workspace, 'home'>): boolean {
  // The working directory is the home directory.
  const named = line.replaceAll(/AT_FDCWD<[^>]*>/g, '');
  // The writer reaches a directory that it holds open by its number.
  const inHome = named.includes(home) || named.includes('"/proc/self/fd/');
  return inHome && !line.includes('/.mcp-orchestration/cache');
}

/** Every call of the command that leaves something in the home directory, save the cache of compiled code. */
export async function placesOf(workspace: Workspace, verb: readonly string[]): Promise<Place[]> {
  const log = join(workspace.home, 'strace.txt');
  await traced(workspace, verb, ['-o', log, '-e', 'trace=%file,%desc']);
  const counts = new Map<string, number>();
  const places = new Map<string, Place>();
  for (const line of readFileSync(log, 'utf8').split('\n')) {
    const [, thread, name] = /^(\d+)\s+(\w+)\(/.exec(line) ?? [];
    if (thread === undefined || name === undefined) continue;
    const nth = (counts.get(`${thread} ${name}`) ?? 0) + 1;
    counts.set(`${thread} ${name}`, nth);
    if (!isOurs(line, workspace)) continue;
    if (HARMLESS.has(name)) continue;
    expect(CALLS, `${verb[0]} has a step that is not struck: ${line}`).toHaveProperty(name);
    const writes = READS.includes(name) ? line.includes(basename(FILE)) : name !== 'openat' || WRITES.test(line);
    if (writes) places.set(`${name} ${nth}`, { name, nth });
  }
  return [...places.values()];
}

/** A file that is made or written, or the client file. */
const WRITES = new RegExp(`O_CREAT|O_WRONLY|O_RDWR|${basename(FILE)}`);

/** A state of the home directory that can be put back: the ledger names absolute paths, so a copy elsewhere will not do. */
export async function snapshotOf({ home }: Workspace): Promise<() => void> {
  const kept = await temporaryDirectory('mcpo-kept');
  onTestFinished(() => rmSync(kept, { recursive: true, force: true }));
  cpSync(home, kept, { recursive: true });
  return () => {
    rmSync(home, { recursive: true, force: true });
    cpSync(kept, home, { recursive: true });
  };
}

/** So many of all faults as a seed chooses; all of them when there are no more. */
export function sampleOf(places: readonly Place[], seed: number, most: number): { place: Place; error: string }[] {
  const all = places.flatMap((place) => (CALLS[place.name] ?? []).map((error) => ({ place, error })));
  if (all.length <= most) return all;
  let state = seed;
  const random = () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
  return all
    .map((item) => ({ item, at: random() }))
    .sort((a, b) => a.at - b.at)
    .slice(0, most)
    .map(({ item }) => item);
}

export async function prepared(verb: readonly string[] = []): Promise<Workspace> {
  const workspace = await testWorkspace();
  mkdirSync(dirname(join(workspace.home, FILE)), { recursive: true });
  writeFileSync(join(workspace.home, FILE), OWN);
  await call(workspace, 'initialize_keys');
  await call(workspace, 'publish_config', { ...target, payload: payload('first') });
  await call(workspace, 'deploy_config', target);
  await call(workspace, 'publish_config', { ...target, payload: payload('second') });
  if (verb[0] === 'undo-deployment') await call(workspace, 'deploy_config', target);
  if (heals(verb)) writeFileSync(join(workspace.home, FILE), OWN);
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
  const struck = readFileSync(log, 'utf8').split('\n');
  // The same number in the other thread may be the start of Node itself, or the write of the answer.
  const elsewhere = struck.some((line) => line.includes('(INJECTED)') && !isOurs(line, workspace));
  const refused = refusalOf(finished, verb, what, { place, elsewhere });
  if (refused === undefined) expect(found, `${what}: it said that it worked`).toBe(texts.after);
  else
    expect(
      ['WRITE_FAILED', 'UNAVAILABLE', 'CLIENT_FILE_CHANGED', 'failed', 'unsaid'],
      `${what}: ${finished.stdout}`,
    ).toContain(refused);
  const deployed = await call(workspace, 'get_deployed', target);
  const drifted = heals(verb) && found === texts.before;
  expect(deployed['drift'], `${what}: ${JSON.stringify(deployed)}`).toBe(drifted);
  expect(textOf(workspace), `${what}: only a look`).toBe(found);
  if (found === texts.before) {
    const again = await cliHere(workspace, ...verb, '--json');
    expect([again.code, textOf(workspace)], `${what}: once more, ${again.stderr}`).toEqual([0, texts.after]);
  }
  await call(workspace, 'publish_config', { ...target, payload: payload('third') });
  await call(workspace, 'deploy_config', target);
  expect(await call(workspace, 'get_deployed', target), what).toMatchObject({ drift: false, up_to_date: true });
  expect(temporaryFiles(workspace.home), `${what}: left behind`).toEqual([]);
}

/** The code of the refusal; undefined when it worked. */
function refusalOf(
  { code, signal, stdout }: Awaited<ReturnType<typeof run>>,
  verb: readonly string[],
  what: string,
  { place, elsewhere }: { place: Place; elsewhere: boolean },
): string | undefined {
  if (code === 0 && !heals(verb)) return undefined;
  // libuv aborts the process when it cannot wake one of its own threads, which is a `write` as well.
  expect([null, ...(place.name === 'write' ? ['SIGABRT'] : [])], what).toContain(signal);
  if (elsewhere && (stdout === '' || stdout.includes('"INTERNAL_ERROR"'))) return 'unsaid';
  const said = JSON.parse(stdout);
  if (code !== 0) return said.error.code;
  // A file that could not be read has drift that is for people.
  const [healed] = said.healed;
  return healed?.status === 'put_back' ? undefined : 'failed';
}

export interface Struck {
  places: number;
  /** Calls that were refused. */
  faults: number;
}

/** Refuses so many calls of a command, one in each run of it. Fails when the file is torn or the ledger is wrong. */
export async function strikeAll(verb: readonly string[], most: number, seed: number): Promise<Struck> {
  const workspace = await prepared(verb);
  const restore = await snapshotOf(workspace);
  const before = textOf(workspace);
  const after = await outcomeOf(workspace, verb);
  expect(after).not.toBe(before);
  restore();
  const places = await placesOf(workspace, verb);
  expect(places.length).toBeGreaterThan(20);
  const faults = sampleOf(places, seed, most);
  process.stdout.write(`${verb[0]}: ${places.length} places, ${faults.length} faults, FAULT_SEED=${seed}\n`);
  for (const fault of faults) {
    restore();
    await strike(workspace, verb, fault, { before, after });
  }
  return { places: places.length, faults: faults.length };
}

/** Commands that write a client file. */
export const STRUCK: readonly string[][] = [
  ['deploy-config', '--client', 'vscode'],
  ['undo-deployment', '--client', 'vscode'],
  ['watch', '--once', '--heal'],
];

/** A file system of 64 KiB in the place of the directory; `$1` is the directory, the rest what is run three times. */
const SMALL_DISK = `
  directory=$1; shift
  cp "$directory/mcp.json" "$HOME/before.json"
  mount -t tmpfs -o size=64k,mode=0700 tmpfs "$directory"
  cp "$HOME/before.json" "$directory/mcp.json"
  head -c 40000 /dev/zero > "$directory/filler"
  "$@" > full.json; echo "full $?"
  cmp "$HOME/before.json" "$directory/mcp.json"
  ls -A "$directory"
  rm "$directory/filler"
  "$@" > room.json; echo "room $?"
  cp "$directory/mcp.json" "$HOME/after.json"
  ls -A "$directory"`;

/** Fails when a full disk harms the file; false, with the reason printed, when none can be made here. */
export async function fillDisk(): Promise<boolean> {
  const workspace = await testWorkspace();
  const { home, env } = workspace;
  const directory = dirname(join(home, FILE));
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(home, FILE), OWN);
  await call(workspace, 'initialize_keys');
  await call(workspace, 'publish_config', { ...target, payload: payload('x'.repeat(30_000)) });
  const command = [process.execPath, BIN, 'deploy-config', '--client', 'vscode', '--json'];
  const confined = ['--mount', 'sh', '-uc', SMALL_DISK, 'sh', directory, ...command];
  const { code, stdout, stderr } = await run('unshare', confined, { env, cwd: home });
  if (code !== 0 && /unshare|mount/.test(stderr)) {
    process.stderr.write(`skipped: a small disk cannot be mounted here (${stderr.trim()})\n`);
    return false;
  }
  expect(stdout.split('\n'), stderr).toEqual(['full 1', 'filler', 'mcp.json', 'room 0', 'mcp.json', '']);
  const read = (name: string) => JSON.parse(readFileSync(join(home, name), 'utf8'));
  expect(read('full.json')).toMatchObject({
    error: { code: 'WRITE_FAILED', details: { reason: 'ENOSPC', step: 'write' } },
  });
  expect(read('room.json')).toMatchObject({ status: 'deployed' });
  expect(readFileSync(join(home, 'after.json'), 'utf8')).toContain('// mine');
  return true;
}
