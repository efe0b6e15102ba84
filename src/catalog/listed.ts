import { z } from 'zod';
import { CATALOG } from './index.ts';
import type { CatalogServer, CatalogTransport, Parameter, Variable } from './server.ts';
import { publicWord, TRANSPORT_WORDS, type TransportInput, type TransportWord, transportWords } from './transport.ts';

/** The catalog as a list. Apart from what describes one server: a short command needs no more schemas than these. */

export const Word = z.enum(TRANSPORT_WORDS);
export const Status = z.enum(['active', 'archived', 'deprecated', 'template']);

export const ListedServer = z.object({
  server_id: z.string(),
  display_name: z.string(),
  description: z.string(),
  transport: Word.meta({ description: 'The one that is taken when nothing else is said and it can be.' }),
  transports: z.array(Word),
  npm_package: z.string().nullable(),
  tags: z.array(z.string()),
  has_parameters: z.boolean(),
  requires_env: z.array(z.string()).meta({ description: 'Variables that the first transport cannot do without.' }),
  status: Status,
});
export type ListedServer = z.infer<typeof ListedServer>;

export const ServerList = z
  .object({
    servers: z.array(ListedServer),
    count: z.int(),
    transport_counts: z
      .object({ stdio: z.int(), http: z.int(), sse: z.int() })
      .meta({ description: 'How many servers of the whole catalog offer each transport.' }),
    available_transports: z.array(Word),
  })
  .meta({ id: 'ServerList' });
export type ServerList = z.infer<typeof ServerList>;

export const needed = (field: Parameter | Variable): boolean => field.required === true && field.default === undefined;
export const variablesOf = (transport: CatalogTransport): readonly Variable[] =>
  transport.type === 'stdio' ? transport.env : [];
export const packageOf = (transport: CatalogTransport) => (transport.type === 'stdio' ? transport.package : null);

/** The first listed transport; a server without one does not pass the schema. */
export function firstOf(server: CatalogServer): CatalogTransport {
  const [first] = server.transports;
  if (first === undefined) throw new Error(`the catalog server ${server.server_id} has no transport`);
  return first;
}

function listed(server: CatalogServer): ListedServer {
  const first = firstOf(server);
  const npm = server.transports.map(packageOf).find((source) => source?.registry === 'npm');
  return {
    server_id: server.server_id,
    display_name: server.display_name,
    description: server.description,
    transport: publicWord(first.type),
    transports: transportWords(server.transports),
    npm_package: npm?.identifier ?? null,
    tags: [...server.tags],
    has_parameters: server.transports.some((transport) => transport.parameters.length > 0),
    requires_env: variablesOf(first)
      .filter(needed)
      .map(({ name }) => name),
    status: server.status,
  };
}

/** Half of the registry names begin with this, and none of them is about GitHub. */
const HOSTED_AT = 'io.github.';

/** Lower-case text in which all words of a search must occur. */
function searchable(server: CatalogServer): string {
  const packages = server.transports.map((transport) => packageOf(transport)?.identifier ?? '');
  const { server_id, registry_name = '', display_name, description, tags } = server;
  const name = registry_name.startsWith(HOSTED_AT) ? registry_name.slice(HOSTED_AT.length) : registry_name;
  return [server_id, name, display_name, description, ...tags, ...packages].join('\n').toLowerCase();
}

/** The words of a search; a registry name is looked for without its common beginning, as `searchable` has it. */
const searchWords = (query: string): string[] =>
  query
    .toLowerCase()
    .split(/\s+/)
    .map((word) => (word.startsWith(HOSTED_AT) ? word.slice(HOSTED_AT.length) : word))
    .filter((word) => word !== '');

/** The catalog in listed order, narrowed by transport and by words that must all occur. */
export function listServers(
  input: { transport_filter?: TransportInput | undefined; search_query?: string | undefined },
  catalog: readonly CatalogServer[] = CATALOG,
): ServerList {
  const wanted = input.transport_filter === undefined ? undefined : publicWord(input.transport_filter);
  const words = searchWords(input.search_query ?? '');
  const offers = (server: CatalogServer, word: TransportWord) => transportWords(server.transports).includes(word);
  const servers = catalog
    .filter((server) => {
      if (wanted !== undefined && !offers(server, wanted)) return false;
      const text = words.length > 0 ? searchable(server) : '';
      return words.every((word) => text.includes(word));
    })
    .map(listed);
  const total = (word: TransportWord) => catalog.filter((server) => offers(server, word)).length;
  return {
    servers,
    count: servers.length,
    transport_counts: { stdio: total('stdio'), http: total('http'), sse: total('sse') },
    available_transports: [...TRANSPORT_WORDS],
  };
}
