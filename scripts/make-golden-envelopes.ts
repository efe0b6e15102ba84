import { createHash, createPrivateKey, createPublicKey, type KeyObject, sign } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { artifactId } from '../src/core/artifact.ts';
import { canonicalJson } from '../src/core/canonical-json.ts';
import type { Envelope } from '../src/core/dsse.ts';
import { keyIdOf } from '../src/core/keys.ts';
import { pointerStatement, type ReleaseStatement, releaseStatement, statementBytes } from '../src/core/release.ts';
import { type EnvelopeSigner, signEnvelope } from '../test/support/sign-envelope.ts';

/**
 * Writes test/golden/envelopes: `node scripts/make-golden-envelopes.ts`. Ed25519 is deterministic, so the same bytes
 * come out every time. ECDSA is not: a file that exists is kept. The keys are made up from public words and sign
 * nothing else.
 */
const FOLDER = new URL('../test/golden/envelopes/', import.meta.url);

const seedOf = (words: string) => createHash('sha256').update(words).digest();

/** RFC 8410 and RFC 5915 wrappers around 32 raw bytes. */
const ED25519_PKCS8 = '302e020100300506032b657004220420';
const P256_PKCS8 = '3041020100301306072a8648ce3d020106082a8648ce3d030107042730250201010420';

function privateKey(prefix: string, words: string): KeyObject {
  return createPrivateKey({
    key: Buffer.concat([Buffer.from(prefix, 'hex'), seedOf(words)]),
    format: 'der',
    type: 'pkcs8',
  });
}

const KEYS = {
  first: privateKey(ED25519_PKCS8, 'mcp-orchestration golden test key 1'),
  second: privateKey(ED25519_PKCS8, 'mcp-orchestration golden test key 2'),
  stranger: privateKey(ED25519_PKCS8, 'mcp-orchestration golden test key 3'),
  ecdsa: privateKey(P256_PKCS8, 'mcp-orchestration golden test key 4'),
};

function signer(name: keyof typeof KEYS): EnvelopeSigner {
  const key = KEYS[name];
  const digest = key.asymmetricKeyType === 'ec' ? 'sha256' : null;
  return { key_id: keyIdOf(createPublicKey(key)), sign: (bytes) => sign(digest, bytes, key) };
}

const PAYLOAD = {
  mcpServers: {
    filesystem: { command: 'npx', args: ['-y', '@modelcontextprotocol/server-filesystem@2026.8.31', '/srv/docs'] },
    github: {
      type: 'http',
      url: 'https://api.githubcopilot.com/mcp/',
      headers: { Authorization: 'Bearer ${secret:github-token}' },
    },
    'zoë’s notes': { command: 'notes-mcp', args: [], env: { NOTES: '${env:HOME}/notes' }, timeout_ms: 1500.5 },
  },
  inputs: { region: { description: 'Where the data lives', default: 'eu', required: false } },
};

const TARGET = { workspace: 'default', client_id: 'cursor', profile_id: 'dev' };
const POLICY_DIGEST = createHash('sha256').update('golden policy').digest('hex');

const RELEASE = {
  ...TARGET,
  artifact_id: artifactId(PAYLOAD),
  sequence: 7,
  version: '1.6.0',
  previous_artifact_id: artifactId({ mcpServers: {} }),
  issued_at: '2026-01-10T08:00:00.000Z',
  changelog: 'Adds the notes of Zoë',
  provenance: { publisher: 'local:zoe', tool_version: '0.1.0' },
};

const APPROVAL = {
  approver: 'token:tok_lee',
  approved_at: '2026-01-09T16:30:00.000Z',
  payload_sha256: RELEASE.artifact_id,
  policy_digest: POLICY_DIGEST,
};

const APPROVED = {
  ...RELEASE,
  expires_at: '2026-07-10T08:00:00.000Z',
  policy_set_id: 'standard',
  policy_digest: POLICY_DIGEST,
  approvals: [APPROVAL],
};

