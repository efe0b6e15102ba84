import type { EventType } from '../core/event.ts';
import type { DraftPayload, JsonValue } from '../core/payload.ts';

/** What a store keeps, as plain data. Times are RFC 3339 UTC with milliseconds. Nothing here knows a rule. */

/** Something that happened, for who watches. Numbers grow and become visible in their order. */
export interface EventRow {
  number: number;
  type: EventType;
  time: string;
  client_id: string | null;
  profile_id: string | null;
  artifact_id: string | null;
  sequence: number | null;
  actor: string;
  /** Names and numbers; never a value of a payload. */
  data: Record<string, string | number | boolean>;
}

export interface DraftRow {
  client_id: string;
  profile_id: string;
  /** Starts at 1 with the first change and only grows; 0 means "no draft". */
  revision: number;
  payload: DraftPayload;
  updated_at: string;
}

/** A profile that was created explicitly (the four standard ones exist without a row). */
export interface ProfileRow {
  client_id: string;
  profile_id: string;
  display_name: string;
  description: string;
  created_at: string;
}

export interface ArtifactRow {
  artifact_id: string;
  /** The RFC 8785 text whose SHA-256 is `artifact_id`. */
  canonical: string;
  created_at: string;
}

/** What has its own digest for a name: nothing else of an artifact can be told from it alone. */
export type ArtifactText = Pick<ArtifactRow, 'artifact_id' | 'canonical'>;

/** One signed release. `envelope` is the DSSE envelope exactly as signed, as JSON text. */
export interface ReleaseRow {
  client_id: string;
  profile_id: string;
  /** 1, 2, 3 ... without gaps per workspace, client and profile. */
  sequence: number;
  artifact_id: string;
  version: string;
  previous_artifact_id: string | null;
  changelog: string | null;
  server_count: number;
  policy_digest: string | null;
  signing_key_id: string;
  issued_at: string;
  expires_at: string | null;
  envelope: string;
}

/** The signed statement which release is the latest. `envelope` is the DSSE envelope exactly as signed, as JSON text. */
export interface PointerRow {
  client_id: string;
  profile_id: string;
  /** 1, 2, 3 ... without gaps per workspace, client and profile. */
  number: number;
  sequence: number;
  artifact_id: string;
  signing_key_id: string;
  issued_at: string;
  expires_at: string;
  envelope: string;
}

/** A key of others whose releases are accepted here. The id is the digest of the key, so it can stand before the key is known. */
export interface PinRow {
  key_id: string;
  public_key_pem: string | null;
  pinned_at: string;
}

/** How far a profile has come that gets its releases from a server: the highest numbers that were ever accepted. */
export interface PullRow {
  client_id: string;
  profile_id: string;
  server: string;
  sequence: number;
  /** Of the pointer. */
  number: number;
  /** When the last of both was accepted. */
  pulled_at: string;
}

export interface KeyRow {
  key_id: string;
  algorithm: 'ed25519' | 'ecdsa-p256';
  public_key_pem: string;
  status: 'active' | 'retired' | 'revoked';
  created_at: string;
}

export interface TokenRow {
  token_id: string;
  /** SHA-256 of the token, lowercase hex. The token itself is never stored. */
  digest: string;
  name: string;
  kind: 'user' | 'agent';
  scopes: string[];
  /** What it is bound to; null: to none. */
  client_id: string | null;
  profile_id: string | null;
  created_at: string;
  expires_at: string | null;
  last_used_at: string | null;
  use_count: number;
  revoked_at: string | null;
}

/** A tenant. `default` is there from the first migration on. */
export interface WorkspaceRow {
  workspace: string;
  display_name: string;
  /** Null: it was always there. */
  created_at: string | null;
}

/** One profile that follows the payload of another: every release of the source makes one here. */
export interface LinkRow {
  client_id: string;
  profile_id: string;
  source_client_id: string;
  source_profile_id: string;
  created_at: string;
}

