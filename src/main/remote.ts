import { z } from 'zod';
import { AppError, ERRORS, type ErrorCode, invalidInput } from '../core/errors.ts';
import { eventId } from '../core/event.ts';
import { safeParse } from '../core/safe-parse.ts';
import type { Offered, Remote } from '../operations/pull/remote.ts';
import { createClient, type McpOrchestration, McpOrchestrationError } from '../sdk/index.ts';
import { isLoopbackHttp } from './config.ts';

/** How long one answer may take. Whoever watches asks again; a client would try again on its own account. */
const CALL = { timeoutMs: 30_000 };
/** A payload has at most 1 MiB, its statement less, and there are few keys. */
const MOST_BYTES = 8 * 1024 * 1024;

/** Throws INVALID_INPUT for what is no address, and for one that shows the token to the network. Connects to nothing yet. */
export function remoteAt(url: string | undefined, token: string | undefined, allow_http: boolean): Remote {
  if (url === undefined) {
    throw invalidInput('server', 'say where to pull from', {
      hint: 'Give --server URL, or set MCP_ORCHESTRATION_SERVER.',
    });
  }
  const client = clientAt(url, token);
  if (!allow_http) assertConfidential(new URL(url));
  return remoteOf(url, client);
}

/** Signatures keep a release whole on any way, and nothing keeps the token from being read on this one. */
function assertConfidential(url: URL): void {
  if (url.protocol === 'https:' || isLoopbackHttp(url)) return;
  throw invalidInput('server', 'with http the token goes over the network in the clear', {
    hint: 'Give the https address of the server. Only where you trust everybody on the way: --allow-http.',
  });
}

function clientAt(url: string, token: string | undefined): McpOrchestration {
  try {
    return createClient({ url, token, retries: 0, maxAnswerBytes: MOST_BYTES });
  } catch (cause) {
    // Its words do not quote what was given.
    throw invalidInput('server', cause instanceof TypeError ? cause.message : 'it cannot be used', { cause });
  }
}

function remoteOf(given: string, client: McpOrchestration): Remote {
  const { href } = new URL(given);
  const url = href.replace(/\/+$/, '');
  const asked = <T>(answer: Promise<T>): Promise<T> =>
    answer.catch((error: unknown) => Promise.reject(said(url, error)));
  return {
    url,
    config: async ({ client_id, profile_id }) =>
      shaped(Config, url, await asked(client.getConfig({ client_id, profile_id }, CALL))),
    keys: async () => shaped(Keys, url, await asked(client.listKeys({}, CALL))).keys,
    // From the beginning: else what is published before the stream stands would be missed.
    published: ({ client_id, profile_id }, signal) =>
      client.events({ client_id, profile_id, since: eventId(0), types: ['config.published'], signal }),
  };
}

/** The types of the client are those of an honest server; whether this is one, nobody knows yet. */
const Config: z.ZodType<Offered> = z.object({
  payload: z.looseObject({}),
  envelope: z.looseObject({}),
  pointer: z.looseObject({}).nullable(),
});
const Keys = z.object({ keys: z.array(z.object({ public_key_pem: z.string() })).max(1000) });

/** What was received, as it was. Throws SIGNATURE_INVALID for what cannot even be looked at. */
function shaped<T>(shape: z.ZodType<T>, server: string, answer: unknown): T {
  if (safeParse(shape, answer).success) return answer as T;
  const message = `${server} answers, but not with a configuration or with keys.`;
  const hint = 'Look whether the URL leads to the server, and whether that is not older than this program.';
  throw new AppError('SIGNATURE_INVALID', message, { reason: 'malformed', server }, { hint });
}

/** What the server advises is for whoever stands there; these are about what has to be done here. */
const HINTS: Readonly<Partial<Record<string, string>>> = {
  AUTHENTICATION_REQUIRED:
    'Make a token on the server (generate-token --scope config:read --scope events:read), and set MCP_ORCHESTRATION_TOKEN here.',
  INVALID_CREDENTIALS:
    'MCP_ORCHESTRATION_TOKEN is not accepted there, or not any more. Make a new token on the server with `generate-token`.',
  FORBIDDEN: 'The token has to reach this client and profile, with the scope config:read. Ask for one at the server.',
  CONFIG_NOT_FOUND: 'Publish it on the server first, or name another client and profile.',
  PROFILE_NOT_FOUND: 'Look which profiles the server has, and name one with --profile.',
};

const isOurs = (code: string): code is ErrorCode => Object.hasOwn(ERRORS, code);

/** What a server refuses with is said as its word; that it cannot be reached is UNAVAILABLE. */
function said(url: string, error: unknown): unknown {
  if (!(error instanceof McpOrchestrationError)) return error;
  const { code, message, details, hint } = error;
  // INVALID_INPUT is about what was typed here, and ends `--watch`.
  const here = HINTS[code] ?? hint;
  if (error.status > 0 && isOurs(code) && code !== 'INVALID_INPUT') {
    return new AppError(code, `${url} says: ${message}`, { ...details, server: url }, { ...(here && { hint: here }) });
  }
  const again = 'Try again when the server can be reached.';
  const next = code === 'UNEXPECTED_ANSWER' ? hint : again;
  const options = { hint: `What is deployed stays as it is. ${next}`, cause: error };
  return new AppError('UNAVAILABLE', message, { reason: 'server', server: url }, options);
}
