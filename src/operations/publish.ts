import { z } from 'zod';
import { AppError, invalidInput } from '../core/errors.ts';
import { Finding } from '../core/finding.ts';
import { ArtifactId, ClientId, ProfileId, Timestamp } from '../core/ids.ts';
import type { DraftPayload } from '../core/payload.ts';
import { assertDraftShape } from '../core/validation/shape.ts';
import { failpoint } from '../io/failpoint.ts';
import type { ReleaseRow } from '../stores/rows.ts';
import { allDone } from './all-done.ts';
import {
  assertRevision,
  type CurrentDraft,
  currentDraft,
  currentRevision,
  findRelease,
  named,
  saveDraft,
  verifiedRelease,
} from './current.ts';
import { assertNotLinked } from './links.ts';
import { type Context, defineOperation, type Target, type TextStyle } from './operation.ts';
import { publishPayload } from './publication.ts';
import { findTarget, IfRevision, PayloadInput, TargetInput, Version } from './shapes.ts';
import { counted } from './words.ts';

/** The two ways to a new release: of the draft, and of what was published before. */

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

const PUBLISH_ERRORS = [
  'CLIENT_NOT_FOUND',
  'PROFILE_NOT_FOUND',
  'PROFILE_LINKED',
  'VALIDATION_FAILED',
  'SECRET_IN_CONFIG',
  'KEYS_NOT_INITIALIZED',
  'SIGNATURE_INVALID',
] as const;

/** What is to be published now, and what of it was brought along. The store is asked all at once. */
async function currentAndGiven(
  context: Context,
  input: Target & { payload?: unknown },
): Promise<[CurrentDraft, DraftPayload | undefined]> {
  if (input.payload === undefined) {
    const [, current] = await allDone([assertNotLinked(context, input), currentDraft(context, input)]);
    return [current, undefined];
  }
  const [, { revision }] = await allDone([assertNotLinked(context, input), currentRevision(context, input)]);
  const given = assertDraftShape(input.payload);
  return [{ revision, payload: given }, given];
}

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
  errors: [...PUBLISH_ERRORS, 'DRAFT_CHANGED'],
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
    const [current, given] = await currentAndGiven(context, input);
    assertRevision(current, input.if_revision);
    const { changelog, version, allow_empty, expires_at = null } = input;
    if (expires_at !== null && expires_at <= context.now().toISOString()) {
      throw invalidInput('expires_at', 'this has passed already');
    }
    const published = await publishPayload(context, input, {
      payload: current.payload,
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
  errors: [...PUBLISH_ERRORS, 'CONFIG_NOT_FOUND', 'ARTIFACT_NOT_FOUND'],
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
