import { AppError } from '../../core/errors.ts';

/** SQLSTATE of a transaction that PostgreSQL gave up for the sake of another one: repeated from its start, it may succeed. */
const CONFLICTS = new Set(['40001', '40P01']);

/** SQLSTATE classes and codes (PostgreSQL 15, appendix A) that are no fault of the caller, and what they mean at night. */
const STATES: readonly (readonly [prefix: string, message: string, hint?: string])[] = [
  ['08', 'The connection to PostgreSQL was lost.'],
  ['25006', 'PostgreSQL takes no writes: this server is a standby, or is set to read only.'],
  ['25P0', 'PostgreSQL ended a transaction that stood still for too long.'],
  [
    '28',
    'PostgreSQL does not let this role in.',
    'Look at the name and the password in the database URL, and at pg_hba.conf of PostgreSQL.',
  ],
  [
    '3D000',
    'There is no database of that name in PostgreSQL.',
    'Make it with `create database`, or look at the name in the database URL.',
  ],
  ['3F000', 'There is no schema of that name in PostgreSQL.'],
  ['40', 'PostgreSQL gave up this transaction because of others, again and again.'],
  ['42704', 'PostgreSQL knows no role of that name.', 'Make it with `create role`, or look at its name.'],
  [
    '42501',
    'The role of this process may not do that in PostgreSQL.',
    'Say `mcp-orchestration migrate-database --grant-to ROLE` with the URL of the role that owns the tables.',
  ],
  ['53100', 'The disk of PostgreSQL is full.'],
  ['53', 'PostgreSQL has no room left: connections, memory or disk.'],
  ['55P03', 'Another process kept the store locked for too long.'],
  ['57014', 'PostgreSQL needed too long for a statement.'],
  ['57P', 'PostgreSQL is stopping or starting.'],
  ['58', 'PostgreSQL met a fault of its own disk or system.'],
  ['XX', 'PostgreSQL reports damage or a fault of its own. Look into its log.'],
];

/** What Node and the driver say about a connection that is not, or is no more. */
const LOST =
  /^(?:Connection terminated|Client has encountered a connection error|Client was closed|timeout exceeded|timeout expired|Query read timeout|Connection ended)/;
const SYSTEM = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOENT',
  'EACCES',
]);

const codeOf = (error: unknown): string | undefined =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;

/** Classes begin with a digit, or are one of four: EPIPE has five capitals, too, and is a code of the system. */
const SQLSTATE = /^(?:[0-9][0-9A-Z]|F0|HV|P0|XX)[0-9A-Z]{3}$/;
const isSqlState = (code: string | undefined): code is string => code !== undefined && SQLSTATE.test(code);

/** A transaction that may succeed when it is repeated from its start. */
export function isConflict(error: unknown): boolean {
  const cause = error instanceof AppError ? error.cause : error;
  return CONFLICTS.has(codeOf(cause) ?? '');
}

/**
 * Whether a statement failed only because one before it in its transaction had: 25P02, and 26000 where the statement that came
 * too late should have given a name to the plan of this one.
 */
export function isConsequence(error: unknown): boolean {
  return /^(?:25P02|26000)$/.test(codeOf(error) ?? '');
}

/** Whether nobody knows what the connection is worth now: it is thrown away. What PostgreSQL itself says in an answer is no such thing. */
export function isBroken(error: unknown): boolean {
  const code = codeOf(error);
  return !isSqlState(code) || /^(?:08|57P|XX)/.test(code);
}

/** Whether it is PostgreSQL that says so, and not somebody who waited for it. */
export const hasAnswered = (error: unknown): boolean => isSqlState(codeOf(error));

/** A word for a log: an SQLSTATE, or a code of the system. Never a text, which could quote what somebody wrote. */
export function reasonOf(error: unknown): string {
  const known = postgresError(error);
  const reason = known instanceof AppError ? known.details['reason'] : codeOf(known);
  return typeof reason === 'string' ? reason : 'unknown';
}

export const silentError = () => new AppError('UNAVAILABLE', 'PostgreSQL does not answer.', { reason: 'no_answer' });

export const gaveUpError = () =>
  new AppError('UNAVAILABLE', 'PostgreSQL gave up this transaction after a failure; nothing of it was kept.', {
    reason: '40000',
  });

/** Turns a failure of PostgreSQL or of the way there into the error a caller sees; anything else is a bug and stays as it is. */
export function postgresError(error: unknown): unknown {
  if (error instanceof AppError) return error;
  const code = codeOf(error);
  // A NUL is the one character that PostgreSQL has no room for.
  if (code === '22021' || code === '22P05') {
    const reason = 'a text holds a character that cannot be stored (U+0000)';
    return new AppError('INVALID_INPUT', `The input cannot be stored: ${reason}.`, { reason }, { cause: error });
  }
  if (isSqlState(code)) {
    const known = STATES.find(([prefix]) => code.startsWith(prefix));
    if (known === undefined) return error;
    const [, message, hint] = known;
    return new AppError('UNAVAILABLE', message, { reason: code }, { cause: error, ...(hint && { hint }) });
  }
  if (code !== undefined && SYSTEM.has(code)) return unreachable(code, error);
  if (error instanceof AggregateError) return unreachable(codeOf(error.errors[0]) ?? 'unreachable', error);
  if (error instanceof Error && LOST.test(error.message)) return unreachable('connection_lost', error);
  if (error instanceof Error && /certificate|self-signed|SSL|TLS/i.test(`${code} ${error.message}`)) {
    const message = 'The certificate of PostgreSQL cannot be trusted, or it speaks no TLS.';
    const hint =
      'Name the authority with sslrootcert=FILE in the database URL. Without TLS (sslmode=disable) others can read along.';
    return new AppError('UNAVAILABLE', message, { reason: 'tls' }, { cause: error, hint });
  }
  return error;
}

function unreachable(reason: string, cause: unknown): AppError {
  const message = 'PostgreSQL cannot be reached.';
  return new AppError('UNAVAILABLE', message, { reason }, { cause, hint: 'Start it, or look at the database URL.' });
}
