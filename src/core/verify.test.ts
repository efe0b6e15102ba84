import { generateKeyPairSync, sign } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { type EnvelopeSigner, signEnvelope } from '../../test/support/sign-envelope.ts';
import type { Envelope } from './dsse.ts';
import { type KeyRecord, type KeyStatus, keyIdOf } from './keys.ts';
import { pointerStatement, releaseStatement, statementBytes } from './release.ts';
import { type ExpectedPointer, type ExpectedRelease, verifyPointer, verifyRelease } from './verify.ts';

const PAYLOAD = { mcpServers: {} };
const CANONICAL = '{"mcpServers":{}}';
const ARTIFACT = '691f62624936af38f0e6b2ac6c8b43162a23696696f62d5037d9eb2b43bd73c5';
const OTHER = 'b'.repeat(64);

interface TestKey {
  record: KeyRecord;
  signer: EnvelopeSigner;
}

function testKey(kind: 'ed25519' | 'ec', status: KeyStatus = 'active'): TestKey {
  const pair = kind === 'ec' ? generateKeyPairSync('ec', { namedCurve: 'P-256' }) : generateKeyPairSync('ed25519');
  const key_id = keyIdOf(pair.publicKey);
  const public_key_pem = pair.publicKey.export({ type: 'spki', format: 'pem' }).toString();
  const algorithm = kind === 'ec' ? 'ecdsa-p256' : 'ed25519';
  const digest = kind === 'ec' ? 'sha256' : null;
  return {
    record: { key_id, algorithm, public_key_pem, status },
    signer: { key_id, sign: (bytes) => sign(digest, bytes, pair.privateKey) },
  };
}

const good = testKey('ed25519');
const second = testKey('ec');
const retired = testKey('ed25519', 'retired');
const revoked = testKey('ed25519', 'revoked');
const stranger = testKey('ed25519');
const KEYS = new Map([good, second, retired, revoked].map(({ record }) => [record.key_id, record]));

const TARGET = { workspace: 'default', client_id: 'cursor', profile_id: 'dev' };
const APPROVAL = {
  approver: 'lee',
  approved_at: '2026-01-01T00:00:00.000Z',
  payload_sha256: ARTIFACT,
  policy_digest: OTHER,
};
const RELEASE = releaseStatement({
  ...TARGET,
  artifact_id: ARTIFACT,
  sequence: 7,
  version: '1.6.0',
  previous_artifact_id: OTHER,
  issued_at: '2026-01-01T00:00:00.000Z',
  expires_at: '2026-03-01T00:00:00.000Z',
  policy_set_id: 'standard',
  policy_digest: OTHER,
  approvals: [APPROVAL],
  changelog: 'words',
  provenance: { publisher: 'local:zoe', tool_version: '0.1.0' },
});
const POINTER = pointerStatement({
  ...TARGET,
  number: 12,
  sequence: 7,
  artifact_id: ARTIFACT,
  issued_at: '2026-01-01T00:00:00.000Z',
  expires_at: '2026-01-31T00:00:00.000Z',
});
const ASKED: ExpectedRelease & ExpectedPointer = {
  ...TARGET,
  now: new Date('2026-01-15T00:00:00.000Z'),
  artifact_id: ARTIFACT,
  sequence: 7,
  highest_sequence_seen: 7,
  highest_number_seen: 12,
};

const signedBytes = (bytes: Uint8Array, ...by: TestKey[]) =>
  signEnvelope(
    bytes,
    (by.length > 0 ? by : [good]).map(({ signer }) => signer),
  );
const signed = (statement: unknown, ...by: TestKey[]) => signedBytes(Buffer.from(JSON.stringify(statement)), ...by);

const release = signedBytes(statementBytes(RELEASE));
const pointer = signedBytes(statementBytes(POINTER));
const refusal = (reason: string) =>
  expect.objectContaining({ code: 'SIGNATURE_INVALID', details: expect.objectContaining({ reason }) });

/** The release with some fields of the predicate changed, signed again by the good key. */
const resigned = (change: object) => signed({ ...RELEASE, predicate: { ...RELEASE.predicate, ...change } });
const repointed = (change: object) => signed({ ...POINTER, predicate: { ...POINTER.predicate, ...change } });
const withSignature = (change: object): unknown => ({
  ...release,
  signatures: release.signatures.map((it) => ({ ...it, ...change })),
});
const subject = (name: string, sha256: string) => [{ name, digest: { sha256 } }];

