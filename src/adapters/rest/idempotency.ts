import { createHash, randomUUID } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import { canonicalJson } from '../../core/canonical-json.ts';
import { AppError, invalidInput } from '../../core/errors.ts';
import type { Context } from '../../operations/operation.ts';
import type { IdempotencyOwner, IdempotencyRow } from '../../stores/rows.ts';
import type { Store } from '../../stores/store.ts';

/** Characters of an Idempotency-Key. */
export const LONGEST_KEY = 255;
const KEPT_MS = 24 * 3_600_000;
/** How long a request may give no sign of life before the next one with its key takes over. */
const LEASE_MS = 30_000;

/** What the caller will say another time: whether the thing itself was changed meanwhile is not for the key to tell. */
const NEVER_KEPT = new Set([401, 403, 429]);

/** A request that names a key. */
interface Keyed {
  key: string;
  request_sha256: string;
}

/** An answer that can be sent again. */
interface Sent {
  status: number;
  body: string;
  /** It holds a secret that is shown once, and is not stored. */
  secret: boolean;
}

/** Undefined: the request names no key, or is of a method that has no use for one. */
export function keyedRequest(request: FastifyRequest): Keyed | undefined {
  const key = request.headers['idempotency-key'];
  if (request.method !== 'POST' || key === undefined) return undefined;
  if (typeof key !== 'string' || key.length === 0 || key.length > LONGEST_KEY) {
    throw invalidInput('idempotency-key', `give it 1 to ${LONGEST_KEY} characters`);
  }
  return { key, request_sha256: digestOf(request) };
}

/** The same for bodies that mean the same. `If-Match` is among it, because it says what a field of the body can say. */
function digestOf({ method, url, headers, body }: FastifyRequest): string {
  const asked = [method, url, headers['if-match'] ?? '', canonicalJson(body ?? {})];
  return createHash('sha256').update(JSON.stringify(asked)).digest('hex');
}

/**
 * Answers a request by doing it, or with what the first request of this key was answered. `work` is handed a function
 * that stores its answer inside a transaction, so that what was done and its answer are committed together.
 */
export async function once<T extends Sent>(
  { key, request_sha256 }: Keyed,
  context: Context,
  work: (keep: (answer: Sent, store: Store) => Promise<void>) => Promise<T>,
): Promise<{ answer: T; replayed: false } | { answer: Sent; replayed: true }> {
  const { store, workspace } = context;
  const of = { actor: context.principal.actor, key, owner: randomUUID() };
  const row = {
    ...of,
    request_sha256,
    lease_until: instant(context, LEASE_MS),
    expires_at: instant(context, KEPT_MS),
  };
  const found = await store.idempotency.begin(workspace, row, instant(context, 0));
  if (found) return { answer: answerIn(found, request_sha256), replayed: true };
  const renewal = setInterval(() => void renew(context, of), LEASE_MS / 3).unref();
  let kept = false;
  try {
    const answer = await work(async (given, inside) => {
      if (!(await inside.idempotency.settle(workspace, of, stored(given)))) throw inProgress();
      kept = true;
    });
    // A refusal after that: the transaction was given up, and what was stored in it too.
    if (!kept || answer.status >= 400) await settle(context, of, answer);
    return { answer, replayed: false };
  } finally {
    clearInterval(renewal);
  }
}

const instant = ({ now }: Context, ms: number) => new Date(now().getTime() + ms).toISOString();

const stored = ({ status, body, secret }: Sent) => ({ status, body: secret ? null : body });

/** What stands in the way of a second execution: the answer of the first, or why there is none. */
function answerIn(row: IdempotencyRow, request_sha256: string): Sent {
  if (row.request_sha256 !== request_sha256) {
    const message = 'This Idempotency-Key was used for another request.';
    throw new AppError('IDEMPOTENCY_CONFLICT', message, { reason: 'other_request' });
  }
  if (row.status === null) throw inProgress();
  if (row.body !== null) return { status: row.status, body: row.body, secret: false };
  const message = 'This request was carried out. Its answer held a secret that is shown once, and was not kept.';
  const hint = 'Look at what it made. If the secret is lost, take that away and ask again with a new key.';
  throw new AppError('IDEMPOTENCY_CONFLICT', message, { reason: 'answer_not_kept' }, { hint });
}

function inProgress(): AppError {
  const message = 'The first request with this Idempotency-Key is still being worked on.';
  const hint = 'Repeat the same request in a moment: it gets the answer of the first.';
  return new AppError('IDEMPOTENCY_CONFLICT', message, { reason: 'in_progress' }, { hint });
}

/** The caller gets the answer also when it cannot be stored: what was done is done. */
async function settle(context: Context, of: IdempotencyOwner, answer: Sent): Promise<void> {
  const { store, workspace } = context;
  const isKept = answer.status < 500 && !NEVER_KEPT.has(answer.status);
  try {
    if (isKept) await store.idempotency.settle(workspace, of, stored(answer));
    else await store.idempotency.release(workspace, of);
  } catch (err) {
    warn(context, err, 'the answer to a request with an Idempotency-Key could not be stored');
  }
}

/** Never fails: the next one comes before the lease is over. */
async function renew(context: Context, of: IdempotencyOwner): Promise<void> {
  try {
    await context.store.idempotency.renew(context.workspace, of, instant(context, LEASE_MS));
  } catch (err) {
    warn(context, err, 'the lease of an Idempotency-Key could not be renewed');
  }
}

const warn = ({ services, request_id }: Context, err: unknown, message: string) =>
  services.log.warn({ err, request_id }, message);
