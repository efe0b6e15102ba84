import { chmod, lstat, mkdtemp, readdir, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import { storeOfWorkspace } from './store-under-test.ts';

/** The checkout that is tested. */
export const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** Where Node keeps what it has compiled: a user has that from the second command on, a test starts anew each time. */
export const COMPILED = { NODE_COMPILE_CACHE: join(ROOT, '.tmp/compiled') };

/** A sealed-off user: an empty home directory, and an environment that names nothing else of this machine. */
export interface Workspace {
  home: string;
  data_dir: string;
  env: Record<string, string>;
  remove(): Promise<void>;
}

/** Real paths only: a temporary directory behind a link would differ from what programs report. */
export async function temporaryDirectory(prefix: string): Promise<string> {
  return realpath(await mkdtemp(join(tmpdir(), `${prefix}-`)));
}

export async function makeWorkspace(): Promise<Workspace> {
  const home = await temporaryDirectory('mcpo-home');
  await chmod(home, 0o755);
  const store = await storeOfWorkspace();
  return {
    home,
    data_dir: join(home, '.mcp-orchestration'),
    env: { HOME: home, PATH: `${dirname(process.execPath)}:/usr/bin:/bin`, ...COMPILED, ...store.env },
    async remove() {
      await rm(home, { recursive: true, force: true, maxRetries: 3 });
      await store.remove();
    },
  };
}

/** A workspace that goes when the test ends. */
export async function testWorkspace(): Promise<Workspace> {
  const workspace = await makeWorkspace();
  onTestFinished(workspace.remove);
  return workspace;
}

/** Every file and directory under `directory`: relative path -> octal mode, such as `0600`. */
export async function modesUnder(directory: string): Promise<Record<string, string>> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const modes = entries.map(async (entry) => {
    const path = join(entry.parentPath, entry.name);
    const mode = (await lstat(path)).mode & 0o777;
    return [`${relative(directory, path)}${entry.isDirectory() ? '/' : ''}`, mode.toString(8).padStart(4, '0')];
  });
  return Object.fromEntries(await Promise.all(modes));
}
