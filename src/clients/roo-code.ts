import type { ClientDefinition } from './client.ts';

/** Facts: public vendor documentation and released packages (`sources`), checked 2026-11-22. */
export const rooCode: ClientDefinition = {
  client_id: 'roo-code',
  display_name: 'Roo Code',
  vendor: 'Roo Code, Inc.',
  docs_url: 'https://docs.roocode.com/features/mcp/using-mcp-in-roo',
  status: 'discontinued',
  scopes: [
    {
      scope: 'user',
      paths: {
        macos:
          '~/Library/Application Support/Code/User/globalStorage/rooveterinaryinc.roo-cline/settings/mcp_settings.json',
        linux: '~/.config/Code/User/globalStorage/rooveterinaryinc.roo-cline/settings/mcp_settings.json',
        windows: '%APPDATA%\\Code\\User\\globalStorage\\rooveterinaryinc.roo-cline\\settings\\mcp_settings.json',
      },
      format: 'json',
      pointer: '/mcpServers',
      shared: false,
      env_override: [
        {
          variable: 'XDG_CONFIG_HOME',
          file: '$XDG_CONFIG_HOME/Code/User/globalStorage/rooveterinaryinc.roo-cline/settings/mcp_settings.json',
          systems: ['linux'],
        },
      ],
    },
    {
      scope: 'project',
      paths: {
        macos: '${workspace}/.roo/mcp.json',
        linux: '${workspace}/.roo/mcp.json',
        windows: '${workspace}\\.roo\\mcp.json',
      },
      format: 'json',
      pointer: '/mcpServers',
      shared: false,
    },
  ],
  deployable_scopes: ['user', 'project'],
  entry: {
    stdio: {
      type: { field: 'type', value: 'stdio', required: false },
      command_shape: 'string',
      command_field: 'command',
      args_field: 'args',
      env_field: 'env',
      cwd_field: 'cwd',
      required: ['command'],
      optional: ['type', 'args', 'env', 'cwd', 'disabled', 'alwaysAllow', 'disabledTools', 'timeout', 'watchPaths'],
    },
    http: {
      type: { field: 'type', value: 'streamable-http', required: true },
      url_field: 'url',
      headers_field: 'headers',
      required: ['url'],
      optional: ['headers'],
    },
    sse: {
      type: { field: 'type', value: 'sse', required: true },
      url_field: 'url',
      headers_field: 'headers',
      required: ['url'],
      optional: ['headers'],
    },
    disabled: { pointer: '/disabled', off: true },
    tools: { allow: null, deny: 'disabledTools', auto_approve: 'alwaysAllow' },
    timeouts: [{ field: 'timeout', unit: 's', default: 60, max: 3600, note: '1..3600' }],
  },
  references: {
    env: '${env:{name}}',
    secret: null,
    input: null,
    fields: [],
    markers: ['${'],
    note: 'Also ${workspaceFolder}. Exact syntax unverified.',
  },
  limits: { servers: null, tools: null },
  reload_behaviour: 'both files watched',
  detect: {
    macos: ['~/Library/Application Support/Code/User/globalStorage/rooveterinaryinc.roo-cline'],
    linux: ['~/.config/Code/User/globalStorage/rooveterinaryinc.roo-cline'],
    windows: ['%APPDATA%\\Code\\User\\globalStorage\\rooveterinaryinc.roo-cline'],
    binaries: [],
  },
  notes: [
    'Mixing stdio and url fields in one entry is a validation error; url without type is an error.',
    'Discontinued: last release May 2026, repository archived.',
  ],
  limitations: [],
  state_fields: ['alwaysAllow', 'disabledTools'],
  confidence: 'verified',
  sources: [
    'RooCodeInc/Roo-Code:src/services/mcp/McpHub.ts (2026-04-14)',
    'stacklok/toolhive:pkg/client/config.go (2026-08-21)',
  ],
  dialect: {
    write_type: ['http', 'sse'],
    bridged: [],
    timeout_field: 'timeout',
    references: [],
    windows_shell_for: [],
    server_names: null,
  },
};
