/**
 * Every failure a caller can cause, in one table: what it means, HTTP status, CLI exit code and what to do next.
 * Codes are public: they never change meaning and are never removed.
 */
export const ERRORS = {
  INVALID_INPUT: {
    meaning: 'A field, flag, setting, path or header is missing, unknown or has a value that it cannot have.',
    status: 400,
    exit: 2,
    hint: 'Correct what is named, then try again.',
  },
  INVALID_JSON: {
    meaning: 'What was sent is not JSON, or JSON that two readers would understand differently.',
    status: 400,
    exit: 2,
    hint: 'Send one well-formed JSON value; `details.reason` says what is wrong.',
  },
  AUTHENTICATION_REQUIRED: {
    meaning: 'The request came without a credential, and this route needs one.',
    status: 401,
    exit: 3,
    hint: 'Send `Authorization: Bearer <token>`; make a token with `mcp-orchestration generate-token`.',
  },
  INVALID_CREDENTIALS: {
    meaning: 'A credential came with the request, but it is unknown, malformed, expired or revoked.',
    status: 401,
    exit: 3,
    hint: 'The token is not accepted. Make a new one with `mcp-orchestration generate-token`.',
  },
  FORBIDDEN: {
    meaning: 'The credential is good, but may not do this: a scope, its kind or its binding does not allow it.',
    status: 403,
    exit: 3,
    hint: 'Ask an administrator for the scope named in `details.needs`.',
  },
  ORIGIN_NOT_ALLOWED: {
    meaning: 'The request came from a web page of an origin that may not call this server.',
    status: 403,
    exit: 3,
    hint: 'Add the origin to MCP_ORCHESTRATION_CORS_ORIGINS.',
  },
  HOST_NOT_ALLOWED: {
    meaning: 'The request named this server by a host name that it does not know as its own.',
    status: 403,
    exit: 3,
    hint: 'Add the host name to MCP_ORCHESTRATION_ALLOWED_HOSTS.',
  },
  CLIENT_NOT_FOUND: {
    meaning: 'No client application has this id.',
    status: 404,
    exit: 4,
    hint: 'List the known clients with `list-clients`.',
  },
  PROFILE_NOT_FOUND: {
    meaning: 'The client has no profile with this id.',
    status: 404,
    exit: 4,
    hint: 'List the profiles with `list-profiles`, or make one with `create-profile`.',
  },
  SERVER_NOT_FOUND: {
    meaning: 'The catalog, or the release that is to be started, has no server with this name.',
    status: 404,
    exit: 4,
    hint: 'Search the catalog with `list-servers --search WORD`.',
  },
  CONFIG_NOT_FOUND: {
    meaning: 'This client and profile have no release yet.',
    status: 404,
    exit: 4,
    hint: 'Nothing is published yet: run `publish-config` first.',
  },
  ARTIFACT_NOT_FOUND: {
    meaning: 'No release with this artifact id or number was published for what was asked about.',
    status: 404,
    exit: 4,
    hint: 'Use an artifact id that was published for this client and profile.',
  },
  DEPLOYMENT_NOT_FOUND: {
    meaning: 'On this machine there is no deployment that this could be about.',
    status: 404,
    exit: 4,
    hint: 'Nothing was deployed here yet: run `deploy-config` first.',
  },
  TOKEN_NOT_FOUND: {
    meaning: 'No token that you may see has this id.',
    status: 404,
    exit: 4,
    hint: 'List the tokens with `list-tokens`.',
  },
  WEBHOOK_NOT_FOUND: {
    meaning: 'No webhook of this workspace has this id.',
    status: 404,
    exit: 4,
    hint: 'List the webhooks first.',
  },
  KEY_NOT_FOUND: {
    meaning: 'No public key that is trusted here has this id.',
    status: 404,
    exit: 4,
    hint: 'List the known public keys first.',
  },
  WORKSPACE_NOT_FOUND: {
    meaning: 'There is no such workspace, or it is not yours to know of.',
    status: 404,
    exit: 4,
    hint: 'List the workspaces that you may see.',
  },
  REVIEW_NOT_FOUND: {
    meaning: 'No review has this id. Not answered by any version yet.',
    status: 404,
    exit: 4,
    hint: 'List the open reviews first.',
  },
  SERVER_NOT_IN_DRAFT: {
    meaning: 'The draft has no server with this name.',
    status: 404,
    exit: 4,
    hint: 'Look at the draft with `view-draft`.',
  },
  NOT_FOUND: {
    meaning: 'There is no such route, file, program, delivery or registry; the message says which.',
    status: 404,
    exit: 4,
    hint: 'See /docs for the routes that exist.',
  },
  METHOD_NOT_ALLOWED: {
    meaning: 'The path exists, but not with this method.',
    status: 405,
    exit: 2,
    hint: 'Use a method named in the `Allow` header.',
  },
  SCHEMA_NOT_AVAILABLE: {
    meaning: 'The schema does not exist in the version that was asked for. Not answered by any version yet.',
    status: 406,
    exit: 2,
    hint: 'Ask for a schema version that `details.available` names.',
  },
  PAYLOAD_TOO_LARGE: {
    meaning: 'The body or message is longer than is read.',
    status: 413,
    exit: 2,
    hint: 'Send less than `details.limit_bytes` bytes.',
  },
  UNSUPPORTED_MEDIA_TYPE: {
    meaning: 'The body is not sent as plain JSON: another Content-Type, or compressed.',
    status: 415,
    exit: 2,
    hint: 'Send `Content-Type: application/json` without Content-Encoding.',
  },
  SERVER_ALREADY_IN_DRAFT: {
    meaning: 'The draft has a server with this name already.',
    status: 409,
    exit: 5,
    hint: 'Choose another `server_name`, or say `replace: true`.',
  },
  DRAFT_CHANGED: {
    meaning: 'The draft is no longer the one that this change was made for.',
    status: 409,
    exit: 5,
    hint: 'Somebody else saved this draft. Read it again and repeat your change.',
  },
  PROFILE_ALREADY_EXISTS: {
    meaning: 'The client has a profile with this id already.',
    status: 409,
    exit: 5,
    hint: 'Use the profile that exists, or choose another id.',
  },
  KEYS_NOT_INITIALIZED: {
    meaning: 'There is no signing key that could sign a release: none was made, or it is revoked.',
    status: 409,
    exit: 5,
    hint: 'Make a signing key with `initialize-keys` (or `init`).',
  },
  IDEMPOTENCY_CONFLICT: {
    meaning: 'The Idempotency-Key belongs to another request, or to one that is still being worked on.',
    status: 409,
    exit: 5,
    hint: 'This Idempotency-Key was used for another request: choose a new one.',
  },
  APPROVAL_REQUIRED: {
    meaning: 'The draft may not be published before somebody else has approved it. Not answered by any version yet.',
    status: 409,
    exit: 5,
    hint: 'Ask another person to approve this draft.',
  },
  CLIENT_FILE_UNPARSABLE: {
    meaning: 'The file of the client cannot be read as what it should be, so it was left alone.',
    status: 409,
    exit: 5,
    hint: 'Mend the file at the place named in `details`, then deploy again. Nothing was written.',
  },
  CLIENT_FILE_CHANGED: {
    meaning: 'Somebody changed the file of the client between the look at it and the write.',
    status: 409,
    exit: 5,
    hint: 'The file changed since it was read. Plan again. Nothing was written.',
  },
  CLIENT_NOT_WRITABLE: {
    meaning: 'This version cannot write the file of this client, or not in this scope or on this system.',
    status: 409,
    exit: 5,
    hint: 'List the clients that can be written with `list-clients`.',
  },
  DRIFT_DETECTED: {
    meaning: 'The entries in the file of the client are not as they were left, and would be lost.',
    status: 409,
    exit: 5,
    hint: 'Look with `deploy-config --dry-run`; then `--on-drift overwrite`, `--on-drift keep` or `--adopt`. Nothing was written.',
  },
  PROFILE_HAS_RELEASES: {
    meaning: 'Something was published for the profile here, so it cannot be deleted, or pulled from a server.',
    status: 409,
    exit: 5,
    hint: 'A profile with releases is kept: its history must stay verifiable.',
  },
  PROFILE_LINKED: {
    meaning: 'The profile has no draft and releases of its own: it follows another one.',
    status: 409,
    exit: 5,
    hint: 'This profile follows another one: change the source, or unlink it.',
  },
  CLIENT_ALREADY_EXISTS: {
    meaning: 'A client with this id exists already.',
    status: 409,
    exit: 5,
    hint: 'Choose another client id.',
  },
  SERVER_ALREADY_EXISTS: {
    meaning: 'The catalog has this server id, or this version of the server with other contents, already.',
    status: 409,
    exit: 5,
    hint: 'Choose another `server_id`.',
  },
  WORKSPACE_ALREADY_EXISTS: {
    meaning: 'A workspace with this id exists already.',
    status: 409,
    exit: 5,
    hint: 'Choose another workspace id.',
  },
  VALIDATION_FAILED: {
    meaning: 'The payload has errors, so it was not published or deployed.',
    status: 422,
    exit: 6,
    hint: 'Mend the findings, then try again. `validate-config` shows them all.',
  },
  POLICY_VIOLATION: {
    meaning: 'The payload breaks a rule of this installation. Not answered by any version yet.',
    status: 422,
    exit: 6,
    hint: 'The findings in `details.issues` name the rules.',
  },
  SECRET_IN_CONFIG: {
    meaning: 'A value looks like a password, token or key in the open, and those are never stored here.',
    status: 422,
    exit: 6,
    hint: 'Write that reference instead, and set its value in the environment that starts the client.',
  },
  SECRET_NOT_RENDERABLE: {
    meaning: 'A reference stands where neither this client nor the launcher can fill it in.',
    status: 422,
    exit: 6,
    hint: 'This client cannot resolve such a reference. Use a client that can, or take the reference out.',
  },
  SECRET_NOT_FOUND: {
    meaning: 'No secret with this name is stored on this machine.',
    status: 422,
    exit: 6,
    hint: 'Store the secret on this machine first.',
  },
  SIGNATURE_INVALID: {
    meaning: 'A release did not pass verification: its key, signature, target, order or expiry is wrong.',
    status: 422,
    exit: 6,
    hint: '`details.reason` says which check failed. Do not use this artifact until that is explained.',
  },
  WEBHOOK_TARGET_REFUSED: {
    meaning: 'The URL of the webhook is none that this server sends to: not https, not public, or another port.',
    status: 422,
    exit: 6,
    hint: 'Use a public https address, or list host:port in MCP_ORCHESTRATION_WEBHOOK_ALLOW of the server.',
  },
  BACKUP_DAMAGED: {
    meaning: 'A backup of the store is not, byte for byte, what was written, or what it holds cannot be.',
    status: 422,
    exit: 6,
    hint: 'Nothing was changed. Use another backup; `details.file` says where this one is damaged.',
  },
  RATE_LIMITED: {
    meaning: 'There were too many requests, streams or wrong credentials in a short time.',
    status: 429,
    exit: 1,
    hint: 'Wait as long as the `Retry-After` header says.',
  },
  WRITE_FAILED: {
    meaning: 'The disk, the database or a file did not take what was to be written.',
    status: 503,
    exit: 1,
    hint: 'Nothing was changed. `details.reason` names the failed step; mend it and repeat.',
  },
  UNAVAILABLE: {
    meaning: 'Something this needs cannot be used just now: the store, a key, a lock, a port or an issuer.',
    status: 503,
    exit: 1,
    hint: 'Try again in a moment.',
  },
  INTERNAL_ERROR: {
    meaning: 'The program did something that nobody had foreseen; the log has the cause.',
    status: 500,
    exit: 1,
    hint: 'This is a bug of ours. Report it with the request id.',
  },
} as const satisfies Record<string, { meaning: string; status: number; exit: number; hint: string }>;

