import { existsSync, mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { cliHere, cliHereJson } from './support/in-process.ts';
import { BIN, run } from './support/process.ts';
import { hasTerminal, isHere, onTerminal } from './support/pty.ts';
import { ENTER, type Exchange } from './support/terminal.ts';
import { testWorkspace, type Workspace } from './support/workspace.ts';

const TAB = '\t';
const PROMPT = 'ready> ';
/** A name for an entry that would do something if a shell ever read it as its own. */
const EVIL = 'a $(touch evil) `touch evil`;touch evil "x';

/** A home in which the program is on the PATH, as after an installation. */
async function installed(): Promise<Workspace> {
  const workspace = await testWorkspace();
  const bin = join(workspace.home, 'bin');
  mkdirSync(bin);
  symlinkSync(BIN, join(bin, 'mcp-orchestration'));
  return { ...workspace, env: { ...workspace.env, PATH: `${bin}:${workspace.env['PATH']}`, PS1: PROMPT } };
}

describe('completion', () => {
  it.each(['bash', 'zsh', 'fish'])('%s: the script goes to stdout, and nothing else', async (shell) => {
    const workspace = await testWorkspace();
    const { code, stdout, stderr } = await cliHere(workspace, 'completion', shell);
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/mcp-orchestration complete -- /);
    expect(existsSync(workspace.data_dir)).toBe(false);
  });

  it('another shell is refused, without its name', async () => {
    const { code, stderr } = await cliHere(await testWorkspace(), 'completion', 'made-up');
    expect([code, stderr.includes('made-up'), stderr.includes('bash, zsh, fish')]).toEqual([2, false, true]);
  });

  it('knows what is stored, and stores nothing itself', async () => {
    const workspace = await testWorkspace();
    const offered = async (...words: string[]) => {
      const { stdout } = await cliHere(workspace, 'complete', '--', 'mcp-orchestration', ...words);
      return stdout.split('\n').map((line) => line.split('\t')[0]);
    };
    expect(await offered('remove-server', '')).toEqual(['']);
    expect(existsSync(workspace.data_dir)).toBe(false);
    await cliHereJson(workspace, 'add-server', 'memory', '--name', 'mine', '--client', 'cursor');
    await cliHereJson(workspace, 'create-profile', 'travel', '--client', 'cursor');
    await cliHereJson(workspace, 'initialize-keys');
    const { artifact_id } = await cliHereJson(workspace, 'publish-config', '--client', 'cursor');
    await cliHere(workspace, 'add-server', 'brave-search', '--env', 'BRAVE_API_KEY=made-up-4711', '--yes');
    expect(await offered('remove-server', '--client', 'cursor', '')).toEqual(['mine', '']);
    expect(await offered('remove-server', '--client', 'vscode', '')).toEqual(['']);
    expect(await offered('remove-server', '--client', 'NOT A NAME', '')).toEqual(['']);
    expect(await offered('view-draft', '--client', 'cursor', '--profile', 'tr')).toEqual(['travel', '']);
    expect(await offered('delete-secret', '')).toEqual(['brave-search.BRAVE_API_KEY', '']);
    expect(await offered('get-config', '--client', 'cursor', '--artifact', '')).toEqual([artifact_id, '']);
  });

  it('is silent when something is wrong', async () => {
    const workspace = await testWorkspace();
    const broken = { ...workspace, env: { ...workspace.env, MCP_ORCHESTRATION_PORT: 'x' } };
    const { code, stdout, stderr } = await cliHere(broken, 'complete', '--', 'mcp-orchestration', 'remove-server', '');
    expect([code, stdout, stderr]).toEqual([2, '', '']);
  });
});

const SHELLS = [
  { shell: 'bash', start: ['--norc', '--noprofile', '-i'], setUp: 'eval "$(mcp-orchestration completion bash)"' },
  {
    shell: 'zsh',
    start: ['-f', '-i'],
    setUp: 'autoload -Uz compinit && compinit -D && source <(mcp-orchestration completion zsh)',
  },
];