describe('what is accepted', () => {
  test('a release that is exactly what was asked for', () => {
    const asked = { ...ASKED, canonical_payload: CANONICAL };
    const expected = { statement: RELEASE, key_id: good.record.key_id };
    expect(verifyRelease(release, asked, KEYS)).toEqual(expected);
    expect(verifyRelease(JSON.stringify(release), asked, KEYS)).toEqual(expected);
    expect(verifyRelease(Buffer.from(JSON.stringify(release)), asked, KEYS)).toEqual(expected);
    expect(verifyRelease(release, { ...ASKED, canonical_payload: PAYLOAD }, KEYS)).toEqual(expected);
  });

  test('a pointer that is exactly what was asked for', () => {
    expect(verifyPointer(pointer, ASKED, KEYS)).toEqual({ statement: POINTER, key_id: good.record.key_id });
  });

  test('only the target and the time have to be asked for', () => {
    const asked = { ...TARGET, now: ASKED.now };
    expect(verifyRelease(release, asked, KEYS).statement.predicate.sequence).toBe(7);
    expect(verifyPointer(pointer, asked, KEYS).statement.predicate.number).toBe(12);
  });

  test('bytes that are not canonical: they count as they were signed', () => {
    expect(verifyRelease(signedBytes(Buffer.from(JSON.stringify(RELEASE, null, 2))), ASKED, KEYS).statement).toEqual(
      RELEASE,
    );
  });

  test.each([
    ['an ECDSA key', [second], second],
    ['a retired key', [retired], retired],
    ['a known key behind a stranger', [stranger, good], good],
    ['a good key behind a revoked one', [revoked, good], good],
    ['the first of two good keys', [second, good], second],
  ])('a release signed by %s', (_, by, vouching) => {
    expect(verifyRelease(signed(RELEASE, ...by), ASKED, KEYS).key_id).toBe(vouching.record.key_id);
  });

  test('a good signature behind a bad one', () => {
    const [bad, fine] = [pointer.signatures, signed(RELEASE, second).signatures];
    const both = { ...signed(RELEASE), signatures: [...bad, ...fine] };
    expect(verifyRelease(both, ASKED, KEYS).key_id).toBe(second.record.key_id);
  });

  test('a clock that is up to five minutes wrong', () => {
    const at = (time: string) => ({ ...ASKED, now: new Date(time) });
    expect(() => verifyPointer(pointer, at('2026-01-31T00:05:00.000Z'), KEYS)).not.toThrow();
    expect(() => verifyPointer(pointer, at('2026-01-31T00:05:00.001Z'), KEYS)).toThrow(refusal('expired'));
  });

  test('a jump up to the limit, and none without it', () => {
    const at = (highest_sequence_seen: number, max_sequence_jump?: number) => () =>
      verifyRelease(
        resigned({ sequence: 20_000 }),
        { ...ASKED, sequence: undefined, highest_sequence_seen, max_sequence_jump },
        KEYS,
      );
    expect(at(10_000)).not.toThrow();
    expect(at(9_999)).toThrow(refusal('sequence_jump'));
    expect(at(19_990, 10)).not.toThrow();
    expect(at(19_989, 10)).toThrow(refusal('sequence_jump'));
  });
});

