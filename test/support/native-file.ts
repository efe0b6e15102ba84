import { parse as parseJsonc } from 'jsonc-parser';
import { parse as parseToml } from 'smol-toml';
import { parse as parseYaml } from 'yaml';
import type { NativeFacts } from './native-facts.ts';

/** The client's reading of a file: by a library, and never by code of `src`. */

export type Native = Record<string, unknown>;

export function readNative({ format }: NativeFacts, text: string): Native {
  if (format === 'toml') return parseToml(text) as Native;
  if (format === 'jsonc') return parseJsonc(text, [], { allowTrailingComma: true });
  if (format === 'json') return JSON.parse(text);
  const [newer, older] = (['1.2', '1.1'] as const).map((version) => parseYaml(text, { version }));
  // Clients read YAML with libraries of both versions.
  if (JSON.stringify(newer) !== JSON.stringify(older)) throw new Error('YAML 1.1 and 1.2 read something else here');
  return newer;
}

/** The entries of a file by their names. */
export function entriesIn(facts: NativeFacts, text: string): Record<string, Native> {
  const servers = facts.pointer.reduce<unknown>(
    (at, key) => (at as Native | undefined)?.[key],
    readNative(facts, text),
  );
  if (!facts.list) return (servers ?? {}) as Record<string, Native>;
  return Object.fromEntries(((servers ?? []) as Native[]).map((entry) => [String(entry['name']), entry]));
}

/** What stands at a path such as `anythingllm/autoStart`. */
export const at = (entry: Native | undefined, path: string): unknown =>
  path.split('/').reduce<unknown>((value, key) => (value as Native | undefined)?.[key], entry);
