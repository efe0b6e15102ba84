import type { ClientDefinition } from './client.ts';

/** Facts: public vendor documentation and released packages (`sources`), checked 2026-11-22. */
export const augment: ClientDefinition = {
  client_id: 'augment',
  display_name: 'Augment (Auggie CLI)',
  vendor: 'Augment Code',
  docs_url: 'https://docs.augmentcode.com/cli/integrations',
  status: 'active',
  scopes: [
    {
      scope: 'user',
      paths: {
        macos: '~/.augment/settings.json',
        linux: '~/.augment/settings.json',
        windows: '%USERPROFILE%\\.augment\\settings.json',
      },
      format: 'json',
      pointer: '/mcpServers',
      shared: true,
    },
    {
      scope: 'project',
      paths: {
        macos: '${workspace}/.augment/settings.json',
        linux: '${workspace}/.augment/settings.json',
        windows: '${workspace}\\.augment\\settings.json',
      },
      format: 'json',
      pointer: '/mcpServers',
      shared: true,
    },
    {
      scope: 'project-local',
      paths: {
        macos: '${workspace}/.augment/settings.local.json',
        linux: '${workspace}/.augment/settings.local.json',
        windows: '${workspace}\\.augment\\settings.local.json',
      },
      format: 'json',
      pointer: '/mcpServers',
      shared: true,
      note: 'gitignored',
    },
  ],
  deployable_scopes: [],
  entry: {
    stdio: {
      type: { field: 'type', value: 'stdio', required: false },
      command_shape: 'string',
      command_field: 'command',
      args_field: 'args',
      env_field: 'env',
      cwd_field: null,
      required: ['command'],
      optional: ['type', 'args', 'env'],
    },
    http: {
      type: { field: 'type', value: 'http', required: true },
      url_field: 'url',
      headers_field: 'headers',
      required: ['url'],
      optional: ['headers'],
    },
    sse: {
      type: { field: 'type', value: 'sse', required: true },
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
  reload_behaviour: 'new session; --mcp-config adds a file at run time',
  detect: {
    macos: ['~/.augment'],
    linux: ['~/.augment'],
    windows: ['%USERPROFILE%\\.augment'],
    binaries: ['auggie'],
  },
  notes: [
    'Shared with hooks and toolPermissions. IDE extensions keep their own list in the settings panel (JSON import).',
  ],
  limitations: [],
  state_fields: [],
  confidence: 'verified',
  sources: [
    'https://www.augmentcode.com/changelog/auggie-cli-0-5-4-release-notes',
    'https://docs.augmentcode.com/cli/integrations',
    'dyoshikawa/rulesync:src/features/mcp/ (2026-08-18)',
  ],
  dialect: null,
};
