import { escapeLiteral } from '../../core/references.ts';
import type { Parameter } from '../server.ts';
import type { Part, Path } from './part.ts';

/** What a server.json says of one value that can be set: an argument, a header, an environment variable, a variable of one. */

/** All of a parameter but its name. */
export type Field = Omit<Parameter, 'name' | 'default' | 'repeated'> & { default?: string };

export interface Input {
  field: Field;
  /** The document fixes it: nobody may change it. May hold `{name}` of `variables`. */
  value: string | undefined;
  variables: ReadonlyMap<string, Field>;
  isBoolean: boolean;
  /** Says nothing at all, but perhaps that it has to be there. */
  isBare: boolean;
  path: Path;
}

const FORMATS = ['string', 'number', 'boolean', 'filepath'];
const OTHER_WORDS = new Map([
  ['bool', 'boolean'],
  ['int', 'number'],
  ['integer', 'number'],
  ['path', 'filepath'],
  ['file', 'filepath'],
]);
const isWhole = (text: string) => /^(0|-?[1-9]\d*)$/.test(text);

/** A number stays a text unless every sample is whole: our integers are checked, and 0.5 would be refused. */
function typeOf(format: string | undefined, samples: readonly string[]): Field['type'] {
  if (format === 'filepath') return 'path';
  if (format === 'boolean') return 'bool';
  return format === 'number' && samples.length > 0 && samples.every(isWhole) ? 'int' : 'string';
}

/** Undefined when nothing is said; then it is a string. */
function formatOf(part: Part): string | undefined {
  const format = part.text('format');
  if (format === undefined || FORMATS.includes(format)) return format;
  const meant = OTHER_WORDS.get(format.toLowerCase()) ?? 'string';
  part.findings.warn('UNKNOWN_FORMAT', part.at('format'), `is none of ${FORMATS.join(', ')}; it was read as ${meant}`);
  return meant;
}

/** A default that could not be a value, or that is a secret for everybody, is none. */
function usableDefault(part: Part, text: string | undefined, field: Pick<Field, 'type' | 'choices' | 'secret'>) {
  if (text === undefined || text === '') return undefined;
  const { findings } = part;
  if (field.secret) findings.warn('SECRET_WITH_VALUE', part.at('default'), 'is the value of a secret; it is not used');
  else if (field.choices && !field.choices.includes(text))
    findings.warn('DEFAULT_NOT_A_CHOICE', part.at('default'), 'is not among the choices; it is not used');
  else if (field.type === 'bool' && text !== 'true' && text !== 'false')
    findings.warn('BAD_FORMAT', part.at('default'), 'is neither true nor false; it is not used');
  else return escapeLiteral(text);
  return undefined;
}

/** Reads one value. `name` is what the description falls back on. */
function readField(part: Part, name: string): Omit<Input, 'variables'> {
  const format = formatOf(part);
  const description = part.text('description');
  // Empty means that nobody has fixed it, also to those who write it down.
  const value = part.text('value') || undefined;
  const initial = part.text('default');
  const example = part.text('placeholder');
  const choices = part.texts('choices').map(escapeLiteral);
  const required = part.flag('isRequired');
  const secret = part.flag('isSecret');
  const samples = [initial, example].filter((sample) => sample !== undefined && sample !== '') as string[];
  const type = choices.length > 0 ? 'enum' : typeOf(format, samples);
  const kind = { type, ...(choices.length > 0 && { choices }), ...(secret && { secret }) };
  const standard = usableDefault(part, initial, kind);
  const field: Field = {
    ...kind,
    description: description || `The value of ${name}.`,
    ...(required && { required }),
    ...(example && { example }),
    ...(standard !== undefined && { default: standard }),
  };
  const isBare = [format, description, value, initial, example].every((said) => said === undefined) && !secret;
  return { field, value, isBoolean: format === 'boolean', isBare: isBare && choices.length === 0, path: part.path };
}

export function readInput(part: Part, name: string): Input {
  const input = readField(part, name);
  const variables = variablesOf(part);
  return { ...input, variables, isBare: input.isBare && variables.size === 0 };
}

/** The variables of an input or of a URL. They have none themselves. A fixed one is its own default. */
export function variablesOf(part: Part): ReadonlyMap<string, Field> {
  return new Map(
    part.members('variables').map(({ name, part: variable }) => {
      const { field, value } = readField(variable, name);
      variable.end();
      return [name, value === undefined || field.secret ? field : { ...field, default: escapeLiteral(value) }];
    }),
  );
}
