import type { ClientDefinition } from './client.ts';

/** Facts: public vendor documentation and released packages (`sources`), checked 2026-11-22. */
export const warp: ClientDefinition = {
  client_id: 'warp',
  display_name: 'Warp',
  vendor: 'Warp',
  docs_url: 'https://docs.warp.dev/agents/capabilities/mcp',
  status: 'active',
  scopes: [
    {
      scope: 'user',
      paths: {
        macos: '~/.warp/.mcp.json',
        linux: '~/.warp/.mcp.json',
        windows: '%USERPROFILE%\\.warp\\.mcp.json',
      },
      format: 'json',
      pointer: '/mcpServers',
      shared: false,
    },
    {
      scope: 'project',
      paths: {
        macos: '${workspace}/.warp/.mcp.json',
        linux: '${workspace}/.warp/.mcp.json',
        windows: '${workspace}\\.warp\\.mcp.json',
      },
      format: 'json',
      pointer: '/mcpServers',
      shared: false,
    },
  ],
  deployable_scopes: [],
  entry: {
    stdio: {
      type: null,
      command_shape: 'string',
      command_field: 'command',
      args_field: 'args',
      env_field: 'env',
      cwd_field: 'working_directory',
      required: ['command'],
      optional: ['args', 'env', 'working_directory'],
    },
    http: {
      type: null,
      url_field: 'url',
      headers_field: 'headers',
      required: ['url'],
      optional: ['headers'],
    },
    sse: {
      type: null,
      url_field: 'url',
      headers_field: 'headers',
      required: ['url'],
      optional: ['headers'],
    },
    disabled: null,
    tools: { allow: null, deny: null, auto_approve: null },
    timeouts: [],
  },
  references: null,
  limits: { servers: null, tools: null },
  reload_behaviour: 'started/stopped from settings; running servers restart with the app',
  detect: {
    macos: ['/Applications/Warp.app', '~/.warp'],
    linux: ['~/.warp', '~/.config/warp-terminal'],
    windows: ['%LOCALAPPDATA%\\warp'],
    binaries: ['warp', 'warp-terminal', 'oz'],
  },
  notes: ['File name begins with a dot inside .warp. Servers added in the UI live in Warp Drive, not in the file.'],
  limitations: [],
  state_fields: [],
  confidence: 'verified',
  sources: [
    'https://docs.warp.dev/agents/capabilities/mcp',
    'warpdotdev/warp: agent-add-mcp skill (Aug 2026)',
    'dyoshikawa/rulesync:src/features/mcp/ (2026-08-18)',
  ],
  dialect: null,
};
