import type { Log } from '../operations/services.ts';

/** All that may stand in a line of the log: ids, codes, numbers. What else is handed over is left out. */
const FIELDS = new Set([
  'err',
  'code',
  'reason',
  'request_id',
  'trace_id',
  'method',
  'route',
  'status',
  'duration_ms',
  'actor',
  'workspace',
  'client_id',
  'profile_id',
  'token_id',
  'deployment_id',
  'webhook_id',
  'delivery_id',
  'attempts',
  'response_status',
  'renewed',
  'uses',
  'tokens',
  'signal',
  'damage',
]);

const allowed = (fields: object): Record<string, unknown> =>
  Object.fromEntries(Object.entries(fields).filter(([name, value]) => FIELDS.has(name) && value !== undefined));

/** Structured log on stderr: stdout belongs to output and protocol. Loaded by servers only; a short command has no log. */
export async function makeLog(level: string, traceId: () => string | undefined = () => undefined): Promise<Log> {
  const { pino } = await import('pino');
  const detailed = level === 'debug' || level === 'trace';
  const log: Log = pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { log: allowed },
      serializers: { err: (error: unknown) => describeError(error, detailed) },
      mixin: () => ({ trace_id: traceId() }),
    },
    pino.destination({ dest: 2, sync: true }),
  );
  return log;
}

/**
 * What kind of error it was and where. What it says may quote a value, so the words are for who asked for them. The words
 * begin the stack, too: only its lines with places are taken.
 */
function describeError(error: unknown, detailed: boolean): object {
  if (!(error instanceof Error)) return { type: typeof error };
  const { name, message, stack = '', cause } = error;
  const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined;
  return {
    type: name,
    ...(code !== undefined && { code }),
    ...(detailed && { message }),
    at: stack
      .split('\n')
      .filter((line) => /^ {4}at /.test(line))
      .map((line) => line.trim()),
    ...(cause !== undefined && { cause: describeError(cause, detailed) }),
  };
}

/**
 * For one command: nothing is logged unless it is unexpected. What an unexpected error says may quote a value, so it is
 * shown only to who asked for it.
 */
export function quietLog(writeLine: (line: string) => void, detailed: boolean): Log {
  const describe = (error: unknown) =>
    !(error instanceof Error)
      ? ''
      : detailed
        ? (error.stack ?? error.message)
        : `${error.name}; set MCP_ORCHESTRATION_LOG_LEVEL=debug to see more`;
  return {
    info: () => undefined,
    warn: (fields, message) => {
      if (detailed) writeLine(`${message}: ${describe('err' in fields ? fields.err : undefined)}`);
    },
    error: (fields, message) => writeLine(`${message}: ${describe('err' in fields ? fields.err : undefined)}`),
  };
}