describe('a statement that was changed after signing is refused as bad_signature', () => {
  const fields = (predicate: object) => Object.keys(predicate);
  const tampered = (envelope: Envelope, statement: object): Envelope => ({
    ...envelope,
    payload: Buffer.from(JSON.stringify(statement)).toString('base64'),
  });

  test.each(fields(RELEASE.predicate))('field %s of a release', (field) => {
    const predicate = { ...RELEASE.predicate, [field]: 'changed' };
    expect(() => verifyRelease(tampered(release, { ...RELEASE, predicate }), ASKED, KEYS)).toThrow(
      refusal('bad_signature'),
    );
  });

  test.each(fields(POINTER.predicate))('field %s of a pointer', (field) => {
    const predicate = { ...POINTER.predicate, [field]: 'changed' };
    expect(() => verifyPointer(tampered(pointer, { ...POINTER, predicate }), ASKED, KEYS)).toThrow(
      refusal('bad_signature'),
    );
  });

  test.each([
    ['_type', { _type: 'x' }],
    ['predicateType', { predicateType: 'x' }],
    ['subject name', { subject: subject('default/codex/dev', ARTIFACT) }],
    ['subject digest', { subject: subject('default/cursor/dev', OTHER) }],
    ['more subjects', { subject: [...RELEASE.subject, ...RELEASE.subject] }],
  ])('%s', (_, change) => {
    expect(() => verifyRelease(tampered(release, { ...RELEASE, ...change }), ASKED, KEYS)).toThrow(
      refusal('bad_signature'),
    );
  });

  test('the same statement in other bytes', () => {
    const other = { ...release, payload: Buffer.from(JSON.stringify(RELEASE, null, 1)).toString('base64') };
    expect(() => verifyRelease(other, ASKED, KEYS)).toThrow(refusal('bad_signature'));
  });

  test('every single bit of the signature', () => {
    const sig = Buffer.from(release.signatures[0]?.sig ?? '', 'base64');
    for (let bit = 0; bit < sig.length * 8; bit += 7) {
      const flipped = Buffer.from(sig);
      flipped.writeUInt8(flipped.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
      expect(() => verifyRelease(withSignature({ sig: flipped.toString('base64') }), ASKED, KEYS)).toThrow(
        refusal('bad_signature'),
      );
    }
  });
});

const [signature] = release.signatures;
const halfPayload = release.payload.slice(0, 40);

describe('an envelope that was mutated is refused', () => {
  test.each<[string, string, unknown]>([
    ['no envelope', 'malformed', null],
    ['a list', 'malformed', [release]],
    ['text that is no JSON', 'malformed', '{"payloadType"'],
    ['bytes that are no UTF-8', 'malformed', Buffer.from([0xff])],
    ['a duplicate key', 'malformed', `{"payload":"e30=",${JSON.stringify(release).slice(1)}`],
    ['a prototype key', 'malformed', JSON.parse(`{"__proto__":{},${JSON.stringify(release).slice(1)}`)],
    ['text of more than 1 MiB', 'malformed', JSON.stringify(release) + ' '.repeat(1_048_576)],
    ['no payload', 'malformed', { ...release, payload: undefined }],
    ['an empty payload', 'malformed', { ...release, payload: '' }],
    ['a payload that is a number', 'malformed', { ...release, payload: 1 }],
    ['a space in the payload', 'malformed', { ...release, payload: `${halfPayload} ${release.payload.slice(40)}` }],
    ['a line end behind the payload', 'malformed', { ...release, payload: `${release.payload}\n` }],
    ['junk in the payload', 'malformed', { ...release, payload: `${halfPayload}!!!!${release.payload.slice(40)}` }],
    ['payload as base64url', 'malformed', { ...release, payload: Buffer.from('{"a":"???>>>"}').toString('base64url') }],
    ['payload without padding', 'malformed', { ...release, payload: 'e30' }],
    ['no signatures', 'malformed', { ...release, signatures: undefined }],
    ['stripped signatures', 'malformed', { ...release, signatures: [] }],
    ['17 signatures', 'malformed', { ...release, signatures: Array(17).fill(signature) }],
    ['an empty signature', 'malformed', withSignature({ sig: '' })],
    ['a signature as hex', 'malformed', withSignature({ sig: 'abc' })],
    ['unused bits in a signature', 'malformed', withSignature({ sig: 'AB==' })],
    ['no key id', 'malformed', withSignature({ keyid: undefined })],
    ['a key id that is a list', 'malformed', withSignature({ keyid: [good.record.key_id] })],
    ['an endless key id', 'malformed', withSignature({ keyid: 'a'.repeat(257) })],
    ['an algorithm hint in the signature', 'malformed', withSignature({ alg: 'none' })],
    ['an algorithm hint in the envelope', 'malformed', { ...release, alg: 'none' }],
    ['a key that came along', 'malformed', withSignature({ cert: good.record.public_key_pem })],
    ['another payload type', 'unsupported_type', { ...release, payloadType: 'application/json' }],
    [
      'a payload type with another case',
      'unsupported_type',
      { ...release, payloadType: 'application/VND.in-toto+json' },
    ],
    ['a swapped key id', 'bad_signature', withSignature({ keyid: second.record.key_id })],
    ['a truncated payload', 'bad_signature', { ...release, payload: release.payload.slice(0, -4) }],
    ['a truncated signature', 'bad_signature', withSignature({ sig: signature?.sig.slice(0, -4) })],
    ['the signature of another statement', 'bad_signature', { ...release, signatures: pointer.signatures }],
    ['a key id in upper case', 'unknown_key', withSignature({ keyid: good.record.key_id.toUpperCase() })],
    ['an empty key id', 'unknown_key', withSignature({ keyid: '' })],
    ['a key id that is a path', 'unknown_key', withSignature({ keyid: '../../keys/signing.pub' })],
    ['a key id that is a method', 'unknown_key', withSignature({ keyid: 'toString' })],
    ['a stranger', 'unknown_key', signed(RELEASE, stranger)],
    ['a revoked key', 'revoked_key', signed(RELEASE, revoked)],
    ['a revoked key and a stranger', 'revoked_key', signed(RELEASE, stranger, revoked)],
    ['a revoked key id over a good signature', 'revoked_key', withSignature({ keyid: revoked.record.key_id })],
  ])('%s: %s', (_, reason, envelope) => {
    expect(() => verifyRelease(envelope, ASKED, KEYS)).toThrow(refusal(reason));
  });

  test('a key set that files a key under another id does not help', () => {
    const confused = new Map([[stranger.record.key_id, good.record]]);
    expect(() => verifyRelease(signed(RELEASE, stranger), ASKED, confused)).toThrow(refusal('unknown_key'));
  });
});

describe('a well-signed release that is not what was asked for is refused', () => {
  test.each<[string, string, unknown]>([
    ['no JSON', 'malformed', signedBytes(Buffer.from('text'))],
    ['a list', 'malformed', signed([RELEASE])],
    ['no _type', 'malformed', signed({ ...RELEASE, _type: undefined })],
    ['duplicate keys', 'malformed', signedBytes(Buffer.from(`{"_type":"x",${JSON.stringify(RELEASE).slice(1)}`))],
    ['an unknown field beside the predicate', 'malformed', signed({ ...RELEASE, more: 1 })],
    ['an unknown field in the predicate', 'malformed', resigned({ more: 1 })],
    ['no approvals', 'malformed', resigned({ approvals: undefined })],
    ['a sequence of 0', 'malformed', resigned({ sequence: 0 })],
    ['a sequence that is text', 'malformed', resigned({ sequence: '7' })],
    ['a day that does not exist', 'malformed', resigned({ issued_at: '2026-02-31T00:00:00.000Z' })],
    ['an expiry before the issue', 'malformed', resigned({ expires_at: '2025-01-01T00:00:00.000Z' })],
    ['two subjects', 'malformed', signed({ ...RELEASE, subject: [...RELEASE.subject, ...RELEASE.subject] })],
    [
      'an older statement version',
      'unsupported_type',
      signed({ ...RELEASE, _type: 'https://in-toto.io/Statement/v0.1' }),
    ],
    ['another predicate', 'unsupported_type', signed({ ...RELEASE, predicateType: 'https://slsa.dev/provenance/v1' })],
    ['a pointer', 'unsupported_type', pointer],
    ['another workspace', 'wrong_target', resigned({ workspace: 'other' })],
    ['another client', 'wrong_target', resigned({ client_id: 'codex' })],
    ['another profile', 'wrong_target', resigned({ profile_id: 'prod' })],
    ['another sequence', 'wrong_target', resigned({ sequence: 8 })],
    [
      'a subject of another target',
      'wrong_target',
      signed({ ...RELEASE, subject: subject('default/codex/dev', ARTIFACT) }),
    ],
    ['another artifact', 'digest_mismatch', signed({ ...RELEASE, subject: subject('default/cursor/dev', OTHER) })],
    [
      'an approval of another payload',
      'digest_mismatch',
      resigned({ approvals: [{ ...APPROVAL, payload_sha256: OTHER }] }),
    ],
    ['an approval under another policy', 'digest_mismatch', resigned({ policy_digest: ARTIFACT })],
    ['an expiry that passed', 'expired', resigned({ expires_at: '2026-01-14T00:00:00.000Z' })],
  ])('%s: %s', (_, reason, envelope) => {
    expect(() => verifyRelease(envelope, ASKED, KEYS)).toThrow(refusal(reason));
  });

  test.each<[string, string, Partial<ExpectedRelease>]>([
    ['another payload as text', 'digest_mismatch', { canonical_payload: '{"mcpServers":{"a":{}}}' }],
    ['the payload in other bytes', 'digest_mismatch', { canonical_payload: '{"mcpServers": {}}' }],
    ['another payload as value', 'digest_mismatch', { canonical_payload: { mcpServers: { a: {} } } }],
    ['a payload that is no JSON', 'digest_mismatch', { canonical_payload: new Date(0) }],
    ['an older sequence than seen', 'rollback', { highest_sequence_seen: 8 }],
    ['a sequence far ahead', 'sequence_jump', { highest_sequence_seen: 1, max_sequence_jump: 5 }],
    ['a clock that does not work', 'expired', { now: new Date(Number.NaN) }],
  ])('%s: %s', (_, reason, asked) => {
    expect(() => verifyRelease(release, { ...ASKED, ...asked }, KEYS)).toThrow(refusal(reason));
  });
});

describe('a well-signed pointer that is not what was asked for is refused', () => {
  const free = { ...ASKED, sequence: undefined };
  test.each<[string, string, unknown, ExpectedPointer]>([
    ['a release', 'unsupported_type', release, ASKED],
    ['an unknown field', 'malformed', repointed({ more: 1 }), ASKED],
    ['a life of 31 days', 'malformed', repointed({ expires_at: '2026-02-01T00:00:00.000Z' }), ASKED],
    ['another client', 'wrong_target', repointed({ client_id: 'codex' }), ASKED],
    ['another artifact in the predicate', 'digest_mismatch', repointed({ artifact_id: OTHER }), ASKED],
    ['another artifact than asked for', 'digest_mismatch', pointer, { ...ASKED, artifact_id: OTHER }],
    ['an expiry that passed', 'expired', pointer, { ...ASKED, now: new Date('2026-02-01T00:00:00.000Z') }],
    ['a lower sequence', 'rollback', repointed({ sequence: 6 }), free],
    ['a lower number', 'rollback', repointed({ number: 11 }), ASKED],
    ['a sequence far ahead', 'sequence_jump', repointed({ sequence: 10_008 }), free],
    ['a number far ahead', 'sequence_jump', repointed({ number: Number.MAX_SAFE_INTEGER }), ASKED],
  ])('%s: %s', (_, reason, envelope, asked) => {
    expect(() => verifyPointer(envelope, asked, KEYS)).toThrow(refusal(reason));
  });
});

describe('the order of the checks', () => {
  test('nothing inside is believed before the signature: a stranger learns nothing about the rest', () => {
    const wrongInEveryWay = signed({ ...RELEASE, predicateType: 'x', predicate: null }, stranger);
    expect(() => verifyRelease(wrongInEveryWay, ASKED, KEYS)).toThrow(refusal('unknown_key'));
    expect(() => verifyRelease(signedBytes(Buffer.from('[[['), revoked), ASKED, KEYS)).toThrow(refusal('revoked_key'));
  });

  test('target before digest before expiry before age', () => {
    const asked = { ...ASKED, now: new Date('2027-01-01T00:00:00.000Z'), highest_sequence_seen: 9, artifact_id: OTHER };
    const reasonOf = (change: object) => {
      try {
        verifyRelease(release, { ...asked, ...change }, KEYS);
      } catch (error) {
        return (error as { details: { reason: string } }).details.reason;
      }
      return 'ok';
    };
    expect(reasonOf({ client_id: 'codex' })).toBe('wrong_target');
    expect(reasonOf({})).toBe('digest_mismatch');
    expect(reasonOf({ artifact_id: ARTIFACT })).toBe('expired');
    expect(reasonOf({ artifact_id: ARTIFACT, now: ASKED.now })).toBe('rollback');
    expect(reasonOf({ artifact_id: ARTIFACT, now: ASKED.now, highest_sequence_seen: 7 })).toBe('ok');
  });

  test('a refusal says where the statement is wrong, in words', () => {
    expect(() => verifyRelease(resigned({ sequence: 0 }), ASKED, KEYS)).toThrow(
      expect.objectContaining({
        message: 'The signed statement does not have the fields it must have.',
        details: { reason: 'malformed', issues: [expect.objectContaining({ path: '/predicate/sequence' })] },
      }),
    );
    expect(() => verifyRelease(release, { ...ASKED, client_id: 'codex' }, KEYS)).toThrow(
      'This was signed for default/cursor/dev, not for default/codex/dev.',
    );
  });
});
