import type { ClientDefinition } from './client.ts';

/** Facts: public vendor documentation and released packages (`sources`), checked 2026-11-22. */
export const jetbrainsAiAssistant: ClientDefinition = {
  client_id: 'jetbrains-ai-assistant',
  display_name: 'JetBrains AI Assistant',
  vendor: 'JetBrains',
  docs_url: 'https://www.jetbrains.com/help/ai-assistant/mcp.html',
  status: 'active',
  scopes: [
    {
      scope: 'user',
      paths: {
        macos: '~/.ai/mcp/mcp.json',
        linux: '~/.ai/mcp/mcp.json',
        windows: '%USERPROFILE%\\.ai\\mcp\\mcp.json',
      },
      format: 'json',
      pointer: '/mcpServers',
      shared: false,
    },
    {
      scope: 'project',
      paths: {
        macos: '${workspace}/.ai/mcp/mcp.json',
        linux: '${workspace}/.ai/mcp/mcp.json',
        windows: '${workspace}\\.ai\\mcp\\mcp.json',
      },
      format: 'json',
      pointer: '/mcpServers',
      shared: false,
    },
    {
      scope: 'ide-settings',
      paths: { macos: null, linux: null, windows: null },
      format: 'json',
      pointer: '/mcpServers',
      shared: false,
      note: 'Settings | Tools | AI Assistant | Model Context Protocol: JSON pasted per IDE, global or project level',
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
      note: 'url; transport detected',
    },
    disabled: null,
    tools: { allow: null, deny: null, auto_approve: null },
    timeouts: [],
  },
  references: null,
  limits: { servers: null, tools: null },
  reload_behaviour: 'apply in settings',
  detect: {
    macos: ['~/Library/Application Support/JetBrains'],
    linux: ['~/.config/JetBrains'],
    windows: ['%APPDATA%\\JetBrains'],
    binaries: ['idea', 'pycharm', 'webstorm', 'goland', 'rider'],
  },
  notes: [
    'Official help describes the settings dialog and import from Claude; the .ai/mcp/mcp.json files are reported by third parties citing the same help. Writing them is experimental.',
  ],
  limitations: [],
  state_fields: [],
  confidence: 'one source',
  sources: [
    'dyoshikawa/rulesync:src/features/mcp/ (2026-08-18)',
    'https://www.jetbrains.com/help/ai-assistant/mcp.html',
  ],
  dialect: null,
};
