import type { FastifyRequest } from 'fastify';
import { AppError, invalidInput } from '../../core/errors.ts';

export interface GuardSettings {
  /** Host names (without port, lower case) that requests may name; IPv6 in brackets. */
  allowed_hosts: ReadonlySet<string>;
  /** Exact origins of web pages that may call. */
  cors_origins: ReadonlySet<string>;
}

/**
 * Refuses requests that a web page sent through a name it controls (DNS rebinding) or from a foreign origin
 * (SECURITY-BAR T21). Looks at the raw headers: Node keeps only the first of two Host headers.
 */
export function guardRequest(request: FastifyRequest, settings: GuardSettings): void {
  if (!request.raw.url?.startsWith('/')) {
    throw invalidInput('path', 'a request names a path, and its host in the Host header');
  }
  const hosts = rawHeader(request, 'host');
  if (hosts.length !== 1) {
    throw invalidInput('host', 'a request names exactly one host');
  }
  // The one that was asked for: of a trusted proxy, what it says in X-Forwarded-Host.
  const asked = request.host;
  if (!settings.allowed_hosts.has(hostName(asked))) {
    throw new AppError('HOST_NOT_ALLOWED', 'The host name of this request is not one of this server.', {
      host: asked.slice(0, 100),
    });
  }
  for (const origin of rawHeader(request, 'origin')) {
    if (settings.cors_origins.has(origin) || isOwnOrigin(origin, asked)) continue;
    throw new AppError('ORIGIN_NOT_ALLOWED', 'Pages of this origin may not call this server.', {
      origin: origin.slice(0, 100),
    });
  }
  if (request.headers['content-encoding'] !== undefined) {
    throw new AppError('UNSUPPORTED_MEDIA_TYPE', 'Bodies are read as they are, without Content-Encoding.');
  }
  if (!/^chunked$/i.test(request.headers['transfer-encoding'] ?? 'chunked')) {
    throw new AppError('UNSUPPORTED_MEDIA_TYPE', 'Bodies are read as they are, without compression on the way.');
  }
}

function rawHeader(request: FastifyRequest, name: string): string[] {
  const raw = request.raw.rawHeaders;
  const values: string[] = [];
  for (let at = 0; at < raw.length; at += 2) {
    if (raw[at]?.length === name.length && raw[at]?.toLowerCase() === name) values.push(raw[at + 1] ?? '');
  }
  return values;
}

/** `Example.org:8000` -> `example.org`; `[::1]:8000` -> `[::1]`; empty for what is no host and port. */
export function hostName(host: string): string {
  const [, name = '', port = '0'] = /^(\[[^\]]*\]|[^:]*)(?::(\d{1,5}))?$/.exec(host) ?? [];
  return Number(port) > 65_535 ? '' : name.toLowerCase();
}

/** Under which scheme and host the caller sees this server. A proxy may say anything; there are two schemes. */
export const originOf = ({ protocol, host }: FastifyRequest): string =>
  `${protocol === 'https' ? 'https' : 'http'}://${host}`;

/** The page was served by this very server (the docs page). */
const isOwnOrigin = (origin: string, host: string) => origin === `http://${host}` || origin === `https://${host}`;
