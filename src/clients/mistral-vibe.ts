import type { ClientDefinition } from './client.ts';

/** Facts: public vendor documentation and released packages (`sources`), checked 2026-11-22. */
export const mistralVibe: ClientDefinition = {
  client_id: 'mistral-vibe',
  display_name: 'Mistral Vibe',
  vendor: 'Mistral AI',
  docs_url: 'https://docs.mistral.ai/',
  status: 'active',
  scopes: [
    {
      scope: 'user',
      paths: {
        macos: '~/.vibe/config.toml',
        linux: '~/.vibe/config.toml',
        windows: '%USERPROFILE%\\.vibe\\config.toml',
      },
      format: 'toml',
      pointer: '/mcp_servers',
      shared: true,
      container: 'list',
    },
    {
      scope: 'project',
      paths: {
        macos: '${workspace}/.vibe/config.toml',
        linux: '${workspace}/.vibe/config.toml',
        windows: '${workspace}\\.vibe\\config.toml',
      },
      format: 'toml',
      pointer: '/mcp_servers',
      shared: true,
      container: 'list',
    },
  ],
  deployable_scopes: [],
  entry: {
    stdio: {
      type: { field: 'transport', value: 'stdio', required: false },
      command_shape: 'string',
      command_field: 'command',
      args_field: 'args',
      env_field: 'env',
      cwd_field: 'cwd',
      required: ['name', 'transport', 'command'],
      optional: [
        'args',
        'env',
        'cwd',
        'startup_timeout_sec',
        'tool_timeout_sec',
        'prompt',
        'sampling_enabled',
        'disabled',
        'disabled_tools',
      ],
    },
    http: {
      type: { field: 'transport', value: 'streamable-http', required: false, aliases: ['http'] },
      url_field: 'url',
      headers_field: 'headers',
      required: ['name', 'transport', 'url'],
      optional: ['headers', 'auth'],
    },
    sse: null,
    disabled: { pointer: '/disabled', off: true },
    tools: { allow: null, deny: 'disabled_tools', auto_approve: null },
    timeouts: [
      { field: 'startup_timeout_sec', unit: 's', default: null },
      { field: 'tool_timeout_sec', unit: 's', default: null },
    ],
  },
  references: null,
  limits: { servers: null, tools: null },
  reload_behaviour: 'new session',
  detect: { macos: ['~/.vibe'], linux: ['~/.vibe'], windows: ['%USERPROFILE%\\.vibe'], binaries: ['vibe'] },
  notes: [
    'The only covered TOML client with an array of tables: merge by name, keep order and fields that its /mcp panel wrote. Mixing an [auth] table with legacy top-level auth keys is an error.',
  ],
  limitations: [],
  state_fields: ['prompt', 'sampling_enabled', 'disabled_tools'],
  confidence: 'verified',
  sources: [
    'stacklok/toolhive:pkg/client/config.go (2026-08-21)',
    'dyoshikawa/rulesync:src/features/mcp/ (2026-08-18)',
  ],
  dialect: null,
};
