import { subscribe } from 'node:diagnostics_channel';
import type { ClientRequest } from 'node:http';
import type { Span, Context as TraceContext } from '@opentelemetry/api';
import type { Sampler } from '@opentelemetry/sdk-trace';
import type { RequestWatchers } from '../../adapters/rest/watch.ts';
import { AppError, ERRORS, invalidInput } from '../../core/errors.ts';
import type { Activity, Observer } from '../../operations/observer.ts';
import type { Log } from '../../operations/services.ts';
import { VERSION } from '../version.ts';

type Environment = Readonly<Record<string, string | undefined>>;

export interface Tracing {
  observer: Observer;
  spans: NonNullable<RequestWatchers['spans']>;
  /** Of what is being done now. */
  traceId(): string | undefined;
  /** Sends what was not sent yet, and gives up soon where nobody takes it. */
  stop(): Promise<void>;
}

/** How long a batch may take to be sent, in milliseconds, also at the end of a command. */
const SEND_MS = 2_000;

/**
 * Where spans are sent to, by the standard variables of OpenTelemetry; undefined: nowhere, and then nothing of it is loaded.
 * https://opentelemetry.io/docs/specs/otel/protocol/exporter/
 */
export function traceEndpoint(env: Environment): string | undefined {
  if (env['OTEL_SDK_DISABLED']?.toLowerCase() === 'true') return undefined;
  if ((env['OTEL_TRACES_EXPORTER'] ?? 'otlp') !== 'otlp') return undefined;
  const own = env['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT'];
  const base = env['OTEL_EXPORTER_OTLP_ENDPOINT'];
  if (!own && !base) return undefined;
  const name = own ? 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT' : 'OTEL_EXPORTER_OTLP_ENDPOINT';
  const endpoint = own || `${base?.replace(/\/$/, '')}/v1/traces`;
  if (!/^https?:$/.test(URL.parse(endpoint)?.protocol ?? '')) throw invalidInput(name, 'give an http or https URL');
  return endpoint;
}

/** The collector that was named speaks gRPC only, which we do not. */
const speaksGrpc = (env: Environment) =>
  (env['OTEL_EXPORTER_OTLP_TRACES_PROTOCOL'] || env['OTEL_EXPORTER_OTLP_PROTOCOL']) === 'grpc';

/** Loads the SDK and traces, when the environment asks for it. Nothing is put into the globals of OpenTelemetry. */
export async function startTracing(env: Environment, log: Log): Promise<Tracing | undefined> {
  const url = traceEndpoint(env);
  if (url === undefined) return undefined;
  if (speaksGrpc(env)) {
    log.warn({ reason: 'grpc' }, 'traces are sent over OTLP/HTTP only; none are sent');
    return undefined;
  }
  const { trace, SpanKind, SpanStatusCode, ROOT_CONTEXT, defaultTextMapGetter } = await import('@opentelemetry/api');
  const { AsyncLocalStorageContextManager } = await import('@opentelemetry/context-async-hooks');
  const { W3CTraceContextPropagator } = await import('@opentelemetry/core');
  const { BatchSpanProcessor, TracerProvider } = await import('@opentelemetry/sdk-trace');
  const { OTLPTraceExporter } = await import('@opentelemetry/exporter-trace-otlp-http');
  const { detectResources, envDetector, resourceFromAttributes } = await import('@opentelemetry/resources');

  const sending = requestsTo(url);
  const exporter = new OTLPTraceExporter({ url, timeoutMillis: SEND_MS });
  const resource = resourceFromAttributes({
    'service.name': env['OTEL_SERVICE_NAME'] || 'mcp-orchestration',
    'service.version': VERSION,
  }).merge(detectResources({ detectors: [envDetector] }));
  const provider = new TracerProvider({
    resource,
    sampler: await samplerOf(env),
    spanProcessors: [new BatchSpanProcessor({ exporter, exportTimeoutMillis: SEND_MS })],
  });
  const tracer = provider.getTracer('mcp-orchestration', VERSION);
  const contexts = new AsyncLocalStorageContextManager().enable();
  const propagator = new W3CTraceContextPropagator();
  const parentOf = (traceparent: string | undefined, otherwise: TraceContext) =>
    traceparent === undefined ? otherwise : propagator.extract(otherwise, { traceparent }, defaultTextMapGetter);
  // A span that has ended is left behind by what goes on after its request: a listener, a timer.
  const isTraced = () => trace.getSpan(contexts.active())?.isRecording() === true;

  const begin = (activity: Activity): { span: Span; inside: TraceContext } => {
    const active = contexts.active();
    const parent = activity.kind === 'call' ? parentOf(activity.traceparent, active) : active;
    const kind = activity.kind === 'call' ? SpanKind.SERVER : SpanKind.INTERNAL;
    const { name, attributes } = describe(activity);
    const span = tracer.startSpan(name, { kind, attributes }, parent);
    return { span, inside: trace.setSpan(parent, span) };
  };
  const fail = (span: Span, error: unknown) => {
    const code = error instanceof AppError ? error.code : 'INTERNAL_ERROR';
    span.setAttribute('error.type', code);
    if (ERRORS[code].status >= 500) span.setStatus({ code: SpanStatusCode.ERROR });
  };

  return {
    observer: {
      async during(activity, work) {
        // What the process does by itself (looking for webhooks that are due) is no part of anybody's call.
        if ((activity.kind === 'transaction' || activity.kind === 'statement') && !isTraced()) return work();
        const { span, inside } = begin(activity);
        try {
          return await contexts.with(inside, work);
        } catch (error) {
          fail(span, error);
          throw error;
        } finally {
          span.end();
        }
      },
      found: () => undefined,
      signed: () => undefined,
      sent: () => undefined,
    },
    spans({ method, route, request_id, traceparent }) {
      const attributes = {
        'http.request.method': method,
        'http.route': route,
        'mcp_orchestration.request_id': request_id,
      };
      const remote = parentOf(traceparent, ROOT_CONTEXT);
      const span = tracer.startSpan(`${method} ${route}`, { kind: SpanKind.SERVER, attributes }, remote);
      const inside = trace.setSpan(remote, span);
      return {
        trace_id: span.spanContext().traceId,
        run: (work) => contexts.with(inside, work),
        end(status) {
          span.setAttribute('http.response.status_code', status);
          if (status >= 500) span.setStatus({ code: SpanStatusCode.ERROR });
          span.end();
        },
      };
    },
    traceId: () => trace.getSpan(contexts.active())?.spanContext().traceId,
    async stop() {
      await provider.shutdown().catch(() => undefined);
      for (const request of sending) request.destroy();
    },
  };
}

