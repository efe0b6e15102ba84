import type { Log } from '../../operations/services.ts';
import type { AppSettings } from '../compose.ts';
import type { Config } from '../config.ts';
import { makeLog } from '../log.ts';
import type { Tracing } from './tracing.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** Traces, when the environment names a place for them. Without one not even the module is loaded that would look closer. */
export async function tracesOf(env: Environment, log: Log): Promise<Tracing | undefined> {
  if (!env['OTEL_EXPORTER_OTLP_ENDPOINT'] && !env['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT']) return undefined;
  const { startTracing } = await import('./tracing.ts');
  return startTracing(env, log);
}

export const observedBy = ({ observer }: Tracing): Pick<AppSettings, 'observer' | 'observe_statements'> => ({
  observer,
  observe_statements: true,
});

/** The log of a server, whose lines name the trace that they belong to. */
export async function logAndTraces(
  env: Environment,
  { LOG_LEVEL }: Pick<Config, 'LOG_LEVEL'>,
): Promise<{ log: Log; tracing: Tracing | undefined }> {
  let tracing: Tracing | undefined;
  const log = await makeLog(LOG_LEVEL, () => tracing?.traceId());
  tracing = await tracesOf(env, log);
  return { log, tracing };
}
