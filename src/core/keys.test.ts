import { createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { importPublicKey, type KeyAlgorithm, type KeyRecord, keyIdOf, verifySignature } from './keys.ts';

const pemOf = (key: KeyObject) => key.export({ type: 'spki', format: 'pem' }).toString();
const ed25519Pem = (point: string) => derPem(`302a300506032b6570032100${point}`);
const derPem = (hex: string) =>
  `-----BEGIN PUBLIC KEY-----\n${Buffer.from(hex, 'hex').toString('base64')}\n-----END PUBLIC KEY-----\n`;

const record = (key: KeyObject, algorithm: KeyAlgorithm): KeyRecord => ({
  key_id: keyIdOf(key),
  algorithm,
  public_key_pem: pemOf(key),
  status: 'active',
});

const refused = (message: string) =>
  expect.objectContaining({ code: 'INVALID_INPUT', message: expect.stringContaining(message) });

describe('importing a public key', () => {
  test('the key id is the SHA-256 of the SPKI DER', () => {
    const pem =
      '-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAt9gfKWm+VLbPFSczzc82EmdO5Sa0lgnbm3yvHHXsiCs=\n-----END PUBLIC KEY-----\n';
    const id = 'a8342546bda889dd5aec4a84d4ad8475c52549d7026e1b18f70c1d7e09f2220d';
    expect(importPublicKey(pem)).toMatchObject({ key_id: id, algorithm: 'ed25519' });
    expect(importPublicKey(pem.replaceAll('\n', '\r\n')).key_id).toBe(id);
    expect(keyIdOf(createPublicKey(pem))).toBe(id);
  });

  test('P-256 is the second algorithm', () => {
    const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    expect(importPublicKey(pemOf(publicKey))).toMatchObject({ key_id: keyIdOf(publicKey), algorithm: 'ecdsa-p256' });
  });

  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const p256 = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey;
  const compressed = () => {
    const { x, y } = p256.export({ format: 'jwk' });
    const sign = (Buffer.from(String(y), 'base64url').at(-1) ?? 0) % 2 === 0 ? '02' : '03';
    const point = sign + Buffer.from(String(x), 'base64url').toString('hex');
    return derPem(`3039301306072a8648ce3d020106082a8648ce3d030107032200${point}`);
  };
  test.each([
    ['nothing', '', 'one PEM block'],
    ['a private key', privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(), 'one PEM block'],
    ['two keys', pemOf(publicKey) + pemOf(p256), 'one PEM block'],
    ['a key behind other text', `hello\n${pemOf(publicKey)}`, 'one PEM block'],
    ['a very long key', derPem('00'.repeat(5000)), 'one PEM block'],
    ['RSA', pemOf(generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey), 'only Ed25519'],
    ['P-384', pemOf(generateKeyPairSync('ec', { namedCurve: 'P-384' }).publicKey), 'only Ed25519'],
    ['secp256k1', pemOf(generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).publicKey), 'only Ed25519'],
    ['Ed448', pemOf(generateKeyPairSync('ed448').publicKey), 'only Ed25519'],
    ['X25519', pemOf(generateKeyPairSync('x25519').publicKey), 'only Ed25519'],
    ['a compressed P-256 point', compressed(), 'only Ed25519'],
    ['an Ed25519 key with a byte behind it', derPem(`302a300506032b6570032100${'42'.repeat(32)}00`), 'only Ed25519'],
    [
      'a P-256 point off the curve',
      derPem(`3059301306072a8648ce3d020106082a8648ce3d03010703420004${'01'.repeat(64)}`),
      'no point',
    ],
    ['y beyond the field', ed25519Pem(`f0${'ff'.repeat(30)}7f`), 'no canonical encoding'],
  ])('%s is refused', (_, pem, message) => {
    expect(() => importPublicKey(pem)).toThrow(refused(message));
  });
});

