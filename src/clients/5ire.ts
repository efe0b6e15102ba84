import type { ClientDefinition } from './client.ts';

/** Facts: public vendor documentation and released packages (`sources`), checked 2026-11-22. */
export const fiveIre: ClientDefinition = {
  client_id: '5ire',
  display_name: '5ire',
  vendor: 'nanbingxyz',
  docs_url: 'https://5ire.app/',
  status: 'active',
  scopes: [
    {
      scope: 'user',
      paths: {
        macos: '~/Library/Application Support/5ire/mcp.json',
        linux: '~/.config/5ire/mcp.json',
        windows: '%APPDATA%\\5ire\\mcp.json',
      },
      format: 'json',
      pointer: '/mcpServers',
      shared: false,
      env_override: [{ variable: 'XDG_CONFIG_HOME', file: '$XDG_CONFIG_HOME/5ire/mcp.json', systems: ['linux'] }],
      note: 'Electron userData; newer source keeps servers in a local database',
    },
  ],
  deployable_scopes: [],
  entry: {
    stdio: {
      type: { field: 'type', value: 'local', required: true },
      command_shape: 'string',
      command_field: 'command',
      args_field: 'args',
      env_field: 'env',
      cwd_field: null,
      required: ['key', 'type', 'command', 'isActive'],
      optional: ['name', 'args', 'env', 'description', 'proxy', 'approvalPolicy'],
    },
    http: {
      type: { field: 'type', value: 'remote', required: true },
      url_field: 'url',
      headers_field: 'headers',
      required: ['key', 'type', 'url', 'isActive'],
      optional: ['headers'],
    },
    sse: {
      type: { field: 'type', value: 'remote', required: true },
      url_field: 'url',
      headers_field: 'headers',
      required: ['url'],
      optional: ['headers'],
    },
    disabled: { pointer: '/isActive', off: false },
    tools: { allow: null, deny: null, auto_approve: null },
    timeouts: [],
  },
  references: null,
  limits: { servers: null, tools: null },
  reload_behaviour: 'restart',
  detect: {
    macos: ['/Applications/5ire.app', '~/Library/Application Support/5ire'],
    linux: ['~/.config/5ire'],
    windows: ['%APPDATA%\\5ire'],
    binaries: [],
  },
  notes: [
    'Entry key and map key must agree. Current code has a database-backed servers manager beside the file reader.',
  ],
  limitations: [],
  state_fields: [],
  confidence: 'verified',
  sources: [
    'nanbingxyz/5ire:src/main/mcp.ts, src/types/mcp.d.ts, src/main/services/mcp-servers-manager.ts (2026-07-15)',
    'pathintegral-institute/mcpm.sh:src/mcpm/clients/managers/ (2026-03-27)',
  ],
  dialect: null,
};
