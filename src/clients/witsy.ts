import type { ClientDefinition } from './client.ts';

/** Facts: public vendor documentation and released packages (`sources`), checked 2026-11-22. */
export const witsy: ClientDefinition = {
  client_id: 'witsy',
  display_name: 'Witsy',
  vendor: 'Nicolas Bonamy',
  docs_url: 'https://github.com/nbonamy/witsy',
  status: 'active',
  scopes: [
    {
      scope: 'user',
      paths: {
        macos: '~/Library/Application Support/Witsy/settings.json',
        linux: '~/.config/Witsy/settings.json',
        windows: '%APPDATA%\\Witsy\\settings.json',
      },
      format: 'json',
      pointer: '/mcpServers',
      shared: true,
      env_override: [
        {
          variable: 'XDG_CONFIG_HOME',
          file: '$XDG_CONFIG_HOME/Witsy/settings.json',
          systems: ['linux'],
        },
      ],
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
    },
    disabled: null,
    tools: { allow: null, deny: null, auto_approve: null },
    timeouts: [],
  },
  references: null,
  limits: { servers: null, tools: null },
  reload_behaviour: 'unverified',
  detect: {
    macos: ['/Applications/Witsy.app'],
    linux: ['~/.config/Witsy'],
    windows: ['%APPDATA%\\Witsy'],
    binaries: [],
  },
  notes: ['Public repository now holds only a README, so path and shape could not be checked.'],
  limitations: [],
  state_fields: [],
  confidence: 'unverified',
  sources: ['nbonamy/witsy (README only, 2026-04-14)'],
  dialect: null,
};
