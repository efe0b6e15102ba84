import { addEntry } from '../core/draft.ts';
import { AppError } from '../core/errors.ts';
import { nullRecord } from '../core/ids.ts';
import { EMPTY_PAYLOAD } from '../core/payload.ts';
import { hasReference, spellReference } from '../core/references.ts';
import { secretsOf } from '../core/secrets/detector.ts';
import { choose, type ExpandInput, expand } from './expand.ts';
import type { CatalogServer, Parameter, Variable } from './server.ts';
import { faultOf } from './values.ts';

/** What a dialogue needs to know about an input before it becomes an entry. */

export type InputMap = 'params' | 'env_vars';

/** A field that has to be given and was not. */
export interface WantedField {
  map: InputMap;
  field: Parameter | Variable;
  /** What would be wrong with this text as its value; undefined when nothing is. */
  check(text: string): string | undefined;
}

export interface Wanted {
  fields: WantedField[];
  /** When not empty: one of these groups of variables has to be given. */
  groups: WantedField[][];
}

const wantedField = (map: InputMap, field: Parameter | Variable): WantedField => ({
  map,
  field,
  check: (text) => faultOf(field, text, map === 'params' ? 'parameter' : 'variable'),
});

/** What the transport that would be taken still needs. Throws INVALID_INPUT for one that the server does not offer. */
export function wantedFields(server: CatalogServer, input: ExpandInput): Wanted {
  const { transport, reading } = choose(server, input);
  const missing = new Set(reading.missing.map(({ path }) => path));
  const variables = transport.type === 'stdio' ? transport.env : [];
  const of = (map: InputMap, fields: readonly (Parameter | Variable)[]) =>
    fields.filter(({ name }) => missing.has(`${map}.${name}`)).map((field) => wantedField(map, field));
  const groups = transport.type === 'stdio' && missing.has('env_vars') ? (transport.env_any_of ?? []) : [];
  return {
    fields: [...of('params', transport.parameters), ...of('env_vars', variables)],
    groups: groups.map((names) =>
      variables.filter(({ name }) => names.includes(name)).map((field) => wantedField('env_vars', field)),
    ),
  };
}

/** A value of the input that would be refused as a literal secret. */
export interface GivenSecret {
  map: InputMap;
  /** In the caller's own word. */
  name: string;
  /** Place in the list, of a parameter that was given several values. */
  index?: number;
  value: string;
}

/** One value, or each of a list. */
function valuesOf(input: ExpandInput, map: InputMap, name: string): GivenSecret[] {
  const given = map === 'params' ? input.params[name] : input.env[name];
  const one = (value: unknown, index?: number) =>
    typeof value === 'string' ? [{ map, name, value, ...(index !== undefined && { index }) }] : [];
  return Array.isArray(given) ? given.flatMap(one) : one(given);
}

/** The input with another text in the place of a value. */
export function withValue(input: ExpandInput, { map, name, index }: GivenSecret, text: string): ExpandInput {
  if (map === 'env_vars') return { ...input, env: nullRecord(Object.entries({ ...input.env, [name]: text })) };
  const before = input.params[name];
  const after = index !== undefined && Array.isArray(before) ? before.with(index, text) : text;
  return { ...input, params: nullRecord(Object.entries({ ...input.params, [name]: after })) };
}

const PROBE = spellReference({ kind: 'secret', name: 'probe' });
const probed = (input: ExpandInput, given: readonly GivenSecret[]) =>
  given.reduce((changed, one) => withValue(changed, one, PROBE), input);

/** The literal values of fields that are declared secret. */
function declaredSecrets(server: CatalogServer, input: ExpandInput): GivenSecret[] {
  const { params, variables } = choose(server, input).reading;
  return [...params.values(), ...variables].flatMap(({ field, path, stated }) => {
    if (!field.secret || !stated) return [];
    const map = path.startsWith('params.') ? 'params' : 'env_vars';
    const values = valuesOf(input, map, path.slice(map.length + 1));
    return values.filter(({ value }) => value !== '' && !hasReference(value));
  });
}

function countSecrets(server: CatalogServer, input: ExpandInput): number {
  const { entry } = expand(server, input);
  return [...secretsOf(addEntry(EMPTY_PAYLOAD, server.server_id, entry))].length;
}

/** Would the entry hold fewer secrets, if there were a reference in the place of this value? */
function isSecretHere(server: CatalogServer, input: ExpandInput, given: GivenSecret, before: number): boolean {
  try {
    return countSecrets(server, probed(input, [given])) < before;
  } catch (error) {
    if (error instanceof AppError) return false; // no reference may stand here: the operation says what to do instead
    throw error;
  }
}

/**
 * The values that would be refused as literal secrets: by what the catalog says of their fields, or by what they look
 * like in the entry that is made of them. Throws what `expand` throws for an input that has other faults.
 */
export function givenSecrets(server: CatalogServer, input: ExpandInput): GivenSecret[] {
  const declared = declaredSecrets(server, input);
  const rest = probed(input, declared);
  const before = countSecrets(server, rest);
  if (before === 0) return declared;
  const others = [
    ...Object.keys(rest.params).flatMap((name) => valuesOf(rest, 'params', name)),
    ...Object.keys(rest.env).flatMap((name) => valuesOf(rest, 'env_vars', name)),
  ];
  return [...declared, ...others.filter((given) => isSecretHere(server, rest, given, before))];
}
