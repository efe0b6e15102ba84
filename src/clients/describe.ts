import { type ClientDefinition, OPERATING_SYSTEMS, type Os, type Transport } from './client.ts';

/** What is told about a client (DESIGN 4.4, list_clients) apart from profiles and whether it is installed here. */
export interface ClientDescription {
  client_id: string;
  display_name: string;
  /** The systems on which the client has a file, as a comma list. */
  platform: string;
  /** A template: `~` and `%APPDATA%` are left in, so that nothing about this machine is told. */
  config_location: string;
  config_scopes: string[];
  formats: string[];
  capabilities: {
    /** Natively or through the bridge. */
    transports: Transport[];
    native_http: boolean;
    bridge: boolean;
    environment_variables: boolean;
    working_directory: boolean;
    /** The kinds of reference that the client resolves itself. */
    references: string[];
    disabled_entries: boolean;
    tool_filters: boolean;
  };
  limitations: { max_servers: number | null; max_tools: number | null; note: string };
  notes: string[];
  writable: boolean;
}

/** Clients are data that does not change: each is described once, and every answer shows it. */
const described = new WeakMap<ClientDefinition, Map<Os, ClientDescription>>();

export function describeClient(client: ClientDefinition, os: Os): Readonly<ClientDescription> {
  const known = described.get(client) ?? new Map<Os, ClientDescription>();
  described.set(client, known);
  const description = known.get(os) ?? descriptionOf(client, os);
  known.set(os, description);
  return description;
}

function descriptionOf(client: ClientDefinition, os: Os): ClientDescription {
  const { limits } = client;
  return {
    client_id: client.client_id,
    display_name: client.display_name,
    platform: OPERATING_SYSTEMS.filter((system) => hasFileOn(client, system)).join(', '),
    config_location: locationOf(client, os),
    config_scopes: client.scopes.map(({ scope }) => scope),
    formats: [...new Set(client.scopes.flatMap(({ format }) => format ?? []))],
    capabilities: capabilitiesOf(client),
    limitations: { max_servers: limits.servers, max_tools: limits.tools, note: client.limitations.join(' ') },
    notes: [...client.notes],
    writable: client.dialect !== null,
  };
}

const hasFileOn = (client: ClientDefinition, os: Os) => client.scopes.some(({ paths }) => paths[os] !== null);

function locationOf(client: ClientDefinition, os: Os): string {
  const path = client.scopes[0]?.paths[os];
  if (typeof path === 'string') return path;
  return OPERATING_SYSTEMS.some((system) => hasFileOn(client, system)) ? `not available on ${os}` : 'not a file';
}

function capabilitiesOf({ entry, dialect, references }: ClientDefinition): ClientDescription['capabilities'] {
  const bridged = dialect?.bridged ?? [];
  const transports = (['stdio', 'http', 'sse'] as const).filter((it) => entry[it] !== null || bridged.includes(it));
  const kinds = (['env', 'secret', 'input'] as const).filter((kind) => typeof references?.[kind] === 'string');
  return {
    transports,
    native_http: entry.http !== null,
    bridge: bridged.length > 0,
    environment_variables: entry.stdio !== null,
    working_directory: typeof entry.stdio?.cwd_field === 'string',
    references: kinds.filter((kind) => dialect === null || dialect.references.includes(kind)),
    disabled_entries: entry.disabled !== null,
    tool_filters: entry.tools.allow !== null || entry.tools.deny !== null,
  };
}
