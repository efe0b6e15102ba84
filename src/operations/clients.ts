import { z } from 'zod';
import type { ClientDefinition } from '../clients/client.ts';
import { describeClient } from '../clients/describe.ts';
import { detectInstalled } from '../clients/paths.ts';
import { reaches, touches } from '../core/binding.ts';
import { AppError, invalidInput } from '../core/errors.ts';
import { ArtifactId, ClientId, ProfileId, Timestamp } from '../core/ids.ts';
import { EMPTY_PAYLOAD } from '../core/payload.ts';
import { STANDARD_PROFILES } from '../core/profiles.ts';
import { assertNoSecretText } from '../core/secrets/detector.ts';
import { isOnPath, pathExists } from '../io/which.ts';
import type { ProfileRow } from '../stores/rows.ts';
import { clientsOf } from './added-clients.ts';
import { saveDraft } from './current.ts';
import { defineOperation } from './operation.ts';
import { findClient, findTarget } from './shapes.ts';

const ClientSummary = z
  .object({
    client_id: ClientId,
    display_name: z.string(),
    platform: z
      .string()
      .meta({ description: 'Systems with a known place for the file, for example "linux, macos, windows".' }),
    config_location: z.string(),
    available_profiles: z.array(z.string()),
    config_scopes: z.array(z.string()),
    formats: z.array(z.string()),
    capabilities: z.record(z.string(), z.json()),
    limitations: z.record(z.string(), z.json()),
    notes: z.array(z.string()),
    writable: z.boolean().meta({ description: 'Whether this version can deploy into the file of this client.' }),
    installed: z.boolean().optional(),
  })
  .meta({ id: 'Client' });

export const listClients = defineOperation({
  id: 'clients.list',
  summary: 'List the AI clients whose configuration can be managed',
  description:
    'Every known client with its file, formats, capabilities and profiles. `detect` also looks which are installed here.',
  effect: 'read',
  input: z.strictObject({
    detect: z.boolean().default(false).meta({ description: 'Look on this machine which clients are installed.' }),
  }),
  output: z.object({ clients: z.array(ClientSummary), count: z.int() }),
  errors: [],
  permission: { needs: 'config:read', bound: 'narrowed', installation: ({ detect }) => detect },
  rest: { method: 'GET', path: '/v1/clients' },
  // What is installed on this machine can change without the store.
  holdsUntil: ({ clients }) => (clients.some(({ installed }) => installed !== undefined) ? undefined : null),
  mcp: { tool: 'list_clients', resource: { name: 'clients', uri: 'capabilities://clients' } },
  cli: {
    verb: 'list-clients',
    prepare: (input) => ({ detect: true, ...input }),
    text: ({ clients, count }, style) => ({
      out: style.table(
        ['client', 'name', 'installed', 'writable', 'file'],
        clients.map((client) => [
          style.bold(client.client_id),
          client.display_name,
          client.installed ? style.good('yes') : style.dim('no'),
          client.writable ? style.good('yes') : style.dim('no'),
          client.config_location,
        ]),
      ),
      note: `${count} clients. Add a server with: mcp-orchestration add-server SERVER --client CLIENT`,
    }),
  },
  async run({ store, workspace, services, principal: { binding } }, { detect }) {
    const created = Map.groupBy(await store.profiles.list(workspace), (profile) => profile.client_id);
    const machine = detect ? await services.machine() : undefined;
    const profilesOf = ({ client_id }: ClientDefinition) =>
      [...STANDARD_PROFILES, ...(created.get(client_id) ?? [])]
        .map(({ profile_id }) => profile_id)
        .filter((profile_id) => reaches(binding, { client_id, profile_id }));
    const clients = (await clientsOf({ store, workspace }))
      .filter((client) => touches(binding, { client_id: client.client_id }))
      .map((client) => ({
        ...describeClient(client, services.os),
        available_profiles: profilesOf(client),
        ...(machine && {
          installed: detectInstalled(client, machine, pathExists, (binary) => isOnPath(binary, machine.env)),
        }),
      }));
    return { clients, count: clients.length };
  },
});

export const listProfiles = defineOperation({
  id: 'profiles.list',
  summary: 'List the profiles of a client',
  effect: 'read',
  input: z.strictObject({ client_id: ClientId.default('claude-desktop') }),
  output: z.object({
    client_id: ClientId,
    profiles: z.array(
      z.object({
        profile_id: ProfileId,
        display_name: z.string(),
        description: z.string(),
        latest_artifact_id: ArtifactId.nullable(),
        updated_at: Timestamp.nullable(),
        linked_to: z.object({ client_id: ClientId, profile_id: ProfileId }).nullable(),
      }),
    ),
    count: z.int(),
  }),
  errors: ['CLIENT_NOT_FOUND'],
  permission: { needs: 'config:read', bound: 'narrowed' },
  rest: { method: 'GET', path: '/v1/clients/{client_id}/profiles' },
  mcp: { tool: 'list_profiles' },
  cli: {
    verb: 'list-profiles',
    positional: ['client_id'],
    flags: { client_id: 'client' },
    text: ({ profiles }, style) => ({
      out: style.table(
        ['profile', 'name', 'latest release', 'published', 'follows'],
        profiles.map((profile) => [
          style.bold(profile.profile_id),
          profile.display_name,
          profile.latest_artifact_id?.slice(0, 12) ?? style.dim('none'),
          profile.updated_at ?? '',
          profile.linked_to ? `${profile.linked_to.client_id}/${profile.linked_to.profile_id}` : '',
        ]),
      ),
    }),
  },
  async run({ store, workspace, principal: { binding } }, { client_id }) {
    await findClient({ store, workspace }, client_id);
    const created = await store.profiles.list(workspace, client_id);
    const latest = new Map(
      (await store.releases.latestOfClient(workspace, client_id)).map((row) => [row.profile_id, row]),
    );
    const links = new Map((await store.links.list(workspace, client_id)).map((link) => [link.profile_id, link]));
    const sourceOf = (profile_id: string) => {
      const link = links.get(profile_id);
      return link ? { client_id: link.source_client_id, profile_id: link.source_profile_id } : null;
    };
    const visible = [...STANDARD_PROFILES, ...created].filter(({ profile_id }) =>
      reaches(binding, { client_id, profile_id }),
    );
    const profiles = visible.map(({ profile_id, display_name, description }) => ({
      profile_id,
      display_name,
      description,
      latest_artifact_id: latest.get(profile_id)?.artifact_id ?? null,
      updated_at: latest.get(profile_id)?.issued_at ?? null,
      linked_to: sourceOf(profile_id),
    }));
    return { client_id, profiles, count: profiles.length };
  },
});

