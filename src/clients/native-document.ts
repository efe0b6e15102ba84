import { AppError } from '../core/errors.ts';
import { pointerKeys } from '../core/json-value.ts';
import { nullRecord } from '../core/null-record.ts';
import type { JsonValue } from '../core/payload.ts';
import { spliceEntries } from '../core/splice/splice.ts';
import type { AskedInput } from './asked-inputs.ts';
import type { ClientDefinition } from './client.ts';
import { tomlCodec } from './codecs/toml.ts';
import { tomlListCodec } from './codecs/toml-list.ts';
import { yamlDocumentOf } from './codecs/yaml-print.ts';
import { setAt } from './extras.ts';
import { pointerIn } from './paths.ts';
import type { NativeEntry } from './translate.ts';

/** Where in which file the entries are. */
export interface DocumentTarget {
  /** Config scope; the client's default one when absent. */
  scope?: string | undefined;
  /** The project directory, for a scope inside a project. */
  project?: string | undefined;
  /** Where the servers are in the file at hand; the pointer of the scope when absent. */
  pointer?: string | undefined;
}

type Entries = [name: string, native: NativeEntry][];

const scopeOf = ({ scopes, deployable_scopes }: ClientDefinition, { scope }: DocumentTarget) =>
  scopes.find((candidate) => candidate.scope === (scope ?? deployable_scopes[0]));

/** Can the document hold all JSON? Of another one only an attempt to write it shows what it cannot. */
export const holdsAllJson = (client: ClientDefinition, target: DocumentTarget): boolean =>
  scopeOf(client, target)?.format?.startsWith('json') === true;

/** A document that holds the entries, what they ask for, and nothing else. Throws WRITE_FAILED for what it cannot hold. */
export function documentOf(
  client: ClientDefinition,
  target: DocumentTarget,
  entries: Entries,
  asked: readonly AskedInput[],
): string {
  const scope = scopeOf(client, target);
  const pointer = target.pointer ?? scope?.pointer;
  if (typeof pointer !== 'string') {
    const message = `${client.display_name} has no config scope of that name with a map of servers.`;
    throw new AppError('INVALID_INPUT', message, {
      field: 'config_scope',
      scopes: client.scopes.map(({ scope }) => scope),
    });
  }
  const filled = pointerIn(pointer, target.project);
  if (scope?.format === 'toml') return tomlDocument(pointerKeys(filled), entries, scope.container === 'list');
  if (scope?.format === 'yaml') return yamlDocumentOf(pointerKeys(filled), entries, scope.container === 'list');
  const root = nullRecord<JsonValue>();
  setAt(root, filled, nullRecord(entries));
  const { inputs_at } = client.dialect ?? {};
  if (inputs_at !== undefined && asked.length > 0)
    setAt(
      root,
      inputs_at,
      asked.map(({ value }) => value),
    );
  return `${JSON.stringify(root, null, 2)}\n`;
}

function tomlDocument(pointer: readonly string[], entries: Entries, listed: boolean): string {
  const codec = listed ? tomlListCodec : tomlCodec;
  const set = entries.map(([name, value]) => ({ name, value }));
  const text = codec.skeleton(pointer);
  return spliceEntries(codec, text, pointer, { set, remove: [] }, null).text ?? text;
}
