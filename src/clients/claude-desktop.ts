import type { ClientDefinition } from './client.ts';

/** Facts: public vendor documentation and released packages (`sources`), checked 2026-11-22. */
export const claudeDesktop: ClientDefinition = {
  client_id: 'claude-desktop',
  display_name: 'Claude Desktop',
  vendor: 'Anthropic',
  docs_url: 'https://modelcontextprotocol.io/docs/develop/connect-local-servers',
  status: 'active',
  scopes: [
    {
      scope: 'user',
      paths: {
        macos: '~/Library/Application Support/Claude/claude_desktop_config.json',
        linux: '~/.config/Claude/claude_desktop_config.json',
        windows: '%APPDATA%\\Claude\\claude_desktop_config.json',
      },
      format: 'json',
      pointer: '/mcpServers',
      shared: true,
      env_override: [
        {
          variable: 'XDG_CONFIG_HOME',
          file: '$XDG_CONFIG_HOME/Claude/claude_desktop_config.json',
          systems: ['linux'],
        },
      ],
      alternate_paths: {
        windows: ['%LOCALAPPDATA%\\Packages\\Claude_*\\LocalCache\\Roaming\\Claude\\claude_desktop_config.json'],
      },
    },
  ],
  deployable_scopes: ['user'],
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
    http: null,
    sse: null,
    disabled: null,
    tools: { allow: null, deny: null, auto_approve: null },
    timeouts: [],
  },
  references: null,
  limits: { servers: null, tools: null },
  reload_behaviour: 'full quit and restart (closing the window is not enough)',
  detect: {
    macos: ['/Applications/Claude.app', '~/Library/Application Support/Claude'],
    linux: ['~/.config/Claude'],
    windows: ['%APPDATA%\\Claude', '%LOCALAPPDATA%\\Packages\\Claude_*', '%LOCALAPPDATA%\\AnthropicClaude'],
    binaries: [],
  },
  notes: [
    'The file must be strict JSON: a comment or a trailing comma makes the app ignore every server.',
    'The app keeps other preferences in the same file and rewrites it; deploy while the app is closed if you can.',
    'Windows installations from the Store, winget or an MSIX package read a private copy below %LOCALAPPDATA%\\Packages\\Claude_*; what is written to %APPDATA%\\Claude is silently ignored there.',
    'The vendor documents macOS and Windows; the Linux path is what current builds use.',
    'Servers get a small environment: prefer absolute paths for commands.',
  ],
  limitations: [
    'Remote servers run through the mcp-remote bridge.',
    'No references: values are literal.',
    'No switched-off entries, tool filters, timeouts or working directories.',
  ],
  state_fields: [],
  confidence: 'verified',
  sources: [
    'https://modelcontextprotocol.io/docs/develop/connect-local-servers',
    'https://github.com/anthropics/claude-code/issues/26073 (MSIX path)',
    'npm:add-mcp@2.4.0 (dist bundle + README)',
    'pathintegral-institute/mcpm.sh:src/mcpm/clients/managers/ (2026-03-27)',
    'docker/mcp-gateway:pkg/client/config.yml (2026-07-23)',
    'npm:mcp-remote@0.15.1 README',
  ],
  dialect: {
    write_type: [],
    bridged: ['http', 'sse'],
    timeout_field: null,
    references: [],
    windows_shell_for: ['npx', 'uvx'],
    server_names: null,
  },
};
