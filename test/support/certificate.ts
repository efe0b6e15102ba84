import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Certificate {
  /** Paths of the PEM files. */
  cert_path: string;
  key_path: string;
  cert: Buffer;
  key: Buffer;
}

/** A certificate for 127.0.0.1 and localhost that is signed by itself; its files stand in the directory. */
export function makeCertificate(directory: string, name = 'server'): Certificate {
  const [cert_path, key_path] = [join(directory, `${name}-cert.pem`), join(directory, `${name}-key.pem`)];
  const kind = ['-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'];
  const names = ['-subj', `/CN=${name}`, '-addext', 'subjectAltName=IP:127.0.0.1,DNS:localhost,DNS:mcp.example'];
  execFileSync('openssl', ['req', ...kind, ...names, '-keyout', key_path, '-out', cert_path], { stdio: 'ignore' });
  return { cert_path, key_path, cert: readFileSync(cert_path), key: readFileSync(key_path) };
}
