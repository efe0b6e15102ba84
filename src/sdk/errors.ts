import type { ErrorCode } from './operations.ts';

/** What goes wrong before the server's own answer is there: no connection, no time left, an answer of somebody else. */
export type ClientErrorCode = 'CONNECTION_FAILED' | 'TIMED_OUT' | 'UNEXPECTED_ANSWER';

/** The error object of the server, as it is sent. */
export interface Problem {
  /** Reason phrases of the HTTP layer are codes too, so there are more than those with a name here. */
  code: ErrorCode | ClientErrorCode | (string & {});
  message: string;
  details: Record<string, unknown>;
  /** What to do next. */
  hint: string;
  /** Finds the request in the server's log; null when no server has seen it. */
  request_id: string | null;
}

/** Every failure of a call, but for one that the caller ended by a signal. */
export class McpOrchestrationError extends Error {
  readonly code: Problem['code'];
  /** The HTTP status; 0 when there was no answer. */
  readonly status: number;
  readonly details: Problem['details'];
  readonly hint: string;
  readonly request_id: string | null;

  constructor({ code, message, details, hint, request_id }: Problem, status: number, options?: ErrorOptions) {
    super(message, options);
    this.name = 'McpOrchestrationError';
    this.code = code;
    this.status = status;
    this.details = details;
    this.hint = hint;
    this.request_id = request_id;
  }
}

/** A failure on this side of the connection. */
export function failure(code: Problem['code'], message: string, hint: string, cause?: unknown): McpOrchestrationError {
  const problem = { code, message, details: {}, hint, request_id: null };
  return new McpOrchestrationError(problem, 0, cause === undefined ? undefined : { cause });
}

/** An answer that is none of the server's. */
export const unexpected = (message: string): McpOrchestrationError => failure('UNEXPECTED_ANSWER', message, ELSEWHERE);

const ELSEWHERE = 'Look whether the URL leads to the server, and what stands between it and you.';

/** The refusal in an answer. What came from a proxy on the way has another shape. */
export function refusalIn(status: number, text: string, request_id: string | null): McpOrchestrationError {
  const problem = problemIn(text, request_id);
  if (problem) return new McpOrchestrationError(problem, status);
  const unexpected: Problem = {
    code: 'UNEXPECTED_ANSWER',
    message: `The answer ${status} is none of mcp-orchestration.`,
    details: {},
    hint: ELSEWHERE,
    request_id,
  };
  return new McpOrchestrationError(unexpected, status);
}

/** Others have errors of nearly the same shape, and not every field need be what it is here. */
function problemIn(text: string, asked: string | null): Problem | undefined {
  const { error } = (objectIn(text) ?? {}) as { error?: Partial<Record<keyof Problem, unknown>> | null };
  const { code, message, details, hint, request_id } = error ?? {};
  if (typeof code !== 'string' || typeof message !== 'string') return undefined;
  return {
    code,
    message,
    details: isObject(details) ? details : {},
    hint: typeof hint === 'string' ? hint : '',
    request_id: typeof request_id === 'string' ? request_id : asked,
  };
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;

/** The object in a text; undefined for everything else. */
export function objectIn(text: string): object | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
