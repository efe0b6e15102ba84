import { canonicalJson } from '../../core/canonical-json.ts';
import { AppError } from '../../core/errors.ts';
import { importPublicKey } from '../../core/keys.ts';
import { Payload } from '../../core/payload.ts';
import { STANDARD_PROFILES } from '../../core/profiles.ts';
import type { PointerPredicate } from '../../core/release.ts';
import { safeParse } from '../../core/safe-parse.ts';
import { type KeySet, verifyPointer, verifyRelease } from '../../core/verify.ts';
import { failpoint } from '../../io/failpoint.ts';
import type { KeyRow, PullRow, ReleaseRow } from '../../stores/rows.ts';
import type { Store } from '../../stores/store.ts';
import { named } from '../current.ts';
import { assertNoLinksHere } from '../links.ts';
import type { RunContext, Target } from '../operation.ts';
import type { Offered, Remote } from './remote.ts';

/**
 * Takes the latest release over from a server: verified with the keys that are pinned here, and never one that is older
 * than what was accepted before. From then on it is a release of this machine as every other one. Throws
 * SIGNATURE_INVALID, and nothing is changed, for whatever is not as it should be.
 */
export async function acceptLatest(context: RunContext, target: Target, remote: Remote): Promise<PointerPredicate> {
  const pins = await context.store.pins.list(context.workspace);
  if (pins.length === 0) throw nothingTrusted();
  const offered = await remote.config(target);
  const isOpen = pins.some(({ public_key_pem }) => public_key_pem === null);
  const named = isOpen ? await remote.keys() : [];
  // What was seen and what is kept are compared and written as one: two pulls at once must not go back.
  const accepted = await context.store.transaction(async (store) => {
    const within = { ...context, store };
    // Only now: a server may take its time, and meanwhile a key may have been removed.
    const keys = await keySet(within, named);
    await assertNoLinksHere(within, target);
    const seen = await acceptedBefore(within, target, keys);
    await assertNothingOfItsOwn(within, target, seen);
    const { pointer, ...accepted } = await verified(within, target, { offered, keys, seen });
    const isNews = pointer.sequence !== seen?.sequence || pointer.number !== seen.number;
    if (isNews) await keep(within, { remote, pointer, seen, ...accepted });
    failpoint('pull.before-commit');
    return pointer;
  });
  failpoint('pull.after-commit');
  return accepted;
}

function nothingTrusted(): AppError {
  const hint =
    'Bring the public key of the publisher here (keys/signing.pub of its data directory), and say: mcp-orchestration trust-key FILE';
  return new AppError('SIGNATURE_INVALID', 'No key is trusted here yet.', { reason: 'unknown_key' }, { hint });
}

/** The pinned keys. Of one that was pinned by its fingerprint, the server may say what it is: the fingerprint decides. */
async function keySet(
  { store, workspace }: RunContext,
  offered: readonly { public_key_pem: string }[],
): Promise<KeySet> {
  const keys = [];
  for (const pin of await store.pins.list(workspace)) {
    const known = pin.public_key_pem === null ? offered : [{ public_key_pem: pin.public_key_pem }];
    const key = known.map((one) => keyIn(one.public_key_pem)).find((one) => one?.key_id === pin.key_id);
    if (key === undefined) continue;
    if (pin.public_key_pem === null) await store.pins.put(workspace, { ...pin, public_key_pem: key.public_key_pem });
    keys.push(key);
  }
  return new Map(keys.map((key) => [key.key_id, key]));
}

function keyIn(public_key_pem: string) {
  try {
    const { key_id, algorithm } = importPublicKey(public_key_pem);
    return { key_id, algorithm, public_key_pem, status: 'active' as const };
  } catch {
    return undefined; // of a kind that this version does not know: it signs nothing that is accepted
  }
}

/** Numbers of two publishers in one row would mean nothing: a profile has its releases from here, or from a server. */
async function assertNothingOfItsOwn(
  { store, workspace }: RunContext,
  target: Target,
  seen: Seen | undefined,
): Promise<void> {
  const { client_id, profile_id } = target;
  const latest = await store.releases.latest(workspace, client_id, profile_id);
  if ((latest?.sequence ?? 0) === (seen?.sequence ?? 0)) return;
  throw new AppError(
    'PROFILE_HAS_RELEASES',
    `Releases of ${client_id}/${profile_id} were published on this machine.`,
    { ...named(target), sequence: latest?.sequence ?? 0 },
    { hint: 'Pull another profile, or use another data directory (MCP_ORCHESTRATION_HOME).' },
  );
}

type Seen = Pick<PullRow, 'sequence' | 'number'>;

