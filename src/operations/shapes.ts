import { z } from 'zod';
import type { ClientDefinition } from '../clients/client.ts';
import { MAX_KEY_ID, MAX_SIGNATURES } from '../core/dsse.ts';
import { AppError } from '../core/errors.ts';
import { ClientId, ProfileId } from '../core/ids.ts';
import { nearest } from '../core/nearest.ts';
import { AnyJson, DraftPayload } from '../core/payload.ts';
import { STANDARD_PROFILES } from '../core/profiles.ts';
import { VERSION } from '../core/release.ts';
import { clientsOf, knownClient } from './added-clients.ts';
import type { Context, Target } from './operation.ts';

/** Schemas and look-ups that several nouns share. */

export const TargetInput = z.strictObject({
  client_id: ClientId.default('claude-desktop'),
  profile_id: ProfileId.default('default'),
});

/** Where a machine pulls from. */
export const ServerFields = {
  server: z
    .string()
    .max(2048)
    .optional()
    .meta({ description: 'URL of the server; MCP_ORCHESTRATION_SERVER when left out.' }),
  allow_http: z.boolean().default(false).meta({
    description: 'Also without TLS to another machine: whoever is on the way can read the token.',
  }),
};

export const IfRevision = z.int().min(0).optional().meta({
  description: 'Only when the draft still has this revision; else DRAFT_CHANGED.',
});

/** A payload as callers send it: any JSON. `assertDraftShape` says in words what is wrong with it. */
export const PayloadInput = AnyJson.meta({
  description: 'A payload: {"mcpServers": {name: {command, args, env?} or {type, url, headers?}}}.',
});

/** DSSE v1, as the verifier reads it. */
export const EnvelopeOutput = z.strictObject({
  payloadType: z.string(),
  payload: z.string().min(1),
  signatures: z
    .array(z.strictObject({ keyid: z.string().max(MAX_KEY_ID), sig: z.string().min(1) }))
    .min(1)
    .max(MAX_SIGNATURES),
});

export const Version = z
  .string()
  .max(VERSION.longest)
  .regex(VERSION.pattern, 'version is a SemVer number such as 1.4.0')
  .meta({ description: 'A SemVer number for people; 1.0.0, 1.1.0 and so on when left out.' });

export const DraftOutput = z.object({ draft: DraftPayload, server_count: z.int(), revision: z.int() });

const list = (words: string[]) => words.map((word) => `"${word}"`).join(', ');

export async function findClient(
  context: Pick<Context, 'store' | 'workspace'>,
  client_id: string,
): Promise<ClientDefinition> {
  const client = await knownClient(context, client_id);
  if (client) return client;
  const near = nearest(
    client_id,
    (await clientsOf(context)).map((known) => known.client_id),
  );
  const did = near.length > 0 ? ` Did you mean ${list(near)}?` : '';
  throw new AppError('CLIENT_NOT_FOUND', `There is no client "${client_id}".${did}`, { client_id, nearest: near });
}

/** Checks that client and profile exist. Throws CLIENT_NOT_FOUND or PROFILE_NOT_FOUND, naming what is near. */
export async function findTarget(context: Context, target: Target): Promise<ClientDefinition> {
  const client = await findClient(context, target.client_id);
  const { profile_id } = target;
  if (STANDARD_PROFILES.some((known) => known.profile_id === profile_id)) return client;
  if (await context.store.profiles.get(context.workspace, target.client_id, profile_id)) return client;
  const created = await context.store.profiles.list(context.workspace, target.client_id);
  const known = [...STANDARD_PROFILES, ...created].map((profile) => profile.profile_id);
  const near = nearest(profile_id, known);
  throw new AppError(
    'PROFILE_NOT_FOUND',
    `${client.display_name} has no profile "${profile_id}". It has ${list(near.length > 0 ? near : known)}.`,
    { client_id: target.client_id, profile_id, nearest: near },
  );
}

/** Fields of every list that comes in pages. */
export const PageInput = {
  limit: z.int().min(1).max(200).default(50).meta({ description: 'So many of them at most, from 1 to 200.' }),
  cursor: z.string().max(500).optional().meta({ description: '`next_cursor` of the page before.' }),
};
