import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { goldenFiles } from '../../scripts/make-golden-envelopes.ts';
import type { Envelope } from '../../src/core/dsse.ts';
import type { AppError } from '../../src/core/errors.ts';
import { importPublicKey } from '../../src/core/keys.ts';
import { verifyPointer, verifyRelease } from '../../src/core/verify.ts';

const read = (name: string) => readFileSync(new URL(`envelopes/${name}`, import.meta.url), 'utf8');

const Keys = z.array(
  z.strictObject({ name: z.string(), key_id: z.string(), algorithm: z.enum(['ed25519', 'ecdsa-p256']), public_key_pem: z.string() }),
);
const Case = z.strictObject({
  name: z.string(),
  file: z.string(),
  kind: z.enum(['release', 'pointer']),
  expected: z.strictObject({
    workspace: z.string(),
    client_id: z.string(),
    profile_id: z.string(),
    now: z.string().transform((text) => new Date(text)),
    artifact_id: z.string().optional(),
    sequence: z.number().optional(),
    highest_sequence_seen: z.number().optional(),
    highest_number_seen: z.number().optional(),
    max_sequence_jump: z.number().optional(),
  }),
  payload: z.string().optional(),
  keys: z.record(z.string(), z.enum(['active', 'retired', 'revoked'])),
  result: z.string(),
});
type Case = z.infer<typeof Case>;

const KEYS = Keys.parse(JSON.parse(read('keys.json')));
const CASES = z.array(Case).parse(JSON.parse(read('cases.json')));
const ENVELOPES = readdirSync(new URL('envelopes/', import.meta.url)).filter(
  (name) => name.endsWith('.json') && !['cases.json', 'keys.json', 'payload.json'].includes(name),
);

function keyNamed(wanted: string) {
  const found = KEYS.find(({ name }) => name === wanted);
  if (found === undefined) throw new Error(`keys.json has no key ${wanted}`);
  return found;
}

function judge({ file, kind, expected, keys, payload }: Case): string {
  const known = new Map(
    Object.entries(keys).map(([name, status]) => [keyNamed(name).key_id, { ...keyNamed(name), status }]),
  );
  const canonical_payload = payload === undefined ? undefined : read(payload);
  try {
    if (kind === 'pointer') verifyPointer(read(file), expected, known);
    else verifyRelease(read(file), { ...expected, canonical_payload }, known);
    return 'ok';
  } catch (error) {
    const { code, details } = error as AppError;
    return code === 'SIGNATURE_INVALID' ? String(details.reason) : String(error);
  }
}

describe('golden envelopes', () => {
  test.each(CASES)('$name: $result', (it) => {
    expect(judge(it)).toBe(it.result);
  });

  test('every reason of the contract and every file occurs', () => {
    expect(new Set(CASES.map(({ result }) => result))).toEqual(
      new Set([
        'ok',
        'malformed',
        'unsupported_type',
        'unknown_key',
        'revoked_key',
        'bad_signature',
        'wrong_target',
        'digest_mismatch',
        'expired',
        'rollback',
        'sequence_jump',
      ]),
    );
    expect(new Set(CASES.map(({ file }) => file))).toEqual(new Set(ENVELOPES));
  });

  test('the keys are filed under their own ids', () => {
    for (const { public_key_pem, key_id, algorithm } of KEYS) {
      expect(importPublicKey(public_key_pem)).toMatchObject({ key_id, algorithm });
    }
  });

  test('signing the same again gives the same bytes', () => {
    const files = goldenFiles();
    expect([...files.keys()].toSorted()).toEqual([...ENVELOPES, 'keys.json', 'payload.json'].toSorted());
    // ECDSA takes a fresh random number every time; its file is only verified.
    files.delete('ecdsa.json');
    for (const [name, content] of files) expect(read(name), name).toBe(content);
  });
});

describe('the openssl commands of the README', () => {
  const [, script = ''] = /```sh\n(.*?)```/s.exec(read('README.md')) ?? [];
  const changed = (base64: string) => {
    const bytes = Buffer.from(base64, 'base64');
    bytes.writeUInt8(bytes.readUInt8(bytes.length >> 1) ^ 1, bytes.length >> 1);
    return bytes.toString('base64');
  };

  function run(envelope: Envelope, key: string): { status: number | null; stdout: string } {
    const folder = mkdtempSync(join(tmpdir(), 'golden-'));
    try {
      writeFileSync(join(folder, 'envelope.json'), JSON.stringify(envelope));
      writeFileSync(join(folder, 'pub.pem'), keyNamed(key).public_key_pem);
      const { status, stdout } = spawnSync('sh', ['-e', '-c', script], { cwd: folder, encoding: 'utf8' });
      return { status, stdout };
    } finally {
      rmSync(folder, { recursive: true });
    }
  }

  test.each([
    ['plain.json', 'first'],
    ['pointer.json', 'first'],
    ['ecdsa.json', 'ecdsa'],
  ])('accept %s, and refuse it with one byte changed or under another key', (file, key) => {
    expect(execFileSync('openssl', ['version'], { encoding: 'utf8' })).toMatch(/^OpenSSL [3-9]/);
    const envelope: Envelope = JSON.parse(read(file));
    expect(run(envelope, key)).toEqual({ status: 0, stdout: 'Signature Verified Successfully\n' });
    expect(run({ ...envelope, payload: changed(envelope.payload) }, key).status).toBe(1);
    const signatures = envelope.signatures.map((it) => ({ ...it, sig: changed(it.sig) }));
    expect(run({ ...envelope, signatures }, key).status).toBe(1);
    expect(run(envelope, 'second').status).toBe(1);
  });
});
