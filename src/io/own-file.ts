import { chmodSync, mkdirSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { codeOf } from './client-files/faults.ts';
import { sha256Of } from './client-files/read.ts';
import { replaceDurably } from './client-files/replace.ts';
import { removeStaleIn } from './temporary.ts';

/** Whole files that are ours alone: not merged, but written as they are to be. */

/** Null when there is none. */
export async function textOfFile(path: string): Promise<string | null> {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return null;
    throw error;
  }
}

/** Writes it when it is missing, or not as it should be. */
export async function writeOwnFile(path: string, wanted: string, mode: number, failpoint: string): Promise<void> {
  // Also when there is nothing to write: a process may have been killed right behind its last step.
  removeStaleIn(dirname(path));
  const there = await textOfFile(path);
  if (there === wanted) return chmodSync(path, mode);
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const target = { path, requested_path: path, exists: there !== null, uid: process.getuid?.() ?? null };
  const expected_sha256 = there === null ? null : sha256Of(Buffer.from(there, 'utf8'));
  await replaceDurably(target, wanted, { expected_sha256, mode, failpoint });
  chmodSync(path, mode);
}
