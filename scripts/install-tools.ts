import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * Installs the programs that the integration tests put around this product: `node scripts/install-tools.ts n8n`.
 * They are other people's products with hundreds of packages of their own, so they stay out of package.json: each has a
 * folder in .tools that git ignores, with its version pinned here. What is installed already is left as it is.
 */

interface Tool {
  /** What npm installs, each `name@version`. */
  packages: string[];
  flags: string[];
  /** Native packages that are built after all, because no package's own scripts run. */
  build: string[];
}

const TOOLS: Record<string, Tool> = {
  /** Optional packages fetch prebuilt files from outside the registry; nothing that is tested needs them. */
  n8n: { packages: ['n8n@2.41.1'], flags: ['--omit=optional', '--legacy-peer-deps'], build: ['sqlite3'] },
  /** The bridge is among them, so that `npx` finds it there: in a home of its own it would fetch it for every test. */
  gateways: {
    packages: ['mcp-hub@4.2.1', 'supergateway@4.0.0', 'mcp-proxy@6.7.19', 'mcp-remote@0.15.1'],
    flags: [],
    build: [],
  },
  /** Other programs that write the files of AI clients, for `npm run compare:writers`. */
  writers: { packages: ['add-mcp@2.4.0', 'rulesync@17.0.0'], flags: [], build: [] },
};

const ROOT = fileURLToPath(new URL('..', import.meta.url));

function npm(folder: string, ...args: string[]): void {
  const { status, error } = spawnSync('npm', args, { cwd: folder, stdio: ['ignore', 2, 2] });
  if (error) throw error;
  if (status !== 0) throw new Error(`npm ${args.join(' ')} ended with ${status} in ${folder}`);
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

function install(name: string, tool: Tool): void {
  const folder = join(ROOT, '.tools', name);
  const mark = join(folder, 'installed.json');
  const wanted = JSON.stringify(tool);
  if (read(mark) === wanted) return;
  const began = performance.now();
  process.stderr.write(`Installing ${tool.packages.join(', ')} in .tools/${name} ...\n`);
  // What a broken installation left would be taken for installed.
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'package.json'), '{"private":true}\n');
  npm(folder, 'install', '--ignore-scripts', '--no-audit', '--no-fund', ...tool.flags, ...tool.packages);
  if (tool.build.length > 0) npm(folder, 'rebuild', ...tool.build);
  writeFileSync(mark, wanted);
  process.stderr.write(`${name}: installed in ${Math.round((performance.now() - began) / 1000)} s\n`);
}

for (const name of process.argv.slice(2)) {
  const tool = TOOLS[name];
  if (!tool) throw new Error(`No tool is called ${name}: ${Object.keys(TOOLS).join(', ')}`);
  install(name, tool);
}
