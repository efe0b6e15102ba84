import type { ClientDefinition } from './client.ts';

/** Facts: public vendor documentation and released packages (`sources`), checked 2026-11-22. */
export const qoder: ClientDefinition = {
  client_id: 'qoder',
  display_name: 'Qoder',
  vendor: 'Alibaba',
  docs_url: 'https://docs.qoder.com/',
  status: 'active',
  scopes: [
    {
      scope: 'user',
      paths: {
        macos: '~/.qoder/mcp.json',
        linux: '~/.qoder/mcp.json',
        windows: '%APPDATA%\\Qoder\\SharedClientCache\\mcp.json',
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
      cwd_field: null,
      required: ['command'],
      optional: ['args', 'env'],
    },
    http: {
      type: { field: 'type', value: 'http', required: false },
      url_field: 'url',
      headers_field: 'headers',
      required: ['url'],
      optional: ['headers'],
    },
    sse: {
      type: { field: 'type', value: 'sse', required: false },
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
  reload_behaviour: 'unverified',
  detect: { macos: ['~/.qoder'], linux: ['~/.qoder'], windows: ['%APPDATA%\\Qoder'], binaries: [] },
  notes: [],
  limitations: [],
  state_fields: [],
  confidence: 'one source',
  sources: ['stacklok/toolhive:pkg/client/config.go (2026-08-21)'],
  dialect: null,
};
