import type { Log } from '../operations/services.ts';

/** Structured log on stderr: stdout belongs to output and protocol. Loaded by servers only; a short command has no log. */
export async function makeLog(level: string): Promise<Log> {
  const { pino } = await import('pino');
  const log: Log = pino(
    { level, base: null, timestamp: pino.stdTimeFunctions.isoTime },
    pino.destination({ dest: 2, sync: true }),
  );
  return log;
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
