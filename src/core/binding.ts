/** The workspace that every installation has. The files and keys of the installation itself are its affair alone. */
export const DEFAULT_WORKSPACE = 'default';

/** What a credential is limited to inside its workspace: a client, the profiles of a name, or one profile of one client. */
export interface Binding {
  client_id?: string | undefined;
  profile_id?: string | undefined;
}

/** A client and profile; what is left out stands for all of them. */
type Place = { [Part in keyof Binding]?: string | null | undefined };

export const UNBOUND: Binding = Object.freeze({});

export const isBound = ({ client_id, profile_id }: Binding): boolean =>
  client_id !== undefined || profile_id !== undefined;

/** Whether all of a place lies within a binding. */
export const reaches = (binding: Binding, place: Place): boolean =>
  (binding.client_id === undefined || binding.client_id === place.client_id) &&
  (binding.profile_id === undefined || binding.profile_id === place.profile_id);

/** Whether a part of a place lies within a binding. */
export const touches = (binding: Binding, { client_id, profile_id }: Place): boolean =>
  reaches(binding, { client_id: client_id ?? binding.client_id, profile_id: profile_id ?? binding.profile_id });

/** The same for bindings that let see the same. No id has a space. */
export const bindingKey = ({ client_id = '', profile_id = '' }: Binding): string => `${client_id} ${profile_id}`;
