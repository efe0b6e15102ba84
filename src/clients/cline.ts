import type { ClientDefinition } from './client.ts';

/** Facts: public vendor documentation and released packages (`sources`), checked 2026-11-22. */
export const cline: ClientDefinition = {
  client_id: 'cline',
  display_name: 'Cline (VS Code extension, JetBrains, CLI)',
  vendor: 'Cline',
  docs_url: 'https://docs.cline.bot/mcp/mcp-overview',
  status: 'active',
  scopes: [
    {
      scope: 'user',
      paths: {
        macos: '~/.cline/data/settings/cline_mcp_settings.json',
        linux: '~/.cline/data/settings/cline_mcp_settings.json',
        windows: '%USERPROFILE%\\.cline\\data\\settings\\cline_mcp_settings.json',
      },
      format: 'json',
      pointer: '/mcpServers',
      shared: false,
      env_override: [
        { variable: 'CLINE_MCP_SETTINGS_PATH', file: '$CLINE_MCP_SETTINGS_PATH' },
        { variable: 'CLINE_DATA_DIR', file: '$CLINE_DATA_DIR/settings/cline_mcp_settings.json' },
        { variable: 'CLINE_DIR', file: '$CLINE_DIR/data/settings/cline_mcp_settings.json' },
      ],
      note: 'shared by extension and CLI in current versions',
    },
    {
      scope: 'user-legacy',
      paths: {
        macos:
          '~/Library/Application Support/Code/User/globalStorage/saoudrizwan.claude-dev/settings/cline_mcp_settings.json',
        linux: '~/.config/Code/User/globalStorage/saoudrizwan.claude-dev/settings/cline_mcp_settings.json',
        windows: '%APPDATA%\\Code\\User\\globalStorage\\saoudrizwan.claude-dev\\settings\\cline_mcp_settings.json',
      },
      format: 'json',
      pointer: '/mcpServers',
      shared: false,
      env_override: [
        {
          variable: 'XDG_CONFIG_HOME',
          file: '$XDG_CONFIG_HOME/Code/User/globalStorage/saoudrizwan.claude-dev/settings/cline_mcp_settings.json',
          systems: ['linux'],
        },
      ],
      former: true,
      note: 'migrated once into the shared file by current versions; other editors use their own user folder (Cursor, Code - Insiders, Windsurf)',
    },
  ],
  deployable_scopes: ['user', 'user-legacy'],
  entry: {
    stdio: {
      type: { field: 'type', value: 'stdio', required: false },
      command_shape: 'string',
      command_field: 'command',
      args_field: 'args',
      env_field: 'env',
      cwd_field: 'cwd',
      required: ['command'],
      optional: ['type', 'args', 'env', 'cwd', 'disabled', 'autoApprove', 'timeout'],
    },
    http: {
      type: { field: 'type', value: 'streamableHttp', required: true },
      url_field: 'url',
      headers_field: 'headers',
      required: ['url'],
      optional: ['headers', 'disabled', 'autoApprove', 'timeout', 'oauth'],
    },
    sse: {
      type: { field: 'type', value: 'sse', required: false },
      url_field: 'url',
      headers_field: 'headers',
      required: ['url'],
      optional: ['headers'],
      note: 'default when url has no type',
    },
    disabled: { pointer: '/disabled', off: true },
    tools: { allow: null, deny: null, auto_approve: 'autoApprove' },
    timeouts: [{ field: 'timeout', unit: 's', default: 60, max: 3600, note: 'clamped 1..3600' }],
  },
  references: null,
  limits: { servers: null, tools: null },
  reload_behaviour: 'file watched; servers restart on change',
  detect: {
    macos: ['~/.cline', '~/Library/Application Support/Code/User/globalStorage/saoudrizwan.claude-dev'],
    linux: ['~/.cline', '~/.config/Code/User/globalStorage/saoudrizwan.claude-dev'],
    windows: ['%USERPROFILE%\\.cline', '%APPDATA%\\Code\\User\\globalStorage\\saoudrizwan.claude-dev'],
    binaries: ['cline'],
  },
  notes: [
    'A url entry without type is opened as legacy SSE: always write streamableHttp.',
    'Keep oauth, metadata, remoteConfigured and __vscodeLegacyMcpSettingsMigration-style markers that Cline stores in the file.',
    'The CLI writes {"transport": {...}} entries; both forms are read.',
  ],
  limitations: [],
  state_fields: ['oauth', 'metadata', 'remoteConfigured', 'autoApprove'],
  confidence: 'verified',
  sources: [
    'cline/cline:apps/vscode/src/services/mcp/schemas.ts, sdk/packages/shared/src/storage/paths.ts, sdk/packages/shared/src/mcp.ts, docs/mcp/mcp-overview.mdx (2026-08-22)',
    'npm:add-mcp@2.4.0 (dist bundle + README)',
    'dyoshikawa/rulesync:src/features/mcp/ (2026-08-18)',
    'stacklok/toolhive:pkg/client/config.go (2026-08-21)',
    'docker/mcp-gateway:pkg/client/config.yml (2026-07-23)',
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
