import { McpServer } from '@modelcontextprotocol/server';
import type { Connection, Offer } from '../../src/adapters/mcp/mcp.ts';
import { registerContentTools, registerPrompts, registerResources } from './content.ts';
import { registerRounds, registerServerRequests, STATES } from './questions.ts';

/** What the public conformance suite looks for, to be served by the HTTP and auth stack of the product. */
export const FIXTURES: Offer = {
  server({ era, subscriptions }: Connection): McpServer {
    const tells = era === 'modern' || subscriptions !== undefined;
    const server = new McpServer(
      { name: 'conformance-fixtures', version: '1.0.0' },
      {
        capabilities: {
          tools: { listChanged: false },
          resources: { subscribe: tells, listChanged: tells },
          prompts: { listChanged: false },
          completions: {},
          logging: {},
        },
        requestState: { verify: STATES.verify },
      },
    );
    registerContentTools(server);
    registerResources(server);
    registerPrompts(server);
    if (era === 'modern') registerRounds(server);
    else registerServerRequests(server);
    subscriptions?.serve(server, async (uri) => uri.startsWith('test://'));
    return server;
  },
  mayRead: (_principal, uri) => uri.startsWith('test://'),
};
