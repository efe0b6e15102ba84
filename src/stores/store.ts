import type { Binding } from '../core/binding.ts';
import type { EventType } from '../core/event.ts';
import type { DraftPayload, JsonValue } from '../core/payload.ts';
import type { Snapshot } from './inspect/inspect.ts';

/**
 * What the product needs of a database. The workspace comes first on every method, so that no row can be reached
 * without naming its tenant. Times are RFC 3339 UTC with milliseconds. Rows are plain data; nothing here knows a rule.
 */

/** One page of an ordered list. `cursor` is opaque to callers: the key of the last row seen. */
export interface Page<T> {
  rows: T[];
  next_cursor: string | null;
}
export interface PageRequest {
  limit: number;
  cursor?: string | undefined;
}

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

/** What makes a pointer one that has to be signed again. */
export interface PointerAge {
  issued_before: string;
  issued_after: string;
  other_than_key: string;
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

export interface Store {
  clients: {
    /** False when there is one of that id. */
    add(workspace: string, row: ClientRow): Promise<boolean>;
    /** In the order of their ids. */
    list(workspace: string): Promise<ClientRow[]>;
    /** False when there was none. The caller has seen that nothing was published for it. */
    remove(workspace: string, client_id: string): Promise<boolean>;
  };
  catalog: {
    /** False when this version of this name from this registry is there already. */
    add(workspace: string, row: CatalogRow): Promise<boolean>;
    get(workspace: string, key: CatalogKey): Promise<CatalogRow | undefined>;
    /** All of them, in the order in which they were added. */
    list(workspace: string): Promise<CatalogRow[]>;
    /** What can change of a version. False when there is none. */
    see(workspace: string, row: CatalogKey & Pick<CatalogRow, 'registry_meta' | 'last_seen_at'>): Promise<boolean>;
  };
  drafts: {
    get(workspace: string, client_id: string, profile_id: string): Promise<DraftRow | undefined>;
    /** Saves only when `row.revision` is the stored revision plus 1 (a missing draft counts as 0); false when somebody was faster. */
    save(workspace: string, row: DraftRow): Promise<boolean>;
  };
  profiles: {
    /** Of one client, or of all of them; in the order of their ids. */
    list(workspace: string, client_id?: string): Promise<ProfileRow[]>;
    get(workspace: string, client_id: string, profile_id: string): Promise<ProfileRow | undefined>;
    /** False when the profile is there already. */
    create(workspace: string, row: ProfileRow): Promise<boolean>;
    /**
     * False when there is no such profile. The caller has seen that it has no release and no link. A draft stays, because
     * its revision must not come again.
     */
    remove(workspace: string, client_id: string, profile_id: string): Promise<boolean>;
  };
  artifacts: {
    /** Storing the same artifact again changes nothing. */
    put(workspace: string, row: ArtifactRow): Promise<void>;
    get(workspace: string, artifact_id: string): Promise<ArtifactText | undefined>;
  };
  releases: {
    /** Appends as `sequence` = latest + 1; false when another release took that number. The artifact is stored before. */
    append(workspace: string, row: ReleaseRow): Promise<boolean>;
    /** Takes over one that was made elsewhere: later than all that are here, with gaps where this machine was away. */
    adopt(workspace: string, row: ReleaseRow): Promise<boolean>;
    latest(workspace: string, client_id: string, profile_id: string): Promise<ReleaseRow | undefined>;
    /** The latest release of each profile of a client, in the order of their ids. */
    latestOfClient(workspace: string, client_id: string): Promise<ReleaseRow[]>;
    bySequence(
      workspace: string,
      client_id: string,
      profile_id: string,
      sequence: number,
    ): Promise<ReleaseRow | undefined>;
    /** The newest release of this client and profile that carries the artifact. */
    carrying(
      workspace: string,
      client_id: string,
      profile_id: string,
      artifact_id: string,
    ): Promise<ReleaseRow | undefined>;
    /** All that carry the artifact, in the order of clients, profiles and sequences; at most `limit`, of a part of them. */
    ofArtifact(workspace: string, artifact_id: string, limit: number, within?: Binding): Promise<ReleaseRow[]>;
    /** Newest first. */
    list(workspace: string, client_id: string, profile_id: string, page: PageRequest): Promise<Page<ReleaseRow>>;
  };
  pointers: {
    get(workspace: string, client_id: string, profile_id: string): Promise<PointerRow | undefined>;
    /** Whether the workspace has one at all: "does anybody rely on them?". */
    any(workspace: string): Promise<boolean>;
    /** Takes the place of the one with the number before (a missing one counts as 0); false when somebody was faster. */
    put(workspace: string, row: PointerRow): Promise<boolean>;
    /**
     * The profiles, of all workspaces, whose latest release has no pointer, or one that was issued before one instant or
     * after another, or signed by another key. In the order of their ids. Looks at every release.
     */
    due(than: PointerAge, limit: number): Promise<{ workspace: string; client_id: string; profile_id: string }[]>;
    /** Of all workspaces: how many there are, and when the first of them expires. Looks at every pointer. */
    overview(): Promise<{ count: number; soonest: string | null }>;
  };
  pins: {
    /** Oldest first. */
    list(workspace: string): Promise<PinRow[]>;
    /** Inserts, or completes a known one with its key. */
    put(workspace: string, row: PinRow): Promise<void>;
    /** False when there was none. */
    remove(workspace: string, key_id: string): Promise<boolean>;
  };
  pulls: {
    get(workspace: string, client_id: string, profile_id: string): Promise<PullRow | undefined>;
    /** Inserts, or goes on from what is there; false, and nothing is changed, when that has a higher number. */
    put(workspace: string, row: PullRow): Promise<boolean>;
    /** False when there was none. */
    remove(workspace: string, client_id: string, profile_id: string): Promise<boolean>;
  };
  links: {
    get(workspace: string, client_id: string, profile_id: string): Promise<LinkRow | undefined>;
    /** The profiles that follow this one, in the order of their ids. */
    followers(workspace: string, source_client_id: string, source_profile_id: string): Promise<LinkRow[]>;
    /** Of one client, or all of them; in the order of their ids. */
    list(workspace: string, client_id?: string): Promise<LinkRow[]>;
    /** A profile follows one other at most: a second link takes the place of the first. */
    put(workspace: string, row: LinkRow): Promise<void>;
    /** False when there was none. */
    remove(workspace: string, client_id: string, profile_id: string): Promise<boolean>;
  };
  keys: {
    /** Oldest first. */
    list(workspace: string): Promise<KeyRow[]>;
    get(workspace: string, key_id: string): Promise<KeyRow | undefined>;
    /** Inserts, or updates the status of a known key. */
    put(workspace: string, row: KeyRow): Promise<void>;
  };
  tokens: {
    insert(workspace: string, row: TokenRow): Promise<void>;
    /** Looks across workspaces: the token decides which workspace its bearer acts in. */
    byDigest(digest: string): Promise<{ workspace: string; token: TokenRow } | undefined>;
    get(workspace: string, token_id: string): Promise<TokenRow | undefined>;
    /** Newest first; with `within` only those that are bound to no more than that. */
    list(workspace: string, page: PageRequest, within?: Binding): Promise<Page<TokenRow>>;
    /** True when the token exists; revoking twice keeps the first time. */
    revoke(workspace: string, token_id: string, at: string): Promise<boolean>;
    addUses(workspace: string, token_id: string, uses: number, last_used_at: string): Promise<void>;
    /** How many tokens exist in all workspaces: "is this the first start?". */
    count(): Promise<number>;
  };
  deployments: {
    insert(workspace: string, row: DeploymentRow): Promise<void>;
    setStatus(workspace: string, deployment_id: string, status: DeploymentRow['status']): Promise<void>;
    /** The newest `done` deployment into this file and pointer, of whichever profile. */
    current(
      workspace: string,
      machine_id: string,
      file: Pick<DeploymentRow, 'config_path' | 'target_path'>,
      pointer: string,
    ): Promise<DeploymentRow | undefined>;
    /** The newest `done` deployment of this client and profile on this machine. */
    latestOf(
      workspace: string,
      machine_id: string,
      client_id: string,
      profile_id: string,
    ): Promise<DeploymentRow | undefined>;
    get(workspace: string, deployment_id: string): Promise<DeploymentRow | undefined>;
    /** Finished ones of this machine, those that were undone as well; newest first. */
    list(
      workspace: string,
      machine_id: string,
      of: { client_id?: string | undefined; profile_id?: string | undefined },
      page: PageRequest,
    ): Promise<Page<DeploymentRow>>;
    /**
     * The newest `done` deployment of every file and pointer of this machine, or of every pointer of one file; in the
     * order of clients and paths.
     */
    currents(
      workspace: string,
      machine_id: string,
      file?: Pick<DeploymentRow, 'config_path' | 'target_path'>,
    ): Promise<DeploymentRow[]>;
    /** All of this machine that name a backup, whatever became of them; oldest first. */
    backedUp(workspace: string, machine_id: string): Promise<DeploymentRow[]>;
    /** All that were begun and never settled on this machine, oldest first. */
    unsettled(workspace: string, machine_id: string): Promise<DeploymentRow[]>;
  };
  audit: {
    append(workspace: string, row: AuditRow): Promise<void>;
    /** Newest first. */
    list(workspace: string, page: PageRequest): Promise<Page<AuditRow>>;
  };
  events: {
    /**
     * With the next number, which is returned. Every webhook that wants it gets a delivery in the same transaction. In
     * passing, all but about the last `keep` are removed, and so are finished deliveries of removed ones.
     */
    append(workspace: string, row: Omit<EventRow, 'number'>, keep: number): Promise<number>;
    /** Those with a higher number, oldest first. */
    since(workspace: string, number: number, limit: number): Promise<EventRow[]>;
    /** The numbers of the first and the last that are kept; 1 and 0 when there are none. */
    range(workspace: string): Promise<{ oldest: number; newest: number }>;
    /** Of every workspace that ever had one: the number of the last, also when that one is not kept any more. */
    newest(): Promise<{ workspace: string; number: number }[]>;
    /** The newest of this type about this client and profile. */
    latest(workspace: string, type: EventType, client_id: string, profile_id: string): Promise<EventRow | undefined>;
  };
  idempotency: {
    /**
     * Takes a key at the instant `at`: one that nobody has, one that has expired, or one whose owner let the lease of the
     * same request run out. Undefined: it is the caller's now; else the row that stands in the way, unchanged. Some
     * expired rows are removed in passing.
     */
    begin(
      workspace: string,
      row: Omit<IdempotencyRow, 'status' | 'body'>,
      at: string,
    ): Promise<IdempotencyRow | undefined>;
    /** False when the row is not the owner's any more, or is settled. The same is true of the next two. */
    renew(workspace: string, of: IdempotencyOwner, lease_until: string): Promise<boolean>;
    settle(workspace: string, of: IdempotencyOwner, answer: { status: number; body: string | null }): Promise<boolean>;
    /** Gives the key back, as if it had never been used. */
    release(workspace: string, of: IdempotencyOwner): Promise<boolean>;
  };
  workspaces: {
    /** False when it is there already. */
    create(row: WorkspaceRow): Promise<boolean>;
    get(workspace: string): Promise<WorkspaceRow | undefined>;
    /** All of the installation, newest first. */
    list(page: PageRequest): Promise<Page<WorkspaceRow>>;
  };
  webhooks: {
    insert(workspace: string, row: WebhookRow): Promise<void>;
    get(workspace: string, webhook_id: string): Promise<WebhookRow | undefined>;
    /** Newest first. */
    list(workspace: string, page: PageRequest): Promise<Page<WebhookRow>>;
    /** With its deliveries. False when there is none. */
    remove(workspace: string, webhook_id: string): Promise<boolean>;
    /** The secret until now becomes the previous one. False when there is no such webhook. */
    rotate(workspace: string, webhook_id: string, secret: string, previous_until: string): Promise<boolean>;
    /** Gives an event to one webhook, whatever that asked for. Both must be there. */
    deliver(workspace: string, webhook_id: string, number: number): Promise<void>;
    /** The newest event first. */
    deliveries(workspace: string, webhook_id: string, page: PageRequest): Promise<Page<DeliveryRow>>;
    /** Makes a delivery due at once, with all its tries before it. False when there is none. */
    replay(workspace: string, webhook_id: string, number: number, at: string): Promise<boolean>;
    /**
     * The next delivery that is due at the instant `at`, of any workspace: of the webhook that waited longest for a turn,
     * the one that is due longest. A webhook has one delivery at a time. `healthy`: only of webhooks whose last try did
     * not fail. Undefined: there is none now.
     */
    claim(lease: { owner: string; at: string; until: string; healthy: boolean }): Promise<ClaimedDelivery | undefined>;
    /** What came of a try. False when the claim is not the owner's any more; then nothing is changed. */
    settle(
      claimed: ClaimedDelivery,
      outcome: Pick<DeliveryRow, 'status' | 'attempts' | 'response_status' | 'next_attempt_at'>,
    ): Promise<boolean>;
    /** Of all workspaces. `oldest` is the time of the first event that is still to be sent. */
    backlog(): Promise<{ pending: number; parked: number; oldest: string | null }>;
    /** Gives a claim back, as if there had been no try. */
    release(claimed: ClaimedDelivery): Promise<void>;
  };
  /**
   * All or nothing. Inside, use only the store you are handed: the outer one waits for you and you for it.
   * A write from outside never lands in a running transaction. A transaction of the store you are handed is a part that
   * can fail alone (a savepoint); such parts run one after another.
   */
  transaction<T>(work: (store: Store) => Promise<T>): Promise<T>;
  /** Lets running transactions end first; later calls answer UNAVAILABLE. Closing again does nothing. */
  close(): Promise<void>;
}

/** What a statement runs inside, for who traces: `verb` is the first word of its SQL. */
export type Around = <T>(verb: string, work: () => Promise<T>) => Promise<T>;

/** What transactions (waiting for their turn included) and statements run inside, for who measures. */
export interface Surroundings {
  transaction<T>(work: () => Promise<T>): Promise<T>;
  statement?: Around;
}

/** A second way, besides the one that a store has itself, in which processes tell each other that they have committed. */
export interface FanOut {
  /** This process has. Neither fails nor waits. */
  tell(): void;
  /** Calls back when another one says so. */
  hear(listener: () => void): void;
}

/** Where a store tells what no call of it can tell. */
export interface StoreLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}

