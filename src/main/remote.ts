import { AppError, ERRORS, type ErrorCode, invalidInput } from '../core/errors.ts';
import { eventId } from '../core/event.ts';
import type { Offered, Remote } from '../operations/pull/remote.ts';
import { createClient, type McpOrchestration, McpOrchestrationError } from '../sdk/index.ts';

/** How long one answer may take. Whoever watches asks again; a client would try again on its own account. */
const CALL = { timeoutMs: 30_000 };

/** Throws INVALID_INPUT for what is no address. Connects to nothing yet. */
export function remoteAt(url: string | undefined, token: string | undefined): Remote {
  if (url === undefined) {
    throw invalidInput('server', 'say where to pull from', {
      hint: 'Give --server URL, or set MCP_ORCHESTRATION_SERVER.',
    });
  }
  return remoteOf(url, clientAt(url, token));
}

function clientAt(url: string, token: string | undefined): McpOrchestration {
  try {
    return createClient({ url, token, retries: 0 });
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
      (await asked(client.getConfig({ client_id, profile_id }, CALL))) as unknown as Offered,
    keys: async () => (await asked(client.listKeys({}, CALL))).keys,
    // From the beginning: else what is published before the stream stands would be missed.
    published: ({ client_id, profile_id }, signal) =>
      client.events({ client_id, profile_id, since: eventId(0), types: ['config.published'], signal }),
  };
}

const isOurs = (code: string): code is ErrorCode => Object.hasOwn(ERRORS, code);

/** What a server refuses with is said as its word; that it cannot be reached is UNAVAILABLE. */
function said(url: string, error: unknown): unknown {
  if (!(error instanceof McpOrchestrationError)) return error;
  const { code, message, details, hint } = error;
  if (error.status > 0 && isOurs(code)) {
    return new AppError(code, `${url} says: ${message}`, { ...details, server: url }, { ...(hint && { hint }) });
  }
  const options = { hint: 'What is deployed stays as it is. Try again when the server can be reached.', cause: error };
  return new AppError('UNAVAILABLE', message, { reason: 'server', server: url }, options);
}
