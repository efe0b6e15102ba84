import type { DraftPayload, JsonValue } from '../payload.ts';
import { secretsOf } from './detector.ts';

/** A copy of one entry in which every string that holds a literal secret says what it is instead: for what people are shown. */
export function maskSecrets(entry: JsonValue): JsonValue {
  const root = structuredClone({ mcpServers: { entry } }) as unknown as DraftPayload;
  for (const { keys, shown } of [...secretsOf(root)]) put(root, keys, shown);
  return root.mcpServers['entry'] as JsonValue;
}

function put(root: unknown, keys: readonly (string | number)[], text: string): void {
  const last = keys.at(-1);
  let at = root as Record<string | number, unknown>;
  for (const key of keys.slice(0, -1)) at = at[key] as Record<string | number, unknown>;
  if (last !== undefined) at[last] = text;
}
