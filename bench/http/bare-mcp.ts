import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { createMcpHandler, McpServer } from '@modelcontextprotocol/server';
import { toolsOf } from '../../src/adapters/mcp/mcp.ts';
import { OPERATIONS } from '../../src/operations/index.ts';

/** `node bare-mcp.ts OUTPUT.json`: the SDK alone on node:http. It lists the tools that ours lists, and answers each with OUTPUT. */

const output: Record<string, unknown> = JSON.parse(readFileSync(String(process.argv[2]), 'utf8'));

const handler = createMcpHandler(() => {
  const server = new McpServer({ name: 'bare', version: '1.0.0' }, { capabilities: { tools: {} } });
  for (const { mcp, summary, input, output: outputSchema } of toolsOf(OPERATIONS, new Set())) {
    server.registerTool(mcp?.tool ?? '', { description: summary, inputSchema: input, outputSchema }, async () => ({
      content: [{ type: 'text' as const, text: JSON.stringify(output) }],
      structuredContent: output,
    }));
  }
  return server;
});

async function requestOf(message: IncomingMessage): Promise<Request> {
  const headers = new Headers(Object.entries(message.headers).map(([name, value]) => [name, String(value)]));
  const body = new Uint8Array(await buffer(message));
  return new Request(`http://${message.headers.host}${message.url}`, {
    method: message.method ?? 'POST',
    headers,
    body,
  });
}

async function answer(message: IncomingMessage, response: ServerResponse): Promise<void> {
  const { status, headers, body } = await handler.fetch(await requestOf(message));
  response.writeHead(status, Object.fromEntries(headers));
  if (body) await pipeline(Readable.fromWeb(body as never), response);
  else response.end();
}

// A load ends in the middle of answers.
const server = createServer((message, response) => void answer(message, response).catch(() => response.destroy()));
server.listen(0, '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo;
  process.stdout.write(`${JSON.stringify({ url: `http://127.0.0.1:${port}` })}\n`);
});
process.once('SIGTERM', () => process.exit(0));
