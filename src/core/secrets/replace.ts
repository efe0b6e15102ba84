import type { DraftPayload, Entry, JsonValue } from '../payload.ts';
import { hasReference, parseReferences, referenceFields, spellReference } from '../references.ts';
import { replaceableSecrets, type SecretText } from './detector.ts';

/** A secret that stands in an entry, and the field that it belongs to. The value must not reach a message, log or store. */
export interface TakenSecret {
  field: string;
  value: string;
}

/** Gives the name under which a secret is to be known. */
export type Naming = (secret: TakenSecret) => string;

/**
 * The entry with a reference in the place of every literal secret that a reference can stand for. `declared` says which
 * further fields hold a secret whatever it looks like. The entry that came in is not touched.
 */
export function replaceSecrets(
  entry: Entry,
  nameOf: Naming,
  declared: (kind: 'env' | 'headers', name: string) => boolean,
): Entry {
  const copy = JSON.parse(JSON.stringify(entry)) as Entry;
  const payload = { mcpServers: { entry: copy } } as unknown as DraftPayload;
  for (const { keys, text, spans } of [...replaceableSecrets(payload)]) {
    put(payload, keys, withReferences({ keys, text, spans: spans.map(named(keys)) }, nameOf));
  }
  for (const { field, keys, text } of [...referenceFields(payload.mcpServers['entry'] ?? {})]) {
    const name = String(keys.at(-1));
    if ((field !== 'env' && field !== 'headers') || text === '' || hasReference(text) || !declared(field, name))
      continue;
    const span = { start: 0, end: text.length, field: name };
    put(payload, ['mcpServers', 'entry', ...keys], withReferences({ keys: [...keys], text, spans: [span] }, nameOf));
  }
  return copy;
}

/** A variable or header is called what it is called; elsewhere the nearest name has to do. */
const named =
  (keys: SecretText['keys']) =>
  (span: SecretText['spans'][number]): SecretText['spans'][number] => {
    const [, , section, member] = keys;
    const own = section === 'env' || section === 'headers' ? String(member) : span.field;
    return { ...span, field: own || `${String(section)}${member === undefined ? '' : `-${Number(member) + 1}`}` };
  };

function withReferences({ text, spans }: SecretText, nameOf: Naming): string {
  let [out, from] = ['', 0];
  for (const { start, end, field } of spans) {
    const value = parseReferences(text.slice(start, end)).parts.map((part) => (part.kind === 'text' ? part.text : ''));
    out += text.slice(from, start) + spellReference({ kind: 'secret', name: nameOf({ field, value: value.join('') }) });
    from = end;
  }
  return out + text.slice(from);
}

function put(root: unknown, keys: readonly (string | number)[], value: string): void {
  const last = keys.at(-1);
  let at = root as Record<string | number, JsonValue>;
  for (const key of keys.slice(0, -1)) at = at[key] as unknown as typeof at;
  if (last !== undefined) at[last] = value;
}
