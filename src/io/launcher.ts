import { chmod, mkdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { codeOf, step } from './client-files/faults.ts';
import { sha256Of } from './client-files/read.ts';
import { replaceDurably } from './client-files/replace.ts';
import { removeStaleIn } from './temporary.ts';
import { findProgram, pathExists } from './which.ts';

/** How this very program is started. */
export interface Program {
  /** Absolute path of the Node that runs it. */
  node: string;
  /** Absolute path of the script. */
  script: string;
  os: 'linux' | 'macos' | 'windows';
  /** The data directory, when it is not the one that is found by HOME. */
  data_dir: string | undefined;
}

const shellWord = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;

function scriptOf({ node, script, os, data_dir }: Program): string {
  if (os === 'windows') {
    const home = data_dir === undefined ? '' : `@set "MCP_ORCHESTRATION_HOME=${data_dir}"\r\n`;
    return `@echo off\r\n${home}@"${node}" "${script}" %*\r\n`;
  }
  const home =
    data_dir === undefined ? '' : `MCP_ORCHESTRATION_HOME=${shellWord(data_dir)}\nexport MCP_ORCHESTRATION_HOME\n`;
  return `#!/bin/sh\n# Written by mcp-orchestration, and again when Node or the program has moved.\n${home}exec ${shellWord(node)} ${shellWord(script)} "$@"\n`;
}

/**
 * `bin/mcp-orchestration` in the data directory. Entries name this file: they stay the same when Node or the package moves,
 * and clients with a bare PATH can start it. It is written when it is missing, or not as it should be.
 */
export function launcherIn(directory: string, program: Program): Launcher {
  const path = join(directory, 'bin', program.os === 'windows' ? 'mcp-orchestration.cmd' : 'mcp-orchestration');
  return {
    path,
    ensure: () => step('launcher', path, () => write(path, scriptOf(program))),
    fault: () => step('launcher', path, () => faultOf(path, program.os)),
  };
}

export interface Launcher {
  path: string;
  /** Writes it when it is missing, or not as it should be. */
  ensure(): Promise<void>;
  /** Why it would not start; undefined: it would. That another Node wrote it is no fault, as long as that one is there. */
  fault(): Promise<string | undefined>;
}

async function faultOf(path: string, os: Program['os']): Promise<string | undefined> {
  const text = await textOf(path);
  if (text === null) return 'it is not there';
  if (findProgram(path, {}) === undefined) return 'it may not be executed';
  const gone = pathsIn(text, os).find((named) => !pathExists(named));
  return gone === undefined ? undefined : `it starts ${gone}, which is not there any more`;
}

/** The Node and the script that the file names, as `scriptOf` has written them. */
function pathsIn(text: string, os: Program['os']): string[] {
  const line = text.split(/\r?\n/).findLast((candidate) => candidate !== '') ?? '';
  if (os === 'windows') return [...line.matchAll(/"([^"]+)"/g)].map(([, path = '']) => path);
  return [...line.matchAll(/'((?:[^']|'\\'')*)'(?= )/g)].map(([, path = '']) => path.replaceAll("'\\''", "'"));
}

const textOf = (path: string): Promise<string | null> =>
  readFile(path, 'utf8').catch((error: unknown) => {
    if (codeOf(error) === 'ENOENT') return null;
    throw error;
  });

async function write(path: string, wanted: string): Promise<void> {
  // Also when there is nothing to write: a process may have been killed right behind its last step.
  await removeStaleIn(dirname(path));
  const there = await textOf(path);
  if (there === wanted) return chmod(path, 0o700);
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const target = { path, requested_path: path, exists: there !== null, uid: process.getuid?.() ?? null };
  const expected_sha256 = there === null ? null : sha256Of(Buffer.from(there, 'utf8'));
  await replaceDurably(target, wanted, { expected_sha256, mode: 0o700, failpoint: 'launcher' });
  await chmod(path, 0o700);
}