export const createProfile = defineOperation({
  id: 'profiles.create',
  summary: 'Create a profile of a client',
  effect: 'write',
  input: z.strictObject({
    client_id: ClientId.default('claude-desktop'),
    profile_id: ProfileId,
    display_name: z
      .string()
      .min(1)
      .max(128)
      .optional()
      .meta({ description: 'Its name for people; the id when left out.' }),
    description: z.string().max(1000).optional().meta({ description: 'What the profile is for, in words.' }),
  }),
  example: { client_id: 'cursor', profile_id: 'team-a', display_name: 'Team A' },
  output: z.object({ client_id: ClientId, profile_id: ProfileId, display_name: z.string(), description: z.string() }),
  errors: ['CLIENT_NOT_FOUND', 'PROFILE_ALREADY_EXISTS', 'SECRET_IN_CONFIG'],
  permission: { needs: 'config:write', agents: false },
  rest: { method: 'POST', path: '/v1/clients/{client_id}/profiles', statuses: [201] },
  mcp: { tool: 'create_profile' },
  cli: {
    verb: 'create-profile',
    positional: ['profile_id'],
    flags: { client_id: 'client', profile_id: 'profile', display_name: 'name' },
    text: ({ client_id, profile_id }, style) => ({
      out: `${style.good('Created')} the profile ${style.bold(profile_id)} of ${client_id}.`,
    }),
  },
  async run({ store, workspace, now }, { client_id, profile_id, display_name = profile_id, description = '' }) {
    await findClient({ store, workspace }, client_id);
    assertNoSecretText({ display_name, description });
    const row: ProfileRow = { client_id, profile_id, display_name, description, created_at: now().toISOString() };
    const standard = STANDARD_PROFILES.some((known) => known.profile_id === profile_id);
    if (standard || !(await store.profiles.create(workspace, row))) {
      throw new AppError('PROFILE_ALREADY_EXISTS', `${client_id} has a profile "${profile_id}" already.`, {
        client_id,
        profile_id,
      });
    }
    return { client_id, profile_id, display_name, description };
  },
});

export const deleteProfile = defineOperation({
  id: 'profiles.remove',
  summary: 'Delete a profile that has no releases, with its draft',
  description: 'The revisions of its draft go on if it is made again, so that none of them ever names two contents.',
  effect: 'delete',
  input: z.strictObject({ client_id: ClientId.default('claude-desktop'), profile_id: ProfileId }),
  example: { client_id: 'cursor', profile_id: 'team-a' },
  output: z.object({ status: z.literal('deleted'), client_id: ClientId, profile_id: ProfileId }),
  errors: ['CLIENT_NOT_FOUND', 'PROFILE_NOT_FOUND', 'PROFILE_HAS_RELEASES', 'PROFILE_LINKED'],
  permission: { needs: 'config:write', agents: false },
  rest: { method: 'DELETE', path: '/v1/clients/{client_id}/profiles/{profile_id}' },
  mcp: { tool: 'delete_profile', toolset: 'releases' },
  cli: {
    verb: 'delete-profile',
    positional: ['profile_id'],
    flags: { client_id: 'client', profile_id: 'profile' },
    text: ({ client_id, profile_id }, style) => ({
      out: `${style.good('Deleted')} the profile ${style.bold(profile_id)} of ${client_id}.`,
    }),
  },
  async run(context, target) {
    const { store, workspace } = context;
    const { client_id, profile_id } = target;
    await findTarget(context, target);
    if (STANDARD_PROFILES.some((known) => known.profile_id === profile_id)) {
      throw invalidInput('profile_id', 'every client has this profile: it cannot be deleted');
    }
    const latest = await store.releases.latest(workspace, client_id, profile_id);
    if (latest !== undefined) {
      const message = `Profile ${profile_id} of ${client_id} has releases, which are kept for ever.`;
      throw new AppError('PROFILE_HAS_RELEASES', message, { client_id, profile_id, sequence: latest.sequence });
    }
    const link = await store.links.get(workspace, client_id, profile_id);
    const [follower] = await store.links.followers(workspace, client_id, profile_id);
    if (link !== undefined || follower !== undefined) {
      const message = `Profile ${profile_id} of ${client_id} is linked with another one.`;
      throw new AppError(
        'PROFILE_LINKED',
        message,
        { client_id, profile_id },
        { hint: 'End the link first: unlink-profile.' },
      );
    }
    const draft = await store.drafts.get(workspace, client_id, profile_id);
    if (draft) await saveDraft(context, target, draft, EMPTY_PAYLOAD);
    await store.profiles.remove(workspace, client_id, profile_id);
    return { status: 'deleted' as const, client_id, profile_id };
  },
});
