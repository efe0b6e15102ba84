import { nullRecord } from '../core/null-record.ts';
import type { JsonValue, Payload } from '../core/payload.ts';
import { isObject } from '../core/splice/equality.ts';
import type { ClientDefinition } from './client.ts';
import type { NativeEntry } from './translate.ts';

/** Inputs for which a client asks its user itself: VS Code needs a definition of each in a list beside the servers. */

export interface AskedInput {
  name: string;
  /** The definition, as the file has it. */
  value: NativeEntry;
  /** The servers whose entries ask for it. */
  servers: string[];
}

/** What the written entries ask for, of what the payload declares. */
export function askedIn(
  entries: readonly [server: string, native: NativeEntry][],
  { inputs = {} }: Payload,
  client: ClientDefinition,
): AskedInput[] {
  if (client.dialect?.inputs_at === undefined) return [];
  return Object.keys(inputs)
    .toSorted()
    .flatMap((name) => {
      const servers = entries.filter(([, native]) => asksFor(client, native, name)).map(([server]) => server);
      const declared = inputs[name];
      return servers.length === 0 || declared === undefined
        ? []
        : [{ name, value: definition(name, declared), servers }];
    });
}

/** Always a password: the client masks it, keeps it encrypted, and nobody has to know which of them are secret. */
function definition(
  id: string,
  { description, default: fallback }: NonNullable<Payload['inputs']>[string],
): NativeEntry {
  return nullRecord<JsonValue>([
    ['type', 'promptString'],
    ['id', id],
    ['description', description],
    ...(fallback === undefined ? [] : ([['default', fallback]] as [string, JsonValue][])),
    ['password', true],
  ]);
}

/** Does the entry, whoever wrote it, have a text in which the client would put the answer? */
export function asksFor({ references }: ClientDefinition, native: JsonValue, name: string): boolean {
  const reference = references?.input?.replace('{name}', () => name);
  return reference !== undefined && holds(native, reference);
}

function holds(value: JsonValue, text: string): boolean {
  if (typeof value === 'string') return value.includes(text);
  if (Array.isArray(value)) return value.some((item) => holds(item, text));
  return isObject(value) && Object.values(value).some((item) => holds(item, text));
}
