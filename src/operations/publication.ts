import type { ClientDefinition } from '../clients/client.ts';
import { bridgeFor, needsBridge } from '../clients/render.ts';
import { artifactIdOfCanonical } from '../core/artifact.ts';
import { canonicalJson } from '../core/canonical-json.ts';
import { AppError } from '../core/errors.ts';
import type { Finding } from '../core/finding.ts';
import type { DraftPayload, JsonValue, Payload } from '../core/payload.ts';
import { PAYLOAD_SCHEMA_REF, releaseStatement, statementBytes } from '../core/release.ts';
import { assertNoSecret, assertNoSecretText } from '../core/secrets/detector.ts';
import { sameValue } from '../core/splice/equality.ts';
import { parseStrictPayload } from '../core/validation/validate.ts';
import { failpoint } from '../io/failpoint.ts';
import type { LinkRow, ReleaseRow } from '../stores/rows.ts';
import { allDone } from './all-done.ts';
import { named, saveDraft } from './current.ts';
import { recordKey } from './keys.ts';
import type { Context, RunContext, Target } from './operation.ts';
import { signPointer } from './pointers.ts';
import { findClient } from './shapes.ts';
import { signedText } from './signing.ts';
import { reviewFor } from './validation.ts';

/** The one way to a new release: publishing, reverting and linking all end here. */

export interface Publication {
  payload: DraftPayload;
  changelog?: string | undefined;
  /** `1.<sequence - 1>.0` when left out. */
  version?: string | undefined;
  allow_empty: boolean;
  /** The instant from which verifiers refuse the release; null: never. */
  expires_at: string | null;
}

export interface Published {
  /** `unchanged`: the latest release has this payload already. */
  status: 'published' | 'unchanged';
  release: ReleaseRow;
  /** What the client of this release loses of the payload. */
  findings: Finding[];
}

/** A release that was made because its profile follows the one that was published. */
export interface Followed extends Published {
  link: LinkRow;
}

/** A server answers other machines, which rely on pointers; a command beside such a server must not leave them behind. */
const wantsPointers = async ({ services, store, workspace }: RunContext): Promise<boolean> =>
  services.mode === 'server' || (await store.pointers.any(workspace));

/** What a release carries. */
interface Artifact {
  artifact_id: string;
  canonical: string;
  server_count: number;
}

function artifactOf(payload: Payload): Artifact {
  const canonical = canonicalJson(payload);
  const artifact_id = artifactIdOfCanonical(canonical);
  return { artifact_id, canonical, server_count: Object.keys(payload.mcpServers).length };
}

/** Signs the next release and stores artifact, release and key together. */
async function appendRelease(
  context: RunContext,
  target: Target,
  { artifact_id, canonical, server_count }: Artifact,
  latest: ReleaseRow | undefined,
  publication: Publication,
): Promise<ReleaseRow> {
  const { client_id, profile_id } = target;
  const sequence = (latest?.sequence ?? 0) + 1;
  const issued_at = context.now().toISOString();
  const signer = await context.services.keys.signer();
  const statement = releaseStatement({
    workspace: context.workspace,
    client_id,
    profile_id,
    artifact_id,
    sequence,
    version: publication.version ?? `1.${sequence - 1}.0`,
    previous_artifact_id: latest?.artifact_id ?? null,
    issued_at,
    expires_at: publication.expires_at,
    policy_set_id: null,
    policy_digest: null,
    approvals: [],
    changelog: publication.changelog ?? null,
    schema_ref: PAYLOAD_SCHEMA_REF,
    provenance: { publisher: context.principal.actor, tool_version: context.services.version },
  });
  const row: ReleaseRow = {
    client_id,
    profile_id,
    sequence,
    artifact_id,
    version: statement.predicate.version,
    previous_artifact_id: statement.predicate.previous_artifact_id,
    changelog: statement.predicate.changelog,
    server_count,
    policy_digest: null,
    signing_key_id: signer.key_id,
    issued_at,
    expires_at: publication.expires_at,
    envelope: await signedText(statementBytes(statement), signer),
  };
  const data = { version: row.version, server_count: row.server_count };
  const [appended] = await allDone([
    storeRelease(context, row, canonical),
    recordKey(context, signer),
    wantsPointers(context).then((wants) => (wants ? signPointer(context, row, signer) : undefined)),
    context.emit(context.store, { type: 'config.published', target, artifact_id, sequence, data }),
  ]);
  if (appended) return row;
  throw new AppError('DRAFT_CHANGED', 'Another release was published at the same moment.', named(target));
}

