/**
 * A program of the same user that swaps client files, their directories and the writer's temporary files for something
 * else, at random moments, and puts them back. Says in the end how often it did what. Run by `attacker.test.ts`, as
 * `node attacker.ts '<plan as JSON>'`.
 */
import {
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';

export interface AttackPlan {
  rounds: number;
  seed: number;
  /** Files that are attacked; `plain` is what is put back, null: nothing. */
  targets: { file: string; plain: string | null }[];
  /** Files that links are bent to. */
  victims: string[];
  /** Directories with a file of the same name as each target. */
  victim_directories: string[];
  /** A pipe that waits, on the same disk. */
  pipe: string;
  /** A directory of its own on the same disk. */
  workshop: string;
}

const plan: AttackPlan = JSON.parse(process.argv[2] ?? '');
const done: Record<string, number> = {};
let state = plan.seed;
const random = () => {
  state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
  return state / 2 ** 32;
};
const oneOf = <T>(all: readonly T[]) => all[Math.floor(random() * all.length)] as T;
const nothing = new Int32Array(new SharedArrayBuffer(4));
const sleep = (ms: number) => void Atomics.wait(nothing, 0, 0, ms);

let made = 0;
function fresh(): string {
  made += 1;
  return join(plan.workshop, String(made));
}
/** Who loses a race against the writer tries something else next time. */
function attempt(work: () => void): boolean {
  try {
    work();
    return true;
  } catch {
    return false;
  }
}

type Makes = (name: string) => void;
const MAKES: Record<string, Makes> = {
  link: (name) => symlinkSync(oneOf(plan.victims), name),
  'hard link': (name) => linkSync(oneOf(plan.victims), name),
  pipe: (name) => linkSync(plan.pipe, name),
  directory: (name) => mkdirSync(name),
};

/** Something else gets the name in one step; only a directory needs the name to be free. */
function swapFile(file: string, kind: string): void {
  const name = fresh();
  MAKES[kind]?.(name);
  if (kind === 'directory') rmSync(file, { force: true });
  renameSync(name, file);
}

function putBack({ file, plain }: AttackPlan['targets'][number]): void {
  if (lstatSync(file, { throwIfNoEntry: false })?.isDirectory()) rmSync(file, { recursive: true });
  if (plain === null) {
    rmSync(file, { force: true });
    return;
  }
  const name = fresh();
  writeFileSync(name, plain, { mode: 0o600 });
  renameSync(name, file);
}

function swapDirectory(directory: string): void {
  renameSync(directory, `${directory}.real`);
  symlinkSync(oneOf(plan.victim_directories), directory);
}

function putDirectoryBack(directory: string): void {
  if (lstatSync(`${directory}.real`, { throwIfNoEntry: false }) === undefined) return;
  // The writer may have made it anew meanwhile.
  if (lstatSync(directory, { throwIfNoEntry: false })?.isSymbolicLink()) unlinkSync(directory);
  else rmSync(directory, { recursive: true, force: true });
  renameSync(`${directory}.real`, directory);
}

/** Waits for a temporary file of the writer, and takes it for something else. */
function swapTemporary(directory: string, kind: string): boolean {
  for (const until = performance.now() + 20; performance.now() < until; ) {
    const found = readdirSync(directory).find((name) => /\.mcpo-\d+-[0-9a-f]{16}\.tmp$/.test(name));
    if (found !== undefined) return attempt(() => swapFile(join(directory, found), kind));
  }
  return false;
}

process.stdout.write('ready\n');
for (let round = 0; round < plan.rounds; round += 1) {
  const target = oneOf(plan.targets);
  const directory = dirname(target.file);
  const what = oneOf(['file', 'file', 'directory', 'temporary']);
  const kind = oneOf(Object.keys(MAKES));
  const name = what === 'directory' ? 'directory for a link' : `${what} for a ${kind}`;
  const struck =
    what === 'temporary'
      ? swapTemporary(directory, kind)
      : attempt(() => (what === 'file' ? swapFile(target.file, kind) : swapDirectory(directory)));
  if (struck) done[name] = (done[name] ?? 0) + 1;
  sleep(random() * 8);
  while (!attempt(() => (what === 'directory' ? putDirectoryBack(directory) : putBack(target)))) sleep(1);
  sleep(random() * 4);
}
process.stdout.write(`${JSON.stringify(done)}\n`);
for (const name of readdirSync(plan.workshop)) rmSync(join(plan.workshop, basename(name)), { recursive: true });