export type ErrorCode = keyof typeof ERRORS;

/** One entry of `details.issues`: where, and what is wrong there. */
export interface Issue {
  path: string;
  message: string;
  [extra: string]: unknown;
}

/** An expected failure. `details` must never hold a secret or the value of a parameter. */
export class AppError extends Error {
  readonly code: ErrorCode;
  readonly details: Record<string, unknown>;
  /** What to do next, when the catalogue's hint can be made more exact. */
  readonly hint: string;

  constructor(
    code: ErrorCode,
    message: string,
    details: Record<string, unknown> = {},
    options: ErrorOptions & { hint?: string } = {},
  ) {
    super(message, options);
    this.name = 'AppError';
    this.code = code;
    this.details = details;
    this.hint = options.hint ?? ERRORS[code].hint;
  }
}

/** The reason of UNAVAILABLE where the database was made by a newer version. */
export const NEWER_SCHEMA = 'newer_schema';

/** A change was refused because a newer version made the database. No later one will fare better in this process. */
export const isNewerSchema = (error: unknown): boolean =>
  error instanceof AppError && error.details['reason'] === NEWER_SCHEMA;

/** INVALID_INPUT about one field, dotted: `params.path`. */
export function invalidInput(field: string, message: string, options: ErrorOptions & { hint?: string } = {}): AppError {
  const details = { field, reason: message, issues: [{ path: field, message }] };
  return new AppError('INVALID_INPUT', `${field}: ${message}`, details, options);
}

/** The body of every refusal, on every door (DESIGN 4.5). `timestamp` is RFC 3339 UTC with milliseconds. */
export interface Problem {
  code: string;
  message: string;
  details: Record<string, unknown>;
  hint: string;
  timestamp: string;
  request_id: string;
}

/** What a caller may see of an error. Anything unexpected is a bug of ours: it is logged with its cause, never shown. */
export function problemOf(error: unknown, at: { timestamp: string; request_id: string }): Problem {
  if (error instanceof AppError) {
    return { code: error.code, message: error.message, details: error.details, hint: error.hint, ...at };
  }
  return {
    code: 'INTERNAL_ERROR',
    message: 'Something broke on our side.',
    details: {},
    hint: ERRORS.INTERNAL_ERROR.hint,
    ...at,
  };
}