/**
 * What is on its way to the collector. The exporter gives up waiting and leaves its request open: one that is answered byte
 * by byte would keep a command alive for as long as that goes on.
 */
function requestsTo(url: string): ReadonlySet<ClientRequest> {
  const { host } = new URL(url);
  const open = new Set<ClientRequest>();
  subscribe('http.client.request.created', (message) => {
    const { request } = message as { request: ClientRequest };
    if (request.getHeader('host') !== host) return;
    open.add(request);
    request.once('close', () => open.delete(request));
  });
  return open;
}

/** A span in words of closed sets, ids and codes. */
function describe(activity: Activity): { name: string; attributes: Record<string, string> } {
  switch (activity.kind) {
    case 'call':
      return { name: `${activity.door} ${activity.name}`, attributes: { 'mcp_orchestration.door': activity.door } };
    case 'operation':
      return {
        name: activity.operation,
        attributes: {
          'mcp_orchestration.operation': activity.operation,
          'mcp_orchestration.door': activity.door,
          'mcp_orchestration.request_id': activity.request_id,
          ...prefixed(activity.target()),
        },
      };
    case 'transaction':
      return { name: 'store transaction', attributes: { 'db.system.name': 'sqlite' } };
    case 'statement':
      return {
        name: `store ${activity.verb}`,
        attributes: { 'db.system.name': 'sqlite', 'db.operation.name': activity.verb },
      };
  }
}

const prefixed = (fields: Readonly<Record<string, string | undefined>>) =>
  Object.fromEntries(
    Object.entries(fields).flatMap(([name, value]) =>
      value === undefined ? [] : [[`mcp_orchestration.${name}`, value]],
    ),
  );

/** https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/; an unknown one is the default. */
async function samplerOf(env: Environment): Promise<Sampler> {
  const { AlwaysOffSampler, AlwaysOnSampler, ParentBasedSampler, TraceIdRatioBasedSampler } = await import(
    '@opentelemetry/sdk-trace'
  );
  const given = Number(env['OTEL_TRACES_SAMPLER_ARG'] || 1);
  const ratio = given >= 0 && given <= 1 ? given : 1;
  const name = env['OTEL_TRACES_SAMPLER'] || 'parentbased_always_on';
  const root = name.endsWith('always_off')
    ? new AlwaysOffSampler()
    : name.endsWith('traceidratio')
      ? new TraceIdRatioBasedSampler(ratio)
      : new AlwaysOnSampler();
  return /^(always_on|always_off|traceidratio)$/.test(name) ? root : new ParentBasedSampler({ root });
}
