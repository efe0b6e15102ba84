import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { AppError } from '../core/errors.ts';

/** Certificate (with its chain) and private key, as PEM. */
export interface TlsFiles {
  cert: Buffer;
  key: Buffer;
}

/**
 * Reads both files and checks that they belong together, so that a server with a wrong file does not start instead of
 * refusing every client later. Throws INVALID_INPUT that names the setting; never quotes a file.
 */
export async function readTls(paths: { cert: string; key: string }): Promise<TlsFiles> {
  const cert = await read('MCP_ORCHESTRATION_TLS_CERT', paths.cert);
  const key = await read('MCP_ORCHESTRATION_TLS_KEY', paths.key);
  const certificate = parsed(
    'MCP_ORCHESTRATION_TLS_CERT',
    'holds no certificate in PEM',
    () => new X509Certificate(cert),
  );
  const secret = parsed('MCP_ORCHESTRATION_TLS_KEY', 'holds no unencrypted private key in PEM', () =>
    createPrivateKey(key),
  );
  if (!certificate.checkPrivateKey(secret))
    throw badFile('MCP_ORCHESTRATION_TLS_KEY', 'is not the key of the certificate in MCP_ORCHESTRATION_TLS_CERT');
  return { cert, key };
}

async function read(setting: string, path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (cause) {
    throw badFile(setting, `cannot be read (${(cause as NodeJS.ErrnoException).code ?? 'unknown'})`, cause);
  }
}

function parsed<T>(setting: string, otherwise: string, parse: () => T): T {
  try {
    return parse();
  } catch (cause) {
    throw badFile(setting, otherwise, cause);
  }
}

function badFile(setting: string, what: string, cause?: unknown): AppError {
  const details = { field: setting, reason: what };
  const hint =
    'Give the paths of two PEM files: the certificate with its chain, and its private key without a passphrase.';
  return new AppError('INVALID_INPUT', `${setting}: the file ${what}.`, details, { cause, hint });
}