const POINTER = {
  ...TARGET,
  number: 12,
  sequence: 7,
  artifact_id: RELEASE.artifact_id,
  issued_at: '2026-01-10T08:00:00.000Z',
  expires_at: '2026-02-09T08:00:00.000Z',
};

/** Past the builders, for statements that no builder would make. */
const signRaw = (statement: unknown, name: keyof typeof KEYS) =>
  signEnvelope(Buffer.from(canonicalJson(statement)), [signer(name)]);

function withOtherClient(statement: ReleaseStatement): unknown {
  return { ...statement, predicate: { ...statement.predicate, client_id: 'codex' } };
}

function withOtherApproval(statement: ReleaseStatement): unknown {
  const approvals = [{ ...APPROVAL, payload_sha256: artifactId({ mcpServers: {} }) }];
  return { ...statement, predicate: { ...statement.predicate, approvals } };
}

function withOtherSignature(envelope: Envelope, other: Envelope): Envelope {
  return { ...envelope, signatures: other.signatures };
}

function withUrlAlphabet(envelope: Envelope): Envelope {
  const signatures = envelope.signatures.map(({ keyid, sig }) => ({
    keyid,
    sig: sig.replaceAll('+', '-').replaceAll('/', '_'),
  }));
  return { ...envelope, signatures };
}

function envelopes(): Record<string, Envelope> {
  const release = releaseStatement(RELEASE);
  const plain = signEnvelope(statementBytes(release), [signer('first')]);
  const approved = releaseStatement(APPROVED);
  const pointer = signEnvelope(statementBytes(pointerStatement(POINTER)), [signer('first')]);
  const expired = {
    ...POINTER,
    number: 11,
    issued_at: '2025-12-01T08:00:00.000Z',
    expires_at: '2025-12-31T08:00:00.000Z',
  };
  return {
    plain,
    'with-approvals': signEnvelope(statementBytes(approved), [signer('first')]),
    'two-signatures': signEnvelope(statementBytes(release), [signer('first'), signer('second')]),
    pointer,
    'expired-pointer': signEnvelope(statementBytes(pointerStatement(expired)), [signer('first')]),
    'wrong-target': signRaw(withOtherClient(release), 'first'),
    'digest-mismatch': signRaw(withOtherApproval(approved), 'first'),
    'bad-signature': withOtherSignature(plain, pointer),
    'unsupported-type': signRaw({ ...release, predicateType: 'https://slsa.dev/provenance/v1' }, 'first'),
    'unknown-key': signEnvelope(statementBytes(release), [signer('stranger')]),
    malformed: withUrlAlphabet(plain),
    ecdsa: signEnvelope(statementBytes(release), [signer('ecdsa')]),
  };
}

function publicKeys(): unknown {
  return Object.entries(KEYS).map(([name, key]) => {
    const publicKey = createPublicKey(key);
    const algorithm = key.asymmetricKeyType === 'ec' ? 'ecdsa-p256' : 'ed25519';
    const public_key_pem = publicKey.export({ type: 'spki', format: 'pem' });
    return { name, key_id: keyIdOf(publicKey), algorithm, public_key_pem };
  });
}

const text = (value: unknown) => `${JSON.stringify(value, null, 2)}\n`;

/** File name to content. `ecdsa.json` differs at every call. */
export function goldenFiles(): Map<string, string> {
  const files = new Map([
    ['payload.json', canonicalJson(PAYLOAD)],
    ['keys.json', text(publicKeys())],
  ]);
  for (const [name, envelope] of Object.entries(envelopes())) files.set(`${name}.json`, text(envelope));
  return files;
}

/** Only run as a program, never when a test imports it. */
if (import.meta.main) {
  for (const [name, content] of goldenFiles()) {
    const file = new URL(name, FOLDER);
    const kept = name === 'ecdsa.json' && existsSync(file);
    if (!kept && !(existsSync(file) && readFileSync(file, 'utf8') === content)) writeFileSync(file, content);
  }
}
