import { type IncomingMessage, type Server, type ServerResponse, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { AppError, ERRORS, type ErrorCode, invalidInput, type Problem } from '../../core/errors.ts';

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
      return invalidInput('path', 'the path of the request cannot be decoded');
    case 'FST_ERR_CTP_INVALID_CONTENT_LENGTH':
      return invalidInput('content-length', 'the body is not as long as Content-Length says');
    default:
      return undefined;
  }
}

const CATALOGUED: Readonly<Record<number, ErrorCode>> = {
  413: 'PAYLOAD_TOO_LARGE',
  415: 'UNSUPPORTED_MEDIA_TYPE',
  429: 'RATE_LIMITED',
  503: 'UNAVAILABLE',
};

/** Statuses of the HTTP layer: a word of the catalogue where it has one, else the reason phrase in upper snake case. */
export const codeOfStatus = (status: number): string =>
  CATALOGUED[status] ?? (STATUS_CODES[status] ?? 'BAD_REQUEST').toUpperCase().replaceAll(/[^A-Z]+/g, '_');

const CLIENT_ERRORS: Record<string, number> = {
  HPE_HEADER_OVERFLOW: 431,
  ERR_HTTP_REQUEST_TIMEOUT: 408,
  HPE_CHUNK_EXTENSIONS_OVERFLOW: 413,
};

interface At {
  timestamp: string;
  request_id: string;
}

/** Answers bytes that are no HTTP request in the same envelope as everything else, and closes the connection. */
export function answerClientError(error: NodeJS.ErrnoException, socket: Socket, at: At): void {
  if (error.code === 'ECONNRESET' || !socket.writable) socket.destroy();
  else endWith(socket, CLIENT_ERRORS[error.code ?? ''] ?? 400, at);
}

/** What Node answers by itself, without a body: an expectation other than 100-continue, and a request for a tunnel. */
export function answerInEnvelope(server: Server, at: () => At): void {
  server.on('checkExpectation', (_request: IncomingMessage, response: ServerResponse) => {
    if (response.socket) endWith(response.socket, 417, at());
  });
  server.on('connect', (_request: IncomingMessage, socket: Socket) => endWith(socket, 405, at()));
}

const WELL_FORMED = 'Send a well-formed HTTP/1.1 request.';

/** So long, in milliseconds, who was refused holds the connection when it neither reads nor goes. At once would lose the answer. */
const LINGER_MS = 1_000;

function endWith(socket: Socket, status: number, at: At): void {
  const body = JSON.stringify({ error: problemOfStatus(status, at) });
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`,
    'Content-Type: application/json; charset=utf-8',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Cache-Control: no-store',
    `X-Request-Id: ${at.request_id}`,
    'Connection: close',
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
  const over = setTimeout(() => socket.destroy(), LINGER_MS);
  socket.once('close', () => clearTimeout(over));
}

/** What the HTTP layer refuses without an error of ours, in the one shape. */
export function problemOfStatus(status: number, at: At): Problem {
  const code = status === 400 ? 'INVALID_INPUT' : codeOfStatus(status);
  const hint = status !== 400 && code in ERRORS ? ERRORS[code as ErrorCode].hint : WELL_FORMED;
  return { code, message: codeOfStatus(status).toLowerCase().replaceAll('_', ' '), details: {}, hint, ...at };
}

/** Seconds, after which what is not there now (503) may be: a store that starts again is back by then, as a rule. */
export const RETRY_AFTER_S = '1';
