import type { CatalogServer } from '../server.ts';

/** Templates for servers that the catalog does not know. From public vendor documentation, checked 2026-11-22. */
export const TEMPLATES: readonly CatalogServer[] = [
  {
    server_id: 'custom-stdio',
    display_name: 'Custom local server (template)',
    description: 'Template for a local command.',
    first_party: false,
    categories: ['template'],
    tags: ['template'],
    documentation_url: 'https://modelcontextprotocol.io/docs/develop/build-server',
    maintained: true,
    status: 'template',
    confidence: 'high',
    warnings: [],
    transports: [
      {
        type: 'stdio',
        runtime: 'command',
        package: null,
        command: '{command}',
        args: [{ each: 'arguments', args: ['{arguments}'] }],
        parameters: [
          {
            name: 'command',
            type: 'string',
            description: 'Executable.',
            required: true,
            example: '/usr/local/bin/my-mcp-server',
          },
          { name: 'arguments', type: 'string', description: 'Arguments, one per entry.', repeated: true },
        ],
        env: [],
      },
    ],
  },
  {
    server_id: 'custom-api',
    display_name: 'Custom remote server (template)',
    description: 'Template for any Streamable HTTP endpoint.',
    first_party: false,
    categories: ['template'],
    tags: ['template'],
    documentation_url: 'https://modelcontextprotocol.io/specification/latest/basic/transports',
    maintained: true,
    status: 'template',
    confidence: 'high',
    warnings: [],
    transports: [
      {
        type: 'streamable-http',
        url: '{url}',
        auth: 'header',
        auth_optional: true,
        headers: [{ name: '{header_name}', value: '{header_value}', secret: true, description: 'Optional header.' }],
        parameters: [
          {
            name: 'url',
            type: 'url',
            description: 'Endpoint.',
            required: true,
            example: 'https://mcp.example.com/mcp',
          },
          { name: 'header_name', type: 'string', description: 'Header name.', default: 'Authorization' },
          { name: 'header_value', type: 'string', description: 'Header value.', secret: true, example: 'Bearer ...' },
        ],
      },
    ],
  },
  {
    server_id: 'custom-sse',
    display_name: 'Custom remote SSE server (template)',
    description: 'Template for a legacy HTTP+SSE endpoint.',
    first_party: false,
    categories: ['template'],
    tags: ['template', 'deprecated-transport'],
    documentation_url: 'https://modelcontextprotocol.io/specification/latest/basic/transports',
    maintained: true,
    status: 'template',
    note: 'HTTP+SSE is a deprecated transport of the protocol.',
    confidence: 'high',
    warnings: [],
    transports: [
      {
        type: 'sse',
        url: '{url}',
        auth: 'header',
        auth_optional: true,
        headers: [{ name: 'Authorization', value: '{header_value}', secret: true, description: 'Optional header.' }],
        parameters: [
          {
            name: 'url',
            type: 'url',
            description: 'SSE endpoint.',
            required: true,
            example: 'https://mcp.example.com/sse',
          },
          { name: 'header_value', type: 'string', description: 'Header value.', secret: true },
        ],
      },
    ],
  },
];
