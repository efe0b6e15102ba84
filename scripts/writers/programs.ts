import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { CorpusFile, Placed } from '../../test/support/corpus.ts';

/**
 * Three programs that write the files of AI clients, each used as its own documentation says, as a process of its own:
 * add one local server, and take it out again.
 */

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const TOOLS = join(ROOT, '.tools/writers/node_modules');

/** What is added everywhere; a name that no file of the corpus has. */
export const SERVER = { name: 'our-files', command: 'npx', args: ['-y', '@example/files-mcp'] };

export interface Program {
  name: string;
  version: string;
  /** What this program calls the client and scope of that file; undefined: it does not write such files. */
  targetOf(file: CorpusFile): string | undefined;
  /** Both say whether the program ended as if all had gone well. */
  add(home: string, target: string, file: CorpusFile, placed: Placed): boolean;
  remove(home: string, target: string, file: CorpusFile, placed: Placed): boolean;
}

function run(home: string, cwd: string, script: string, ...args: string[]): { ok: boolean; out: string } {
  mkdirSync(cwd, { recursive: true });
  const { status, stdout, error } = spawnSync(process.execPath, [script, ...args], {
    cwd,
    env: { HOME: home, PATH: process.env.PATH ?? '', NODE_COMPILE_CACHE: join(ROOT, '.tmp/compiled'), CI: '1' },
    encoding: 'utf8',
    timeout: 120_000,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  if (error) throw error;
  return { ok: status === 0, out: stdout };
}

const versionOf = (name: string): string => {
  const file = join(TOOLS, name, 'package.json');
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')).version : 'not installed';
};

export const areInstalled = (): boolean => existsSync(join(ROOT, '.tools/writers/installed.json'));

// --- this product

const OURS = join(ROOT, 'bin/mcp-orchestration.js');
/** Releases by home directory, client and whether the server is in them. */
const releases = new Map<string, string>();

function releaseOf(home: string, client: string, filled: boolean): string {
  const key = JSON.stringify([home, client, filled]);
  const known = releases.get(key);
  if (known !== undefined) return known;
  if (releases.size === 0) run(home, home, OURS, 'initialize-keys');
  const { name, ...entry } = SERVER;
  const payload = JSON.stringify({ mcpServers: filled ? { [name]: entry } : {} });
  const { out } = run(
    home,
    home,
    OURS,
    'publish-config',
    '--client',
    client,
    '--payload',
    payload,
    '--allow-empty',
    '--json',
  );
  const id = String(JSON.parse(out).artifact_id);
  releases.set(key, id);
  return id;
}

const deploy =
  (filled: boolean): Program['add'] =>
  (home, _target, { client, scope }, { input }) => {
    const artifact = releaseOf(home, client, filled);
    const place = [
      ...(input.project === undefined ? [] : ['--project', input.project]),
      ...(input.config_path === undefined ? [] : ['--config-path', input.config_path]),
    ];
    const what = ['--client', client, '--config-scope', scope, '--artifact', artifact, ...place];
    return run(home, home, OURS, 'deploy-config', ...what).ok;
  };

const ours: Program = {
  name: 'mcp-orchestration',
  version: JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')).version,
  targetOf: () => 'all',
  add: deploy(true),
  remove: deploy(false),
};

// --- add-mcp: `add-mcp TARGET --agent AGENT [--global]`, `add-mcp remove NAME`

/** Its names for our clients, as `add-mcp list-agents` has them, with the scopes it writes. */
const AGENTS: Record<string, string> = {
  'antigravity user': 'antigravity',
  'cline user': 'cline-cli',
  'cline user-legacy': 'cline',
  'claude-code user': 'claude-code',
  'claude-code project': 'claude-code',
  'claude-desktop user': 'claude-desktop',
  'codex-cli user': 'codex',
  'codex-cli project': 'codex',
  'cursor user': 'cursor',
  'cursor project': 'cursor',
  'gemini-cli user': 'gemini-cli',
  'gemini-cli project': 'gemini-cli',
  'goose user': 'goose',
  'github-copilot-cli user': 'github-copilot-cli',
  'github-copilot-cli project': 'github-copilot-cli',
  'grok-build user': 'grok-build',
  'grok-build project': 'grok-build',
  'kilo-code user': 'kilo-code',
  'kilo-code project': 'kilo-code',
  'kimi-code user': 'kimi-code',
  'kimi-code project': 'kimi-code',
  'kiro user': 'kiro-cli',
  'kiro project': 'kiro-cli',
  'opencode user': 'opencode',
  'opencode project': 'opencode',
  'vscode user': 'vscode',
  'vscode project': 'vscode',
  'windsurf user': 'windsurf',
  'zed user': 'zed',
  'zed project': 'zed',
};

const ADD_MCP = join(TOOLS, 'add-mcp/dist/index.js');
const cwdOf = (home: string, { project, input }: Placed) => (input.project === undefined ? home : project);
const scopeFlag = ({ input }: Placed) => (input.project === undefined ? ['--global'] : []);

const addMcp: Program = {
  name: 'add-mcp',
  version: versionOf('add-mcp'),
  targetOf: ({ client, scope }) => AGENTS[`${client} ${scope}`],
  add(home, agent, _file, placed) {
    const flags = ['--agent', agent, '--name', SERVER.name, ...scopeFlag(placed), '--yes'];
    return run(home, cwdOf(home, placed), ADD_MCP, '@example/files-mcp', ...flags).ok;
  },
  remove: (home, agent, _file, placed) =>
    run(home, cwdOf(home, placed), ADD_MCP, 'remove', SERVER.name, '--agent', agent, ...scopeFlag(placed), '--yes').ok,
};

// --- rulesync: `rulesync import` takes over what is there, then its source is edited, then `rulesync generate` writes

/** Its targets for our clients, from its table of supported tools. */
const TARGETS: Record<string, string> = {
  'amp user': 'amp',
  'amp project': 'amp',
  'claude-code user': 'claudecode',
  'claude-code project': 'claudecode',
  'codex-cli user': 'codexcli',
  'codex-cli project': 'codexcli',
  'vscode project': 'copilot',
  'github-copilot-cli user': 'copilotcli',
  'github-copilot-cli project-shared': 'copilotcli',
  'crush user': 'crush',
  'crush project': 'crush',
  'goose user': 'goose',
  'grok-build user': 'grokcli',
  'grok-build project': 'grokcli',
  'cursor user': 'cursor',
  'cursor project': 'cursor',
  'factory-droid user': 'factorydroid',
  'opencode user': 'opencode',
  'opencode project': 'opencode',
  'cline user': 'cline',
  'kilo-code user': 'kilo',
  'kilo-code project': 'kilo',
  'kimi-code user': 'kimi-code',
  'roo-code project': 'roo',
  'continue user': 'continue',
  'mistral-vibe user': 'vibe',
  'mistral-vibe project': 'vibe',
  'qwen-code user': 'qwencode',
  'kiro user': 'kiro-ide',
  'antigravity user': 'antigravity-ide',
  'jetbrains-ai-assistant user': 'aiassistant',
  'junie user': 'junie',
  'augment user': 'augmentcode',
  'windsurf user': 'devin',
  'devin-local user': 'devin',
  'warp user': 'warp',
  'zed user': 'zed',
  'zed project': 'zed',
};

const RULESYNC = join(TOOLS, 'rulesync/dist/cli/index.js');

function rulesync(home: string, target: string, placed: Placed, verb: 'import' | 'generate'): boolean {
  const flags = ['--targets', target, '--features', 'mcp', ...scopeFlag(placed)];
  return run(home, cwdOf(home, placed), RULESYNC, verb, ...flags).ok;
}

/** Edits `.rulesync/mcp.jsonc`, which is plain JSON as the import leaves it; without one it is begun. */
function editSource(folder: string, edit: (servers: Record<string, unknown>) => void): void {
  const path = join(folder, '.rulesync/mcp.jsonc');
  const source = existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : { mcpServers: {} };
  edit(source.mcpServers);
  mkdirSync(join(folder, '.rulesync'), { recursive: true });
  writeFileSync(path, `${JSON.stringify(source, null, 2)}\n`);
}

const ruleSync: Program = {
  name: 'rulesync',
  version: versionOf('rulesync'),
  targetOf: ({ client, scope }) => TARGETS[`${client} ${scope}`],
  add(home, target, _file, placed) {
    // It answers 0 also when it could not take over what is there; then its source holds the new server alone.
    rulesync(home, target, placed, 'import');
    const { name, ...entry } = SERVER;
    editSource(cwdOf(home, placed), (servers) => {
      servers[name] = { type: 'stdio', ...entry };
    });
    return rulesync(home, target, placed, 'generate');
  },
  remove(home, target, _file, placed) {
    editSource(cwdOf(home, placed), (servers) => {
      delete servers[SERVER.name];
    });
    return rulesync(home, target, placed, 'generate');
  },
};

export const PROGRAMS: readonly Program[] = [ours, addMcp, ruleSync];
