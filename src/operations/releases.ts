import { z } from 'zod';
import type { Envelope } from '../core/dsse.ts';
import { AppError, invalidInput } from '../core/errors.ts';
import { Finding } from '../core/finding.ts';
import { ArtifactId, ClientId, ProfileId, Timestamp } from '../core/ids.ts';
import { type DraftPayload, Payload } from '../core/payload.ts';
import { assertDraftShape } from '../core/validation/shape.ts';
import { failpoint } from '../io/failpoint.ts';
import type { ReleaseRow } from '../stores/store.ts';
import { assertRevision, currentDraft, findRelease, named, saveDraft, verifiedRelease } from './current.ts';
import { assertNotLinked } from './links.ts';
import { type Context, defineOperation, type TextStyle } from './operation.ts';
import { pointerNumber, pointerTo } from './pointers.ts';
import { publishPayload } from './publication.ts';
import { releasedTargets } from './released.ts';
import { EnvelopeOutput, findTarget, IfRevision, PageInput, PayloadInput, TargetInput, Version } from './shapes.ts';
import { counted } from './words.ts';

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
    envelope: EnvelopeOutput,
    pointer: EnvelopeOutput.nullable(),
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
    etag: ({ artifact_id, sequence, pointer }) => `${artifact_id}-${sequence}-${pointerNumber(pointer)}`,
  },
  // An expired release is refused: that is the only thing in it that a clock decides.
  holdsUntil: ({ expires_at }) => expires_at,
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
    const { payload, statement, key, keys } = await verifiedRelease(context, release);
    const { predicate } = statement;
    const envelope: Envelope = JSON.parse(release.envelope);
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
      pointer: await pointerTo(context, release, keys),
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
  holdsUntil: () => null,
  mcp: {
    tool: 'get_latest',
    resource: { name: 'latest release', uri: 'config://{client_id}/{profile_id}/latest', existing: releasedTargets },
  },
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

const PublishOutput = z.object({
  status: z.enum(['published', 'unchanged']),
  artifact_id: ArtifactId,
  client_id: ClientId,
  profile_id: ProfileId,
  version: z.string(),
  sequence: z.int(),
  server_count: z.int(),
  changelog: z.string().nullable(),
  created_at: Timestamp,
  linked: z
    .array(
      z.object({
        client_id: ClientId,
        profile_id: ProfileId,
        status: z.enum(['published', 'unchanged']),
        sequence: z.int(),
        artifact_id: ArtifactId,
        findings: z.array(Finding),
      }),
    )
    .meta({ description: 'The releases of the profiles that follow this one, with what their clients lose.' }),
});

function publishedOutput({ status, release, linked }: Awaited<ReturnType<typeof publishPayload>>) {
  const { artifact_id, client_id, profile_id, version, sequence, server_count, changelog, issued_at } = release;
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
    linked: linked.map(({ link, findings, ...followed }) => ({
      client_id: link.client_id,
      profile_id: link.profile_id,
      status: followed.status,
      sequence: followed.release.sequence,
      artifact_id: followed.release.artifact_id,
      findings,
    })),
  };
}

function publishedText(output: z.infer<typeof PublishOutput>, style: TextStyle): { out: string; note: string } {
  const servers = counted(output.server_count, 'server');
  const head =
    output.status === 'published'
      ? `${style.good('Published')} release ${style.bold(String(output.sequence))} (${output.version}) with ${servers}\nartifact ${output.artifact_id}`
      : `${style.dim('Unchanged')}: release ${output.sequence} (${output.version}) already has this payload`;
  const followers = output.linked.flatMap(({ client_id, profile_id, status, sequence, findings }) => [
    `  ${status === 'published' ? style.good('followed') : style.dim('unchanged')} by ${client_id}/${profile_id}, release ${sequence}`,
    ...findings.map(({ message }) => style.warn(`    ! ${message}`)),
  ]);
  const profile = output.profile_id === 'default' ? '' : ` --profile ${output.profile_id}`;
  return {
    out: [head, ...followers].join('\n'),
    note: `Next: mcp-orchestration deploy-config --client ${output.client_id}${profile} --dry-run`,
  };
}

const Changelog = z.string().max(4000);

export const publishConfig = defineOperation({
  id: 'releases.publish',
  summary: 'Publish the draft as a signed, immutable release',
  description:
    'Validates, signs and stores. A payload given here becomes the draft first. The same payload as the latest release answers `unchanged`.',
  effect: 'write',
  idempotent: true,
  input: TargetInput.extend({
    changelog: Changelog.optional().meta({ description: 'What changed, in words; it is signed with the release.' }),
    payload: PayloadInput.optional(),
    version: Version.optional(),
    if_revision: IfRevision,
    expires_at: Timestamp.optional().meta({
      description: 'The instant from which everybody who verifies refuses this release. Never, when left out.',
    }),
    allow_empty: z
      .boolean()
      .default(false)
      .meta({ description: 'Allow a release without servers: taking out the last one.' }),
  }),
  example: { client_id: 'cursor', profile_id: 'default', changelog: 'Memory for Cursor' },
  output: PublishOutput,
  errors: [
    'CLIENT_NOT_FOUND',
    'PROFILE_NOT_FOUND',
    'VALIDATION_FAILED',
    'SECRET_IN_CONFIG',
    'DRAFT_CHANGED',
    'PROFILE_LINKED',
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
    text: publishedText,
  },
  async run(context, input) {
    await findTarget(context, input);
    await assertNotLinked(context, input);
    const given = input.payload === undefined ? undefined : assertDraftShape(input.payload);
    const current = await currentDraft(context, input);
    assertRevision(current, input.if_revision);
    const { changelog, version, allow_empty, expires_at = null } = input;
    if (expires_at !== null && expires_at <= context.now().toISOString()) {
      throw invalidInput('expires_at', 'this has passed already');
    }
    const payload = given ?? current.payload;
    const published = await publishPayload(context, input, {
      payload,
      changelog,
      version,
      allow_empty,
      expires_at,
    });
    if (given) await saveDraft(context, input, current, given);
    failpoint('publish.after-draft');
    return publishedOutput(published);
  },
});

