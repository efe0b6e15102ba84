import { generateKeyPairSync, sign } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { signEnvelope } from '../../test/support/sign-envelope.ts';
import { checked } from './checks.ts';
import { decodeBase64, Envelope, pae } from './dsse.ts';
import { type KeyRecord, keyIdOf, verifySignature } from './keys.ts';

test('the pre-authentication encoding is that of the DSSE specification', () => {
  expect(pae('http://example.com/HelloWorld', Buffer.from('hello world')).toString()).toBe(
    'DSSEv1 29 http://example.com/HelloWorld 11 hello world',
  );
});

test('lengths count bytes, and bytes are not read as text', () => {
  const signed = pae('é', Buffer.from([0xff, 0x00]));
  expect(signed.toString('latin1')).toBe('DSSEv1 2 \u00c3\u00a9 2 \u00ff\u0000');
});

describe('strict base64', () => {
  test.each([[''], ['AA=='], ['AAA='], ['AAAA'], ['+/+/']])('%j is taken', (text) => {
    expect(decodeBase64(text)?.toString('base64')).toBe(text);
  });

  test.each([
    ['a space', 'AA ='],
    ['a line end', 'AAAA\n'],
    ['no padding', 'AA'],
    ['too much padding', 'AAA=='],
    ['the URL alphabet', '-_-_'],
    ['unused bits that are set', 'AB=='],
    ['junk that Buffer.from skips', 'AA*AA'],
    ['text behind the padding', 'AA==AAAA'],
  ])('%s is not', (_, text) => {
    expect(decodeBase64(text)).toBeUndefined();
  });
});

test('an envelope carries one signature per signer over the pre-authentication encoding', () => {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const key_id = keyIdOf(publicKey);
  const public_key_pem = publicKey.export({ type: 'spki', format: 'pem' }).toString();
  const record: KeyRecord = { key_id, algorithm: 'ed25519', public_key_pem, status: 'active' };
  const signer = { key_id, sign: (bytes: Buffer) => sign(null, bytes, privateKey) };
  const envelope = signEnvelope(Buffer.from('{}'), [signer, signer]);
  expect(envelope).toMatchObject({ payloadType: 'application/vnd.in-toto+json', payload: 'e30=' });
  expect(checked(Envelope, envelope)).toEqual({ value: envelope });
  expect(envelope.signatures.map(({ keyid }) => keyid)).toEqual([key_id, key_id]);
  for (const { sig } of envelope.signatures) {
    const signed = Buffer.from('DSSEv1 28 application/vnd.in-toto+json 2 {}');
    expect(verifySignature(record, signed, Buffer.from(sig, 'base64'))).toBe(true);
  }
});
