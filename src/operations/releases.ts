import { z } from 'zod';
import { bridgeFor } from '../clients/render.ts';
import { artifactIdOfCanonical } from '../core/artifact.ts';
import { canonicalJson } from '../core/canonical-json.ts';
import { Envelope, signEnvelope } from '../core/dsse.ts';
import { AppError } from '../core/errors.ts';
import { ArtifactId, ClientId, ProfileId, Timestamp } from '../core/ids.ts';
import { PAYLOAD_SCHEMA_REF, Payload } from '../core/payload.ts';
import { releaseStatement, statementBytes, Version } from '../core/release.ts';
import { assertNoSecret, assertNoSecretText } from '../core/secrets/detector.ts';
import { assertDraftShape } from '../core/validation/shape.ts';
import { parseStrictPayload } from '../core/validation/validate.ts';
import { failpoint } from '../io/failpoint.ts';
import type { ReleaseRow } from '../stores/store.ts';
import { assertRevision, currentDraft, findRelease, named, saveDraft, verifiedRelease } from './current.ts';
import { recordKey } from './keys.ts';
import { type Context, defineOperation, type Target } from './operation.ts';
import { findTarget, IfRevision, PayloadInput, TargetInput } from './shapes.ts';
import { findingsFor } from './validation.ts';

const Provenance = z.object({ publisher: z.string(), tool_version: z.string() });

const ConfigOutput = z
  .object({
    artifact_id: ArtifactId,
    client_id: ClientId,
    profile_id: ProfileId,
    created_at: Timestamp,
    issued_at: Timestamp,
    payload: Payload,
    signature: z.string(),
    signature_algorithm: z.string(),
    signing_key_id: z.string(),
    metadata: z.object({ generator: z.string(), changelog: z.string().optional(), server_count: z.int() }),
    schema_ref: z.string(),
    version: z.string(),
    sequence: z.int(),
    previous_artifact_id: ArtifactId.nullable(),
    expires_at: Timestamp.nullable(),
    policy_set_id: z.string().nullable(),
    provenance: Provenance,
    envelope: Envelope,
    pointer: Envelope.nullable(),
  })
  .meta({
    id: 'Config',
    description: 'A signed release with its payload. The DSSE envelope is exactly what was signed.',
  });

export const getConfig = defineOperation({
  id: 'releases.get',
  summary: 'Get the latest signed configuration, or the one of an artifact id',
  effect: 'read',
  input: TargetInput.extend({ artifact_id: ArtifactId.optional() }),
  output: ConfigOutput,
  errors: ['CLIENT_NOT_FOUND', 'PROFILE_NOT_FOUND', 'CONFIG_NOT_FOUND', 'ARTIFACT_NOT_FOUND', 'SIGNATURE_INVALID'],
  permission: { needs: 'config:read' },
  rest: {
    method: 'GET',
    path: '/v1/config/{client_id}/{profile_id}',
    etag: ({ artifact_id, sequence }) => `${artifact_id}-${sequence}-0`,
  },
  mcp: { tool: 'get_config' },
  cli: {
    verb: 'get-config',
    flags: { client_id: 'client', profile_id: 'profile', artifact_id: 'artifact' },
    text: (config) => ({
      out: JSON.stringify(config.payload, null, 2),
      note: `Release ${config.sequence} (${config.version}), artifact ${config.artifact_id}, signed by key ${config.signing_key_id.slice(0, 16)} at ${config.issued_at}. With --json: envelope and signature.`,
    }),
  },
  async run(context, input) {
    await findTarget(context, input);
    const release = await findRelease(context, input, input.artifact_id);
    const { payload, statement, key } = await verifiedRelease(context, release);
    const { predicate } = statement;
    const envelope = Envelope.parse(JSON.parse(release.envelope));
    return {
      artifact_id: release.artifact_id,
      client_id: predicate.client_id,
      profile_id: predicate.profile_id,
      created_at: predicate.issued_at,
      issued_at: predicate.issued_at,
      payload,
      signature: envelope.signatures[0]?.sig ?? '',
      signature_algorithm: key.algorithm,
      signing_key_id: key.key_id,
      metadata: {
        generator: `mcp-orchestration/${predicate.provenance.tool_version}`,
        ...(predicate.changelog !== null && { changelog: predicate.changelog }),
        server_count: Object.keys(payload.mcpServers).length,
      },
      schema_ref: predicate.schema_ref,
      version: predicate.version,
      sequence: predicate.sequence,
      previous_artifact_id: predicate.previous_artifact_id,
      expires_at: predicate.expires_at,
      policy_set_id: predicate.policy_set_id,
      provenance: predicate.provenance,
      envelope,
      pointer: null,
    };
  },
});

