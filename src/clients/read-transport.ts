import type { JsonObject } from '../core/splice/equality.ts';
import type { ClientDefinition } from './client.ts';
import { Inexpressible } from './read-text.ts';

const REMOTE = ['http', 'sse'] as const;
type Remote = (typeof REMOTE)[number];

/** What people write for a transport, whatever the client's own word for it is. */
const WORDS: Readonly<Record<Remote, readonly string[]>> = {
  http: ['http', 'streamable-http', 'streamableHttp', 'streamable_http'],
  sse: ['sse'],
};

const urlFieldsOf = ({ entry }: ClientDefinition, type: Remote): string[] => {
  const facts = entry[type];
  // The other spelling has priority where a client knows two (facts: gemini-cli).
  return facts === null ? [] : [...(facts.alternate_url_fields ?? []), facts.url_field];
};

/**
 * The transport of an entry with a URL, and the field that has it; undefined for an entry without one. Where neither the
 * entry nor the client says which of the two it is, the customary end of an SSE address decides.
 */
export function remoteTransportOf(
  client: ClientDefinition,
  value: JsonObject,
): { type: Remote; url_field: string; type_field: string } | undefined {
  const fields = [...new Set(REMOTE.flatMap((type) => urlFieldsOf(client, type)))].filter((name) =>
    Object.hasOwn(value, name),
  );
  const [url_field, another] = fields;
  if (url_field === undefined) return undefined;
  if (another !== undefined) throw new Inexpressible('it has two URLs');
  const type_field = client.entry.http?.type?.field ?? client.entry.sse?.type?.field ?? 'type';
  const possible = REMOTE.filter((type) => urlFieldsOf(client, type).includes(url_field));
  const tag = value[type_field];
  const fitting = tag === undefined ? untagged(client, possible) : possible.filter((type) => isTag(client, type, tag));
  const [first, second] = fitting;
  if (first === undefined) throw new Inexpressible('its type is none that a remote server can have here');
  const type = second === undefined ? first : customary(value[url_field]);
  return { type, url_field, type_field };
}

function isTag({ entry }: ClientDefinition, type: Remote, tag: unknown): boolean {
  const facts = entry[type]?.type;
  return [facts?.value, ...(facts?.aliases ?? []), ...WORDS[type]].includes(tag as string);
}

/** The transports that an entry without a type may have; all of them where the client wants one and there is none. */
function untagged({ entry }: ClientDefinition, possible: readonly Remote[]): readonly Remote[] {
  const free = possible.filter((type) => entry[type]?.type?.required !== true);
  return free.length > 0 ? free : possible;
}

const customary = (url: unknown): Remote =>
  typeof url === 'string' && /\/sse\/?(?:[?#]|$)/.test(url) ? 'sse' : 'http';
