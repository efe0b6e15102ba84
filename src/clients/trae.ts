import type { ClientDefinition } from './client.ts';

/** Facts: public vendor documentation and released packages (`sources`), checked 2026-11-22. */
export const trae: ClientDefinition = {
  client_id: 'trae',
  display_name: 'Trae',
  vendor: 'ByteDance',
  docs_url: 'https://docs.trae.ai/ide/model-context-protocol',
  status: 'active',
  scopes: [
    {
      scope: 'user',
      paths: {
        macos: '~/Library/Application Support/Trae/User/mcp.json',
        linux: '~/.config/Trae/User/mcp.json',
        windows: '%APPDATA%\\Trae\\User\\mcp.json',
      },
      format: 'json',
      pointer: '/mcpServers',
      shared: false,
      env_override: [
        {
          variable: 'XDG_CONFIG_HOME',
          file: '$XDG_CONFIG_HOME/Trae/User/mcp.json',
          systems: ['linux'],
        },
      ],
    },
    {
      scope: 'project',
      paths: {
        macos: '${workspace}/.trae/mcp.json',
        linux: '${workspace}/.trae/mcp.json',
        windows: '${workspace}\\.trae\\mcp.json',
      },
      format: 'json',
      pointer: '/mcpServers',
      shared: false,
      note: 'needs Enable Project MCP',
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
      optional: ['args', 'env'],
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
  reload_behaviour: 'restart or refresh',
  trust_steps: ['Servers of a project are read only when "Enable Project MCP" is on.'],
  detect: {
    macos: ['/Applications/Trae.app', '~/Library/Application Support/Trae'],
    linux: ['~/.config/Trae'],
    windows: ['%APPDATA%\\Trae'],
    binaries: ['trae'],
  },
  notes: ['Entries from the gallery carry fromGalleryId: keep it. The China edition uses Trae CN (unverified).'],
  limitations: ['A 40-tool cap is often quoted; unverified.'],
  state_fields: ['fromGalleryId'],
  confidence: 'verified',
  sources: [
    'stacklok/toolhive:pkg/client/config.go (2026-08-21)',
    'pathintegral-institute/mcpm.sh:src/mcpm/clients/managers/ (2026-03-27)',
    'docs.rs/crate/lorum docs/tools/trae.md',
  ],
  dialect: {
    write_type: [],
    bridged: [],
    timeout_field: null,
    references: [],
    windows_shell_for: ['npx', 'uvx'],
    server_names: null,
  },
};