describe('Ed25519 points of small order', () => {
  /** Every encoding of the eight points, written down once more from the curve equation, sign bit set and not. */
  const P = 2n ** 255n - 19n;
  const POINTS = [
    `00${'00'.repeat(31)}`,
    `01${'00'.repeat(31)}`,
    '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
    'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
    `ec${'ff'.repeat(30)}7f`,
    `ed${'ff'.repeat(30)}7f`,
    `ee${'ff'.repeat(30)}7f`,
  ].flatMap((point) => [point, point.slice(0, 62) + (Number.parseInt(point.slice(62), 16) | 0x80).toString(16)]);

  test.each(POINTS)('%s is refused', (point) => {
    expect(() => importPublicKey(ed25519Pem(point))).toThrow(expect.objectContaining({ code: 'INVALID_INPUT' }));
  });

  test('the two odd ones have order 8: doubling them gives y = 0', () => {
    const d = 37095705934669439343138083508754565189542113879843219016388785533085940283555n;
    for (const point of [POINTS[4], POINTS[6]]) {
      const y = BigInt(`0x${Buffer.from(String(point), 'hex').reverse().toString('hex')}`);
      // With x² = -y² on the curve -x² + y² = 1 + dx²y².
      expect((2n * y ** 2n - 1n + d * y ** 4n) % P).toBe(0n);
    }
  });

  test('a made-up signature under the neutral point, which some crypto libraries accept, is refused', () => {
    const neutral = Buffer.from(`01${'00'.repeat(31)}`, 'hex');
    const forged = Buffer.concat([neutral, Buffer.alloc(32)]);
    const der = Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), neutral]);
    const key = createPublicKey({ key: der, format: 'der', type: 'spki' });
    expect(verifySignature(record(key, 'ed25519'), Buffer.from('any message'), forged)).toBe(false);
  });
});

describe('checking a signature', () => {
  const message = Buffer.from('message');
  const ed = generateKeyPairSync('ed25519');
  const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const edSig = sign(null, message, ed.privateKey);
  const ecSig = sign('sha256', message, ec.privateKey);

  test('both algorithms accept the message and refuse another', () => {
    expect(verifySignature(record(ed.publicKey, 'ed25519'), message, edSig)).toBe(true);
    expect(verifySignature(record(ec.publicKey, 'ecdsa-p256'), message, ecSig)).toBe(true);
    expect(verifySignature(record(ed.publicKey, 'ed25519'), Buffer.from('Message'), edSig)).toBe(false);
    expect(verifySignature(record(ec.publicKey, 'ecdsa-p256'), Buffer.from('Message'), ecSig)).toBe(false);
  });

  test('ECDSA means DER over SHA-256, and nothing else', () => {
    const key = { key: ec.privateKey, dsaEncoding: 'ieee-p1363' as const };
    const ecRecord = record(ec.publicKey, 'ecdsa-p256');
    expect(verifySignature(ecRecord, message, sign('sha256', message, key))).toBe(false);
    expect(verifySignature(ecRecord, message, sign('sha384', message, ec.privateKey))).toBe(false);
    expect(verifySignature(ecRecord, message, Buffer.concat([ecSig, Buffer.alloc(1)]))).toBe(false);
  });

  test.each([
    ['another algorithm', { algorithm: 'ecdsa-p256' as const }],
    ['another id', { key_id: '0'.repeat(64) }],
    ['a damaged PEM', { public_key_pem: 'junk' }],
  ])('a record with %s than its PEM verifies nothing', (_, change) => {
    expect(verifySignature({ ...record(ed.publicKey, 'ed25519'), ...change }, message, edSig)).toBe(false);
  });

  test.each([[0], [1], [63], [65]])('a signature of %i bytes is bad, not an accident', (length) => {
    expect(verifySignature(record(ed.publicKey, 'ed25519'), message, Buffer.alloc(length))).toBe(false);
    expect(verifySignature(record(ec.publicKey, 'ecdsa-p256'), message, Buffer.alloc(length))).toBe(false);
  });
});