/** A file that was not closed when it was last used, and that nobody has looked at since. */
export interface UncleanStop {
  file: string;
  /** It was looked at, and is whole. */
  passed(): void;
  /** It is damaged. From now on this process writes nothing into it, and the probe says so. */
  failed(): void;
}

/** A store as a process has it. */
export interface OpenedStore extends Store {
  /**
   * A text that differs whenever anything was committed since it was last asked, by this process or another one.
   * A cache asks before it reads what it keeps, and drops what it kept under another text. Commits of this process show at
   * once; those of another one on SQLite at the latest in the next turn of the event loop, on PostgreSQL when it has told.
   */
  dataVersion(): string;
  /** What the person should know who runs a server on it, in a few sentences; mostly nothing. */
  remarks(): Promise<string[]>;
  /** Calls back soon after the text above has changed, where the store is told of it; others are asked. */
  onChange?(listener: () => void): void;
  /** Whether it is told what others commit, where that can fail; undefined while nobody has wanted to know. */
  hears?(): boolean | undefined;
  /** Since this process opened the store. */
  statistics(): { commits: number; busy_retries: number };
  /**
   * Whether a new process could open the store now, and write. Nothing is written. Throws UNAVAILABLE or WRITE_FAILED with
   * `details.reason` when it could not.
   */
  probe(): Promise<void>;
  /** What is due before this file can be believed; whoever runs for long sees to it. */
  unclean?: UncleanStop;
  /** Work on all tables as they are at one instant, on a connection of its own: whoever writes is not kept waiting. */
  snapshot<T>(work: (snapshot: Snapshot) => Promise<T>): Promise<T>;
}
