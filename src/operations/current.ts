import { artifactIdOfCanonical } from '../core/artifact.ts';
import { isBound } from '../core/binding.ts';
import { AppError } from '../core/errors.ts';
import { type DraftPayload, EMPTY_PAYLOAD, Payload } from '../core/payload.ts';
import type { ReleaseStatement } from '../core/release.ts';
import { verifyRelease } from '../core/verify.ts';
import type { ArtifactText, KeyRow, ReleaseRow } from '../stores/rows.ts';
import { allDone } from './all-done.ts';
import type { Context, RunContext, Target } from './operation.ts';

/** What stands now for a client and profile: its latest release and its draft. */

const noRelease = (target: Target) =>
  new AppError('CONFIG_NOT_FOUND', `Nothing is published for ${target.client_id}, profile ${target.profile_id}.`, {
    ...named(target),
  });

/** The payload of an artifact, after its content has been checked against its address. */
export async function loadPayload(context: Context, artifact_id: string): Promise<Payload> {
  const row = await visibleArtifact(context, artifact_id);
  if (!row) throw new AppError('ARTIFACT_NOT_FOUND', `There is no artifact ${artifact_id}.`, { artifact_id });
  return payloadOf(row);
}

/** To know an address gives no right to what is there: the binding has to reach a release that carries it. */
export async function visibleArtifact(context: Context, artifact_id: string): Promise<ArtifactText | undefined> {
  const { store, workspace, principal } = context;
  const row = await store.artifacts.get(workspace, artifact_id);
  if (row === undefined || !isBound(principal.binding)) return row;
  const [carrier] = await store.releases.ofArtifact(workspace, artifact_id, 1, principal.binding);
  return carrier && row;
}

/** Throws SIGNATURE_INVALID for stored content that does not have its own digest: it is reported, never served. */
function payloadOf(row: ArtifactText): Payload {
  if (artifactIdOfCanonical(row.canonical) !== row.artifact_id) {
    throw new AppError('SIGNATURE_INVALID', `The stored content of artifact ${row.artifact_id} is damaged.`, {
      reason: 'digest_mismatch',
      artifact_id: row.artifact_id,
    });
  }
  return Payload.parse(JSON.parse(row.canonical));
}

/** The payload of the latest release, as something to edit: every payload is a draft without faults. */
export async function latestPayload(
  context: Context,
  { client_id, profile_id }: Target,
): Promise<DraftPayload | undefined> {
  const latest = await context.store.releases.latest(context.workspace, client_id, profile_id);
  return latest && ((await loadPayload(context, latest.artifact_id)) as unknown as DraftPayload);
}

/** What an error may say about a target: nothing else of the input it was taken from. */
export const named = ({ client_id, profile_id }: Target) => ({ client_id, profile_id });

/** The latest release, or the newest one that carries the given artifact. */
export async function findRelease(
  context: Context,
  target: Target,
  artifact_id: string | undefined,
): Promise<ReleaseRow> {
  const { releases } = context.store;
  const latest = await releases.latest(context.workspace, target.client_id, target.profile_id);
  if (!latest) throw noRelease(target);
  if (artifact_id === undefined || artifact_id === latest.artifact_id) return latest;
  const found = await releases.carrying(context.workspace, target.client_id, target.profile_id, artifact_id);
  if (found) return found;
  throw new AppError(
    'ARTIFACT_NOT_FOUND',
    `Artifact ${artifact_id} was never published for ${target.client_id}, profile ${target.profile_id}. The latest is ${latest.artifact_id}.`,
    { ...named(target), artifact_id, nearest: [latest.artifact_id] },
  );
}

/** A release that passed every check of a verifier, with its payload and the key that signed it. */
export interface VerifiedRelease {
  payload: Payload;
  statement: ReleaseStatement;
  key: KeyRow;
  /** The key set that it was verified with. */
  keys: ReadonlyMap<string, KeyRow>;
}

/** Believes nothing that the store says about a release: SIGNATURE_INVALID unless the envelope itself says it. */
export async function verifiedRelease(context: Context, release: ReleaseRow): Promise<VerifiedRelease> {
  const { workspace, store } = context;
  const row = await store.artifacts.get(workspace, release.artifact_id);
  if (!row)
    throw new AppError('ARTIFACT_NOT_FOUND', `There is no artifact ${release.artifact_id}.`, {
      artifact_id: release.artifact_id,
    });
  const payload = payloadOf(row);
  const keys = new Map((await store.keys.list(workspace)).map((key) => [key.key_id, key]));
  const { client_id, profile_id, artifact_id, sequence, envelope } = release;
  const expected = {
    workspace,
    client_id,
    profile_id,
    artifact_id,
    sequence,
    canonical_payload: row.canonical,
    now: context.now(),
  };
  const { statement, key_id } = verifyRelease(envelope, expected, keys);
  const key = keys.get(key_id);
  if (!key) throw new Error('a verified release names a key that is not in the key set');
  return { payload, statement, key, keys };
}

export interface CurrentDraft {
  payload: DraftPayload;
  revision: number;
}

/** The draft, or what a draft that does not exist starts from: the latest release, else nothing at revision 0. */
export async function currentDraft(context: Context, target: Target): Promise<CurrentDraft> {
  const { client_id, profile_id } = target;
  const row = await context.store.drafts.get(context.workspace, client_id, profile_id);
  if (row) return { payload: row.payload, revision: row.revision };
  return { payload: (await latestPayload(context, target)) ?? EMPTY_PAYLOAD, revision: 0 };
}

type Revision = Pick<CurrentDraft, 'revision'>;

/** For who brings a whole payload: what the draft starts from may be damaged, and is not read. */
export async function currentRevision({ store, workspace }: Context, target: Target): Promise<Revision> {
  const row = await store.drafts.get(workspace, target.client_id, target.profile_id);
  return { revision: row?.revision ?? 0 };
}

/** Throws DRAFT_CHANGED when the caller saw another revision than the one that is stored. */
export function assertRevision(draft: Revision, if_revision: number | undefined): void {
  if (if_revision === undefined || if_revision === draft.revision) return;
  throw changed(draft.revision, if_revision);
}

const changed = (revision: number, if_revision?: number) =>
  new AppError(
    'DRAFT_CHANGED',
    `The draft is at revision ${revision} now${if_revision === undefined ? '' : `, not at ${if_revision}`}.`,
    {
      revision,
      ...(if_revision !== undefined && { if_revision }),
    },
  );

/** Stores the next revision of a draft, and tells of it. Runs inside a transaction: what fails here is undone with it. */
export async function saveDraft(
  context: RunContext,
  target: Target,
  from: Revision,
  payload: DraftPayload,
): Promise<number> {
  const revision = from.revision + 1;
  const { client_id, profile_id } = target;
  const row = { client_id, profile_id, revision, payload, updated_at: context.now().toISOString() };
  const data = { revision, server_count: Object.keys(payload.mcpServers).length };
  const [saved] = await allDone([
    context.store.drafts.save(context.workspace, row),
    context.emit(context.store, { type: 'config.draft_changed', target, data }),
  ]);
  if (!saved) throw changed(from.revision);
  return revision;
}
