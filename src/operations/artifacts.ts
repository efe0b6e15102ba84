import { createHash } from 'node:crypto';
import { z } from 'zod';
import { ArtifactId, ClientId, ProfileId } from '../core/ids.ts';
import { Payload } from '../core/payload.ts';
import { loadPayload } from './current.ts';
import { defineOperation } from './operation.ts';
import { counted } from './words.ts';

/** Which releases are shown hangs on who asks, and at most so many are: their number says too little. */
const digestOf = (releases: readonly object[]) =>
  createHash('sha256').update(JSON.stringify(releases)).digest('hex').slice(0, 16);

export const getArtifact = defineOperation({
  id: 'artifacts.get',
  summary: 'Get a payload by its content address, and the releases that carry it',
  effect: 'read',
  input: z.strictObject({ artifact_id: ArtifactId }),
  output: z.object({
    artifact_id: ArtifactId,
    payload: Payload,
    releases: z
      .array(z.object({ client_id: ClientId, profile_id: ProfileId, sequence: z.int() }))
      .meta({ description: 'In the order of clients, profiles and sequences; at most 1,000.' }),
  }),
  errors: ['ARTIFACT_NOT_FOUND', 'SIGNATURE_INVALID'],
  permission: { needs: 'config:read', bound: 'narrowed' },
  rest: {
    method: 'GET',
    path: '/v1/artifacts/{artifact_id}',
    etag: ({ releases, artifact_id }) => `${artifact_id}-${digestOf(releases)}`,
  },
  holdsUntil: () => null,
  mcp: { tool: 'get_artifact', toolset: 'releases' },
  cli: {
    verb: 'get-artifact',
    positional: ['artifact_id'],
    text: ({ payload, releases }) => ({
      out: JSON.stringify(payload, null, 2),
      note: `${counted(releases.length, 'release')}: ${releases.map(({ client_id, profile_id, sequence }) => `${client_id}/${profile_id} ${sequence}`).join(', ')}`,
    }),
  },
  async run(context, { artifact_id }) {
    const payload = await loadPayload(context, artifact_id);
    const { store, workspace, principal } = context;
    const rows = await store.releases.ofArtifact(workspace, artifact_id, 1000, principal.binding);
    const releases = rows.map(({ client_id, profile_id, sequence }) => ({ client_id, profile_id, sequence }));
    return { artifact_id, payload, releases };
  },
});