/** False: there is a later release. */
async function storeRelease(context: RunContext, row: ReleaseRow, canonical: string): Promise<boolean> {
  const { workspace } = context;
  const { artifacts, releases } = context.store;
  const { artifact_id, issued_at: created_at } = row;
  const [, appended] = await allDone([
    artifacts.put(workspace, { artifact_id, canonical, created_at }).then(() => failpoint('publish.after-artifact')),
    releases.append(workspace, row),
  ]);
  failpoint('publish.after-release');
  return appended;
}

/**
 * Makes the next release of a profile, and of every profile that follows it, from one payload. Runs inside a
 * transaction. What one of the clients cannot express is found before anything is stored: VALIDATION_FAILED names it.
 */
export async function publishPayload(
  context: RunContext,
  target: Target,
  publication: Publication,
): Promise<Published & { linked: Followed[] }> {
  assertSearched(publication);
  const { store, workspace } = context;
  const [links, latest] = await allDone([
    store.links.followers(workspace, target.client_id, target.profile_id),
    store.releases.latest(workspace, target.client_id, target.profile_id),
  ]);
  const own = await checked(context, target, publication);
  const others = [];
  for (const link of links) others.push({ link, ...(await checkedForFollower(context, link, publication)) });
  const published = await releaseOf(context, target, latest, own, publication);
  const linked: Followed[] = [];
  for (const { link, ...check } of others) {
    linked.push({ link, ...(await followedRelease(context, link, check, publication)) });
  }
  return { ...published, linked };
}

/** The first release of a profile that begins to follow another. */
export const publishFollower = async (
  context: RunContext,
  target: Target,
  publication: Publication,
): Promise<Published> => {
  assertSearched(publication);
  return followedRelease(context, target, await checked(context, target, publication), publication);
};

/**
 * A release that comes from elsewhere. A draft of the follower becomes its payload: an older one would be shown as if it
 * were what comes next, and would bring the servers of that time back as soon as the link ends.
 */
async function followedRelease(
  context: RunContext,
  target: Target,
  check: Checked,
  publication: Publication,
): Promise<Published> {
  const { client_id, profile_id } = target;
  const wanted = withoutIdleBridge(publication.payload, check);
  const { store, workspace } = context;
  const [draft, latest] = await allDone([
    store.drafts.get(workspace, client_id, profile_id),
    store.releases.latest(workspace, client_id, profile_id),
  ]);
  if (draft && !sameValue(draft.payload as JsonValue, wanted as JsonValue)) {
    await saveDraft(context, target, draft, wanted);
  }
  const payload = withoutIdleBridge(check.payload, check);
  return releaseOf(context, target, latest, { ...check, payload }, { ...publication, version: undefined });
}

/** A release fixes the bridge for its own client: one that follows and has no use for it does not take it over. */
function withoutIdleBridge<P extends Payload | DraftPayload>(payload: P, { client, payload: strict }: Checked): P {
  if (!('bridge' in payload) || needsBridge(strict, client)) return payload;
  const { bridge: _idle, ...rest } = payload;
  return rest as unknown as P;
}

interface Checked {
  client: ClientDefinition;
  payload: Payload;
  findings: Finding[];
}

/** Throws SECRET_IN_CONFIG for what must never become a release, whoever follows. */
function assertSearched({ payload, changelog }: Publication): void {
  assertNoSecretText({ changelog });
  assertNoSecret(payload);
}

/** Throws VALIDATION_FAILED for what must never become a release of this client. Secrets were looked for before. */
async function checked(
  context: Context,
  { client_id }: Target,
  { payload, allow_empty }: Publication,
): Promise<Checked> {
  const client = await findClient(context, client_id);
  const { findings, payload: read } = reviewFor(client, payload, context.services, { allow_empty, searched: true });
  context.services.observer.found(findings);
  return { client, payload: parseStrictPayload(payload, findings, read), findings };
}

async function checkedForFollower(context: Context, link: LinkRow, publication: Publication): Promise<Checked> {
  try {
    return await checked(context, link, publication);
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'VALIDATION_FAILED') throw error;
    const follower = `${link.client_id}/${link.profile_id}`;
    throw new AppError(error.code, `${follower} follows this profile: ${error.message}`, {
      ...error.details,
      follower,
    });
  }
}

async function releaseOf(
  context: RunContext,
  target: Target,
  latest: ReleaseRow | undefined,
  { client, payload, findings }: Checked,
  publication: Publication,
): Promise<Published> {
  const artifact = artifactOf({ ...payload, ...bridgeFor(payload, client) });
  const same =
    latest?.artifact_id === artifact.artifact_id &&
    latest.policy_digest === null &&
    latest.expires_at === publication.expires_at;
  if (same) return { status: 'unchanged', release: latest, findings };
  return {
    status: 'published',
    release: await appendRelease(context, target, artifact, latest, publication),
    findings,
  };
}
