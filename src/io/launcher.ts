import { join } from 'node:path';
import { step } from './client-files/faults.ts';
import { textOfFile, writeOwnFile } from './own-file.ts';
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

export const shellWord = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;

/** Some clients pass on nothing but PATH. The data directory is then the one that the launcher itself lies in. */
const HOMELESS = {
  posix:
    'if [ -z "${HOME:-}${MCP_ORCHESTRATION_HOME:-}" ]; then\n  MCP_ORCHESTRATION_HOME=${0%/bin/*}\n  export MCP_ORCHESTRATION_HOME\nfi\n',
  windows: '@if not defined USERPROFILE if not defined MCP_ORCHESTRATION_HOME set "MCP_ORCHESTRATION_HOME=%~dp0.."\r\n',
};

function scriptOf({ node, script, os, data_dir }: Program): string {
  if (os === 'windows') {
    const home = data_dir === undefined ? HOMELESS.windows : `@set "MCP_ORCHESTRATION_HOME=${data_dir}"\r\n`;
    return `@echo off\r\n${home}@"${node}" "${script}" %*\r\n`;
  }
  const home =
    data_dir === undefined
      ? HOMELESS.posix
      : `MCP_ORCHESTRATION_HOME=${shellWord(data_dir)}\nexport MCP_ORCHESTRATION_HOME\n`;
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
    ensure: () => step('launcher', path, () => writeOwnFile(path, scriptOf(program), 0o700, 'launcher')),
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
  const text = await textOfFile(path);
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
