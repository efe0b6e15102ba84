import type { Binding } from '../core/binding.ts';
import type { AppError } from '../core/errors.ts';
import type { EventType } from '../core/event.ts';
import type {
  ArtifactRow,
  ArtifactText,
  AuditRow,
  CatalogKey,
  CatalogRow,
  ClaimedDelivery,
  ClientRow,
  DeliveryRow,
  DeploymentRow,
  DraftRow,
  EventRow,
  IdempotencyOwner,
  IdempotencyRow,
  KeyRow,
  LinkRow,
  PinRow,
  PointerRow,
  ProfileRow,
  PullRow,
  ReleaseRow,
  TokenRow,
  WebhookRow,
  WorkspaceRow,
} from './rows.ts';

/**
 * What the product needs of a database. The workspace comes first on every method, so that no row can be reached
 * without naming its tenant.
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

/** What makes a pointer one that has to be signed again. */
export interface PointerAge {
  issued_before: string;
  issued_after: string;
  other_than_key: string;
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
     * not fail. What waits until after `horizon` was told so by a clock that was wrong: it is due as well, and a claim
     * until then is nobody's any more. Undefined: there is none now.
     */
    claim(lease: {
      owner: string;
      at: string;
      until: string;
      horizon: string;
      healthy: boolean;
    }): Promise<ClaimedDelivery | undefined>;
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
  /**
   * Set where a newer version has added to the database, so that this process only reads it: what every change is refused
   * with. Whoever would change something by itself, or something else beside the store, asks before.
   */
  refusal?: (() => AppError) | undefined;
  /** Lets running transactions end first; later calls answer UNAVAILABLE. Closing again does nothing. */
  close(): Promise<void>;
}
