import { z } from 'zod';
import { AppError, invalidInput } from '../core/errors.ts';
import { ArtifactId, ClientId, ProfileId } from '../core/ids.ts';
import type { DraftPayload } from '../core/payload.ts';
import { allDone } from './all-done.ts';
import { findRelease, named, verifiedRelease } from './current.ts';
import { type Context, defineOperation, type Target } from './operation.ts';
import { type Publication, type Published, publishFollower } from './publication.ts';
import { findTarget, TargetInput } from './shapes.ts';

/** One list for several clients: a profile that follows another gets its releases from there. */

/** Throws PROFILE_LINKED when the profile follows another, here or on a server: its draft and releases are made there. */
export async function assertNotLinked(context: Context, target: Target): Promise<void> {
  await allDone([assertNotLinkedHere(context, target), assertNotPulled(context, target)]);
}

const unpull = ({ client_id, profile_id }: Target) =>
  `mcp-orchestration unpull --client ${client_id} --profile ${profile_id}`;

async function assertNotPulled({ store, workspace }: Context, target: Target): Promise<void> {
  const pulled = await store.pulls.get(workspace, target.client_id, target.profile_id);
  if (pulled === undefined) return;
  throw new AppError(
    'PROFILE_LINKED',
    `${target.client_id}/${target.profile_id} follows ${pulled.server}.`,
    { ...named(target), server: pulled.server },
    { hint: `Change it there, and pull. To go on here alone: ${unpull(target)}` },
  );
}

/** Throws PROFILE_LINKED when the profile follows another, or others follow it: neither goes together with pulling it. */
export async function assertNoLinksHere(context: Context, target: Target): Promise<void> {
  await assertNotLinkedHere(context, target);
  const [follower] = await context.store.links.followers(context.workspace, target.client_id, target.profile_id);
  if (follower === undefined) return;
  const { client_id, profile_id } = follower;
  throw new AppError(
    'PROFILE_LINKED',
    `${client_id}/${profile_id} follows ${target.client_id}/${target.profile_id}, and would not get what is pulled.`,
    { ...named(target), follower_client_id: client_id, follower_profile_id: profile_id },
    { hint: `End that link: mcp-orchestration unlink-profile --client ${client_id} --profile ${profile_id}` },
  );
}

async function assertNotLinkedHere({ store, workspace }: Context, target: Target): Promise<void> {
  const link = await store.links.get(workspace, target.client_id, target.profile_id);
  if (link === undefined) return;
  const source = `${link.source_client_id}/${link.source_profile_id}`;
  throw new AppError(
    'PROFILE_LINKED',
    `${target.client_id}/${target.profile_id} follows ${source}.`,
    { ...named(target), source_client_id: link.source_client_id, source_profile_id: link.source_profile_id },
    {
      hint: `Change ${source} and publish it, or end the link: mcp-orchestration unlink-profile --client ${target.client_id} --profile ${target.profile_id}`,
    },
  );
}

/** Its releases are signed elsewhere: they come without anybody here who could sign one for the follower. */
async function assertNotPulledSource({ store, workspace }: Context, target: Target, source: Target): Promise<void> {
  const pulled = await store.pulls.get(workspace, source.client_id, source.profile_id);
  if (pulled === undefined) return;
  const pull = `mcp-orchestration pull --client ${target.client_id} --profile ${target.profile_id}`;
  throw new AppError(
    'PROFILE_LINKED',
    `${source.client_id}/${source.profile_id} is pulled from ${pulled.server}, so nothing here can follow it.`,
    { ...named(source), server: pulled.server },
    { hint: `Link the two there, and then: ${pull}` },
  );
}

/** A chain or a circle of links would make one publish fan out without end: a source follows nobody. */
async function assertLinkable(context: Context, target: Target, source: Target): Promise<void> {
  await assertNotPulled(context, target);
  await assertNotPulledSource(context, target, source);
  const { store, workspace } = context;
  if (source.client_id === target.client_id && source.profile_id === target.profile_id) {
    throw invalidInput('source_client_id', 'a profile cannot follow itself');
  }
  if (await store.links.get(workspace, source.client_id, source.profile_id)) {
    throw invalidInput('source_client_id', 'the source follows another profile itself: link to that one');
  }
  const [follower] = await store.links.followers(workspace, target.client_id, target.profile_id);
  if (follower) {
    throw invalidInput(
      'profile_id',
      `${follower.client_id}/${follower.profile_id} follows this profile: unlink it first`,
    );
  }
}

async function latestOf(
  context: Context,
  source: Target,
): Promise<Pick<Publication, 'payload' | 'expires_at'> | undefined> {
  const { client_id, profile_id } = source;
  if (!(await context.store.releases.latest(context.workspace, client_id, profile_id))) return undefined;
  const { payload, statement } = await verifiedRelease(context, await findRelease(context, source, undefined));
  return { payload: payload as unknown as DraftPayload, expires_at: statement.predicate.expires_at };
}