const RevertInput = TargetInput.extend({
  artifact_id: ArtifactId.optional().meta({ description: 'The artifact to go back to.' }),
  sequence: z.int().min(1).optional().meta({ description: 'The number of the release to go back to.' }),
  changelog: Changelog.optional().meta({ description: 'What changed, in words; that it is a revert, when left out.' }),
});

/** The earlier release that a caller names in one of two ways. */
async function namedRelease(context: Context, input: z.output<typeof RevertInput>): Promise<ReleaseRow> {
  const { artifact_id, sequence, client_id, profile_id } = input;
  if ((artifact_id === undefined) === (sequence === undefined)) {
    throw invalidInput('sequence', 'say which release: either artifact_id or sequence');
  }
  if (sequence === undefined) return findRelease(context, input, artifact_id);
  const latest = await findRelease(context, input, undefined);
  const found = await context.store.releases.bySequence(context.workspace, client_id, profile_id, sequence);
  if (found) return found;
  const message = `Profile ${profile_id} of ${client_id} has no release ${sequence}; the latest is ${latest.sequence}.`;
  throw new AppError('ARTIFACT_NOT_FOUND', message, { ...named(input), sequence, nearest: [latest.sequence] });
}

export const revertConfig = defineOperation({
  id: 'releases.revert',
  summary: 'Publish an earlier artifact again, as the next release',
  description:
    'The sequence goes on, so that everybody who watches sees the way back as a step forward. The draft stays as it is.',
  effect: 'write',
  idempotent: true,
  input: RevertInput,
  example: { client_id: 'cursor', profile_id: 'default', sequence: 1 },
  output: PublishOutput,
  errors: [
    'CLIENT_NOT_FOUND',
    'PROFILE_NOT_FOUND',
    'CONFIG_NOT_FOUND',
    'ARTIFACT_NOT_FOUND',
    'VALIDATION_FAILED',
    'SECRET_IN_CONFIG',
    'SIGNATURE_INVALID',
    'PROFILE_LINKED',
    'KEYS_NOT_INITIALIZED',
  ],
  permission: { needs: 'config:publish' },
  rest: {
    method: 'POST',
    path: '/v1/config/{client_id}/{profile_id}/revert',
    statuses: [200, 201],
    status: ({ status }) => (status === 'published' ? 201 : 200),
  },
  mcp: { tool: 'revert_config', toolset: 'releases' },
  cli: {
    verb: 'revert-config',
    flags: { client_id: 'client', profile_id: 'profile', artifact_id: 'artifact' },
    text: publishedText,
  },
  async run(context, input) {
    await findTarget(context, input);
    await assertNotLinked(context, input);
    const earlier = await namedRelease(context, input);
    const { payload } = await verifiedRelease(context, earlier);
    const published = await publishPayload(context, input, {
      payload: payload as unknown as DraftPayload,
      changelog: input.changelog ?? `Revert to release ${earlier.sequence}`,
      version: undefined,
      // It was published once: an empty one was meant then.
      allow_empty: true,
      expires_at: null,
    });
    const { artifact_id, sequence } = published.release;
    if (published.status === 'published') {
      const data = { reverted_to: earlier.sequence };
      await context.emit(context.store, { type: 'config.reverted', target: input, artifact_id, sequence, data });
    }
    return publishedOutput(published);
  },
});

export const history = defineOperation({
  id: 'releases.history',
  summary: 'List the releases of a profile, the newest first',
  effect: 'read',
  input: TargetInput.extend(PageInput),
  output: z.object({
    releases: z.array(
      z.object({
        sequence: z.int(),
        version: z.string(),
        artifact_id: ArtifactId,
        created_at: Timestamp,
        changelog: z.string().nullable(),
        server_count: z.int(),
      }),
    ),
    next_cursor: z.string().nullable(),
  }),
  errors: ['CLIENT_NOT_FOUND', 'PROFILE_NOT_FOUND'],
  permission: { needs: 'config:read' },
  rest: { method: 'GET', path: '/v1/config/{client_id}/{profile_id}/history' },
  mcp: { tool: 'history', toolset: 'releases' },
  cli: {
    verb: 'history',
    flags: { client_id: 'client', profile_id: 'profile' },
    text: ({ releases, next_cursor }, style) => ({
      out:
        releases.length === 0
          ? 'Nothing is published yet.'
          : style.table(
              ['release', 'version', 'published', 'servers', 'artifact', 'what'],
              releases.map((row) => [
                style.bold(String(row.sequence)),
                row.version,
                row.created_at,
                String(row.server_count),
                row.artifact_id.slice(0, 12),
                row.changelog ?? '',
              ]),
            ),
      note: next_cursor === null ? '' : `There are more: --cursor ${next_cursor}`,
    }),
  },
  async run(context, { limit, cursor, ...target }) {
    await findTarget(context, target);
    const { client_id, profile_id } = target;
    const page = await context.store.releases.list(context.workspace, client_id, profile_id, { limit, cursor });
    const releases = page.rows.map(({ sequence, version, artifact_id, issued_at, changelog, server_count }) => ({
      sequence,
      version,
      artifact_id,
      created_at: issued_at,
      changelog,
      server_count,
    }));
    return { releases, next_cursor: page.next_cursor };
  },
});
