import { artifactId, artifactIdOfCanonical } from './artifact.ts';
import { type Check, checked, having, text } from './checks.ts';
import { Envelope, PAYLOAD_TYPE, pae } from './dsse.ts';
import { AppError, type Issue } from './errors.ts';
import { assertJsonValue } from './json-value.ts';
import { type KeyRecord, verifySignature } from './keys.ts';
import type { JsonValue } from './payload.ts';
import {
  approvalsMatch,
  POINTER_PREDICATE_TYPE,
  PointerStatement,
  RELEASE_PREDICATE_TYPE,
  ReleaseStatement,
  STATEMENT_TYPE,
  subjectName,
} from './release.ts';
import { parseStrictJson } from './strict-json.ts';

/**
 * Verification of releases and pointers, offline. The order of the checks is part of the promise:
 *
 * 1. the envelope is a strict DSSE envelope (malformed) that holds an in-toto statement (unsupported_type);
 * 2. a known (unknown_key) and unrevoked (revoked_key) key signed exactly the bytes received (bad_signature);
 * 3. those bytes are a statement (malformed) of the kind that was asked for (unsupported_type);
 * 4. it is about the workspace, client, profile and sequence that were asked for (wrong_target);
 * 5. it names the artifact that was asked for, and so do its approvals (digest_mismatch);
 * 6. it has not expired (expired);
 * 7. it is neither older (rollback) nor absurdly newer (sequence_jump) than what this verifier has seen.
 *
 * Nothing inside the statement is looked at before step 2 has passed.
 */
export const SIGNATURE_REASONS = [
  'malformed',
  'unsupported_type',
  'unknown_key',
  'revoked_key',
  'bad_signature',
  'wrong_target',
  'digest_mismatch',
  'expired',
  'rollback',
  'sequence_jump',
] as const;
export type SignatureReason = (typeof SIGNATURE_REASONS)[number];

/** How far the clocks of signer and verifier may be apart before an expiry counts. */
export const CLOCK_SKEW_MS = 5 * 60 * 1000;

/** A latest that is more than this ahead of what was seen is an attack on the counter, or a matter for a person. */
export const DEFAULT_MAX_SEQUENCE_JUMP = 10_000;

/** What a verifier asks for. What is left out is not compared; the target and the time always are. */
export interface Expected {
  workspace: string;
  client_id: string;
  profile_id: string;
  now: Date;
  artifact_id?: string | undefined;
  sequence?: number | undefined;
  /** Highest sequence that this verifier ever accepted for this target. Leave it out for an explicit older release. */
  highest_sequence_seen?: number | undefined;
  /** Only counts together with `highest_sequence_seen`. */
  max_sequence_jump?: number | undefined;
}
export interface ExpectedRelease extends Expected {
  /** The payload that came with the release: its canonical text exactly as received, or the parsed value. */
  canonical_payload?: string | object | undefined;
}
export interface ExpectedPointer extends Expected {
  /** Highest pointer number that this verifier ever accepted for this target. */
  highest_number_seen?: number | undefined;
}

/** A statement that passed every check, and the first key that vouches for it. */
export interface Verified<Statement> {
  statement: Statement;
  key_id: string;
}

/** The verifier's own key set. An id from a message is only ever looked up in it. */
export type KeySet = ReadonlyMap<string, KeyRecord>;

interface Refusal {
  issues?: Issue[];
  cause?: unknown;
}

function refuse(reason: SignatureReason, message: string, { issues, cause }: Refusal = {}): never {
  throw new AppError('SIGNATURE_INVALID', message, { reason, ...(issues && { issues }) }, { cause });
}

/** Runs a reader of ours; whatever it objects to becomes this refusal. */
function orRefuse<T>(reason: SignatureReason, message: string, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    const detail = cause instanceof AppError ? ` ${cause.message}` : '';
    return refuse(reason, `${message}${detail}`, { cause });
  }
}

function parsed<T>(check: Check<T>, value: unknown, what: string): T {
  const result = checked(check, value);
  return 'value' in result ? result.value : refuse('malformed', what, { issues: result.issues });
}

function readEnvelope(envelope: unknown): Envelope {
  const value = orRefuse('malformed', 'The envelope cannot be read.', () => {
    if (typeof envelope === 'string' || envelope instanceof Uint8Array) return parseStrictJson(envelope);
    assertJsonValue(envelope);
    return envelope;
  });
  const result = parsed(Envelope, value, 'This is not a DSSE envelope.');
  if (result.payloadType !== PAYLOAD_TYPE) refuse('unsupported_type', `The envelope does not hold ${PAYLOAD_TYPE}.`);
  return result;
}

/** The bytes that were signed, and the first key of the key set with a good signature over them. */
function checkSignatures(envelope: Envelope, keys: KeySet): { bytes: Buffer; key_id: string } {
  const bytes = Buffer.from(envelope.payload, 'base64');
  const signed = pae(envelope.payloadType, bytes);
  const known = envelope.signatures.flatMap(({ keyid, sig }) => {
    const record = keys.get(keyid);
    return record?.key_id === keyid ? [{ record, sig }] : [];
  });
  const usable = known.filter(({ record }) => record.status !== 'revoked');
  const good = usable.find(({ record, sig }) => verifySignature(record, signed, Buffer.from(sig, 'base64')));
  if (good) return { bytes, key_id: good.record.key_id };
  if (usable.length > 0) refuse('bad_signature', 'No signature fits the bytes received: they were changed or damaged.');
  if (known.length > 0) refuse('revoked_key', 'The only keys known here that signed this have been revoked.');
  return refuse('unknown_key', 'No key known here signed this. If the publisher has a new key, import it first.');
}

