import type { ClientDefinition } from '../../clients/client.ts';
import { Inexpressible } from '../../clients/read-text.ts';
import { remoteTransportOf } from '../../clients/read-transport.ts';
import { pointerKeys } from '../../core/json-value.ts';
import type { JsonValue } from '../../core/payload.ts';
import { maskKey, maskSecrets } from '../../core/secrets/detector.ts';
import { isObject, type JsonObject, ownMember } from '../../core/splice/equality.ts';

/** What may be shown of an entry that may be anybody's: which program or address it is, and no value that is handed to it. */
export interface EntryShown {
  transport: 'stdio' | 'http' | 'sse' | null;
  starts: string | null;
  /** Names of environment variables and headers. */
  variables: string[];
}

export function shown(client: ClientDefinition, value: JsonValue): EntryShown {
  if (!isObject(value)) return { transport: null, starts: null, variables: [] };
  const { stdio, http, sse } = client.entry;
  const remote = remoteOf(client, value);
  const fields = remote ? [http?.headers_field, sse?.headers_field] : [stdio?.env_field];
  const maps = [...new Set(fields)].map((field) => (field === undefined ? undefined : ownMember(value, field)));
  const variables = maps.flatMap((map) => (isObject(map) ? Object.keys(map).map(maskKey) : []));
  if (remote) return { transport: remote.type, starts: addressOf(ownMember(value, remote.url_field)), variables };
  const command = stdio ? ownMember(value, stdio.command_field) : undefined;
  const program = Array.isArray(command) ? command[0] : command;
  if (typeof program !== 'string') return { transport: null, starts: null, variables };
  return { transport: 'stdio', starts: masked(program), variables };
}

function remoteOf(client: ClientDefinition, value: JsonObject) {
  try {
    return remoteTransportOf(client, value);
  } catch (error) {
    if (error instanceof Inexpressible) return undefined;
    throw error;
  }
}

const masked = (text: string): string => String(maskSecrets(text));

/** Without user, query and fragment, where keys are carried. */
function addressOf(url: JsonValue | undefined): string | null {
  if (typeof url !== 'string' || !URL.canParse(url)) return null;
  const { protocol, host, pathname } = new URL(url);
  return masked(`${protocol}//${host}${pathname}`);
}

/** The field of the entry itself that switches it off; lists elsewhere are `SeenFile.switched_off`. */
export function isSwitchedOff({ entry, dialect }: ClientDefinition, pointer: string, value: JsonValue): boolean {
  const other = dialect?.alternate_layout;
  const field = other?.pointer === pointer ? other.disabled : entry.disabled;
  if (field === null) return false;
  let at: JsonValue | undefined = value;
  for (const key of pointerKeys(field.pointer)) at = isObject(at) ? ownMember(at, key) : undefined;
  return at === field.off;
}
