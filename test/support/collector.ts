import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import { onTestFinished } from 'vitest';

/** One span, as OTLP/HTTP brings it in JSON: https://opentelemetry.io/docs/specs/otlp/#otlphttp-request */
export interface SentSpan {
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  name: string;
  traceState?: string;
  attributes: { key: string; value: { stringValue?: string; intValue?: number } }[];
}

interface Collector {
  url: string;
  spans: SentSpan[];
  /** Everything that was sent, as text. */
  text(): string;
  headers: IncomingHttpHeaders[];
  connections(): number;
  /** The spans of one trace from its root to its leaves: `depth name`. */
  tree(traceId: string): string[];
}

/** What takes traces of a test over HTTP. Ends with the test. */
export async function startCollector(): Promise<Collector> {
  const spans: SentSpan[] = [];
  const bodies: unknown[] = [];
  const headers: IncomingHttpHeaders[] = [];
  let connections = 0;
  const server = createServer(async (request, response) => {
    const body = (await json(request)) as { resourceSpans: { scopeSpans: { spans: SentSpan[] }[] }[] };
    bodies.push(body);
    headers.push(request.headers);
    for (const resource of body.resourceSpans) for (const scope of resource.scopeSpans) spans.push(...scope.spans);
    response.setHeader('content-type', 'application/json').end('{}');
  });
  server.on('connection', () => {
    connections += 1;
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const below = (parent: string, traceId: string, depth: number): string[] =>
    spans
      .filter((span) => span.traceId === traceId && span.parentSpanId === parent)
      .flatMap(({ name, spanId }) => [`${depth} ${name}`, ...below(spanId, traceId, depth + 1)]);
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spans,
    text: () => JSON.stringify([bodies, headers]),
    headers,
    connections: () => connections,
    tree: (traceId) => below(PARENT, traceId, 0),
  };
}

/** The span of the caller in all tests. */
const PARENT = 'b7ad6b7169203331';

/** What a caller sends who traces: https://www.w3.org/TR/trace-context/#traceparent-header */
export const traceparent = (traceId: string): string => `00-${traceId}-${PARENT}-01`;