const StatementHead = having({ _type: text(), predicateType: text() });

function readStatement<T>(check: Check<T>, predicateType: string, bytes: Buffer): T {
  const value: JsonValue = orRefuse('malformed', 'The signed statement cannot be read.', () => parseStrictJson(bytes));
  const head = parsed(StatementHead, value, 'The signed bytes are no in-toto statement.');
  if (head._type !== STATEMENT_TYPE || head.predicateType !== predicateType) {
    refuse('unsupported_type', `The signed statement is not of the type ${predicateType}.`);
  }
  return parsed(check, value, 'The signed statement does not have the fields it must have.');
}

type Statement = ReleaseStatement | PointerStatement;

function checkTarget({ subject, predicate }: Statement, expected: Expected): void {
  const wanted = subjectName(expected);
  const stated = subjectName(predicate);
  if (stated !== wanted) refuse('wrong_target', `This was signed for ${stated}, not for ${wanted}.`);
  if (subject[0].name !== stated) refuse('wrong_target', 'Subject and predicate name different targets.');
  if (expected.sequence !== undefined && predicate.sequence !== expected.sequence) {
    refuse('wrong_target', `This is number ${predicate.sequence}, but number ${expected.sequence} was asked for.`);
  }
}

function checkArtifact(stated: string, expected: Expected): void {
  if (expected.artifact_id !== undefined && stated !== expected.artifact_id) {
    refuse('digest_mismatch', `This was signed for the artifact ${stated}, which is not the one asked for.`);
  }
}

function checkPayload(stated: string, payload: string | object): void {
  const actual = orRefuse('digest_mismatch', 'The payload has no digest.', () =>
    typeof payload === 'string' ? artifactIdOfCanonical(payload) : artifactId(payload),
  );
  if (actual !== stated) refuse('digest_mismatch', `The payload is not the artifact ${stated} that was signed.`);
}

function checkExpiry(expires_at: string | null, now: Date): void {
  // Written so that an invalid `now` refuses too.
  if (expires_at === null || now.getTime() <= Date.parse(expires_at) + CLOCK_SKEW_MS) return;
  refuse('expired', `This expired at ${expires_at}.`);
}

function checkAge(what: string, value: number, seen: number | undefined, jump = DEFAULT_MAX_SEQUENCE_JUMP): void {
  if (seen === undefined) return;
  if (value < seen) refuse('rollback', `This has ${what} ${value}, but ${seen} was seen here before.`);
  if (value - seen > jump) {
    refuse('sequence_jump', `This has ${what} ${value}, more than ${jump} ahead of the ${seen} seen here last.`);
  }
}

/**
 * Checks a release against what was asked for. `envelope` is the text or bytes as received, or the parsed envelope.
 * Every refusal is SIGNATURE_INVALID with one of `SIGNATURE_REASONS` in `details.reason`.
 */
export function verifyRelease(envelope: unknown, expected: ExpectedRelease, keys: KeySet): Verified<ReleaseStatement> {
  const { bytes, key_id } = checkSignatures(readEnvelope(envelope), keys);
  const statement = readStatement(ReleaseStatement, RELEASE_PREDICATE_TYPE, bytes);
  const { subject, predicate } = statement;
  checkTarget(statement, expected);
  checkArtifact(subject[0].digest.sha256, expected);
  if (expected.canonical_payload !== undefined) checkPayload(subject[0].digest.sha256, expected.canonical_payload);
  if (!approvalsMatch(statement)) refuse('digest_mismatch', 'An approval was given to another payload or policy.');
  checkExpiry(predicate.expires_at, expected.now);
  checkAge('sequence', predicate.sequence, expected.highest_sequence_seen, expected.max_sequence_jump);
  return { statement, key_id };
}

/** As `verifyRelease`, for the statement which release is the latest. Its own number must not go back either. */
export function verifyPointer(envelope: unknown, expected: ExpectedPointer, keys: KeySet): Verified<PointerStatement> {
  const { bytes, key_id } = checkSignatures(readEnvelope(envelope), keys);
  const statement = readStatement(PointerStatement, POINTER_PREDICATE_TYPE, bytes);
  const { subject, predicate } = statement;
  checkTarget(statement, expected);
  checkArtifact(subject[0].digest.sha256, expected);
  if (predicate.artifact_id !== subject[0].digest.sha256) {
    refuse('digest_mismatch', 'Subject and predicate name different artifacts.');
  }
  checkExpiry(predicate.expires_at, expected.now);
  checkAge('sequence', predicate.sequence, expected.highest_sequence_seen, expected.max_sequence_jump);
  checkAge('pointer number', predicate.number, expected.highest_number_seen, expected.max_sequence_jump);
  return { statement, key_id };
}
