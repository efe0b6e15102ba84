import type { Envelope } from '../core/dsse.ts';
import { AppError } from '../core/errors.ts';
import { POINTER_MAX_LIFETIME_MS, pointerStatement, statementBytes } from '../core/release.ts';
import { type KeySet, verifyPointer } from '../core/verify.ts';
import type { Signer } from '../io/keys.ts';
import type { PointerRow, ReleaseRow } from '../stores/rows.ts';
import { named } from './current.ts';
import type { Context } from './operation.ts';
import { signedText } from './signing.ts';

/** Which release is the latest, signed for a while: what a machine elsewhere needs so that nobody can hold answers back. */

export type Signing = Pick<Context, 'store' | 'workspace' | 'now'>;

/**
 * Signs that this release is the latest, in the transaction that it runs in, with a key that was recorded in it. Throws
 * DRAFT_CHANGED when somebody was faster.
 */
export async function signPointer(context: Signing, release: ReleaseRow, signer: Signer): Promise<void> {
  const { client_id, profile_id, artifact_id, sequence } = release;
  const { store, workspace } = context;
  const before = await store.pointers.get(workspace, client_id, profile_id);
  const issued = context.now();
  const predicate = {
    workspace,
    client_id,
    profile_id,
    number: (before?.number ?? 0) + 1,
    sequence,
    artifact_id,
    issued_at: issued.toISOString(),
    expires_at: new Date(issued.getTime() + POINTER_MAX_LIFETIME_MS).toISOString(),
  };
  const envelope = await signedText(statementBytes(pointerStatement(predicate)), signer);
  const { workspace: _, ...fields } = predicate;
  const row: PointerRow = { ...fields, signing_key_id: signer.key_id, envelope };
  if (await store.pointers.put(workspace, row)) return;
  throw new AppError('DRAFT_CHANGED', 'Another pointer was signed at the same moment.', named(release));
}

/**
 * The pointer to this release, or null when there is none, or it points to a later one. What is not signed as it should be
 * is refused (SIGNATURE_INVALID) and not served. An expired one is served: it is for the verifier to refuse.
 */
export async function pointerTo(
  { store, workspace }: Context,
  release: ReleaseRow,
  keys: KeySet,
): Promise<Envelope | null> {
  const { client_id, profile_id, sequence, artifact_id } = release;
  const row = await store.pointers.get(workspace, client_id, profile_id);
  if (row === undefined || row.sequence !== sequence) return null;
  const expected = { workspace, client_id, profile_id, sequence, artifact_id, now: new Date(row.issued_at) };
  verifyPointer(row.envelope, expected, keys);
  return JSON.parse(row.envelope);
}

/** The number of a verified pointer, 0 for none. */
export function pointerNumber(pointer: Pick<Envelope, 'payload'> | null): number {
  if (pointer === null) return 0;
  return JSON.parse(Buffer.from(pointer.payload, 'base64').toString()).predicate.number;
}
