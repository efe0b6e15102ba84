import type { Readable, Writable } from 'node:stream';
import { StdioServerTransport, serveStdio } from '@modelcontextprotocol/server/stdio';
import type { Operation } from '../../operations/operation.ts';
import { type McpSettings, mcpServer } from './mcp.ts';

/**
 * Serves MCP over a pair of streams, for clients of both protocol eras, until the input ends.
 * Nothing but protocol goes to `stdout`.
 */
export async function serveMcpStdio(
  operations: readonly Operation[],
  settings: McpSettings,
  streams: { stdin: Readable; stdout: Writable },
): Promise<void> {
  const ended = new Promise<void>((resolve) => {
    streams.stdin.once('end', resolve);
    streams.stdin.once('close', resolve);
  });
  const handle = serveStdio(() => mcpServer(operations, settings), {
    transport: new StdioServerTransport(streams.stdin, streams.stdout),
  });
  await ended;
  await handle.close();
}
