import { createHash, timingSafeEqual } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import { DEFAULT_WORKSPACE, UNBOUND } from '../../core/binding.ts';
import { AppError, isNewerSchema } from '../../core/errors.ts';
import { AGENT_SCOPES, expandScopes, SCOPES, type Scope } from '../../core/scopes.ts';
import { isWellFormedToken, tokenDigest } from '../../core/token.ts';
import type { Principal } from '../../operations/operation.ts';
import type { Log } from '../../operations/services.ts';
import type { TokenRow } from '../../stores/rows.ts';
import type { Store } from '../../stores/store.ts';
import type { UntilCommit } from '../../stores/until-commit.ts';

export interface Caller {
  principal: Principal;
  workspace: string;
  /** Milliseconds since 1970 at which the credential stops being one. */
  until: number;
}

export interface AuthSettings {
  store: Store;
  /** Tokens that were found, by digest. */
  known: Pick<UntilCommit<KnownToken>, 'get' | 'read'>;
  /** Accepted in `X-API-Key` with every scope, when it is set; beside the tokens that are stored. */
  api_key: string | undefined;
  /** Who a bearer stands for that is no token of ours; left out, it is nobody. */
  jwt: ((token: string) => Promise<Caller>) | undefined;
  now: () => Date;
  /** Counts a use of a token; written later, so that reading stays fast. */
  used: (workspace: string, token_id: string) => void;
}

const refused = () => new AppError('INVALID_CREDENTIALS', 'The credentials are not accepted.');
const digestOf = (text: string) => createHash('sha256').update(text).digest();

/**
 * Who sends a request: bearer first, API key second. An invalid bearer is refused even beside a valid key. A token that
 * is stored here is accepted in both places, so an API key is made, listed and revoked like any token.
 * Throws AUTHENTICATION_REQUIRED when nothing was sent, and the one INVALID_CREDENTIALS for unknown, malformed,
 * expired and revoked ones, so that the answer tells a guesser nothing.
 */
export function authenticate(request: FastifyRequest, settings: AuthSettings): Caller | Promise<Caller> {
  const { authorization } = request.headers;
  if (authorization !== undefined) return byBearer(authorization, settings);
  const key = request.headers['x-api-key'];
  if (key === undefined) throw new AppError('AUTHENTICATION_REQUIRED', 'This route needs credentials.');
  if (typeof key !== 'string') throw refused();
  return isKeyOfEnvironment(key, settings) ? KEY_OF_ENVIRONMENT : byToken(key, settings);
}

/**
 * Whether the credential of an admitted request is one still, asked of the store itself. A stream asks once more when it
 * hears of revocations: one between its admission and then would else be heard of by nobody.
 */
export async function isStillAccepted(request: FastifyRequest, settings: AuthSettings): Promise<boolean> {
  try {
    await authenticate(request, { ...settings, known: UNKEPT, used: () => undefined });
    return true;
  } catch (error) {
    if (error instanceof AppError && error.code === 'INVALID_CREDENTIALS') return false;
    throw error;
  }
}

const UNKEPT: AuthSettings['known'] = { get: () => undefined, read: (_key, work) => work() };

const KEY_OF_ENVIRONMENT: Caller = {
  workspace: DEFAULT_WORKSPACE,
  until: Number.POSITIVE_INFINITY,
  principal: { actor: 'api-key', kind: 'user', scopes: new Set(SCOPES), binding: UNBOUND },
};

const isKeyOfEnvironment = (key: string, { api_key }: AuthSettings): boolean =>
  api_key ? timingSafeEqual(digestOf(key), digestOf(api_key)) : false;

function byBearer(authorization: string, settings: AuthSettings): Caller | Promise<Caller> {
  const token = /^bearer ([\x21-\x7e]+)$/i.exec(authorization)?.[1];
  if (!token) throw refused();
  const { jwt, store } = settings;
  if (jwt !== undefined && !token.startsWith('mcpo_')) return inKnownWorkspace(jwt(token), store);
  return byToken(token, settings);
}

