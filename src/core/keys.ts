import { createHash, createPublicKey, type KeyObject, verify } from 'node:crypto';
import { AppError } from './errors.ts';

export type KeyAlgorithm = 'ed25519' | 'ecdsa-p256';

/** `retired`: signs no more, but what it signed stays good. `revoked`: nothing it ever signed is good. */
export type KeyStatus = 'active' | 'retired' | 'revoked';

/** A public key as a verifier keeps it. The algorithm stands here, and is never taken from a message. */
export interface KeyRecord {
  key_id: string;
  algorithm: KeyAlgorithm;
  public_key_pem: string;
  status: KeyStatus;
}

export interface ImportedKey {
  key_id: string;
  algorithm: KeyAlgorithm;
  key: KeyObject;
}

/** The one DER form of SubjectPublicKeyInfo per algorithm (RFC 8410; RFC 5480 with a named curve, uncompressed). */
const ED25519_PREFIX = Buffer.from('302a300506032b6570032100', 'hex');
const P256_PREFIX = Buffer.from('3059301306072a8648ce3d020106082a8648ce3d03010703420004', 'hex');

/** The field of Curve25519. */
const P = 2n ** 255n - 19n;
/** y of the points of order 8, RFC 8032 section 5.1 coordinates. */
const Y8 = 0x05fc536d880238b13933c6d305acdfd5f098eff289f4c345b027b2c28f95e826n;
/** y of the eight points whose order divides 8: under such a key one signature fits many messages. */
const SMALL_ORDER_Y = new Set([0n, 1n, P - 1n, Y8, P - Y8]);

const PEM = /^-----BEGIN PUBLIC KEY-----\r?\n([A-Za-z0-9+/=\r\n]{1,4096})-----END PUBLIC KEY-----\r?\n?$/;

function refuse(why: string, options?: ErrorOptions): never {
  throw new AppError('INVALID_INPUT', `This public key is not accepted: ${why}.`, { field: 'public_key_pem' }, options);
}

/** SHA-256 of the SPKI DER, lowercase hex. */
export function keyIdOf(publicKey: KeyObject): string {
  return createHash('sha256')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest('hex');
}

/** The y coordinate in an encoded Ed25519 point, without the sign bit of x. */
function encodedY(point: Buffer): bigint {
  const bigEndian = Buffer.from(point).reverse().toString('hex');
  return BigInt(`0x${bigEndian}`) & (2n ** 255n - 1n);
}

function algorithmOf(der: Buffer): KeyAlgorithm {
  if (der.length === 44 && der.subarray(0, 12).equals(ED25519_PREFIX)) {
    const y = encodedY(der.subarray(12));
    if (y >= P) refuse('the Ed25519 point has no canonical encoding');
    if (SMALL_ORDER_Y.has(y)) refuse('the Ed25519 point has a small order, so anybody could sign for it');
    return 'ed25519';
  }
  if (der.length === 91 && der.subarray(0, 27).equals(P256_PREFIX)) return 'ecdsa-p256';
  return refuse('only Ed25519 and ECDSA P-256 (named curve, uncompressed point) are supported');
}

/**
 * Reads one SPKI public key in PEM. Private keys, certificates, other curves, other encodings of the same key and weak
 * points are INVALID_INPUT.
 */
export function importPublicKey(pem: string): ImportedKey {
  const body = PEM.exec(pem)?.[1];
  if (body === undefined) refuse('it must be one PEM block that starts with -----BEGIN PUBLIC KEY-----');
  const der = Buffer.from(body, 'base64');
  const algorithm = algorithmOf(der);
  try {
    const key = createPublicKey({ key: der, format: 'der', type: 'spki' });
    return { key_id: keyIdOf(key), algorithm, key };
  } catch (cause) {
    return refuse('it is no point on its curve', { cause });
  }
}

/** Keys by their PEM: a plan for every client verifies one release each, nearly always under the same key. */
const imported = new Map<string, ImportedKey>();
const REMEMBERED = 32;

function remembered(pem: string): ImportedKey {
  const known = imported.get(pem);
  if (known !== undefined) return known;
  const key = importPublicKey(pem);
  if (imported.size >= REMEMBERED) imported.clear();
  imported.set(pem, key);
  return key;
}

/** The key of a record, or undefined when the record contradicts its own PEM. */
function keyOf(record: KeyRecord): KeyObject | undefined {
  try {
    const { key_id, algorithm, key } = remembered(record.public_key_pem);
    return key_id === record.key_id && algorithm === record.algorithm ? key : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Is `sig` a signature of `bytes` under this key? Ed25519 as RFC 8032 has it; ECDSA over SHA-256 in DER form, as openssl
 * writes it. A record that contradicts its own PEM verifies nothing. The status is the caller's business.
 */
export function verifySignature(record: KeyRecord, bytes: Uint8Array, sig: Uint8Array): boolean {
  const key = keyOf(record);
  if (key === undefined) return false;
  if (record.algorithm === 'ed25519') return verify(null, bytes, key, sig);
  return verify('sha256', bytes, { key, dsaEncoding: 'der' }, sig);
}
