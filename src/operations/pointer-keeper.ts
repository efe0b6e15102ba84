import { AppError } from '../core/errors.ts';
import { POINTER_MAX_LIFETIME_MS } from '../core/release.ts';
import { CLOCK_SKEW_MS } from '../core/verify.ts';
import type { Keys } from '../io/keys.ts';
import type { PointerRow, ReleaseRow } from '../stores/rows.ts';
import type { PointerAge, Store } from '../stores/store.ts';
import { recordKey } from './keys.ts';
import { signPointer } from './pointers.ts';
import type { Log } from './services.ts';

/** A pointer is renewed at half of its life, so that a server may be down for the other half. */
const RENEW_AFTER_MS = POINTER_MAX_LIFETIME_MS / 2;
const LOOK_EVERY_MS = 60_000;
/** How many profiles are looked up at once. */
const AT_ONCE = 100;

export interface KeeperSettings {
  store: Store;
  keys: Pick<Keys, 'exists' | 'signer'>;
  log: Log;
  now: () => Date;
  every_ms?: number;
}

export interface Keeper {
  /** Signs nothing more; what is being signed may end. */
  stop(): Promise<void>;
}

/**
 * Keeps a pointer to the latest release of every profile: signs one where there is none, where a release was published
 * beside the server, where half of its life has passed, where the clock was ahead when it was signed, and where another key
 * signed it than the one in force. Several processes may do so on one store.
 */
export function startPointerKeeper(settings: KeeperSettings): Keeper {
  const { log, every_ms = LOOK_EVERY_MS } = settings;
  let stopping = false;
  let looking: Promise<void> | undefined;
  const look = () => {
    looking ??= renewPointers(settings, () => stopping)
      .catch((err: unknown) => log.warn({ err }, 'pointers could not be renewed; the next look tries again'))
      .finally(() => {
        looking = undefined;
      });
  };
  const timer = setInterval(look, every_ms);
  timer.unref();
  look();
  return {
    async stop() {
      stopping = true;
      clearInterval(timer);
      await looking;
    },
  };
}

/** One look at all profiles. Throws what the store or the key say; a profile that cannot be signed is logged and left. */
export async function renewPointers(settings: KeeperSettings, stopping = () => false): Promise<void> {
  const { store, keys, log, now } = settings;
  if (!(await keys.exists())) return;
  const { key_id } = await keys.signer();
  const at = now().getTime();
  const than = {
    issued_before: new Date(at - RENEW_AFTER_MS).toISOString(),
    issued_after: new Date(at + CLOCK_SKEW_MS).toISOString(),
    other_than_key: key_id,
  };
  for (;;) {
    const due = await store.pointers.due(than, AT_ONCE);
    let renewed = 0;
    for (const target of due) {
      if (stopping()) return;
      if (await renew(settings, target, than)) renewed += 1;
    }
    if (renewed > 0) log.info({ renewed }, 'pointers were signed');
    if (due.length < AT_ONCE || renewed === 0) return;
  }
}

/** As the store finds them. */
const isDue = (release: ReleaseRow, pointer: PointerRow | undefined, than: PointerAge): boolean =>
  pointer === undefined ||
  pointer.sequence < release.sequence ||
  pointer.issued_at < than.issued_before ||
  pointer.issued_at > than.issued_after ||
  pointer.signing_key_id !== than.other_than_key;

/** False when it could not be; the others are not kept waiting for it. */
async function renew(
  { store, keys, log, now }: KeeperSettings,
  { workspace, client_id, profile_id }: { workspace: string; client_id: string; profile_id: string },
  than: PointerAge,
): Promise<boolean> {
  try {
    const signer = await keys.signer();
    await store.transaction(async (tx) => {
      const release = await tx.releases.latest(workspace, client_id, profile_id);
      const pointer = await tx.pointers.get(workspace, client_id, profile_id);
      // Another process may have been faster.
      if (!release || !isDue(release, pointer, than)) return;
      const signing = { store: tx, workspace, now };
      await recordKey(signing, signer);
      await signPointer(signing, release, signer);
    });
    return true;
  } catch (err) {
    const code = err instanceof AppError ? err.code : undefined;
    log.warn({ err, code, workspace, client_id, profile_id }, 'a pointer could not be signed');
    return false;
  }
}
