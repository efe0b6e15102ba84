import { CATALOG } from '../catalog/index.ts';
import { CLIENTS } from '../clients/index.ts';
import { touches } from '../core/binding.ts';
import { serverNames } from '../core/draft.ts';
import { STANDARD_PROFILES } from '../core/profiles.ts';
import { safeParse } from '../core/safe-parse.ts';
import { clientsOf } from './added-clients.ts';
import { catalogOf } from './added-servers.ts';
import type { Choice } from './asker.ts';
import { currentDraft } from './current.ts';
import type { Context, Target } from './operation.ts';
import { TargetInput } from './shapes.ts';

/** Values that a person may mean by the beginning of a field: for MCP completion and for shells. */

/** Fields that were given already. */
type Given = Readonly<Record<string, string | undefined>>;
/** The way to what is stored; undefined where nothing is. Only fields that need it take it. */
export type Stored = () => Promise<Context | undefined>;
type Source = (given: Given, stored: Stored) => readonly Choice[] | Promise<readonly Choice[]>;

const SHOWN = 100;

async function knownClients(stored: Stored) {
  const context = await stored();
  return context === undefined ? CLIENTS : clientsOf(context);
}

async function clients(_given: Given, stored: Stored): Promise<Choice[]> {
  const known = await knownClients(stored);
  return known.map(({ client_id, display_name }) => ({ value: client_id, hint: display_name }));
}

async function profiles(client_id: string | undefined, stored: Stored): Promise<Choice[]> {
  const context = await stored();
  const created = (await context?.store.profiles.list(context.workspace, client_id)) ?? [];
  const byId = new Map([...STANDARD_PROFILES, ...created].map((profile) => [profile.profile_id, profile]));
  return [...byId.values()].map(({ profile_id, display_name }) => ({ value: profile_id, hint: display_name }));
}

/** What is kept for the client and profile that were given; undefined where nothing can be. */
async function ofTarget<T>(
  { client_id, profile_id }: Given,
  stored: Stored,
  look: (context: Context, target: Target) => Promise<T>,
): Promise<T | undefined> {
  const target = safeParse(TargetInput, { client_id, profile_id });
  const context = target.success ? await stored() : undefined;
  return context && target.success ? look(context, target.data) : undefined;
}

async function servers(stored: Stored) {
  const context = await stored();
  return context === undefined ? CATALOG : catalogOf(context);
}

/** Names of what a server takes, up to the equals sign. */
async function namesOf(given: Given, which: 'parameters' | 'env', stored: Stored): Promise<Choice[]> {
  const catalog = await servers(stored);
  const transports = catalog.find(({ server_id }) => server_id === given['server_id'])?.transports ?? [];
  const fields = transports.flatMap((one) => (which === 'env' ? ('env' in one ? one.env : []) : one.parameters));
  const byName = new Map(fields.map(({ name, description }) => [name, { value: `${name}=`, hint: description }]));
  return [...byName.values()];
}

async function scopesOf(client_id: string | undefined, stored: Stored): Promise<Choice[]> {
  const all = await knownClients(stored);
  const known = all.find((client) => client.client_id === client_id);
  const scopes = (known ? [known] : all).flatMap(({ deployable_scopes }) => deployable_scopes);
  return [...new Set(scopes)].map((value) => ({ value }));
}

const SOURCES: Readonly<Record<string, Source>> = {
  client_id: clients,
  clients,
  source_client_id: clients,
  async server_id(_given, stored) {
    const known = await servers(stored);
    return known.map(({ server_id, display_name }) => ({ value: server_id, hint: display_name }));
  },
  profile_id: (given, stored) => profiles(given['client_id'], stored),
  source_profile_id: (given, stored) => profiles(given['source_client_id'], stored),
  config_scope: (given, stored) => scopesOf(given['client_id'], stored),
  params: (given, stored) => namesOf(given, 'parameters', stored),
  env_vars: (given, stored) => namesOf(given, 'env', stored),
  async server_name(given, stored) {
    const draft = await ofTarget(given, stored, currentDraft);
    return draft === undefined ? [] : serverNames(draft.payload).map((value) => ({ value }));
  },
  async artifact_id(given, stored) {
    const page = await ofTarget(given, stored, ({ store, workspace }, { client_id, profile_id }) =>
      store.releases.list(workspace, client_id, profile_id, { limit: SHOWN }),
    );
    return (page?.rows ?? []).map(({ artifact_id, sequence, version }) => ({
      value: artifact_id,
      hint: `release ${sequence}, version ${version}`,
    }));
  },
  async secret_name(_given, stored) {
    const names = (await (await stored())?.services.secrets.names()) ?? [];
    return names.map(({ name }) => ({ value: name }));
  },
};

/** What can be meant by a field, or by a kind of value that a binding names for it. Nothing for what nobody can know. */
export async function candidates(kind: string, given: Given, stored: Stored): Promise<readonly Choice[]> {
  const source = Object.hasOwn(SOURCES, kind) ? SOURCES[kind] : undefined;
  return (await source?.(given, stored)) ?? [];
}

/** Values of a field that begin like this, among what the caller may see. */
export async function complete(context: Context, field: string, prefix: string, given: Given): Promise<string[]> {
  const { scopes, binding } = context.principal;
  if (!scopes.has('config:read')) return [];
  const within = { ...binding, ...given };
  const values = await candidates(field, within, async () => context);
  return values
    .map(({ value }) => value)
    .filter((value) => value.startsWith(prefix) && touches(binding, { ...within, [field]: value }))
    .slice(0, SHOWN);
}
