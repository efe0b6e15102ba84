import { z } from 'zod';
import { ArtifactId, ClientId, ProfileId, Timestamp } from './ids.ts';

/** What happens to configurations, keys, tokens and webhooks, for who watches. Public words; none is ever renamed. */
export const EVENT_TYPES = [
  'config.draft_changed',
  'config.validated',
  'config.published',
  'config.deployed',
  'config.reverted',
  'config.drift_detected',
  'key.rotated',
  'token.created',
  'token.revoked',
  'webhook.test',
] as const;
export const EventType = z.enum(EVENT_TYPES);
export type EventType = z.infer<typeof EventType>;

/** What a webhook can ask for. A test goes to the webhook that is tested, and to no other. */
export const SubscribedType = EventType.exclude(['webhook.test']);
export type SubscribedType = z.infer<typeof SubscribedType>;

/** One shape for the event stream, `changes` and webhooks (DESIGN 4.7). Never a value of a payload. */
export const Event = z
  .object({
    id: z
      .string()
      .meta({ description: 'Grows from event to event of a workspace. It is what `since` and Last-Event-ID take.' }),
    type: EventType,
    time: Timestamp,
    workspace: z.string(),
    client_id: ClientId.nullable(),
    profile_id: ProfileId.nullable(),
    artifact_id: ArtifactId.nullable(),
    sequence: z.int().nullable(),
    actor: z.string(),
    data: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
  })
  .meta({ id: 'Event', description: 'Something that happened. Names and numbers only, never a value of a payload.' });
export type Event = z.infer<typeof Event>;

const DIGITS = 16;

/** Fixed in width, so that ids also grow when they are compared as texts. */
export const eventId = (number: number): string => String(number).padStart(DIGITS, '0');

/** Undefined for a text that is no id. */
export function numberOfEvent(id: string): number | undefined {
  return /^\d{16}$/.test(id) ? Number(id) : undefined;
}

/** What a watcher wants to hear of; nothing said: everything. */
export interface EventFilter {
  types?: ReadonlySet<EventType> | undefined;
  client_id?: string | undefined;
  profile_id?: string | undefined;
}

export function isWanted(
  { type, client_id, profile_id }: Pick<Event, 'type' | 'client_id' | 'profile_id'>,
  filter: EventFilter,
): boolean {
  if (filter.types !== undefined && !filter.types.has(type)) return false;
  if (filter.client_id !== undefined && filter.client_id !== client_id) return false;
  return filter.profile_id === undefined || filter.profile_id === profile_id;
}

/** A comma list of types. Undefined for a word that is none. */
export function typesOf(list: string): ReadonlySet<EventType> | undefined {
  const words = list.split(',').map((word) => word.trim());
  const known = words.filter((word): word is EventType => (EVENT_TYPES as readonly string[]).includes(word));
  return known.length === words.length ? new Set(known) : undefined;
}
