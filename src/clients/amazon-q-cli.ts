import type { ClientDefinition } from './client.ts';

/** Facts: public vendor documentation and released packages (`sources`), checked 2026-11-22. */
export const amazonQCli: ClientDefinition = {
  client_id: 'amazon-q-cli',
  display_name: 'Amazon Q Developer CLI',
  vendor: 'AWS',
  docs_url: 'https://docs.aws.amazon.com/amazonq/latest/qdeveloper-ug/command-line-mcp.html',
  status: 'maintenance',
  scopes: [
    {
      scope: 'user',
      paths: {
        macos: '~/.aws/amazonq/mcp.json',
        linux: '~/.aws/amazonq/mcp.json',
        windows: '%USERPROFILE%\\.aws\\amazonq\\mcp.json',
      },
      format: 'json',
      pointer: '/mcpServers',
      shared: false,
    },
    {
      scope: 'project',
      paths: {
        macos: '${workspace}/.amazonq/mcp.json',
        linux: '${workspace}/.amazonq/mcp.json',
        windows: '${workspace}\\.amazonq\\mcp.json',
      },
      format: 'json',
      pointer: '/mcpServers',
      shared: false,
    },
    {
      scope: 'agent',
      paths: {
        macos: '~/.aws/amazonq/cli-agents/*.json',
        linux: '~/.aws/amazonq/cli-agents/*.json',
        windows: '%USERPROFILE%\\.aws\\amazonq\\cli-agents\\*.json',
      },
      format: 'json',
      pointer: '/mcpServers',
      shared: true,
      note: 'agent files; useLegacyMcpJson decides whether mcp.json is read',
    },
  ],
  deployable_scopes: ['user', 'project'],
  entry: {
    stdio: {
      type: { field: 'type', value: 'stdio', required: false },
      command_shape: 'string',
      command_field: 'command',
      args_field: 'args',
      env_field: 'env',
      cwd_field: null,
      required: ['command'],
      optional: ['type', 'args', 'env', 'timeout', 'disabled'],
    },
    http: {
      type: { field: 'type', value: 'http', required: true },
      url_field: 'url',
      headers_field: 'headers',
      required: ['url'],
      optional: ['headers', 'oauthScopes', 'oauth', 'timeout', 'disabled'],
    },
    sse: null,
    disabled: { pointer: '/disabled', off: true },
    tools: { allow: null, deny: null, auto_approve: null },
    timeouts: [{ field: 'timeout', unit: 'ms', default: null }],
  },
  references: {
    env: '${env:{name}}',
    secret: null,
    input: null,
    fields: [],
    markers: ['${'],
    note: 'Unverified.',
  },
  limits: { servers: null, tools: null },
  reload_behaviour: 'new session',
  detect: { macos: ['~/.aws/amazonq'], linux: ['~/.aws/amazonq'], windows: [], binaries: ['q'] },
  notes: [
    'Superseded by Kiro CLI: repository says only critical fixes.',
    'The CLI rewrites mcp.json with only mcpServers: unknown top-level keys are lost on its own saves.',
  ],
  limitations: [],
  state_fields: [],
  confidence: 'one source',
  sources: [
    'aws/amazon-q-developer-cli:crates/chat-cli/src/util/paths.rs, src/cli/agent/mcp_config.rs, src/cli/chat/tools/custom_tool.rs, README.md (2026-04-23)',
  ],
  dialect: {
    write_type: ['http'],
    bridged: ['sse'],
    timeout_field: 'timeout',
    references: [],
    windows_shell_for: ['npx', 'uvx'],
    server_names: null,
  },
};
