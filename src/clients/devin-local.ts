import type { ClientDefinition } from './client.ts';

/** Facts: public vendor documentation and released packages (`sources`), checked 2026-11-22. */
export const devinLocal: ClientDefinition = {
  client_id: 'devin-local',
  display_name: 'Devin Local / Devin CLI',
  vendor: 'Cognition',
  docs_url: 'https://docs.devin.ai/cli/extensibility/mcp/configuration',
  status: 'active',
  scopes: [
    {
      scope: 'user',
      paths: {
        macos: '~/.config/devin/mcp_config.json',
        linux: '~/.config/devin/mcp_config.json',
        windows: null,
      },
      format: 'json',
      pointer: '/mcpServers',
      shared: false,
      note: 'Windows path unverified',
    },
    {
      scope: 'project',
      paths: {
        macos: '${workspace}/.devin/mcp_config.json',
        linux: '${workspace}/.devin/mcp_config.json',
        windows: '${workspace}\\.devin\\mcp_config.json',
      },
      format: 'json',
      pointer: '/mcpServers',
      shared: false,
    },
    {
      scope: 'project-personal',
      paths: {
        macos: '${workspace}/.devin/mcp_config.local.json',
        linux: '${workspace}/.devin/mcp_config.local.json',
        windows: '${workspace}\\.devin\\mcp_config.local.json',
      },
      format: 'json',
      pointer: '/mcpServers',
      shared: false,
      note: 'gitignored personal override; never write',
    },
  ],
  deployable_scopes: ['user', 'project'],
  entry: {
    stdio: {
      type: null,
      command_shape: 'string',
      command_field: 'command',
      args_field: 'args',
      env_field: 'env',
      cwd_field: null,
      required: ['command'],
      optional: ['args', 'env', 'disabledTools'],
    },
    http: {
      type: null,
      url_field: 'serverUrl',
      headers_field: 'headers',
      alternate_url_fields: ['url'],
      required: ['serverUrl'],
      optional: ['headers', 'disabledTools'],
    },
    sse: null,
    disabled: null,
    tools: { allow: null, deny: 'disabledTools', auto_approve: null },
    timeouts: [],
  },
  references: null,
  limits: { servers: null, tools: null },
  reload_behaviour: 'startup',
  detect: { macos: ['~/.config/devin'], linux: ['~/.config/devin'], windows: [], binaries: ['devin'] },
  notes: [
    'Since v3000.3 a dedicated file; mcpServers left in config.json are migrated into it at startup, so never write the old key.',
  ],
  limitations: ['No file of the user is known on Windows.'],
  state_fields: ['disabledTools'],
  confidence: 'one source',
  sources: [
    'dyoshikawa/rulesync:src/features/mcp/ (2026-08-18)',
    'https://docs.devin.ai/cli/extensibility/mcp/configuration',
  ],
  dialect: {
    write_type: [],
    bridged: ['sse'],
    timeout_field: null,
    references: [],
    windows_shell_for: ['npx', 'uvx'],
    server_names: null,
  },
};
