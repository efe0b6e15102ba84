import { EVENT_TYPES } from '../../core/event.ts';
import { DIGEST, isId, TIMESTAMP } from '../../core/id-rules.ts';
import { SCOPES } from '../../core/scopes.ts';
import type { Tables } from '../sql/schema.ts';
import type { Problems } from './problems.ts';
import type { TableName } from './tables.ts';

/** What each column may hold, whatever the other rows say. Never quotes a value: it may be a secret, or bytes. */

type Fits = (value: unknown) => boolean;
type Shape = readonly [fits: Fits, words: string];

const isText = (value: unknown): value is string => typeof value === 'string';
const texts =
  (fits: (text: string) => boolean): Fits =>
  (value) =>
    isText(value) && fits(value);

const id: Shape = [texts(isId), 'is no valid id'];
const some: Shape = [texts((text) => text !== ''), 'is empty or no text'];
const text: Shape = [isText, 'is no text'];
const digest: Shape = [texts((one) => DIGEST.test(one)), 'is no SHA-256'];
const time: Shape = [texts((one) => TIMESTAMP.test(one) && !Number.isNaN(Date.parse(one))), 'is no time'];
const flag: Shape = [(value) => value === 0 || value === 1, 'is neither 0 nor 1'];
const from = (least: number, most = Number.MAX_SAFE_INTEGER): Shape => [
  (value) => Number.isSafeInteger(value) && Number(value) >= least && Number(value) <= most,
  `is no whole number from ${least} on`,
];
const oneOf = (...words: readonly string[]): Shape => [texts((one) => words.includes(one)), 'is none of its words'];
const orNull = ([fits, words]: Shape): Shape => [(value) => value === null || fits(value), words];
const json = (fits: Fits, words: string): Shape => [
  (value) => {
    try {
      return isText(value) && fits(JSON.parse(value));
    } catch {
      return false;
    }
  },
  words,
];
export const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const listOf =
  (words: readonly string[]): Fits =>
  (value) =>
    Array.isArray(value) && value.every((word) => words.includes(word));

const anything = json(() => true, 'is no JSON');
const record = json(isRecord, 'is no JSON object');
const draft = json((value) => isRecord(value) && isRecord(value['mcpServers']), 'is no payload');
/** Ownership and glue, as far as every deployment has them. */
const ledger = json(
  (value) =>
    isRecord(value) &&
    Array.isArray(value['entries']) &&
    value['entries'].every((entry) => Array.isArray(entry) && entry.length === 2 && isText(entry[0])) &&
    (value['foreign'] === undefined || Array.isArray(value['foreign'])),
  'is no ledger',
);

const target = { client_id: id, profile_id: id } as const;
const perhaps = { client_id: orNull(id), profile_id: orNull(id) } as const;

const SHAPES: { [T in TableName]: { [C in keyof Tables[T]]?: Shape } } = {
  workspaces: { workspace: id, number: from(0), display_name: some, created_at: orNull(time) },
  counters: { workspace: id, counter: some, value: from(0) },
  keys: {
    key_id: digest,
    algorithm: oneOf('ed25519', 'ecdsa-p256'),
    public_key_pem: some,
    status: oneOf('active', 'retired', 'revoked'),
    created_at: time,
  },
  pins: { key_id: digest, public_key_pem: orNull(some), pinned_at: time },
  clients: { client_id: id, definition: record, added_at: time },
  catalog: {
    registry: some,
    name: some,
    version: some,
    number: from(1),
    server_id: id,
    raw: anything,
    raw_sha256: digest,
    definition: anything,
    findings: anything,
    registry_meta: anything,
    first_seen_at: time,
    last_seen_at: time,
  },
  profiles: { ...target, display_name: text, description: text, created_at: time },
  drafts: { ...target, revision: from(1), payload: draft, updated_at: time },
  artifacts: { artifact_id: digest, canonical: some, created_at: time },
  releases: {
    ...target,
    sequence: from(1),
    artifact_id: digest,
    version: some,
    previous_artifact_id: orNull(digest),
    changelog: orNull(text),
    server_count: from(0),
    policy_digest: orNull(digest),
    signing_key_id: digest,
    issued_at: time,
    expires_at: orNull(time),
    envelope: record,
  },
  pointers: {
    ...target,
    number: from(1),
    sequence: from(1),
    artifact_id: digest,
    signing_key_id: digest,
    issued_at: time,
    expires_at: time,
    envelope: record,
  },
  pulls: { ...target, server: some, sequence: from(1), number: from(0), pulled_at: time },
  links: { ...target, source_client_id: id, source_profile_id: id, created_at: time },
  tokens: {
    token_id: some,
    number: from(1),
    digest,
    name: text,
    kind: oneOf('user', 'agent'),
    scopes: json(listOf(SCOPES), 'is no list of scopes'),
    ...perhaps,
    created_at: time,
    expires_at: orNull(time),
    last_used_at: orNull(time),
    use_count: from(0),
    revoked_at: orNull(time),
  },
  deployments: {
    deployment_id: some,
    number: from(1),
    machine_id: some,
    ...target,
    artifact_id: digest,
    sequence: from(1),
    config_scope: some,
    config_path: some,
    target_path: some,
    pointer: text,
    status: oneOf('intent', 'done', 'abandoned', 'undone', 'closed'),
    pinned: flag,
    explicit_path: flag,
    before_sha256: orNull(digest),
    // Empty: an undo that takes the file away leaves none.
    after_sha256: [texts((one) => one === '' || DIGEST.test(one)), 'is no SHA-256'],
    ledger,
    deployed_at: time,
  },
  audit: {
    number: from(1),
    at: time,
    operation: some,
    effect: oneOf('write', 'delete'),
    actor: some,
    door: oneOf('cli', 'mcp', 'rest'),
    request_id: some,
    facts: record,
  },
  events: {
    number: from(1),
    type: oneOf(...EVENT_TYPES),
    time,
    ...perhaps,
    artifact_id: orNull(digest),
    sequence: orNull(from(1)),
    actor: some,
    data: record,
  },
  idempotency: {
    actor: some,
    key: some,
    request_sha256: digest,
    owner: some,
    lease_until: time,
    expires_at: time,
    status: orNull(from(100, 599)),
  },
  webhooks: {
    webhook_id: some,
    number: from(1),
    url: [texts((one) => URL.canParse(one)), 'is no URL'],
    events: json(listOf(EVENT_TYPES), 'is no list of events'),
    secret: some,
    previous_secret: orNull(some),
    previous_until: orNull(time),
    created_at: time,
    failures: from(0),
    lease_until: orNull(time),
    claimed_at: orNull(time),
  },
  deliveries: {
    webhook_id: some,
    number: from(1),
    event: record,
    status: oneOf('pending', 'delivered', 'parked'),
    attempts: from(0),
    response_status: orNull(from(100, 599)),
    next_attempt_at: orNull(time),
  },
};

/** True when every column holds what it can hold. */
export function isShaped(table: TableName, row: object, found: Problems): boolean {
  const wrong = Object.entries(SHAPES[table] as Record<string, Shape>).filter(
    ([column, [fits]]) => !fits(Reflect.get(row, column)),
  );
  for (const [column, [, words]] of wrong) found.add('ROW_DAMAGED', table, row, `${column} ${words}.`);
  return wrong.length === 0;
}
