import { createRequire } from 'node:module';
import { codeOf } from './faults.ts';

type SwapSync = (one: string, other: string) => void;

/** Where the kernel or the file system has no such call: vfat, NFS, FUSE, and Linux before 3.15. */
const UNSUPPORTED = new Set(['EINVAL', 'ENOSYS', 'ENOTSUP', 'EOPNOTSUPP']);

const require = createRequire(import.meta.url);

let loaded: SwapSync | null | undefined;

/**
 * Two names in one directory exchange their files in one step: renameat2(RENAME_EXCHANGE) of Linux, renamex_np(RENAME_SWAP)
 * of macOS. Node has no call for it. False, and nothing has happened, where there is none. Throws what the system throws.
 */
export function swap(one: string, other: string): boolean {
  loaded ??= load();
  if (loaded === null) return false;
  try {
    loaded(one, other);
    return true;
  } catch (error) {
    if (UNSUPPORTED.has(codeOf(error))) return false;
    throw error;
  }
}

/** Null on Windows, where the library would take three steps, and on a platform for which the library has no build (musl). */
function load(): SwapSync | null {
  if (process.platform === 'win32') return null;
  try {
    return require('fs-native-extensions').swapSync;
  } catch {
    return null;
  }
}
