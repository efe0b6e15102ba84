import type { Parameter, StdioTransport } from '../server.ts';
import { type Input, readInput } from './fields.ts';
import type { Parameters } from './parameters.ts';
import type { Part } from './part.ts';

export type ArgumentItem = StdioTransport['args'][number];

/** One argument of the document. */
export interface Argument {
  kind: 'positional' | 'named';
  /** Of a named one, with its dashes. */
  name: string;
  hint: string | undefined;
  isRepeated: boolean;
  input: Input;
}

export function readArgument(part: Part): Argument {
  const said = part.text('type');
  const name = part.text('name') ?? '';
  const kind = said === 'named' || said === 'positional' ? said : name === '' ? 'positional' : 'named';
  if (said === undefined)
    part.findings.warn('MISSING_FIELD', part.at('type'), `is missing; it was taken to be ${kind}`);
  else if (said !== kind)
    part.findings.warn('BAD_FORMAT', part.at('type'), `is neither positional nor named; it was read as ${kind}`);
  const hint = part.text('valueHint');
  const isRepeated = part.flag('isRepeated');
  const input = readInput(part, name || hint || 'this argument');
  if (kind === 'named' && name === '') part.findings.warn('MISSING_FIELD', part.at('name'), 'is missing');
  if (kind === 'named' && !name.startsWith('-'))
    part.findings.warn('NAME_WITHOUT_DASHES', part.at('name'), 'has no dashes; it is written as it is');
  if (kind === 'positional' && input.value === undefined && hint === undefined)
    part.findings.warn('MISSING_FIELD', part.at('valueHint'), 'is missing, and so is a value');
  part.end();
  return { kind: name === '' ? 'positional' : kind, name, hint, isRepeated, input };
}

/** Left out as long as a value without which it makes no sense is not given. */
function conditional(args: string[], used: readonly Parameter[]): ArgumentItem[] {
  const optional = used.filter((one) => !one.required && one.default === undefined);
  const [only, ...more] = optional;
  if (only === undefined) return args;
  // A condition is about one value; and "false" is a value here, where a bool as a condition would mean "leave it out".
  for (const one of more) one.required = true;
  if (only.type === 'bool') Object.assign(only, { type: 'enum', choices: ['true', 'false'] });
  return [{ when: only.name, args }];
}

/** The argument as our templates write it: a named one as two tokens, unless its name ends with an equals sign. */
export function itemsOf(argument: Argument, parameters: Parameters): ArgumentItem[] {
  const { kind, hint, isRepeated, input } = argument;
  const { field, value, variables, path } = input;
  const at = (field: string) => [...path, field];
  const none = { variables: new Map(), path: at('name'), undeclared: 'literal' } as const;
  const name = kind === 'named' ? parameters.template({ text: argument.name, ...none }).text : '';
  const withName = (text: string) => (name === '' ? [text] : name.endsWith('=') ? [`${name}${text}`] : [name, text]);
  if (value !== undefined) {
    const filled = parameters.template({ text: value, variables, path: at('value'), undeclared: 'literal' });
    return conditional(withName(filled.text), filled.parameters);
  }
  if (kind === 'named' && isFlag(argument)) return flag(argument, name, parameters);
  const parameter = parameters.own(hint ?? argument.name.replace(/^-+/, ''), field, { repeated: isRepeated });
  const args = withName(`{${parameter.name}}`);
  return isRepeated ? [{ each: parameter.name, args }] : conditional(args, [parameter]);
}

/** A named argument takes a value, unless it is a truth value or nothing but its name. */
const isFlag = ({ hint, isRepeated, input: { isBoolean, isBare, field } }: Argument) =>
  (isBare && hint === undefined && !isRepeated) ||
  (isBoolean && field.default === undefined && field.choices === undefined);

/** Stands alone: there, or not. */
function flag({ name: spelled, input }: Argument, name: string, parameters: Parameters): ArgumentItem[] {
  if (input.isBare) parameters.findings.warn('ASSUMED', input.path, 'is nothing but a name; it was taken as a flag');
  if (input.field.required) return [name];
  const parameter = parameters.own(spelled.replace(/^-+/, ''), { ...input.field, type: 'bool' });
  return [{ when: parameter.name, args: [name] }];
}
