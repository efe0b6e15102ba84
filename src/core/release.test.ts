import { describe, expect, test } from 'vitest';
import { processorMs } from '../../test/support/cpu.ts';
import { checked } from './checks.ts';
import { PointerStatement, pointerStatement, ReleaseStatement, releaseStatement, statementBytes } from './release.ts';

const A = 'a'.repeat(64);
const B = 'b'.repeat(64);

const release = {
  workspace: 'default',
  client_id: 'cursor',
  profile_id: 'dev',
  artifact_id: A,
  sequence: 1,
  version: '1.0.0',
  issued_at: '2026-01-01T00:00:00.000Z',
  provenance: { publisher: 'local:zoe', tool_version: '0.1.0' },
};

const pointer = {
  workspace: 'default',
  client_id: 'cursor',
  profile_id: 'dev',
  number: 1,
  sequence: 1,
  artifact_id: A,
  issued_at: '2026-01-01T00:00:00.000Z',
  expires_at: '2026-01-31T00:00:00.000Z',
};

const invalid = (path: string) =>
  expect.objectContaining({
    code: 'INVALID_INPUT',
    details: { issues: expect.arrayContaining([expect.objectContaining({ path })]) },
  });

describe('a release statement', () => {
  test('has exactly these bytes', () => {
    expect(statementBytes(releaseStatement(release)).toString()).toBe(
      '{"_type":"https://in-toto.io/Statement/v1","predicate":{"approvals":[],"changelog":null,"client_id":"cursor",' +
        '"expires_at":null,"issued_at":"2026-01-01T00:00:00.000Z","policy_digest":null,"policy_set_id":null,' +
        '"previous_artifact_id":null,"profile_id":"dev","provenance":{"publisher":"local:zoe","tool_version":"0.1.0"},' +
        '"schema_ref":"/schemas/payload-v1.json","sequence":1,"version":"1.0.0","workspace":"default"},' +
        '"predicateType":"https://github.com/liminalcommons/mcp-orchestration/release/v1","subject":[{"digest":' +
        `{"sha256":"${A}"},"name":"default/cursor/dev"}]}`,
    );
  });

  test('takes every optional field', () => {
    const approval = { approver: 'lee', approved_at: '2026-01-01T00:00:00.000Z', payload_sha256: A, policy_digest: B };
    const full = {
      ...release,
      previous_artifact_id: B,
      expires_at: '2027-01-01T00:00:00.000Z',
      policy_set_id: 'standard',
      policy_digest: B,
      approvals: [approval],
      changelog: 'words',
      schema_ref: '/schemas/payload-v2.json',
    };
    const { artifact_id, ...predicate } = full;
    expect(releaseStatement(full).predicate).toEqual(predicate);
    const read = JSON.parse(statementBytes(releaseStatement(full)).toString());
    expect(checked(ReleaseStatement, read)).toEqual({ value: releaseStatement(full) });
    expect(artifact_id).toBe(A);
  });

  test.each([
    ['/predicate/workspace', { workspace: '../etc' }],
    ['/predicate/client_id', { client_id: 'a/b' }],
    ['/predicate/profile_id', { profile_id: '' }],
    ['/subject/0/digest/sha256', { artifact_id: A.toUpperCase() }],
    ['/predicate/sequence', { sequence: 0 }],
    ['/predicate/sequence', { sequence: 1.5 }],
    ['/predicate/version', { version: '1.0' }],
    ['/predicate/version', { version: '01.0.0' }],
    ['/predicate/issued_at', { issued_at: '2026-02-30T00:00:00.000Z' }],
    ['/predicate/issued_at', { issued_at: '2026-01-01T00:00:00Z' }],
    ['/predicate/expires_at', { expires_at: release.issued_at }],
    ['/predicate/policy_digest', { policy_digest: 'x' }],
    ['/predicate/previous_artifact_id', { previous_artifact_id: '' }],
    ['/predicate/provenance/publisher', { provenance: { publisher: '', tool_version: '1' } }],
    ['/predicate', { surprise: 1 }],
  ])('with a bad %s cannot be made (%#)', (path, change) => {
    expect(() => releaseStatement({ ...release, ...change })).toThrow(invalid(path));
  });

  test.each([
    ['another payload', { payload_sha256: B, policy_digest: null }],
    ['another policy', { payload_sha256: A, policy_digest: B }],
  ])('does not carry an approval of %s', (_, given) => {
    const approvals = [{ approver: 'lee', approved_at: release.issued_at, ...given }];
    expect(() => releaseStatement({ ...release, approvals })).toThrow('another payload or under another policy');
  });

  test.each(['1.0.0', '0.0.0', '1.2.3-rc.1', '1.2.3+build.5', '10.20.30-a-b.c+d'])('may be version %s', (version) => {
    expect(releaseStatement({ ...release, version }).predicate.version).toBe(version);
  });

  test('a version meant to keep a regular expression busy is answered at once', () => {
    const version = `1.0.0-${'a-'.repeat(50_000)}!`;
    expect(processorMs(() => expect(() => releaseStatement({ ...release, version })).toThrow())).toBeLessThan(50);
  });
});

describe('a pointer statement', () => {
  test('has exactly these bytes', () => {
    expect(statementBytes(pointerStatement(pointer)).toString()).toBe(
      `{"_type":"https://in-toto.io/Statement/v1","predicate":{"artifact_id":"${A}","client_id":"cursor",` +
        '"expires_at":"2026-01-31T00:00:00.000Z","issued_at":"2026-01-01T00:00:00.000Z","number":1,"profile_id":"dev",' +
        '"sequence":1,"workspace":"default"},"predicateType":' +
        '"https://github.com/liminalcommons/mcp-orchestration/latest/v1","subject":[{"digest":' +
        `{"sha256":"${A}"},"name":"default/cursor/dev"}]}`,
    );
    expect(checked(PointerStatement, pointerStatement(pointer))).toEqual({ value: pointerStatement(pointer) });
  });

  test.each([
    ['/predicate/expires_at', { expires_at: '2026-01-31T00:00:00.001Z' }],
    ['/predicate/expires_at', { expires_at: pointer.issued_at }],
    ['/predicate/number', { number: 0 }],
    ['/predicate/artifact_id', { artifact_id: 'x' }],
  ])('with a bad %s cannot be made (%#)', (path, change) => {
    expect(() => pointerStatement({ ...pointer, ...change })).toThrow(invalid(path));
  });
});
