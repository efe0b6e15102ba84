import type { Event } from '../../core/event.ts';

/** The resources whose contents an event has changed. */
export function resourcesAbout({
  type,
  client_id,
  profile_id,
}: Pick<Event, 'type' | 'client_id' | 'profile_id'>): string[] {
  const changed: Partial<Record<Event['type'], readonly string[]>> = {
    'config.draft_changed': ['draft'],
    'config.published': ['latest', 'draft', 'deployed'],
    'config.deployed': ['deployed'],
    'config.drift_detected': ['deployed'],
  };
  if (client_id === null || profile_id === null) return [];
  return (changed[type] ?? []).map((resource) => `config://${client_id}/${profile_id}/${resource}`);
}