const Release = z.object({ sequence: z.int(), artifact_id: ArtifactId });
const releaseOf = ({ release }: Published) => ({ sequence: release.sequence, artifact_id: release.artifact_id });

const sourceOf = (input: { profile_id: string; source_client_id: string; source_profile_id?: string | undefined }) => ({
  client_id: input.source_client_id,
  profile_id: input.source_profile_id ?? input.profile_id,
});

export const linkProfile = defineOperation({
  id: 'links.create',
  summary: 'Let a profile follow another one: what is published there is published here too',
  description:
    'The next release is made at once when the source has one. The draft of a linked profile is what was published there, and cannot be changed until it is unlinked.',
  effect: 'write',
  idempotent: true,
  input: TargetInput.extend({
    source_client_id: ClientId.meta({ description: 'The client whose profile is followed.' }),
    source_profile_id: ProfileId.optional().meta({ description: 'The same profile id when left out.' }),
  }),
  example: { client_id: 'vscode', profile_id: 'default', source_client_id: 'cursor' },
  output: z.object({
    status: z.literal('linked'),
    client_id: ClientId,
    profile_id: ProfileId,
    source: z.object({ client_id: ClientId, profile_id: ProfileId }),
    release: Release.nullable(),
  }),
  errors: [
    'CLIENT_NOT_FOUND',
    'PROFILE_NOT_FOUND',
    'PROFILE_LINKED',
    'VALIDATION_FAILED',
    'KEYS_NOT_INITIALIZED',
    'SIGNATURE_INVALID',
  ],
  permission: { needs: 'config:publish', agents: false, targets: (input) => [input, sourceOf(input)] },
  rest: { method: 'POST', path: '/v1/config/{client_id}/{profile_id}/link' },
  mcp: { tool: 'link_profile', toolset: 'releases' },
  cli: {
    verb: 'link-profile',
    flags: { client_id: 'client', profile_id: 'profile', source_client_id: 'to', source_profile_id: 'to-profile' },
    text: ({ client_id, profile_id, source, release }, style) => ({
      out: `${style.good('Linked')}: ${client_id}/${profile_id} follows ${source.client_id}/${source.profile_id}${release ? `, release ${release.sequence}` : ''}`,
      note: `Next: mcp-orchestration deploy-all --clients ${client_id} --profile ${profile_id} --dry-run`,
    }),
  },
  async run(context, input) {
    const target = named(input);
    const source = sourceOf(input);
    await findTarget(context, target);
    await findTarget(context, source);
    await assertLinkable(context, target, source);
    const latest = await latestOf(context, source);
    const changelog = `Follows ${source.client_id}/${source.profile_id}`;
    const published = latest && (await publishFollower(context, target, { ...latest, changelog, allow_empty: true }));
    await context.store.links.put(context.workspace, {
      ...target,
      source_client_id: source.client_id,
      source_profile_id: source.profile_id,
      created_at: context.now().toISOString(),
    });
    return { status: 'linked' as const, ...target, source, release: published ? releaseOf(published) : null };
  },
});

export const unlinkProfile = defineOperation({
  id: 'links.remove',
  summary: 'Let a profile stand on its own again; its releases stay',
  effect: 'delete',
  input: TargetInput,
  example: { client_id: 'vscode', profile_id: 'default' },
  output: z.object({
    status: z.literal('unlinked'),
    client_id: ClientId,
    profile_id: ProfileId,
    source: z.object({ client_id: ClientId, profile_id: ProfileId }),
  }),
  errors: ['CLIENT_NOT_FOUND', 'PROFILE_NOT_FOUND', 'PROFILE_LINKED'],
  permission: { needs: 'config:publish', agents: false },
  rest: { method: 'DELETE', path: '/v1/config/{client_id}/{profile_id}/link' },
  mcp: { tool: 'unlink_profile', toolset: 'releases' },
  cli: {
    verb: 'unlink-profile',
    flags: { client_id: 'client', profile_id: 'profile' },
    text: ({ client_id, profile_id }, style) => ({ out: `${style.good('Unlinked')} ${client_id}/${profile_id}` }),
  },
  async run(context, input) {
    const target = named(input);
    await findTarget(context, target);
    const { store, workspace } = context;
    const link = await store.links.get(workspace, target.client_id, target.profile_id);
    if (link === undefined) {
      await assertNotPulled(context, target);
      throw invalidInput('profile_id', 'this profile follows no other');
    }
    await store.links.remove(workspace, target.client_id, target.profile_id);
    const source = { client_id: link.source_client_id, profile_id: link.source_profile_id };
    return { status: 'unlinked' as const, ...target, source };
  },
});
