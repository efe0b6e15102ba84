import { randomBytes } from 'node:crypto';
import { AppError } from '../../core/errors.ts';

/** The keychain of the operating system. The library is optional, and where no keychain runs (servers, containers) it throws. */
const SERVICE = 'mcp-orchestration';

interface Entry {
  setPassword(value: string): void;
  getPassword(): string | null;
  deletePassword(): boolean;
}

async function entryOf(name: string): Promise<Entry> {
  const { Entry } = await import('@napi-rs/keyring');
  return new Entry(SERVICE, name);
}

/**
 * Does a value that is put in come out again? Asked with a made-up item, which is taken out at once. Never on Linux: the
 * library passes a missing Secret Service over and uses the key ring of the kernel, which forgets (seen with 2.1.2).
 */
export async function hasKeychain(): Promise<boolean> {
  if (process.platform === 'linux') return false;
  const value = randomBytes(16).toString('hex');
  try {
    const probe = await entryOf(`probe-${value}`);
    probe.setPassword(value);
    const works = probe.getPassword() === value;
    probe.deletePassword();
    return works;
  } catch {
    return false; // whatever the reason is: the encrypted file takes its place
  }
}

export async function writeKeychain(name: string, value: string): Promise<void> {
  (await entryOf(name)).setPassword(value);
}

export async function deleteKeychain(name: string): Promise<void> {
  (await entryOf(name)).deletePassword();
}

/** Throws UNAVAILABLE when the keychain is locked, gone, or has lost the value. */
export async function readKeychain(name: string): Promise<string> {
  let value: string | null;
  try {
    value = (await entryOf(name)).getPassword();
  } catch (cause) {
    const hint = 'Unlock the keychain of this account, or store the secret again with `mcp-orchestration set-secret`.';
    throw new AppError(
      'UNAVAILABLE',
      `The keychain did not give out "${name}".`,
      { reason: 'keychain', name },
      { cause, hint },
    );
  }
  if (value !== null) return value;
  throw new AppError('UNAVAILABLE', `The keychain has lost the secret "${name}".`, { reason: 'keychain', name });
}
