import { mkdir, symlink } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { run } from './process.ts';
import { ROOT } from './workspace.ts';

/** What `npm pack` made, and which files are inside. */
export interface Tarball {
  path: string;
  files: string[];
}

/** The system's own programs, without those of the checkout. */
const SYSTEM_PATH = (process.env['PATH'] ?? '')
  .split(delimiter)
  .filter((directory) => !directory.includes('node_modules'))
  .join(delimiter);

/** For npm itself: its cache, registry and proxy stay those of the person who runs the tests; what an outer npm told its script does not. */
const npmEnvironment = (path: string): Record<string, string> => {
  const kept = Object.entries(process.env).filter(
    ([name]) => !/^npm_(package|lifecycle|config_local_prefix|command)/.test(name),
  );
  return { ...(Object.fromEntries(kept) as Record<string, string>), PATH: path };
};

/** A PATH on which `node` is the Node that runs the tests, and `npm` and `npx` are those of the system. Uses `place`. */
export async function pathWithThisNode(place: string): Promise<string> {
  const directory = join(place, 'node');
  await mkdir(directory);
  await symlink(process.execPath, join(directory, 'node'));
  return [directory, SYSTEM_PATH].join(delimiter);
}

async function npm(path: string, cwd: string, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await run('npm', args, { env: npmEnvironment(path), cwd });
  if (code !== 0) throw new Error(`npm ${args.join(' ')} ended with ${code}: ${stderr}`);
  return stdout;
}

/** Packs the bundle that the test run has built: a second build would take it away from tests that run beside this one. */
export async function packTarball(path: string, place: string): Promise<Tarball> {
  const stdout = await npm(path, ROOT, 'pack', '--ignore-scripts', '--json', '--pack-destination', place);
  const [packed] = JSON.parse(stdout) as { filename: string; files: { path: string }[] }[];
  if (!packed) throw new Error('npm pack made nothing');
  return { path: join(place, packed.filename), files: packed.files.map((file) => file.path) };
}

/** Installs a tarball as a user would, without anything that only development needs; returns the new prefix. */
export async function installTarball(path: string, tarball: Tarball, place: string): Promise<string> {
  const prefix = join(place, 'prefix');
  await mkdir(prefix);
  await npm(
    path,
    prefix,
    'install',
    '--prefix',
    prefix,
    '--omit=dev',
    '--prefer-offline',
    '--no-audit',
    '--no-fund',
    tarball.path,
  );
  return prefix;
}

/** A Node on this machine that is older than 24, if there is one. */
export async function olderNode(): Promise<string | undefined> {
  for (const directory of SYSTEM_PATH.split(delimiter)) {
    const node = join(directory, 'node');
    const found = await run(node, ['--version'], { env: {} }).catch(() => undefined);
    if (found?.code === 0 && Number(/^v(\d+)/.exec(found.stdout)?.[1]) < 24) return node;
  }
  return undefined;
}
