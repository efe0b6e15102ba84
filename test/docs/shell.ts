import { spawn } from 'node:child_process';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ROOT, type ShellBlock } from './markdown.ts';

/** A reader's machine: an empty home directory, and the program on the PATH and the package as if they were installed. */
export interface Reader {
  home: string;
  run(script: string): Promise<{ code: number | null; output: string }>;
  /** What lies about where the reader began, and as a file in the home directory that no program looks for. */
  litter(): string[];
  leave(): void;
}

/** How long one document may take. */
const LIMIT_MS = 50_000;

export function newReader(): Reader {
  const home = realpathSync(mkdtempSync(join(tmpdir(), 'mcpo-docs-')));
  const bin = join(home, '.bin');
  const node = join(ROOT, 'node_modules/.bin/node');
  const desk = join(home, 'desk');
  mkdirSync(bin);
  mkdirSync(desk);
  shim(bin, 'node', `exec '${node}' "$@"`);
  shim(bin, 'mcp-orchestration', `exec '${node}' '${join(ROOT, 'bin/mcp-orchestration.js')}' "$@"`);
  // In a checkout npx starts the package's own bin; here it does so without looking anywhere else.
  shim(bin, 'npx', 'exec "$@"');
  mkdirSync(join(home, 'node_modules'));
  symlinkSync(ROOT, join(home, 'node_modules/mcp-orchestration'));
  const env = { HOME: home, PATH: `${bin}:/usr/bin:/bin`, MCP_ORCHESTRATION_PORT: '0', LANG: 'C.UTF-8' };
  return {
    home,
    run: (script) => runShell(script, { cwd: desk, env }),
    litter: () => [
      ...readdirSync(desk),
      ...readdirSync(home, { withFileTypes: true }).flatMap((one) =>
        one.isFile() && !one.name.startsWith('.') ? [one.name] : [],
      ),
    ],
    leave: () => rmSync(home, { recursive: true, force: true }),
  };
}

function shim(directory: string, name: string, line: string): void {
  const path = join(directory, name);
  writeFileSync(path, `#!/bin/sh\n${line}\n`);
  chmodSync(path, 0o755);
}

/** Runs in a process group of its own, so that a server which a broken document leaves behind ends with it. */
function runShell(
  script: string,
  options: { cwd: string; env: NodeJS.ProcessEnv },
): Promise<{ code: number | null; output: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn('/bin/sh', ['-euc', script], { ...options, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    const take = (chunk: Buffer) => {
      output += chunk.toString('utf8');
    };
    child.stdout.on('data', take);
    child.stderr.on('data', take);
    const end = () => killGroup(child.pid);
    const timer = setTimeout(end, LIMIT_MS);
    child.on('error', reject);
    child.on('exit', () => {
      clearTimeout(timer);
      end();
    });
    child.on('close', (code) => resolve({ code, output }));
  });
}

function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** One script of all blocks, in order: variables and background jobs go on, as in one terminal. */
export function scriptOf(blocks: readonly ShellBlock[]): string {
  return blocks
    .filter(({ not_run }) => not_run === undefined)
    .map((block) => `echo '--- line ${block.line}'\n${bodyOf(block)}\n`)
    .join('');
}

function bodyOf({ text, exits }: ShellBlock): string {
  if (exits === undefined) return text;
  return `code=0\n{\n${text}\n} || code=$?\ntest "$code" = ${exits}`;
}
