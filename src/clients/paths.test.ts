import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, posix, win32 } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { AppError } from '../core/errors.ts';
import type { ClientDefinition } from './client.ts';
import { CLIENTS, clientById } from './index.ts';
import {
  detectInstalled,
  expandTemplate,
  locateConfig,
  type Machine,
  pointerIn,
  preferredPlaces,
  projectOf,
  resolveConfigPath,
} from './paths.ts';

const client = (id: string): ClientDefinition => {
  const found = clientById(id);
  if (found === undefined) throw new Error(`no client ${id}`);
  return found;
};

const linux: Machine = { os: 'linux', env: { HOME: '/home/zoë' } };
const macos: Machine = { os: 'macos', env: { HOME: '/Users/zoë' } };
const windows: Machine = {
  os: 'windows',
  env: { USERPROFILE: 'C:\\Users\\zoë', APPDATA: 'C:\\Users\\zoë\\AppData\\Roaming' },
};

const caught = (work: () => unknown): AppError => {
  try {
    work();
  } catch (error) {
    if (error instanceof AppError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
};

test.each([
  ['claude-desktop', linux, '/home/zoë/.config/Claude/claude_desktop_config.json'],
  ['claude-desktop', macos, '/Users/zoë/Library/Application Support/Claude/claude_desktop_config.json'],
  ['claude-desktop', windows, 'C:\\Users\\zoë\\AppData\\Roaming\\Claude\\claude_desktop_config.json'],
  ['claude-code', linux, '/home/zoë/.claude.json'],
  ['claude-code', macos, '/Users/zoë/.claude.json'],
  ['claude-code', windows, 'C:\\Users\\zoë\\.claude.json'],
  ['cursor', linux, '/home/zoë/.cursor/mcp.json'],
  ['cursor', macos, '/Users/zoë/.cursor/mcp.json'],
  ['cursor', windows, 'C:\\Users\\zoë\\.cursor\\mcp.json'],
  ['vscode', linux, '/home/zoë/.config/Code/User/mcp.json'],
  ['vscode', macos, '/Users/zoë/Library/Application Support/Code/User/mcp.json'],
  ['vscode', windows, 'C:\\Users\\zoë\\AppData\\Roaming\\Code\\User\\mcp.json'],
  ['vscode-insiders', linux, '/home/zoë/.config/Code - Insiders/User/mcp.json'],
  ['vscode-insiders', macos, '/Users/zoë/Library/Application Support/Code - Insiders/User/mcp.json'],
  ['vscode-insiders', windows, 'C:\\Users\\zoë\\AppData\\Roaming\\Code - Insiders\\User\\mcp.json'],
  ['visual-studio', windows, 'C:\\Users\\zoë\\.mcp.json'],
  ['github-copilot-cli', linux, '/home/zoë/.copilot/mcp-config.json'],
  ['github-copilot-cli', windows, 'C:\\Users\\zoë\\.copilot\\mcp-config.json'],
  ['devin-local', macos, '/Users/zoë/.config/devin/mcp_config.json'],
  ['jetbrains-ai-assistant', linux, '/home/zoë/.ai/mcp/mcp.json'],
  ['junie', windows, 'C:\\Users\\zoë\\.junie\\mcp\\mcp.json'],
  ['kilo-code', linux, '/home/zoë/.config/kilo/kilo.jsonc'],
  ['kilo-code', windows, 'C:\\Users\\zoë\\.config\\kilo\\kilo.jsonc'],
  ['amazon-q-cli', macos, '/Users/zoë/.aws/amazonq/mcp.json'],
  ['amp', windows, 'C:\\Users\\zoë\\.config\\amp\\settings.json'],
  ['trae', linux, '/home/zoë/.config/Trae/User/mcp.json'],
  ['trae', macos, '/Users/zoë/Library/Application Support/Trae/User/mcp.json'],
  ['qwen-code', linux, '/home/zoë/.qwen/settings.json'],
  ['crush', windows, 'C:\\Users\\zoë\\.config\\crush\\crush.json'],
  ['factory-droid', linux, '/home/zoë/.factory/mcp.json'],
  ['antigravity', linux, '/home/zoë/.gemini/config/mcp_config.json'],
  ['augment', linux, '/home/zoë/.augment/settings.json'],
  ['kimi-code', linux, '/home/zoë/.kimi-code/mcp.json'],
  ['qoder', linux, '/home/zoë/.qoder/mcp.json'],
  ['qoder', windows, 'C:\\Users\\zoë\\AppData\\Roaming\\Qoder\\SharedClientCache\\mcp.json'],
  ['grok-build', linux, '/home/zoë/.grok/config.toml'],
])('%s has its documented file (%j)', (id, machine, path) => {
  expect(resolveConfigPath(client(id), 'user', machine).path).toBe(path);
  expect(resolveConfigPath(client(id), undefined, machine).path).toBe(path);
});

test('the file of a deployment may lie in the home directory, or in the directory that a variable names', () => {
  expect(resolveConfigPath(client('cursor'), 'user', linux).roots).toEqual(['/home/zoë']);
  const moved = { ...linux, env: { ...linux.env, CLAUDE_CONFIG_DIR: '/srv/claude/' } };
  expect(resolveConfigPath(client('claude-code'), 'user', moved)).toEqual({
    path: '/srv/claude/.claude.json',
    roots: ['/home/zoë', '/srv/claude'],
    preferred: [],
    alternates: [],
  });
  const roaming = { ...windows, env: { ...windows.env, APPDATA: 'D:\\Roaming' } };
  expect(resolveConfigPath(client('vscode'), 'user', roaming)).toMatchObject({
    path: 'D:\\Roaming\\Code\\User\\mcp.json',
    roots: ['C:\\Users\\zoë', 'D:\\Roaming'],
  });
});

test('XDG_CONFIG_HOME moves Claude Desktop and VS Code on Linux, and nothing on macOS, nor Cursor', () => {
  const env = { HOME: '/home/z', XDG_CONFIG_HOME: '/home/z/cfg' };
  const path = (id: string, os: 'linux' | 'macos') => resolveConfigPath(client(id), 'user', { os, env }).path;
  expect(path('claude-desktop', 'linux')).toBe('/home/z/cfg/Claude/claude_desktop_config.json');
  expect(path('vscode', 'linux')).toBe('/home/z/cfg/Code/User/mcp.json');
  expect(path('cursor', 'linux')).toBe('/home/z/.cursor/mcp.json');
  expect(path('vscode', 'macos')).toBe('/home/z/Library/Application Support/Code/User/mcp.json');
});

test.each([
  ['github-copilot-cli', 'COPILOT_HOME', '/srv/x/mcp-config.json'],
  ['codex-cli', 'CODEX_HOME', '/srv/x/config.toml'],
  ['grok-build', 'GROK_HOME', '/srv/x/config.toml'],
  ['kimi-code', 'KIMI_CODE_HOME', '/srv/x/mcp.json'],
  ['crush', 'CRUSH_GLOBAL_CONFIG', '/srv/x/crush.json'],
  ['crush', 'XDG_CONFIG_HOME', '/srv/x/crush/crush.json'],
  ['kilo-code', 'XDG_CONFIG_HOME', '/srv/x/kilo/kilo.jsonc'],
  ['opencode', 'XDG_CONFIG_HOME', '/srv/x/opencode/opencode.jsonc'],
  ['vscode-insiders', 'XDG_CONFIG_HOME', '/srv/x/Code - Insiders/User/mcp.json'],
  ['trae', 'XDG_CONFIG_HOME', '/srv/x/Trae/User/mcp.json'],
  [
    'roo-code',
    'XDG_CONFIG_HOME',
    '/srv/x/Code/User/globalStorage/rooveterinaryinc.roo-cline/settings/mcp_settings.json',
  ],
])('the file of %s moves with %s', (id, variable, path) => {
  const env = { HOME: '/home/z', [variable]: '/srv/x' };
  expect(resolveConfigPath(client(id), 'user', { os: 'linux', env })).toMatchObject({
    path,
    roots: ['/home/z', '/srv/x'],
  });
});

test('the file of AnythingLLM is where STORAGE_DIR says; without it, the message says how to name the file', () => {
  const path = (env: Machine['env']) => resolveConfigPath(client('anythingllm'), undefined, { os: 'linux', env }).path;
  expect(path({ HOME: '/home/z', STORAGE_DIR: '/srv/llm' })).toBe('/srv/llm/plugins/anythingllm_mcp_servers.json');
  expect(caught(() => path({ HOME: '/home/z' })).hint).toContain('--config-path FILE');
});

test('an empty variable is a variable that is not set', () => {
  const env = { HOME: '/home/z', XDG_CONFIG_HOME: '', CLAUDE_CONFIG_DIR: '' };
  expect(resolveConfigPath(client('vscode'), 'user', { os: 'linux', env }).path).toBe(
    '/home/z/.config/Code/User/mcp.json',
  );
  expect(resolveConfigPath(client('claude-code'), 'user', { os: 'linux', env }).path).toBe('/home/z/.claude.json');
});

test('Windows folders are found below the profile when their variables are missing, in any case of letters', () => {
  const bare: Machine = { os: 'windows', env: { UserProfile: 'C:\\Users\\z' } };
  expect(resolveConfigPath(client('vscode'), 'user', bare).path).toBe(
    'C:\\Users\\z\\AppData\\Roaming\\Code\\User\\mcp.json',
  );
});

test('the package folder of a Claude Desktop from the Store is told as a pattern', () => {
  expect(resolveConfigPath(client('claude-desktop'), 'user', windows).preferred).toEqual([
    'C:\\Users\\zoë\\AppData\\Local\\Packages\\Claude_*\\LocalCache\\Roaming\\Claude\\claude_desktop_config.json',
  ]);
  expect(resolveConfigPath(client('claude-desktop'), 'user', linux).preferred).toEqual([]);
});

test('a Claude Desktop from the Store is found by its package folder, whether its file is there yet or not', () => {
  const target = resolveConfigPath(client('claude-desktop'), 'user', windows);
  const packages = 'C:\\Users\\zoë\\AppData\\Local\\Packages';
  const list = (directory: string) =>
    directory === packages ? ['Microsoft.Notes_1', 'Claude_pzs8sxrjxfjjc', 'NotClaude_2'] : [];
  expect(preferredPlaces(target, 'windows', list)).toEqual([
    `${packages}\\Claude_pzs8sxrjxfjjc\\LocalCache\\Roaming\\Claude\\claude_desktop_config.json`,
  ]);
  expect(preferredPlaces(target, 'windows', () => [])).toEqual([]);
});

test('a scope whose servers stand under a project needs one, in one spelling', () => {
  const [user, local] = client('claude-code').scopes;
  if (user === undefined || local === undefined) throw new Error('no scopes');
  expect(projectOf(user, linux)).toBeUndefined();
  expect(projectOf(local, { ...linux, project: '/src/x/../shop/' })).toBe('/src/shop');
  expect(caught(() => projectOf(local, linux))).toMatchObject({ details: { field: 'project' } });
});

test('a file of another name or place is known, unless a variable names the file itself', () => {
  expect(resolveConfigPath(client('opencode'), 'user', linux).alternates).toEqual([
    '/home/zoë/.config/opencode/opencode.json',
    '/home/zoë/.config/opencode/config.json',
  ]);
  expect(resolveConfigPath(client('lm-studio'), 'user', windows).alternates).toEqual([
    'C:\\Users\\zoë\\.cache\\lm-studio\\mcp.json',
  ]);
  const named = { ...linux, env: { ...linux.env, OPENCODE_CONFIG: '/home/zoë/oc.json' } };
  expect(resolveConfigPath(client('opencode'), 'user', named)).toMatchObject({
    path: '/home/zoë/oc.json',
    alternates: [],
  });
});

test('the path of a project is one key of the pointer', () => {
  expect(pointerIn('/projects/${workspace}/mcpServers', '/src/a~b')).toBe('/projects/~1src~1a~0b/mcpServers');
  expect(pointerIn('/mcpServers', '/src')).toBe('/mcpServers');
});

test('an explicit home wins over the environment', () => {
  expect(resolveConfigPath(client('cursor'), 'user', { ...linux, home: '/tmp/h' }).path).toBe(
    '/tmp/h/.cursor/mcp.json',
  );
});

test.each([
  ['not set', { os: 'linux', env: {} }],
  ['empty', { os: 'linux', env: { HOME: '' } }],
  ['relative', { os: 'linux', env: { HOME: 'home/z' } }],
  ['the root', { os: 'linux', env: { HOME: '/' } }],
  ['the root in disguise', { os: 'macos', env: { HOME: '//x/..' } }],
  ['cut by a NUL', { os: 'linux', env: {}, home: '/home/z\0' }],
  ['a drive', { os: 'windows', env: { USERPROFILE: 'C:\\' } }],
  ['without a drive', { os: 'windows', env: { USERPROFILE: '\\Users\\z' } }],
  ['a Unix path on Windows', { os: 'windows', env: { USERPROFILE: '/home/z' } }],
] satisfies [string, Machine][])('a home directory that is %s is refused by name', (_, machine) => {
  const error = caught(() => resolveConfigPath(client('cursor'), 'user', machine));
  expect(error.code).toBe('INVALID_INPUT');
  expect(error.message).toMatch(/home directory \((HOME|USERPROFILE)\) is/);
});

test('a client variable that is relative or the root is refused by name, not passed over', () => {
  for (const value of ['cfg', '/']) {
    const machine = { os: 'linux', env: { HOME: '/home/z', CLAUDE_CONFIG_DIR: value } } as const;
    const error = caught(() => resolveConfigPath(client('claude-code'), 'user', machine));
    expect(error).toMatchObject({ code: 'INVALID_INPUT', details: { field: 'CLAUDE_CONFIG_DIR' } });
    expect(error.message).not.toContain('cfg');
  }
});

test('a variable by the name of what every object has is not set for that', () => {
  for (const [os, template] of [
    ['linux', '${toString}/servers.json'],
    ['windows', '%valueOf%\\servers.json'],
  ] as const) {
    const error = caught(() => expandTemplate(template, { os, env: { HOME: '/home/z', USERPROFILE: 'C:\\z' } }));
    expect(error).toMatchObject({ code: 'INVALID_INPUT', message: expect.stringContaining('is not set') });
  }
});

test('an unknown scope names the scopes that exist', () => {
  const error = caught(() => resolveConfigPath(client('cursor'), 'usr', linux));
  expect(error).toMatchObject({ code: 'INVALID_INPUT', details: { scopes: ['user', 'project'] } });
  expect(error.message).toContain('user, project');
});

test('a scope or client that is not written in this version says what is', () => {
  const scope = caught(() => resolveConfigPath(client('claude-code'), 'managed', linux));
  expect(scope).toMatchObject({
    code: 'CLIENT_NOT_WRITABLE',
    details: { deployable_scopes: ['user', 'local', 'project'] },
  });
  const other = caught(() => resolveConfigPath(client('witsy'), undefined, linux));
  expect(other).toMatchObject({ code: 'CLIENT_NOT_WRITABLE', details: { deployable_scopes: [] } });
  expect(other.message).toBe('This version does not write Witsy.');
});

test('a project file lies in the project and needs one', () => {
  const scope = client('cursor').scopes.find(({ scope }) => scope === 'project');
  if (scope === undefined) throw new Error('no project scope');
  const there = { ...linux, project: '/src/shop' };
  expect(locateConfig(client('cursor'), scope, there)).toMatchObject({
    path: '/src/shop/.cursor/mcp.json',
    roots: ['/src/shop'],
  });
  expect(caught(() => locateConfig(client('cursor'), scope, linux)).details.field).toBe('project');
});

/** Everything that any template asks for. */
const full = (os: Machine['os']): Machine =>
  os === 'windows'
    ? {
        os,
        project: 'C:\\src\\shop',
        env: { USERPROFILE: 'C:\\Users\\z', ProgramData: 'C:\\ProgramData', STORAGE_DIR: 'C:\\store' },
      }
    : { os, project: '/src/shop', env: { HOME: '/home/z', STORAGE_DIR: '/store' } };

test.each(['linux', 'macos', 'windows'] as const)('every file of every client has an absolute path on %s', (os) => {
  const { isAbsolute } = os === 'windows' ? win32 : posix;
  const refused: string[] = [];
  for (const it of CLIENTS) {
    for (const scope of it.scopes) {
      if (scope.paths[os] === null) continue;
      if (/[*<]/.test(scope.paths[os])) {
        refused.push(`${it.client_id}/${scope.scope}`);
        expect(caught(() => locateConfig(it, scope, full(os))).details.field).toBe('config_path');
        continue;
      }
      const { path, roots } = locateConfig(it, scope, full(os));
      expect(isAbsolute(path), path).toBe(true);
      expect(path).not.toMatch(/[~%$]/);
      expect(roots.some((root) => path.startsWith(root))).toBe(true);
    }
  }
  expect(refused).toEqual([
    'continue/user-blocks',
    'continue/project-blocks',
    'goose/plugin',
    'amazon-q-cli/agent',
    'kiro/agent',
    'librechat/server',
  ]);
});

test('a scope without a file on this system says so', () => {
  const it = client('visual-studio');
  const [scope] = it.scopes;
  if (scope === undefined) throw new Error('no scope');
  const error = caught(() => locateConfig(it, scope, linux));
  expect(error.message).toContain('has no file on linux');
  expect(error.hint).toBe('Name the file: --config-path FILE.');
});

test('a file variable names the file, a folder variable its folder, and the first that is set wins', () => {
  const it = client('cline');
  const [scope] = it.scopes;
  if (scope === undefined) throw new Error('no scope');
  const at = (env: Record<string, string>) =>
    locateConfig(it, scope, { os: 'linux', env: { HOME: '/home/z', ...env } });
  expect(at({ CLINE_MCP_SETTINGS_PATH: '/srv/c.json', CLINE_DIR: '/srv/d' })).toMatchObject({
    path: '/srv/c.json',
    roots: ['/home/z', '/srv'],
  });
  expect(at({ CLINE_DIR: '/srv/d' }).path).toBe('/srv/d/data/settings/cline_mcp_settings.json');
});

test('whatever the home directory, the file stays inside the roots', () => {
  const segment = fc.stringMatching(/^[A-Za-z0-9 ._ë-]{1,12}$/).filter((text) => text !== '.' && text !== '..');
  fc.assert(
    fc.property(fc.array(segment, { minLength: 1, maxLength: 4 }), fc.constantFrom(...CLIENTS), (segments, it) => {
      const home = `/${segments.join('/')}`;
      const [scope] = it.scopes;
      const template = scope?.paths.linux;
      if (scope === undefined || template == null || !template.startsWith('~')) return;
      const { path, roots } = locateConfig(it, scope, { os: 'linux', env: { HOME: home } });
      expect(roots).toEqual([home]);
      expect(path.startsWith(`${home}/`)).toBe(true);
    }),
  );
});

test('a template that is no pattern and names no place is taken as it is', () => {
  expect(expandTemplate('/etc/claude-code/managed-mcp.json', linux)).toEqual({
    path: '/etc/claude-code/managed-mcp.json',
    root: '/etc/claude-code',
  });
});

test('a client is found by its directory, by the directory of its variable, or by its program', () => {
  const home = mkdtempSync(join(tmpdir(), 'detect-'));
  try {
    const machine: Machine = { os: 'linux', env: { HOME: home } };
    const never = () => false;
    expect(detectInstalled(client('cursor'), machine, existsSync, never)).toBe(false);
    mkdirSync(join(home, '.cursor'));
    expect(detectInstalled(client('cursor'), machine, existsSync, never)).toBe(true);

    const elsewhere = { ...machine, env: { ...machine.env, CLAUDE_CONFIG_DIR: join(home, 'cc') } };
    expect(detectInstalled(client('claude-code'), elsewhere, existsSync, never)).toBe(false);
    mkdirSync(join(home, 'cc'));
    expect(detectInstalled(client('claude-code'), elsewhere, existsSync, never)).toBe(true);

    expect(detectInstalled(client('vscode'), machine, existsSync, (binary) => binary === 'code')).toBe(true);
    expect(detectInstalled(client('vscode'), machine, existsSync, never)).toBe(false);
  } finally {
    rmSync(home, { recursive: true });
  }
});

test('the directory above a file variable is no sign of a client', () => {
  const machine: Machine = { os: 'linux', env: { HOME: '/home/z', OPENCODE_CONFIG: '/etc/opencode.json' } };
  const asked: string[] = [];
  const note = (path: string) => asked.push(path) === 0;
  expect(detectInstalled(client('opencode'), machine, note, () => false)).toBe(false);
  expect(asked).toEqual(['/home/z/.config/opencode', '/etc/opencode.json']);
});

test('detection never fails: a path that cannot be made out is not there', () => {
  for (const os of ['linux', 'macos', 'windows'] as const) {
    for (const it of CLIENTS)
      expect(
        detectInstalled(
          it,
          { os, env: {} },
          () => false,
          () => false,
        ),
      ).toBe(false);
  }
  const fault = () => {
    throw new TypeError('broken');
  };
  expect(() => detectInstalled(client('cursor'), linux, fault, () => false)).toThrow('broken');
});
