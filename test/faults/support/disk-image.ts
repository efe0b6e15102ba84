import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { onTestFinished } from 'vitest';
import { makeWorkspace, temporaryDirectory, type Workspace } from '../../support/workspace.ts';

/**
 * A disk in a file. What is copied of the file has reached the disk, and what is not has not: the copy is what a power cut
 * in that moment leaves. What a disk keeps in a cache of its own is not lost here.
 */
const SIZE_MIB = 96;

const output = (command: string, ...args: string[]) =>
  execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }).trim();

/** Why no disk can be made here; undefined when one can. */
export function reasonAgainstDisks(): string | undefined {
  if (process.platform !== 'linux') return 'only Linux mounts a file as a disk';
  if (process.getuid?.() !== 0) return 'mounting a disk takes root';
  try {
    output('losetup', '--find');
    output('which', 'mkfs.ext4');
    return undefined;
  } catch (error) {
    return `no disk can be mounted here (${error instanceof Error ? error.message.split('\n')[0] : error})`;
  }
}

export interface Disk {
  mount: string;
  /** A home directory on the disk. */
  workspace: Workspace;
  /** What a power cut leaves in this moment, as the file of a copy. The process is held until `look` is done with that. */
  cut(pid: number, look: (copy: string) => Promise<void>): Promise<void>;
}

export async function makeDisk(): Promise<Disk> {
  const directory = await temporaryDirectory('mcpo-disk');
  const [image, mount] = [join(directory, 'disk.img'), join(directory, 'mnt')];
  // In memory: a disk of the machine would only make the same steps slower.
  output('mount', '-t', 'tmpfs', '-o', 'size=512m,mode=0755', 'tmpfs', directory);
  mkdirSync(mount);
  output('truncate', '-s', `${SIZE_MIB}M`, image);
  output('mkfs.ext4', '-q', '-F', image);
  output('mount', '-o', 'loop', image, mount);
  onTestFinished(() => {
    for (const one of [mount, directory]) output('umount', '--lazy', one);
    rmSync(directory, { recursive: true, force: true });
  });
  const device = basename(output('findmnt', '--noheadings', '--output', 'SOURCE', mount));
  const written = () => readFileSync(`/sys/block/${device}/stat`, 'utf8').trim().split(/\s+/).slice(4, 9).join(' ');
  const plain = await makeWorkspace();
  await plain.remove();
  const home = join(mount, 'home');
  mkdirSync(home, { mode: 0o755 });
  const workspace = {
    home,
    data_dir: join(home, '.mcp-orchestration'),
    env: { ...plain.env, HOME: home },
    remove: async () => undefined,
  };
  return {
    mount,
    workspace,
    async cut(pid, look) {
      const copy = join(directory, 'cut.img');
      process.kill(pid, 'SIGSTOP');
      try {
        // The kernel writes by itself too: a copy across such a write would be of no moment at all.
        for (let before = ''; before !== written(); ) {
          await sleep(2);
          before = written();
          rmSync(copy, { force: true });
          output('cp', '--sparse=always', image, copy);
        }
        await look(copy);
      } finally {
        process.kill(pid, 'SIGCONT');
      }
    },
  };
}

/** Mounts a copy, and works on the home that is on it. */
export async function onCopy<T>(copy: string, work: (workspace: Workspace) => Promise<T>): Promise<T> {
  const mount = await temporaryDirectory('mcpo-cut');
  output('mount', '-o', 'loop', copy, mount);
  try {
    const plain = await makeWorkspace();
    await plain.remove();
    const home = join(mount, 'home');
    const env = { ...plain.env, HOME: home };
    return await work({ home, data_dir: join(home, '.mcp-orchestration'), env, remove: async () => undefined });
  } finally {
    output('umount', '--lazy', mount);
    rmSync(mount, { recursive: true, force: true });
  }
}

/** A command that sees the copy in the place of the disk, and nobody else does. */
export const onTopOf = (disk: Disk, copy: string, command: readonly string[]): string[] => [
  'unshare',
  '--mount',
  'sh',
  '-euc',
  'mount -o loop "$0" "$1"; shift; cd "$HOME"; exec "$@"',
  copy,
  disk.mount,
  ...command,
];
