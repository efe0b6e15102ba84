import type { ClientDefinition } from './client.ts';

/** Facts: public vendor documentation and released packages (`sources`), checked 2026-11-22. */
export const n8n: ClientDefinition = {
  client_id: 'n8n',
  display_name: 'n8n (MCP Client and MCP Client Tool nodes)',
  vendor: 'n8n',
  docs_url: 'https://docs.n8n.io/integrations/builtin/cluster-nodes/sub-nodes/n8n-nodes-langchain.toolmcp',
  status: 'active',
  scopes: [
    {
      scope: 'workflow',
      paths: { macos: null, linux: null, windows: null },
      format: null,
      pointer: null,
      shared: false,
      note: 'node parameters inside a workflow plus a credential (bearer, header, multiple headers, OAuth2)',
    },
  ],
  deployable_scopes: [],
  entry: {
    stdio: null,
    http: {
      type: null,
      url_field: 'endpointUrl',
      headers_field: 'headers',
      required: ['endpointUrl'],
      optional: ['headers'],
      note: 'Server Transport parameter selects HTTP streamable or SSE',
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
    timeouts: [{ field: 'timeout', unit: 'ms', default: null }],
  },
  references: null,
  limits: { servers: null, tools: null },
  reload_behaviour: 'next execution',
  detect: { macos: [], linux: [], windows: [], binaries: [] },
  notes: [
    "Not a file. Generate workflow JSON/credential stubs through n8n's API. stdio needs the community node n8n-nodes-mcp.",
    'References: n8n expressions and credentials.',
  ],
  limitations: [],
  state_fields: [],
  confidence: 'verified',
  sources: [
    'https://docs.n8n.io/integrations/builtin/core-nodes/n8n-nodes-langchain.mcpClient',
    'https://docs.n8n.io/integrations/builtin/cluster-nodes/sub-nodes/n8n-nodes-langchain.toolmcp',
  ],
  dialect: null,
};
