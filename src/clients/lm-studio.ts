import type { ClientDefinition } from './client.ts';

/** Facts: public vendor documentation and released packages (`sources`), checked 2026-11-22. */
export const lmStudio: ClientDefinition = {
  client_id: 'lm-studio',
  display_name: 'LM Studio',
  vendor: 'Element Labs',
  docs_url: 'https://lmstudio.ai/docs/app/mcp',
  status: 'active',
  scopes: [
    {
      scope: 'user',
      paths: {
        macos: '~/.lmstudio/mcp.json',
        linux: '~/.lmstudio/mcp.json',
        windows: '%USERPROFILE%\\.lmstudio\\mcp.json',
      },
      format: 'json',
      pointer: '/mcpServers',
      shared: false,
      alternate_paths: {
        macos: ['~/.cache/lm-studio/mcp.json'],
        linux: ['~/.cache/lm-studio/mcp.json'],
        windows: ['%USERPROFILE%\\.cache\\lm-studio\\mcp.json'],
      },
      note: 'Older installations keep the file in ~/.cache/lm-studio.',
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
  reload_behaviour: 'saving in the in-app editor reloads; external edits may need a restart (unverified)',
  detect: {
    macos: ['/Applications/LM Studio.app', '~/.lmstudio'],
    linux: ['~/.lmstudio'],
    windows: ['%USERPROFILE%\\.lmstudio'],
    binaries: ['lms'],
  },
  notes: [
    "Follows Cursor's notation. The home folder can be moved by the user (pointer file ~/.lmstudio-home-pointer, unverified).",
  ],
  limitations: [],
  state_fields: [],
  confidence: 'verified',
  sources: [
    'https://lmstudio.ai/docs/app/mcp',
    'stacklok/toolhive:pkg/client/config.go (2026-08-21)',
    'docker/mcp-gateway:pkg/client/config.yml (2026-07-23)',
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