/** Of a profile that was pulled, and let go with `unpull`, its latest release says how far it had come. */
async function acceptedBefore(
  { store, workspace }: RunContext,
  { client_id, profile_id }: Target,
  keys: KeySet,
): Promise<Seen | undefined> {
  const pulled = await store.pulls.get(workspace, client_id, profile_id);
  if (pulled !== undefined) return pulled;
  const latest = await store.releases.latest(workspace, client_id, profile_id);
  return latest && keys.has(latest.signing_key_id) ? { sequence: latest.sequence, number: 0 } : undefined;
}

interface Accepted {
  pointer: PointerPredicate;
  release: ReleaseRow;
  canonical: string;
  key: Omit<KeyRow, 'created_at'>;
}

async function verified(
  { store, workspace, now }: RunContext,
  target: Target,
  { offered, keys, seen }: { offered: Offered; keys: KeySet; seen: Seen | undefined },
): Promise<Accepted> {
  if (offered.pointer === null) throw withoutPointer();
  const { client_id, profile_id } = target;
  const expected = { workspace, client_id, profile_id, now: now(), highest_sequence_seen: seen?.sequence };
  const { predicate: pointer } = verifyPointer(
    offered.pointer,
    { ...expected, highest_number_seen: seen?.number },
    keys,
  ).statement;
  const { sequence, artifact_id } = pointer;
  const held = await store.releases.bySequence(workspace, client_id, profile_id, sequence);
  if (held && held.artifact_id !== artifact_id) throw anotherOne(held);
  const { statement, key_id } = verifyRelease(
    offered.envelope,
    { ...expected, sequence, artifact_id, canonical_payload: offered.payload },
    keys,
  );
  const key = keys.get(key_id);
  if (!key) throw new Error('a verified release names a key that is not in the key set');
  const { version, previous_artifact_id, changelog, policy_digest, issued_at, expires_at } = statement.predicate;
  const server_count = Object.keys(understood(offered.payload).mcpServers).length;
  const envelope = JSON.stringify(offered.envelope);
  const release = {
    ...{ client_id, profile_id, sequence, artifact_id, version, previous_artifact_id, changelog, server_count },
    ...{ policy_digest, signing_key_id: key_id, issued_at, expires_at, envelope },
  };
  // What it signs on this machine is none of our releases: here it only verifies.
  return { pointer, release, canonical: canonicalJson(offered.payload), key: { ...key, status: 'retired' } };
}

/** Nobody may sign two releases with one number: the first one that was seen is the one. */
const anotherOne = ({ sequence, artifact_id }: ReleaseRow) =>
  new AppError(
    'SIGNATURE_INVALID',
    `Release ${sequence} is another one than the one that was accepted here, ${artifact_id}.`,
    { reason: 'digest_mismatch' },
    { hint: 'Was the store of the publisher restored from a backup? Let it publish on until the numbers are new.' },
  );

const withoutPointer = () =>
  new AppError(
    'SIGNATURE_INVALID',
    'The server does not say, signed and for a while, which release is the latest.',
    { reason: 'malformed' },
    { hint: 'It does when it is run for others: `serve-http --host ...`, or behind a trusted proxy.' },
  );

function understood(payload: object): Payload {
  const parsed = safeParse(Payload, payload);
  if (parsed.success) return parsed.data;
  const issues = parsed.error.issues.map(({ path, message }) => ({ path: path.map(String).join('.'), message }));
  const hint = 'Update mcp-orchestration on this machine. The last good configuration stays in force.';
  throw new AppError('VALIDATION_FAILED', 'This version does not understand the release.', { issues }, { hint });
}

async function keep(
  context: RunContext,
  { remote, pointer, seen, release, canonical, key }: Accepted & { remote: Remote; seen: Seen | undefined },
): Promise<void> {
  const { store, workspace } = context;
  const { client_id, profile_id, artifact_id, sequence } = release;
  const at = context.now().toISOString();
  if (sequence !== seen?.sequence) {
    await ensureProfile(store, workspace, release, at);
    if (!(await store.keys.get(workspace, key.key_id))) await store.keys.put(workspace, { ...key, created_at: at });
    await store.artifacts.put(workspace, { artifact_id, canonical, created_at: at });
    await store.releases.adopt(workspace, release);
  }
  const { number } = pointer;
  await store.pulls.put(workspace, { client_id, profile_id, server: remote.url, sequence, number, pulled_at: at });
  const facts = { status: 'accepted', server: remote.url, artifact_id, sequence, number, key_id: key.key_id };
  await store.audit.append(workspace, context.auditRow(facts));
}

/** The profiles of the server are not known here: one that is pulled comes with its release. */
async function ensureProfile(
  store: Store,
  workspace: string,
  { client_id, profile_id }: Target,
  created_at: string,
): Promise<void> {
  if (STANDARD_PROFILES.some((known) => known.profile_id === profile_id)) return;
  await store.profiles.create(workspace, {
    client_id,
    profile_id,
    display_name: profile_id,
    description: '',
    created_at,
  });
}
