import type { ClientDefinition } from './client.ts';

/** Facts: public vendor documentation and released packages (`sources`), checked 2026-11-22. */
export const githubCopilotCloudAgent: ClientDefinition = {
  client_id: 'github-copilot-cloud-agent',
  display_name: 'GitHub Copilot cloud agent (coding agent)',
  vendor: 'GitHub',
  docs_url: 'https://docs.github.com/en/copilot/how-tos/copilot-on-github/customize-copilot/configure-mcp-servers',
  status: 'active',
  scopes: [
    {
      scope: 'repository',
      paths: { macos: null, linux: null, windows: null },
      format: 'json',
      pointer: '/mcpServers',
      shared: false,
      note: 'JSON pasted into repository settings on github.com (shared with code review), or YAML front matter of custom agents',
    },
  ],
  deployable_scopes: [],
  entry: {
    stdio: {
      type: { field: 'type', value: 'local', required: true, aliases: ['stdio'] },
      command_shape: 'string',
      command_field: 'command',
      args_field: 'args',
      env_field: 'env',
      cwd_field: null,
      required: ['command', 'args', 'tools', 'type'],
      optional: ['env'],
    },
    http: {
      type: { field: 'type', value: 'http', required: true },
      url_field: 'url',
      headers_field: 'headers',
      required: ['url', 'tools', 'type'],
      optional: ['headers'],
    },
    sse: {
      type: { field: 'type', value: 'sse', required: true },
      url_field: 'url',
      headers_field: 'headers',
      required: ['url', 'tools', 'type'],
      optional: ['headers'],
    },
    disabled: null,
    tools: { allow: 'tools', deny: null, auto_approve: null },
    timeouts: [],
  },
  references: null,
  limits: { servers: null, tools: null },
  reload_behaviour: 'next agent run',
  detect: { macos: [], linux: [], windows: [], binaries: [] },
  notes: [
    'Not a file: export JSON for pasting.',
    'Agent uses tools without asking; prefer an explicit tools list.',
    'References: names of Copilot environment secrets prefixed COPILOT_MCP_.',
  ],
  limitations: ['Tools only; no OAuth remote servers.'],
  state_fields: [],
  confidence: 'verified',
  sources: [
    'https://docs.github.com/en/copilot/how-tos/use-copilot-agents/cloud-agent/extend-cloud-agent-with-mcp',
    'https://docs.github.com/en/enterprise-cloud@latest/copilot/how-tos/copilot-on-github/customize-copilot/configure-mcp-servers',
  ],
  dialect: null,
};
