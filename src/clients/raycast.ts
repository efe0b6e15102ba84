import type { ClientDefinition } from './client.ts';

/** Facts: public vendor documentation and released packages (`sources`), checked 2026-11-22. */
export const raycast: ClientDefinition = {
  client_id: 'raycast',
  display_name: 'Raycast',
  vendor: 'Raycast',
  docs_url: 'https://manual.raycast.com/ai/model-context-protocol',
  status: 'active',
  scopes: [
    {
      scope: 'app',
      paths: { macos: null, linux: null, windows: null },
      format: null,
      pointer: null,
      shared: false,
      note: 'form in the Install MCP Server command (stdio or HTTP, OAuth). A community extension kept mcp-config.json in its support folder',
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
    sse: null,
    disabled: null,
    tools: { allow: null, deny: null, auto_approve: null },
    timeouts: [],
  },
  references: null,
  limits: { servers: null, tools: null },
  reload_behaviour: 'immediate',
  detect: {
    macos: ['/Applications/Raycast.app'],
    linux: [],
    windows: ['%LOCALAPPDATA%\\Programs\\Raycast'],
    binaries: [],
  },
  notes: ['Deep link or manual entry only; export values for the form.'],
  limitations: [],
  state_fields: [],
  confidence: 'verified',
  sources: ['https://manual.raycast.com/ai/model-context-protocol', 'https://raycast.com/EvanZhouDev/mcp'],
  dialect: null,
};
