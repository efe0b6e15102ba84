import { canonicalJson } from './canonical-json.ts';
import { addEntry } from './draft.ts';
import { AppError, invalidInput } from './errors.ts';
import type { DraftPayload, Entry } from './payload.ts';
import { isObject } from './validation/shape.ts';

/** One entry that points to a gateway, in the place of the servers that the gateway starts from then on. */

export interface GatewayWish {
  gateway: 'url' | 'toolhive' | 'docker-mcp';
  url?: string | undefined;
  transport?: 'http' | 'sse' | undefined;
  /** A reference, never a token. */
  bearer?: string | undefined;
  docker_profile?: string | undefined;
}

/** Where `thv vmcp serve` listens unless it is told otherwise. */
const TOOLHIVE = 'http://127.0.0.1:4483/mcp';

/** Throws INVALID_INPUT for a field that this kind of gateway lacks, or has no use for. */
export function gatewayEntry({ gateway, docker_profile, ...wish }: GatewayWish): Entry {
  if (gateway === 'docker-mcp') {
    const unused = (['url', 'transport', 'bearer'] as const).find((field) => wish[field] !== undefined);
    if (unused !== undefined) {
      throw invalidInput(unused, 'the client starts this gateway itself, so it has no address and no token');
    }
    const profile = docker_profile === undefined ? [] : ['--profile', docker_profile];
    return { command: 'docker', args: ['mcp', 'gateway', 'run', ...profile] };
  }
  if (docker_profile !== undefined) throw invalidInput('docker_profile', 'only docker-mcp has profiles');
  const url = wish.url ?? (gateway === 'toolhive' ? TOOLHIVE : undefined);
  if (url === undefined) throw invalidInput('url', 'give the address at which clients reach the gateway');
  const headers = wish.bearer === undefined ? {} : { headers: { Authorization: `Bearer ${wish.bearer}` } };
  return { type: wish.transport ?? 'http', url, ...headers };
}

type DraftEntry = DraftPayload['mcpServers'][string];
const same = (a: unknown, b: unknown) => canonicalJson(a) === canonicalJson(b);

/** Behind a gateway, an entry that leads to it would call itself. */
const leadsTo = (gateway: Entry, entry: DraftEntry) =>
  'url' in gateway
    ? entry['url'] === gateway.url
    : entry['command'] === gateway.command && same(entry['args'] ?? [], gateway.args);

interface Side {
  client_id: string;
  payload: DraftPayload;
}
interface Moved {
  client: DraftPayload;
  gateway: DraftPayload;
  moved: string[];
}

/**
 * Both drafts as they are to be: the entry alone in the client's, the servers and what they ask for in the gateway's.
 * Throws SERVER_ALREADY_IN_DRAFT when one of them would be lost, or would call itself.
 */
export function moveBehind(client: Side, gateway: Side, name: string, entry: Entry): Moved {
  assertNoLoop(client, name, entry);
  const { inputs, ...rest } = client.payload;
  const servers = Object.entries(rest.mcpServers).filter(([server]) => server !== name);
  const behind = gateway.payload.mcpServers;
  const moved = servers.map(([server]) => server);
  const taken = servers.flatMap(([server, one]) =>
    Object.hasOwn(behind, server) && !same(behind[server], one) ? [server] : [],
  );
  if (taken.length > 0) throw otherServers(gateway.client_id, taken);
  return {
    client: addEntry({ ...rest, mcpServers: {} }, name, entry),
    gateway: {
      ...gateway.payload,
      mcpServers: { ...behind, ...Object.fromEntries(servers) },
      ...inputsOfBoth(inputs, gateway.payload['inputs']),
    },
    moved,
  };
}

function assertNoLoop({ client_id, payload }: Side, name: string, entry: Entry): void {
  const wrong = Object.entries(payload.mcpServers).find(([server, one]) => (server === name) !== leadsTo(entry, one));
  if (wrong === undefined) return;
  const [server] = wrong;
  const what = server === name ? 'is another server' : 'leads to this gateway already';
  throw new AppError(
    'SERVER_ALREADY_IN_DRAFT',
    `\`${server}\` in the draft of ${client_id} ${what}.`,
    { client_id, server_name: server },
    { hint: 'Nothing was moved. Remove it with `remove-server`, or choose another `server_name` for the gateway.' },
  );
}

function otherServers(client_id: string, names: string[]): AppError {
  const listed = names.map((name) => `\`${name}\``).join(', ');
  return new AppError(
    'SERVER_ALREADY_IN_DRAFT',
    `The draft of ${client_id} has other servers of the same name: ${listed}.`,
    { client_id, server_names: names },
    { hint: 'Nothing was moved. Rename or remove them in one of the two drafts, and repeat.' },
  );
}

/** What people are asked for goes with the servers that ask. */
function inputsOfBoth(moved: unknown, there: unknown = {}): { inputs?: object } {
  if (moved === undefined) return {};
  if (!isObject(moved) || !isObject(there)) {
    throw invalidInput('servers_to', '`inputs` of one of the two drafts is no object; mend it with set-draft first');
  }
  const other = Object.entries(moved).find(([name, one]) => Object.hasOwn(there, name) && !same(there[name], one));
  if (other === undefined) return { inputs: { ...there, ...moved } };
  throw invalidInput('servers_to', `its draft declares the input ${other[0]} in another way; make the two the same`);
}