export const getLatest = defineOperation({
  id: 'releases.latest',
  summary: 'Say which release is the latest',
  effect: 'read',
  input: TargetInput,
  output: z.object({
    client_id: ClientId,
    profile_id: ProfileId,
    artifact_id: ArtifactId,
    sequence: z.int(),
    version: z.string(),
    created_at: Timestamp,
    signing_key_id: z.string(),
  }),
  errors: ['CLIENT_NOT_FOUND', 'PROFILE_NOT_FOUND', 'CONFIG_NOT_FOUND'],
  permission: { needs: 'config:read' },
  rest: {
    method: 'GET',
    path: '/v1/config/{client_id}/{profile_id}/latest',
    etag: ({ artifact_id, sequence }) => `${artifact_id}-${sequence}-0`,
  },
  mcp: { tool: 'get_latest', resource: { name: 'latest release', uri: 'config://{client_id}/{profile_id}/latest' } },
  cli: {
    verb: 'get-latest',
    flags: { client_id: 'client', profile_id: 'profile' },
    text: (latest, style) => ({
      out: `Release ${style.bold(String(latest.sequence))} (${latest.version}) of ${latest.client_id}/${latest.profile_id}\nartifact ${latest.artifact_id}\nsigned by ${latest.signing_key_id} at ${latest.created_at}`,
    }),
  },
  async run(context, input) {
    await findTarget(context, input);
    const { client_id, profile_id, artifact_id, sequence, version, issued_at, signing_key_id } = await findRelease(
      context,
      input,
      undefined,
    );
    return { client_id, profile_id, artifact_id, sequence, version, created_at: issued_at, signing_key_id };
  },
});

interface Publication {
  payload: Payload;
  changelog: string | undefined;
  version: string | undefined;
}

/** Signs the next release and stores artifact, release and key together. */
async function appendRelease(
  context: Context,
  target: Target,
  latest: ReleaseRow | undefined,
  publication: Publication,
): Promise<ReleaseRow> {
  const { client_id, profile_id } = target;
  const canonical = canonicalJson(publication.payload);
  const artifact_id = artifactIdOfCanonical(canonical);
  const sequence = (latest?.sequence ?? 0) + 1;
  const issued_at = context.now().toISOString();
  const signer = await context.services.keys.signer();
  const statement = releaseStatement({
    workspace: context.workspace,
    client_id,
    profile_id,
    artifact_id,
    sequence,
    version: publication.version ?? `1.${sequence - 1}.0`,
    previous_artifact_id: latest?.artifact_id ?? null,
    issued_at,
    expires_at: null,
    policy_set_id: null,
    policy_digest: null,
    approvals: [],
    changelog: publication.changelog ?? null,
    schema_ref: PAYLOAD_SCHEMA_REF,
    provenance: { publisher: context.principal.actor, tool_version: context.services.version },
  });
  const row: ReleaseRow = {
    client_id,
    profile_id,
    sequence,
    artifact_id,
    version: statement.predicate.version,
    previous_artifact_id: statement.predicate.previous_artifact_id,
    changelog: statement.predicate.changelog,
    server_count: Object.keys(publication.payload.mcpServers).length,
    policy_digest: null,
    signing_key_id: signer.key_id,
    issued_at,
    expires_at: null,
    envelope: JSON.stringify(signEnvelope(statementBytes(statement), [signer])),
  };
  await recordKey(context, signer);
  await context.store.artifacts.put(context.workspace, { artifact_id, canonical, created_at: issued_at });
  failpoint('publish.after-artifact');
  const appended = await context.store.releases.append(context.workspace, row);
  failpoint('publish.after-release');
  if (appended) return row;
  throw new AppError('DRAFT_CHANGED', 'Another release was published at the same moment.', named(target));
}

