import { z } from 'zod';
import type { Envelope } from '../core/dsse.ts';
import { ArtifactId, ClientId, ProfileId, Timestamp } from '../core/ids.ts';
import { Payload } from '../core/payload.ts';
import { findRelease, verifiedRelease } from './current.ts';
import { defineOperation } from './operation.ts';
import { pointerNumber, pointerTo } from './pointers.ts';
import { releasedTargets } from './released.ts';
import { EnvelopeOutput, findTarget, PageInput, TargetInput } from './shapes.ts';

/** What is published: a release, the latest, and all there were. */

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
