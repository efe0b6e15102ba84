import { z } from 'zod';
import { canonicalJson } from './canonical-json.ts';
import { AppError, type Issue } from './errors.ts';
import { ArtifactId, ClientId, isId, ProfileId, Timestamp } from './ids.ts';
import { jsonPointer } from './json-value.ts';
import { PAYLOAD_SCHEMA_REF } from './payload.ts';

/** in-toto Attestation Framework, Statement v1. */
export const STATEMENT_TYPE = 'https://in-toto.io/Statement/v1';
export const RELEASE_PREDICATE_TYPE = 'https://github.com/liminalcommons/mcp-orchestration/release/v1';
export const POINTER_PREDICATE_TYPE = 'https://github.com/liminalcommons/mcp-orchestration/latest/v1';

/** A pointer that lived longer would let somebody who can only withhold answers freeze a machine for as long. */
export const POINTER_MAX_LIFETIME_MS = 30 * 24 * 60 * 60 * 1000;

/** SemVer 2.0.0. For people only: nothing but `sequence` orders releases. */
const SEMVER =
  /^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?(\+[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?$/;
export const Version = z.string().max(128).regex(SEMVER, 'version is a SemVer number such as 1.4.0');

const Workspace = z.string().refine(isId, 'workspace is no valid id');
const Sha256 = z.string().regex(/^[0-9a-f]{64}$/, 'a digest is 64 lowercase hexadecimal digits');
/** A `Timestamp` that is on the calendar: the 30th of February is refused. */
const Instant = Timestamp.refine((text) => {
  const time = new Date(text);
  return !Number.isNaN(time.getTime()) && time.toISOString() === text;
}, 'this time does not exist');
/** 1, 2, 3 ... */
const Counter = z.int().min(1);

const Subject = z.tuple([z.strictObject({ name: z.string(), digest: z.strictObject({ sha256: ArtifactId }) })]);

/** Somebody's consent to exactly one payload under exactly one set of policies. */
export const Approval = z.strictObject({
  approver: z.string().min(1),
  approved_at: Instant,
  payload_sha256: Sha256,
  policy_digest: Sha256.nullable(),
});
export type Approval = z.infer<typeof Approval>;

const target = { workspace: Workspace, client_id: ClientId, profile_id: ProfileId };

export const ReleasePredicate = z
  .strictObject({
    ...target,
    sequence: Counter,
    version: Version,
    previous_artifact_id: ArtifactId.nullable(),
    issued_at: Instant,
    expires_at: Instant.nullable(),
    policy_set_id: z.string().min(1).nullable(),
    policy_digest: Sha256.nullable(),
    approvals: z.array(Approval),
    changelog: z.string().nullable(),
    schema_ref: z.string().min(1),
    provenance: z.strictObject({ publisher: z.string().min(1), tool_version: z.string().min(1) }),
  })
  .refine((it) => it.expires_at === null || it.expires_at > it.issued_at, {
    path: ['expires_at'],
    error: 'expires_at must be later than issued_at',
  });
export type ReleasePredicate = z.infer<typeof ReleasePredicate>;

const isPointerLifetime = (ms: number) => ms > 0 && ms <= POINTER_MAX_LIFETIME_MS;

export const PointerPredicate = z
  .strictObject({
    ...target,
    number: Counter,
    sequence: Counter,
    artifact_id: ArtifactId,
    issued_at: Instant,
    expires_at: Instant,
  })
  .refine(({ issued_at, expires_at }) => isPointerLifetime(Date.parse(expires_at) - Date.parse(issued_at)), {
    path: ['expires_at'],
    error: 'expires_at must be later than issued_at, by 30 days at most',
  });
export type PointerPredicate = z.infer<typeof PointerPredicate>;

/** What a release says: artifact A is number `sequence` of this client and profile (DESIGN 4.6). */
export const ReleaseStatement = z.strictObject({
  _type: z.literal(STATEMENT_TYPE),
  subject: Subject,
  predicateType: z.literal(RELEASE_PREDICATE_TYPE),
  predicate: ReleasePredicate,
});
export type ReleaseStatement = z.infer<typeof ReleaseStatement>;

/** What a pointer says: until `expires_at`, release number `sequence` is the latest. */
export const PointerStatement = z.strictObject({
  _type: z.literal(STATEMENT_TYPE),
  subject: Subject,
  predicateType: z.literal(POINTER_PREDICATE_TYPE),
  predicate: PointerPredicate,
});
export type PointerStatement = z.infer<typeof PointerStatement>;

/** The subject of both statements: `<workspace>/<client_id>/<profile_id>`. No id holds a slash. */
export function subjectName(it: { workspace: string; client_id: string; profile_id: string }): string {
  return `${it.workspace}/${it.client_id}/${it.profile_id}`;
}

/** Where and what, without the values that were sent. */
export function issuesOf(error: z.ZodError): Issue[] {
  return error.issues.map(({ path, message }) => ({ path: jsonPointer(path), message }));
}

function built<T>(schema: z.ZodType<T>, statement: unknown, what: string): T {
  const result = schema.safeParse(statement);
  if (result.success) return result.data;
  throw new AppError('INVALID_INPUT', `This ${what} cannot be made.`, { issues: issuesOf(result.error) });
}

/** Fields that may be left out are null or empty in the statement; `schema_ref` names the payload schema in use. */
export type ReleaseInput = Pick<
  ReleasePredicate,
  'workspace' | 'client_id' | 'profile_id' | 'sequence' | 'version' | 'issued_at' | 'provenance'
> &
  Partial<ReleasePredicate> & { artifact_id: string };

/** Refuses (INVALID_INPUT) what no verifier would accept, an approval of another payload or policy among it. */
export function releaseStatement({ artifact_id, ...input }: ReleaseInput): ReleaseStatement {
  const predicate = {
    previous_artifact_id: null,
    expires_at: null,
    policy_set_id: null,
    policy_digest: null,
    approvals: [],
    changelog: null,
    schema_ref: PAYLOAD_SCHEMA_REF,
    ...input,
  };
  const statement = built(
    ReleaseStatement,
    {
      _type: STATEMENT_TYPE,
      subject: [{ name: subjectName(input), digest: { sha256: artifact_id } }],
      predicateType: RELEASE_PREDICATE_TYPE,
      predicate,
    },
    'release',
  );
  if (!approvalsMatch(statement)) {
    throw new AppError('INVALID_INPUT', 'An approval was given to another payload or under another policy.');
  }
  return statement;
}

/** An approval counts for the payload and the policies it was given to, and for nothing else (SECURITY-BAR T1). */
export function approvalsMatch({ subject, predicate }: ReleaseStatement): boolean {
  return predicate.approvals.every(
    (it) => it.payload_sha256 === subject[0].digest.sha256 && it.policy_digest === predicate.policy_digest,
  );
}

export function pointerStatement(predicate: PointerPredicate): PointerStatement {
  const statement = {
    _type: STATEMENT_TYPE,
    subject: [{ name: subjectName(predicate), digest: { sha256: predicate.artifact_id } }],
    predicateType: POINTER_PREDICATE_TYPE,
    predicate,
  };
  return built(PointerStatement, statement, 'pointer');
}

/** The bytes that are signed: the canonical JSON of the statement. Verifiers take the bytes as they come. */
export function statementBytes(statement: ReleaseStatement | PointerStatement): Buffer {
  return Buffer.from(canonicalJson(statement));
}