export const publishConfig = defineOperation({
  id: 'releases.publish',
  summary: 'Publish the draft as a signed, immutable release',
  description:
    'Validates, signs and stores. A payload given here becomes the draft first. The same payload as the latest release answers `unchanged`.',
  effect: 'write',
  idempotent: true,
  input: TargetInput.extend({
    changelog: z.string().max(4000).optional(),
    payload: PayloadInput.optional(),
    version: Version.optional(),
    if_revision: IfRevision,
    allow_empty: z
      .boolean()
      .default(false)
      .meta({ description: 'Allow a release without servers: taking out the last one.' }),
  }),
  output: z.object({
    status: z.enum(['published', 'unchanged']),
    artifact_id: ArtifactId,
    client_id: ClientId,
    profile_id: ProfileId,
    version: z.string(),
    sequence: z.int(),
    server_count: z.int(),
    changelog: z.string().nullable(),
    created_at: Timestamp,
  }),
  errors: [
    'CLIENT_NOT_FOUND',
    'PROFILE_NOT_FOUND',
    'VALIDATION_FAILED',
    'SECRET_IN_CONFIG',
    'DRAFT_CHANGED',
    'KEYS_NOT_INITIALIZED',
  ],
  permission: { needs: 'config:publish' },
  rest: {
    method: 'POST',
    path: '/v1/config/{client_id}/{profile_id}/publish',
    statuses: [200, 201],
    status: ({ status }) => (status === 'published' ? 201 : 200),
  },
  mcp: { tool: 'publish_config' },
  cli: {
    verb: 'publish-config',
    flags: { client_id: 'client', profile_id: 'profile', payload: 'file' },
    text: (output, style) => ({
      out:
        output.status === 'published'
          ? `${style.good('Published')} release ${style.bold(String(output.sequence))} (${output.version}) with ${output.server_count} server${output.server_count === 1 ? '' : 's'}\nartifact ${output.artifact_id}`
          : `${style.dim('Unchanged')}: release ${output.sequence} (${output.version}) already has this payload`,
      note: `Next: mcp-orchestration deploy-config --client ${output.client_id}${output.profile_id === 'default' ? '' : ` --profile ${output.profile_id}`} --dry-run`,
    }),
  },
  async run(context, input) {
    const client = await findTarget(context, input);
    assertNoSecretText({ changelog: input.changelog });
    const given = input.payload === undefined ? undefined : assertDraftShape(input.payload);
    const current = await currentDraft(context, input);
    assertRevision(current, input.if_revision);
    const draft = given ?? current.payload;
    assertNoSecret(draft);
    const valid = parseStrictPayload(
      draft,
      findingsFor(client, draft, context.services, { allow_empty: input.allow_empty }),
    );
    if (given) await saveDraft(context, input, current, given);
    failpoint('publish.after-draft');
    const payload = { ...valid, ...bridgeFor(valid, client) };
    const latest = await context.store.releases.latest(context.workspace, input.client_id, input.profile_id);
    const same = latest?.artifact_id === artifactIdOfCanonical(canonicalJson(payload)) && latest.policy_digest === null;
    const release = same
      ? latest
      : await appendRelease(context, input, latest, { payload, changelog: input.changelog, version: input.version });
    const { artifact_id, client_id, profile_id, version, sequence, server_count, changelog, issued_at } = release;
    const status = same ? ('unchanged' as const) : ('published' as const);
    return {
      status,
      artifact_id,
      client_id,
      profile_id,
      version,
      sequence,
      server_count,
      changelog,
      created_at: issued_at,
    };
  },
});
