import { canonicalJson } from './canonical-json.ts';
import {
  type Check,
  type Checked,
  checked,
  counter,
  exactly,
  list,
  literal,
  notEmpty,
  nullable,
  text,
  where,
} from './checks.ts';
import { AppError } from './errors.ts';
import { DIGEST, isId, TIMESTAMP } from './id-rules.ts';

/** in-toto Attestation Framework, Statement v1. */
export const STATEMENT_TYPE = 'https://in-toto.io/Statement/v1';
export const RELEASE_PREDICATE_TYPE = 'https://github.com/liminalcommons/mcp-orchestration/release/v1';
export const POINTER_PREDICATE_TYPE = 'https://github.com/liminalcommons/mcp-orchestration/latest/v1';

/** A pointer that lived longer would let somebody who can only withhold answers freeze a machine for as long. */
export const POINTER_MAX_LIFETIME_MS = 30 * 24 * 60 * 60 * 1000;

/** SemVer 2.0.0. For people only: nothing but `sequence` orders releases. */
const SEMVER =
  /^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?(\+[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?$/;
export const VERSION = { pattern: SEMVER, longest: 128 } as const;

/** Where the schema of a payload is served; a release names it in `schema_ref`. */
export const PAYLOAD_SCHEMA_REF = '/schemas/payload-v1.json';

const id = text(isId, 'this is no valid id');
const digest = text((it) => DIGEST.test(it), 'a digest is 64 lowercase hexadecimal digits');
const words = text(notEmpty, 'this must not be empty');
const version = text((it) => it.length <= VERSION.longest && SEMVER.test(it), 'this is no SemVer number');
/** A time that is on the calendar: the 30th of February is refused. */
const instant = text((it) => {
  const time = new Date(it);
  return TIMESTAMP.test(it) && !Number.isNaN(time.getTime()) && time.toISOString() === it;
}, 'a time is RFC 3339 UTC with milliseconds, and exists');

/** Somebody's consent to exactly one payload under exactly one set of policies. */
const Approval = exactly({
  approver: words,
  approved_at: instant,
  payload_sha256: digest,
  policy_digest: nullable(digest),
});

const target = { workspace: id, client_id: id, profile_id: id };

const ReleasePredicate = where(
  exactly({
    ...target,
    sequence: counter,
    version,
    previous_artifact_id: nullable(digest),
    issued_at: instant,
    expires_at: nullable(instant),
    policy_set_id: nullable(words),
    policy_digest: nullable(digest),
    approvals: list(Approval),
    changelog: nullable(text()),
    schema_ref: words,
    provenance: exactly({ publisher: words, tool_version: words }),
  }),
  (it) => it.expires_at === null || it.expires_at > it.issued_at,
  'expires_at',
  'expires_at must be later than issued_at',
);
export type ReleasePredicate = Checked<typeof ReleasePredicate>;

const isPointerLifetime = (ms: number) => ms > 0 && ms <= POINTER_MAX_LIFETIME_MS;

const PointerPredicate = where(
  exactly({
    ...target,
    number: counter,
    sequence: counter,
    artifact_id: digest,
    issued_at: instant,
    expires_at: instant,
  }),
  ({ issued_at, expires_at }) => isPointerLifetime(Date.parse(expires_at) - Date.parse(issued_at)),
  'expires_at',
  'expires_at must be later than issued_at, by 30 days at most',
);
export type PointerPredicate = Checked<typeof PointerPredicate>;

/** in-toto allows several subjects; ours is always one. */
const Subject = list(exactly({ name: text(), digest: exactly({ sha256: digest }) }), [1, 1]) as Check<[SubjectOfOne]>;
interface SubjectOfOne {
  name: string;
  digest: { sha256: string };
}

/** What a release says: artifact A is number `sequence` of this client and profile (DESIGN 4.6). */
export const ReleaseStatement = exactly({
  _type: literal(STATEMENT_TYPE),
  subject: Subject,
  predicateType: literal(RELEASE_PREDICATE_TYPE),
  predicate: ReleasePredicate,
});
export type ReleaseStatement = Checked<typeof ReleaseStatement>;

/** What a pointer says: until `expires_at`, release number `sequence` is the latest. */
export const PointerStatement = exactly({
  _type: literal(STATEMENT_TYPE),
  subject: Subject,
  predicateType: literal(POINTER_PREDICATE_TYPE),
  predicate: PointerPredicate,
});
export type PointerStatement = Checked<typeof PointerStatement>;

/** The subject of both statements: `<workspace>/<client_id>/<profile_id>`. No id holds a slash. */
export function subjectName(it: { workspace: string; client_id: string; profile_id: string }): string {
  return `${it.workspace}/${it.client_id}/${it.profile_id}`;
}

function built<T>(check: Check<T>, statement: unknown, what: string): T {
  const result = checked(check, statement);
  if ('value' in result) return result.value;
  throw new AppError('INVALID_INPUT', `This ${what} cannot be made.`, { issues: result.issues });
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