/** The ledger: what was put into which file of which machine. */
export interface DeploymentRow {
  deployment_id: string;
  machine_id: string;
  client_id: string;
  profile_id: string;
  artifact_id: string;
  sequence: number;
  config_scope: string;
  config_path: string;
  /** The same file behind all links: two paths that lead to one file share one owner. */
  target_path: string;
  /** JSON Pointer of the servers map inside the file. */
  pointer: string;
  /** The project directory of a scope inside a project; null elsewhere. */
  project: string | null;
  /** The caller named the file; otherwise it is the usual one of its scope. */
  explicit_path: boolean;
  /** What was in force in this file and pointer before; undoing gives it back. */
  previous_deployment_id: string | null;
  /**
   * `intent` is written before the file is touched; the next command settles it as `done` or `abandoned`. An undo has
   * an intent of its own, which ends as `closed` when the deployment that it takes back becomes `undone`.
   */
  status: 'intent' | 'done' | 'abandoned' | 'undone' | 'closed';
  pinned: boolean;
  /** Digest of the file before and after, lowercase hex SHA-256; null: there was no file. */
  before_sha256: string | null;
  after_sha256: string;
  backup_path: string | null;
  renderer_version: string;
  native_sha256: string;
  /** Ownership and glue, as core/merge.ts defines it. */
  ledger: unknown;
  deployed_at: string;
}

export interface AuditRow {
  at: string;
  operation: string;
  effect: 'write' | 'delete';
  /** Who acted: `local:<os user>` or `token:<token_id>` or `api-key`. */
  actor: string;
  door: 'cli' | 'mcp' | 'rest';
  client_id: string | null;
  profile_id: string | null;
  request_id: string;
  /** Ids, numbers and statuses only: never a value of a payload. */
  facts: Record<string, string | number | boolean | null>;
}

/** One use of a key that a caller chose, so that repeating a request does not repeat what it does. */
export interface IdempotencyRow {
  actor: string;
  key: string;
  /** SHA-256 of what was asked, lowercase hex. The request itself is never stored. */
  request_sha256: string;
  /** Random: the one execution that may settle this row. */
  owner: string;
  /** Whoever has not settled the row by then is taken for dead. */
  lease_until: string;
  expires_at: string;
  /** HTTP status of the answer; null while it is being worked out. */
  status: number | null;
  /** Exactly as it was sent; null while it is being worked out, and when it may not be stored. */
  body: string | null;
}
/** Names a row as its owner does. */
export type IdempotencyOwner = Pick<IdempotencyRow, 'actor' | 'key' | 'owner'>;

/** Somebody who wants to be told of events over HTTP. */
export interface WebhookRow {
  webhook_id: string;
  url: string;
  events: EventType[];
  /** Both are needed as they are: they sign. Never shown again. */
  secret: string;
  previous_secret: string | null;
  /** Until then the previous secret signs as well. */
  previous_until: string | null;
  created_at: string;
  /** How many tries failed since the last one that did not. */
  failures: number;
}

/** One event for one webhook. */
export interface DeliveryRow {
  webhook_id: string;
  /** A copy: the event itself may be removed before its last try. */
  event: EventRow;
  status: 'pending' | 'delivered' | 'parked';
  /** Finished tries since the event, or since the last replay. */
  attempts: number;
  /** Of the last try; null when there was no answer, or no try yet. */
  response_status: number | null;
  /** Null unless it is pending. */
  next_attempt_at: string | null;
}

/** A delivery that is being tried by `owner`, and by nobody else until the lease ends. */
export interface ClaimedDelivery {
  workspace: string;
  owner: string;
  webhook: WebhookRow;
  delivery: DeliveryRow;
}

/** One version of a server that somebody put into the catalog. What it says never changes. */
export interface CatalogRow {
  /** The address of the registry that it was fetched from; `file` for a document that was handed in. */
  registry: string;
  /** The name in registries: `io.github.someone/server`. */
  name: string;
  version: string;
  /** The id in the catalog, the same for all versions of a name. */
  server_id: string;
  /** The server.json as it was received. */
  raw: JsonValue;
  /** SHA-256 of its RFC 8785 form, lowercase hex. */
  raw_sha256: string;
  /** The catalog's own form; null when nothing can be started or connected to. */
  definition: unknown;
  /** What was not as the schema has it. */
  findings: unknown;
  /** What the registry says about this version: its status changes, the version does not. */
  registry_meta: unknown;
  first_seen_at: string;
  last_seen_at: string;
}
export type CatalogKey = Pick<CatalogRow, 'registry' | 'name' | 'version'>;

/** A client application that somebody described. */
export interface ClientRow {
  client_id: string;
  /** In the form of the ones that are known out of the box. */
  definition: unknown;
  added_at: string;
}
