import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { AppError, ERRORS, type ErrorCode, type Problem } from '../../core/errors.ts';

/** What the HTTP layer itself refuses, in the words of the catalogue. Undefined: not one of Fastify's. */
export function fromFastify(
  error: { code?: string; statusCode?: number; message: string },
  limit_bytes: number,
): AppError | undefined {
  switch (error.code) {
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return new AppError('PAYLOAD_TOO_LARGE', `A body has at most ${limit_bytes} bytes.`, { limit_bytes });
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
    case 'FST_ERR_CTP_INVALID_TYPE':
    case 'FST_ERR_CTP_EMPTY_TYPE':
      return new AppError('UNSUPPORTED_MEDIA_TYPE', 'This server reads application/json only.');
    case 'FST_ERR_BAD_URL':
    case 'FST_ERR_ASYNC_CONSTRAINT':
      return invalid('path', 'the path of the request cannot be decoded');
    case 'FST_ERR_CTP_INVALID_CONTENT_LENGTH':
      return invalid('content-length', 'the body is not as long as Content-Length says');
    default:
      return undefined;
  }
}

export function invalid(field: string, message: string): AppError {
  return new AppError('INVALID_INPUT', `${field}: ${message}`, {
    field,
    reason: message,
    issues: [{ path: field, message }],
  });
}

/** Statuses of the HTTP layer that no operation has: their reason phrase in upper snake case is the code. */
export const codeOfStatus = (status: number): string =>
  (STATUS_CODES[status] ?? 'BAD_REQUEST').toUpperCase().replaceAll(/[^A-Z]+/g, '_');

const CLIENT_ERRORS: Record<string, number> = {
  HPE_HEADER_OVERFLOW: 431,
  ERR_HTTP_REQUEST_TIMEOUT: 408,
  HPE_CHUNK_EXTENSIONS_OVERFLOW: 413,
};

/** Answers bytes that are no HTTP request in the same envelope as everything else, and closes the connection. */
export function answerClientError(
  error: NodeJS.ErrnoException,
  socket: Socket,
  at: { timestamp: string; request_id: string },
): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const status = CLIENT_ERRORS[error.code ?? ''] ?? 400;
  const code = status === 400 ? 'INVALID_INPUT' : codeOfStatus(status);
  const hint = code in ERRORS ? ERRORS[code as ErrorCode].hint : 'Send a well-formed HTTP/1.1 request.';
  const problem: Problem = { code, message: STATUS_CODES[status] ?? 'Bad Request', details: {}, hint, ...at };
  const body = JSON.stringify({ error: problem });
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nContent-Type: application/json; charset=utf-8\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  );
}