it.skipIf(!isHere('bash'))('bash completes as a script can ask it to', async () => {
  const workspace = await installed();
  await cliHereJson(workspace, 'add-server', 'memory', '--name', EVIL);
  const ask = `eval "$(mcp-orchestration completion bash)"
    for line in 'mcp-orchestration view-dr' 'A=1 mcp-orchestration view-draft --client=curs' 'mcp-orchestration remove-server ' \\
      'mcp-orchestration set-draft --file ' 'mcp-orchestration nothing '; do
      COMP_LINE=$line COMP_POINT=\${#line}
      _mcp_orchestration mcp-orchestration
      printf '%s|%s\\n' "\${#COMPREPLY[@]}" "\${COMPREPLY[*]}"
    done`;
  const { stdout, stderr } = await run('bash', ['--norc', '-c', ask], { env: workspace.env, cwd: workspace.home });
  const escaped = 'a\\ \\$\\(touch\\ evil\\)\\ \\`touch\\ evil\\`\\;touch\\ evil\\ \\"x';
  expect([stdout, stderr]).toEqual([`1|view-draft\n1|cursor\n1|${escaped}\n0|\n0|\n`, '']);
});

it.skipIf(!isHere('fish'))('fish completes verbs, flags, values and names with what they are', async () => {
  const workspace = await installed();
  await cliHereJson(workspace, 'add-server', 'memory', '--name', EVIL);
  const lines = [
    'mcp-orchestration view-dr',
    'mcp-orchestration view-draft --cli',
    'mcp-orchestration view-draft --client curs',
    'mcp-orchestration view-draft --client=curs',
    'mcp-orchestration remove-server ',
    "mcp-orchestration view-draft '$(touch evil)' --client curs",
    'mcp-orchestration set-draft --file bi',
    'mcp-orchestration set-draft --file=bi',
  ];
  const asked = lines.map((line) => `complete -C '${line.replaceAll("'", "\\'")}'`);
  const ask = ['source (mcp-orchestration completion fish | psub)', ...asked].join('\n');
  const { stdout, stderr } = await run('fish', ['--no-config', '-c', ask], { env: workspace.env, cwd: workspace.home });
  const names = stdout.split('\n').map((line) => line.split('\t')[0]);
  expect([names, stderr]).toEqual([
    ['view-draft', '--client', 'cursor', '--client=cursor', EVIL, 'cursor', 'bin/', '--file=bin/', ''],
    '',
  ]);
  expect(stdout).toContain('view-draft\tShow the draft of a client and profile\n');
  expect(existsSync(join(workspace.home, 'evil'))).toBe(false);
});

/** The prompt, once all that came before it is there. */
const READY = /ready> $/;
const CLEAR_LINE = '\u0015';

describe.each(SHELLS)('$shell, with a person at the keyboard', ({ shell, start, setUp }) => {
  const typing = (workspace: Workspace, ...exchanges: Exchange[]) =>
    onTerminal(workspace, [[READY, setUp + ENTER], ...exchanges, [READY, `exit${ENTER}`]], shell, ...start);
  const isPossible = hasTerminal && isHere(shell);

  it.skipIf(!isPossible)('completes verbs, flags and values', async () => {
    const workspace = await installed();
    const { code } = await typing(
      workspace,
      [READY, `mcp-orchestration add-ser${TAB}`],
      ['ver ', `brave-search-l${TAB}`],
      ['egacy ', `--cli${TAB}`],
      ['ent ', `curs${TAB}`],
      ['or ', `--profile=sta${TAB}`],
      ['ging ', `--env BRA${TAB}`],
      ['VE_API_KEY=', `x${ENTER}`],
      ['Store it on this machine as brave-search-legacy.BRAVE_API_KEY', ENTER],
    );
    expect(code).toBe(0);
    const { draft } = await cliHereJson(workspace, 'view-draft', '--client', 'cursor', '--profile', 'staging');
    expect(Object.keys((draft as { mcpServers: object }).mcpServers)).toEqual(['brave-search-legacy']);
  });

  it.skipIf(!isPossible)('executes neither what was typed nor what it is offered', async () => {
    const workspace = await installed();
    await cliHereJson(workspace, 'add-server', 'memory', '--name', EVIL);
    await typing(
      workspace,
      [READY, `mcp-orchestration view-draft '$(touch evil)' \`touch evil\` --client curs${TAB}`],
      ['or ', CLEAR_LINE],
      [/^/, `mcp-orchestration remove-server ${TAB}`],
      ['touch', ENTER],
    );
    expect(await cliHereJson(workspace, 'view-draft')).toMatchObject({ server_count: 0 });
    expect(existsSync(join(workspace.home, 'evil'))).toBe(false);
  });
});