/** An issuer can name a workspace that nobody has made: nobody acts there. */
async function inKnownWorkspace(found: Promise<Caller>, store: Store): Promise<Caller> {
  const caller = await found;
  if (caller.workspace === DEFAULT_WORKSPACE || (await store.workspaces.get(caller.workspace))) return caller;
  throw refused();
}

function byToken(token: string, settings: AuthSettings): Caller | Promise<Caller> {
  const { store, known } = settings;
  const digest = tokenDigest(token);
  const found = known.get(digest);
  if (found !== undefined) return admit(found, settings);
  if (!isWellFormedToken(token)) throw refused();
  return known.read(digest, () => findToken(store, digest)).then((row) => admit(row, settings));
}

function admit(row: KnownToken | undefined, { now, used }: AuthSettings): Caller {
  if (row === undefined || now().getTime() >= row.caller.until) throw refused();
  used(row.caller.workspace, row.token_id);
  return row.caller;
}

/** A token that is not revoked, and may have expired. */
export interface KnownToken {
  token_id: string;
  caller: Caller;
}

async function findToken(store: Store, digest: string): Promise<KnownToken | undefined> {
  const found = await store.tokens.byDigest(digest);
  if (!found || found.token.revoked_at !== null) return undefined;
  const { token, workspace } = found;
  const until = token.expires_at === null ? Number.POSITIVE_INFINITY : Date.parse(token.expires_at);
  return { token_id: token.token_id, caller: { workspace, until, principal: principalOf(token) } };
}

function principalOf(row: TokenRow): Principal {
  const held = expandScopes(
    row.scopes.filter((scope): scope is Scope => (SCOPES as readonly string[]).includes(scope)),
  );
  const scopes = row.kind === 'agent' ? held.intersection(AGENT_SCOPES) : held;
  const binding = { client_id: row.client_id ?? undefined, profile_id: row.profile_id ?? undefined };
  return { actor: `token:${row.token_id}`, kind: row.kind, scopes, binding };
}

/** Collects uses of tokens and writes them every 10 s and at the end, so that a read does not become a write. */
export class UseCounter {
  readonly #store: Store;
  readonly #now: () => Date;
  readonly #pending = new Map<string, { workspace: string; token_id: string; uses: number }>();
  readonly #log: Log;
  readonly #timer: NodeJS.Timeout;
  #flushed: Promise<unknown> = Promise.resolve();

  constructor(store: Store, now: () => Date, log: Log) {
    this.#store = store;
    this.#now = now;
    this.#log = log;
    this.#timer = setInterval(() => void this.flush(), 10_000);
    this.#timer.unref();
  }

  count(workspace: string, token_id: string): void {
    this.#add(workspace, token_id, 1);
  }

  /** Never fails: a store that cannot be written now gets the uses with the next flush; one that is only read, none. */
  async flush(): Promise<void> {
    const err = await this.#write();
    if (err !== undefined) this.#warn(err, 'uses of tokens could not be stored; they are written later');
  }

  /** After what is being written already. Gives the last failure; what failed is pending again. */
  #write(): Promise<unknown> {
    this.#flushed = this.#flushed.then(() => this.#writeAll());
    return this.#flushed;
  }

  async #writeAll(): Promise<unknown> {
    const entries = [...this.#pending.values()];
    this.#pending.clear();
    const at = this.#now().toISOString();
    let failure: unknown;
    for (const { workspace, token_id, uses } of entries) {
      try {
        await this.#store.tokens.addUses(workspace, token_id, uses, at);
      } catch (err) {
        if (isNewerSchema(err)) continue;
        this.#add(workspace, token_id, uses);
        failure = err;
      }
    }
    return failure;
  }

  #warn(err: unknown, words: string): void {
    const counts = [...this.#pending.values()].map(({ uses }) => uses);
    this.#log.warn({ err, uses: counts.reduce((sum, uses) => sum + uses, 0), tokens: counts.length }, words);
  }

  #add(workspace: string, token_id: string, uses: number): void {
    const entry = this.#pending.get(token_id);
    if (entry) entry.uses += uses;
    else this.#pending.set(token_id, { workspace, token_id, uses });
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    const err = await this.#write();
    if (err !== undefined) this.#warn(err, 'uses of tokens could not be stored, and are lost');
  }
}
