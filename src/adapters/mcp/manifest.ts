import { LATEST_PROTOCOL_VERSION } from '@modelcontextprotocol/server';
import { z } from 'zod';
import type { Operation } from '../../operations/operation.ts';
import { type McpSettings, toolsOf } from './mcp.ts';

/** Documents by which others find out what this server is. Both are made of the operations, and of nothing of a user. */

const NAME = 'mcp-orchestration';
const HOMEPAGE = 'https://github.com/liminalcommons/mcp-orchestration';
const DESCRIPTION = 'Control plane for the MCP configuration of AI clients: draft, validate, sign, publish, deploy.';
const SCHEMA = 'https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json';

/** Our own number of the shape below, because the draft that it comes from never got one. */
const MANIFEST_VERSION = '1';

/** `/.well-known/mcp-server.json`, in the shape of the first draft of the Universal Loadability Format. */
export function manifestOf(operations: readonly Operation[], settings: McpSettings, at: string, sse: boolean): object {
  return {
    manifest_version: MANIFEST_VERSION,
    name: NAME,
    version: settings.version,
    description: DESCRIPTION,
    author: 'liminalcommons',
    license: 'Apache-2.0',
    mcp: {
      protocol_version: LATEST_PROTOCOL_VERSION,
      transport: {
        stdio: { command: NAME, args: ['serve'] },
        http: { url: `${at}/mcp`, auth: 'bearer', ...(sse && { sse_endpoint: `${at}/sse` }) },
      },
      capabilities: { tools: true, resources: true, prompts: true },
      tools: toolsOf(operations, settings.toolsets).map(({ mcp, id, summary, input }) => ({
        name: mcp?.tool ?? id,
        description: summary,
        input_schema: z.toJSONSchema(input, { io: 'input' }),
      })),
    },
    tags: ['mcp', 'configuration', 'control-plane'],
    homepage: HOMEPAGE,
    documentation: `${HOMEPAGE}/tree/main/user-docs`,
  };
}

/** `server.json` of the public registry (schema of 2025-12-11). There is no remote: everybody runs a server of their own. */
export function registryEntryOf(operations: readonly Operation[], version: string): object {
  const bound = operations.flatMap(({ mcp }) => (mcp ? [mcp] : []));
  return {
    $schema: SCHEMA,
    name: `io.github.liminalcommons/${NAME}`,
    title: 'MCP orchestration',
    description: DESCRIPTION,
    version,
    websiteUrl: HOMEPAGE,
    repository: { url: HOMEPAGE, source: 'github' },
    packages: [
      {
        registryType: 'npm',
        identifier: NAME,
        version,
        runtimeHint: 'npx',
        transport: { type: 'stdio' },
        packageArguments: [
          { type: 'positional', value: 'serve' },
          {
            type: 'named',
            name: '--kind',
            description: 'user: all that you may do; agent: read, draft, validate and compare only',
            choices: ['user', 'agent'],
            default: 'agent',
          },
        ],
        environmentVariables: [
          {
            name: 'MCP_ORCHESTRATION_HOME',
            description: 'Data directory; ~/.mcp-orchestration when it is left out',
            format: 'filepath',
          },
        ],
      },
    ],
    _meta: {
      'io.modelcontextprotocol.registry/publisher-provided': {
        tools: toolsOf(operations, new Set()).map(({ mcp, id }) => mcp?.tool ?? id),
        resources: bound.flatMap(({ resource }) => resource?.uri ?? []),
      },
    },
  };
}
