/**
 * Every failure a caller can cause, in one table: HTTP status, CLI exit code and what to do next.
 * Codes are public: they never change meaning and are never removed.
 */
export const ERRORS = {
  INVALID_INPUT: { status: 400, exit: 2, hint: 'Correct what is named, then try again.' },
  INVALID_JSON: { status: 400, exit: 2, hint: 'Send one well-formed JSON value; `details.reason` says what is wrong.' },
  AUTHENTICATION_REQUIRED: {
    status: 401,
    exit: 3,
    hint: 'Send `Authorization: Bearer <token>`; make a token with `mcp-orchestration generate-token`.',
  },
  INVALID_CREDENTIALS: {
    status: 401,
    exit: 3,
    hint: 'The token is not accepted. Make a new one with `mcp-orchestration generate-token`.',
  },
  FORBIDDEN: { status: 403, exit: 3, hint: 'Ask an administrator for the scope named in `details.needs`.' },
  ORIGIN_NOT_ALLOWED: { status: 403, exit: 3, hint: 'Add the origin to MCP_ORCHESTRATION_CORS_ORIGINS.' },
  HOST_NOT_ALLOWED: { status: 403, exit: 3, hint: 'Add the host name to MCP_ORCHESTRATION_ALLOWED_HOSTS.' },
  CLIENT_NOT_FOUND: { status: 404, exit: 4, hint: 'List the known clients with `list-clients`.' },
  PROFILE_NOT_FOUND: {
    status: 404,
    exit: 4,
    hint: 'List the profiles with `list-profiles`, or make one with `create-profile`.',
  },
  SERVER_NOT_FOUND: { status: 404, exit: 4, hint: 'Search the catalog with `list-servers --search WORD`.' },
  CONFIG_NOT_FOUND: { status: 404, exit: 4, hint: 'Nothing is published yet: run `publish-config` first.' },
  ARTIFACT_NOT_FOUND: {
    status: 404,
    exit: 4,
    hint: 'Use an artifact id that was published for this client and profile.',
  },
  DEPLOYMENT_NOT_FOUND: { status: 404, exit: 4, hint: 'Nothing was deployed here yet: run `deploy-config` first.' },
  TOKEN_NOT_FOUND: { status: 404, exit: 4, hint: 'List the tokens with `list-tokens`.' },
  WEBHOOK_NOT_FOUND: { status: 404, exit: 4, hint: 'List the webhooks first.' },
  KEY_NOT_FOUND: { status: 404, exit: 4, hint: 'List the known public keys first.' },
  WORKSPACE_NOT_FOUND: { status: 404, exit: 4, hint: 'List the workspaces that you may see.' },
  REVIEW_NOT_FOUND: { status: 404, exit: 4, hint: 'List the open reviews first.' },
  SERVER_NOT_IN_DRAFT: { status: 404, exit: 4, hint: 'Look at the draft with `view-draft`.' },
  NOT_FOUND: { status: 404, exit: 4, hint: 'See /docs for the routes that exist.' },
  METHOD_NOT_ALLOWED: { status: 405, exit: 2, hint: 'Use a method named in the `Allow` header.' },
  SCHEMA_NOT_AVAILABLE: { status: 406, exit: 2, hint: 'Ask for a schema version that `details.available` names.' },
  PAYLOAD_TOO_LARGE: { status: 413, exit: 2, hint: 'Send less than `details.limit_bytes` bytes.' },
  UNSUPPORTED_MEDIA_TYPE: {
    status: 415,
    exit: 2,
    hint: 'Send `Content-Type: application/json` without Content-Encoding.',
  },
  SERVER_ALREADY_IN_DRAFT: { status: 409, exit: 5, hint: 'Choose another `server_name`, or say `replace: true`.' },
  DRAFT_CHANGED: {
    status: 409,
    exit: 5,
    hint: 'Somebody else saved this draft. Read it again and repeat your change.',
  },
  PROFILE_ALREADY_EXISTS: { status: 409, exit: 5, hint: 'Use the profile that exists, or choose another id.' },
  KEYS_NOT_INITIALIZED: { status: 409, exit: 5, hint: 'Make a signing key with `initialize-keys` (or `init`).' },
  IDEMPOTENCY_CONFLICT: {
    status: 409,
    exit: 5,
    hint: 'This Idempotency-Key was used for another request: choose a new one.',
  },
  APPROVAL_REQUIRED: { status: 409, exit: 5, hint: 'Ask another person to approve this draft.' },
  CLIENT_FILE_UNPARSABLE: {
    status: 409,
    exit: 5,
    hint: 'Mend the file at the place named in `details`, then deploy again. Nothing was written.',
  },
  CLIENT_FILE_CHANGED: {
    status: 409,
    exit: 5,
    hint: 'The file changed since it was read. Plan again. Nothing was written.',
  },
  CLIENT_NOT_WRITABLE: { status: 409, exit: 5, hint: 'List the clients that can be written with `list-clients`.' },
  DRIFT_DETECTED: {
    status: 409,
    exit: 5,
    hint: 'Look with `deploy-config --dry-run`; then `--on-drift overwrite`, `--on-drift keep` or `--adopt`. Nothing was written.',
  },
  PROFILE_HAS_RELEASES: {
    status: 409,
    exit: 5,
    hint: 'A profile with releases is kept: its history must stay verifiable.',
  },
  PROFILE_LINKED: { status: 409, exit: 5, hint: 'This profile follows another one: change the source, or unlink it.' },
  CLIENT_ALREADY_EXISTS: { status: 409, exit: 5, hint: 'Choose another client id.' },
  SERVER_ALREADY_EXISTS: { status: 409, exit: 5, hint: 'Choose another server id.' },
  WORKSPACE_ALREADY_EXISTS: { status: 409, exit: 5, hint: 'Choose another workspace id.' },
  VALIDATION_FAILED: {
    status: 422,
    exit: 6,
    hint: 'Mend the findings, then try again. `validate-config` shows them all.',
  },
  POLICY_VIOLATION: { status: 422, exit: 6, hint: 'The findings in `details.issues` name the rules.' },
  SECRET_IN_CONFIG: {
    status: 422,
    exit: 6,
    hint: 'Write that reference instead, and set its value in the environment that starts the client.',
  },
  SECRET_NOT_RENDERABLE: {
    status: 422,
    exit: 6,
    hint: 'This client cannot resolve such a reference. Use a client that can, or take the reference out.',
  },
  SECRET_NOT_FOUND: { status: 422, exit: 6, hint: 'Store the secret on this machine first.' },
  SIGNATURE_INVALID: {
    status: 422,
    exit: 6,
    hint: '`details.reason` says which check failed. Do not use this artifact until that is explained.',
  },
  WEBHOOK_TARGET_REFUSED: {
    status: 422,
    exit: 6,
    hint: 'Use a public https address, or list host:port in MCP_ORCHESTRATION_WEBHOOK_ALLOW of the server.',
  },
  RATE_LIMITED: { status: 429, exit: 1, hint: 'Wait as long as the `Retry-After` header says.' },
  WRITE_FAILED: {
    status: 503,
    exit: 1,
    hint: 'Nothing was changed. `details.reason` names the failed step; mend it and repeat.',
  },
  UNAVAILABLE: { status: 503, exit: 1, hint: 'Try again in a moment.' },
  INTERNAL_ERROR: { status: 500, exit: 1, hint: 'This is a bug of ours. Report it with the request id.' },
} as const satisfies Record<string, { status: number; exit: number; hint: string }>;

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
