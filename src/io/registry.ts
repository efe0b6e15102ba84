import type { ClientRequest } from 'node:http';
import { AppError } from '../core/errors.ts';
import { parseStrictJson } from '../core/strict-json.ts';
import type { TargetRules } from './webhooks/targets.ts';

/** A registry of MCP servers that speaks `/v0.1/servers`, asked over the same guarded connections as webhooks are sent. */
export interface Registry {
  /** Without a slash at its end. */
  url: string;
  /** One version as the registry answers it; `latest` is one. Undefined when it has none of it. */
  version(name: string, version: string): Promise<unknown | undefined>;
}

const ANSWER_MS = 10_000;
const ANSWER_BYTES = 1024 * 1024;

export function registryAt(address: string, rules: TargetRules): Registry {
  const base = address.replace(/\/+$/, '');
  return {
    url: base,
    async version(name, version) {
      const path = `/v0.1/servers/${encodeURIComponent(name)}/versions/${encodeURIComponent(version)}`;
      const { status, body } = await fetched(`${base}${path}`, rules);
      if (status === 404) return undefined;
      if (status !== 200) throw unavailable(`it answered with the status ${status}`, String(status));
      try {
        return parseStrictJson(body, { maxBytes: ANSWER_BYTES });
      } catch (cause) {
        // Also JSON of which two readers would think differently.
        const why = cause instanceof AppError ? cause.message.replace(/\.$/, '') : 'it is not JSON';
        throw unavailable(`its answer cannot be read: ${why}`, 'not_json', cause);
      }
    },
  };
}

const unavailable = (what: string, reason: string, cause?: unknown) =>
  new AppError('UNAVAILABLE', `The registry cannot be asked: ${what}.`, { reason }, { cause });

async function fetched(address: string, rules: TargetRules): Promise<{ status: number; body: Buffer }> {
  // Loaded here: hardly any command asks a registry.
  const [http, https, { WebhookTargets }] = await Promise.all([
    import('node:http'),
    import('node:https'),
    import('./webhooks/targets.ts'),
  ]);
  const targets = new WebhookTargets(rules);
  const url = targets.admit(address);
  const signal = AbortSignal.timeout(ANSWER_MS);
  const options = { headers: { accept: 'application/json' }, signal, lookup: targets.lookupFor(url), agent: false };
  try {
    return await answerOf((url.protocol === 'https:' ? https : http).get(url, options));
  } catch (cause) {
    if (cause instanceof AppError) throw cause;
    throw unavailable('it does not answer', (cause as NodeJS.ErrnoException).code ?? 'no_answer', cause);
  }
}

/** Redirects are not followed: they would lead past the check of the address. */
function answerOf(request: ClientRequest): Promise<{ status: number; body: Buffer }> {
  const { promise, resolve, reject } = Promise.withResolvers<{ status: number; body: Buffer }>();
  request.on('error', reject);
  request.on('response', (response) => {
    const chunks: Buffer[] = [];
    let taken = 0;
    response.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      taken += chunk.length;
      if (taken > ANSWER_BYTES) response.destroy(unavailable('its answer is too long', 'too_long'));
    });
    response.on('error', reject);
    response.on('end', () => resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks) }));
  });
  return promise;
}
