import { mcpOverHttp } from '../../src/adapters/mcp/http.ts';
import { type Offer, offerOf } from '../../src/adapters/mcp/mcp.ts';
import { OPERATIONS } from '../../src/operations/index.ts';
import { invoke } from '../../src/operations/operation.ts';
import { generateToken } from '../../src/operations/tokens.ts';
import { API_KEY, restInProcess } from '../hostile/server.ts';
import { openEvents } from './sse.ts';

export const PRODUCT = offerOf(OPERATIONS, { version: '0.0.0', toolsets: new Set() });

interface Options {
  offer?: Offer;
  now?: () => Date;
  legacy_sse?: boolean;
  cors_origins?: ReadonlySet<string>;
}

/** The HTTP server with MCP in this process, listening. Ends with the test. */
export async function mcpInProcess({
  offer = PRODUCT,
  now = () => new Date(),
  legacy_sse = false,
  cors_origins = new Set(),
}: Options = {}) {
  const rest = await restInProcess({ now, cors_origins, mcp: mcpOverHttp(offer, { now, legacy_sse }) });
  const url = `${await rest.server.listen({ host: '127.0.0.1', port: 0 })}/mcp`;
  const token = async (input: object = { role: 'admin' }) => {
    const made = await invoke(generateToken, { ...rest.app.localContext('cli'), now }, { name: 'test', ...input });
    return { token: String(made['token']), token_id: String(made['token_id']) };
  };
  return { ...rest, url, token };
}

export const ACCEPT = { accept: 'application/json, text/event-stream', 'content-type': 'application/json' };
export const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
export const KEY = { 'x-api-key': API_KEY };

interface Reply {
  status: number;
  headers: Headers;
  /** The message that answers the request; undefined where the answer has none. */
  message: { id?: unknown; result?: Record<string, unknown>; error?: Record<string, unknown> } | undefined;
}

/** Sends bytes as a client of the protocol does, without being one: it may do what those never do. */
export async function post(url: string, headers: Record<string, string>, body: unknown): Promise<Reply> {
  const response = await fetch(url, { method: 'POST', headers: { ...ACCEPT, ...headers }, body: JSON.stringify(body) });
  const text = await response.text();
  const line = text.startsWith('{') ? text : /^data: (\{.*)$/m.exec(text)?.[1];
  return {
    status: response.status,
    headers: response.headers,
    message: line === undefined ? undefined : JSON.parse(line),
  };
}

/** A subscription of revision 2026-07-28 to one draft, by hand. */
export function subscribe(url: string, credential: Record<string, string>) {
  const method = 'subscriptions/listen';
  const version = '2026-07-28';
  const _meta = {
    'io.modelcontextprotocol/protocolVersion': version,
    'io.modelcontextprotocol/clientInfo': { name: 'test', version: '1.0.0' },
    'io.modelcontextprotocol/clientCapabilities': {},
  };
  const notifications = { resourceSubscriptions: ['config://cursor/default/draft'] };
  const body = { jsonrpc: '2.0', id: 1, method, params: { notifications, _meta } };
  const headers = { ...ACCEPT, 'mcp-protocol-version': version, 'mcp-method': method, ...credential };
  return openEvents(url, headers, { body });
}

/** How a client of revision 2025-11-25 begins. */
export const INITIALIZE = {
  jsonrpc: '2.0',
  id: 0,
  method: 'initialize',
  params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'test', version: '1.0.0' } },
};

/** A session of that revision, by hand. */
export async function openSession(url: string, credential: Record<string, string>) {
  const opened = await post(url, credential, INITIALIZE);
  const id = opened.headers.get('mcp-session-id');
  const headers = { ...credential, ...(id !== null && { 'mcp-session-id': id }) };
  let last = 0;
  const ask = (method: string, params: object = {}, as: Record<string, string> = {}) => {
    last += 1;
    return post(url, { ...headers, ...as }, { jsonrpc: '2.0', id: last, method, params });
  };
  await post(url, headers, { jsonrpc: '2.0', method: 'notifications/initialized' });
  return {
    id,
    headers,
    opened,
    ask,
    listen: (as: Record<string, string> = {}) => openEvents(url, { ...headers, ...as }),
    end: async (as: Record<string, string> = {}) =>
      (await fetch(url, { method: 'DELETE', headers: { ...headers, ...as } })).status,
  };
}
