import type { ClientDefinition } from './client.ts';

/** Facts: public vendor documentation and released packages (`sources`), checked 2026-11-22. */
export const junie: ClientDefinition = {
  client_id: 'junie',
  display_name: 'JetBrains Junie (IDE and CLI)',
  vendor: 'JetBrains',
  docs_url: 'https://www.jetbrains.com/help/junie/model-context-protocol-mcp.html',
  status: 'active',
  scopes: [
    {
      scope: 'user',
      paths: {
        macos: '~/.junie/mcp/mcp.json',
        linux: '~/.junie/mcp/mcp.json',
        windows: '%USERPROFILE%\\.junie\\mcp\\mcp.json',
      },
      format: 'json',
      pointer: '/mcpServers',
      shared: false,
    },
    {
      scope: 'project',
      paths: {
        macos: '${workspace}/.junie/mcp/mcp.json',
        linux: '${workspace}/.junie/mcp/mcp.json',
        windows: '${workspace}\\.junie\\mcp\\mcp.json',
      },
      format: 'json',
      pointer: '/mcpServers',
      shared: false,
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
      note: 'older help says stdio only; newer versions accept url (unverified)',
    },
    sse: null,
    disabled: null,
    tools: { allow: null, deny: null, auto_approve: null },
    timeouts: [],
  },
  references: null,
  limits: { servers: null, tools: null },
  reload_behaviour: 'unverified',
  detect: {
    macos: ['~/.junie'],
    linux: ['~/.junie'],
    windows: ['%USERPROFILE%\\.junie'],
    binaries: ['junie'],
  },
  notes: ["Separate from AI Assistant's list."],
  limitations: [],
  state_fields: [],
  confidence: 'one source',
  sources: [
    'dyoshikawa/rulesync:src/features/mcp/ (2026-08-18)',
    'https://www.jetbrains.com/help/junie/model-context-protocol-mcp.html',
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
