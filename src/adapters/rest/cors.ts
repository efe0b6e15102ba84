/** What pages of these origins may ask and see (SECURITY-BAR T22): never with cookies. */
export const corsOf = (origins: ReadonlySet<string>) => ({
  origin: [...origins],
  credentials: false,
  methods: ['GET', 'POST', 'PUT', 'DELETE'],
  allowedHeaders: [
    'authorization',
    'content-type',
    'if-match',
    'if-none-match',
    'idempotency-key',
    'last-event-id',
    'mcp-method',
    'mcp-name',
    'mcp-protocol-version',
    'mcp-session-id',
    'x-api-key',
    'x-request-id',
  ],
  // The last two name session and issuer to MCP clients that are pages.
  exposedHeaders: [
    'etag',
    'x-request-id',
    'retry-after',
    'ratelimit-limit',
    'ratelimit-remaining',
    'ratelimit-reset',
    'idempotency-replayed',
    'mcp-session-id',
    'www-authenticate',
  ],
  maxAge: 600,
});
