import type { ClientDefinition } from './client.ts';

/** Facts: public vendor documentation and released packages (`sources`), checked 2026-11-22. */
export const visualStudio: ClientDefinition = {
  client_id: 'visual-studio',
  display_name: 'Visual Studio (2022 17.14+, 2026)',
  vendor: 'Microsoft',
  docs_url: 'https://learn.microsoft.com/visualstudio/ide/mcp-servers',
  status: 'active',
  scopes: [
    {
      scope: 'user',
      paths: { macos: null, linux: null, windows: '%USERPROFILE%\\.mcp.json' },
      format: 'json',
      pointer: '/servers',
      shared: false,
    },
    {
      scope: 'project',
      paths: { macos: null, linux: null, windows: '${workspace}\\.mcp.json' },
      format: 'json',
      pointer: '/servers',
      shared: false,
      note: 'solution directory; read order also includes <SOLUTIONDIR>\\.vs\\mcp.json (per user), .vscode\\mcp.json and .cursor\\mcp.json (unverified order)',
    },
  ],
  deployable_scopes: [],
  entry: {
    stdio: {
      type: { field: 'type', value: 'stdio', required: false },
      command_shape: 'string',
      command_field: 'command',
      args_field: 'args',
      env_field: 'env',
      cwd_field: null,
      required: ['command'],
      optional: ['type', 'args', 'env'],
    },
    http: {
      type: { field: 'type', value: 'http', required: false },
      url_field: 'url',
      headers_field: 'headers',
      required: ['url'],
      optional: ['headers'],
    },
    sse: {
      type: { field: 'type', value: 'sse', required: false },
      url_field: 'url',
      headers_field: 'headers',
      required: ['url'],
      optional: ['headers'],
    },
    disabled: null,
    tools: { allow: null, deny: null, auto_approve: null },
    timeouts: [],
  },
  references: {
    env: null,
    secret: null,
    input: '${input:{name}}',
    fields: [],
    markers: ['${'],
    note: 'With a definition under /inputs (unverified).',
  },
  limits: { servers: null, tools: null },
  reload_behaviour: 'on save; CodeLens in the file starts and authenticates',
  detect: {
    macos: [],
    linux: [],
    windows: [
      '%ProgramFiles%\\Microsoft Visual Studio\\*\\*\\Common7\\IDE\\devenv.exe',
      '%ProgramFiles(x86)%\\Microsoft Visual Studio\\Installer\\vswhere.exe',
    ],
    binaries: ['devenv'],
  },
  notes: [
    'A root .mcp.json with servers collides with Claude Code / Copilot CLI, which read the same file name with mcpServers: one file may legally need both keys.',
  ],
  limitations: [],
  state_fields: [],
  confidence: 'one source',
  sources: ['https://learn.microsoft.com/visualstudio/ide/mcp-servers'],
  dialect: null,
};
