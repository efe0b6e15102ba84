import { z } from 'zod';
import { listServers, ServerList } from '../catalog/listed.ts';
import { catalogOf } from './added-servers.ts';
import { defineOperation } from './operation.ts';
import { counted } from './words.ts';

export const TransportWord = z.enum(['stdio', 'http', 'sse', 'streamable-http']).meta({
  description: '`streamable-http` is another word for `http`.',
});

export const listAvailableServers = defineOperation({
  id: 'servers.list',
  summary: 'List and search the MCP servers of the catalog',
  effect: 'read',
  input: z.strictObject({
    transport_filter: TransportWord.optional(),
    search_query: z
      .string()
      .max(200)
      .optional()
      .meta({ description: 'Words that all must occur in id, name, description, tags or package.' }),
  }),
  example: { search_query: 'memory' },
  output: ServerList,
  errors: [],
  permission: { needs: 'config:read', bound: 'open' },
  rest: { method: 'GET', path: '/v1/servers' },
  holdsUntil: () => null,
  mcp: { tool: 'list_available_servers', resource: { name: 'server registry', uri: 'server://registry' } },
  cli: {
    verb: 'list-servers',
    flags: { transport_filter: 'transport', search_query: 'search' },
    positional: ['search_query'],
    text: ({ servers, count }, style) => ({
      out: style.table(
        ['server', 'transports', 'needs', 'description'],
        servers.map((server) => [
          server.status === 'active' ? style.bold(server.server_id) : style.dim(server.server_id),
          server.transports.join(', '),
          server.requires_env.join(', '),
          server.description,
        ]),
      ),
      note: `${counted(count, 'server')}. See one with: mcp-orchestration describe-server SERVER`,
    }),
  },
  async run(context, input) {
    return listServers(input, await catalogOf(context));
  },
});
