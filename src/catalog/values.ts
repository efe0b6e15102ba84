import type { Issue } from '../core/errors.ts';
import { nearest } from '../core/nearest.ts';
import { hasReference, parseReferences } from '../core/references.ts';
import type { CatalogServer, CatalogTransport, FieldType, Parameter, Variable } from './server.ts';
import { publicWord } from './transport.ts';

/** A parameter or variable with its values in canonical spelling. Only a repeated parameter can have other than one. */
export interface Given<Field extends Parameter | Variable = Parameter | Variable> {
  field: Field;
  /** Where the caller wrote it, in the caller's own word: `params.directories`. */
  path: string;
  values: readonly string[];
  /** False for a default of the catalog. */
  stated: boolean;
}

export interface Reading {
  params: Map<string, Given<Parameter>>;
  /** By the name that the server knows. Variables that the catalog does not list have no field. */
  env: Map<string, string>;
  /** Declared variables that the caller stated. */
  variables: Given<Variable>[];
  /** What is wrong with what was given. */
  issues: Issue[];
  /** What must be given and was not. */
  missing: Issue[];
  /** Given, but not for this transport. */
  foreign: Issue[];
}

type Coerced = { text: string } | { message: string };
type Field = Pick<Parameter, 'type' | 'secret' | 'choices' | 'schemes'>;

const list = (words: readonly string[]): string => words.map((word) => `"${word}"`).join(', ');
const MAX_SHOWN = 64;
/** A name that a caller made up, safe to print. */
const shown = (name: string): string => name.slice(0, MAX_SHOWN).replace(/[\p{C}\p{Zl}\p{Zp}]/gu, '?');

const TEXT = 'give a text';
const CASTS: Record<FieldType, (raw: string | number | boolean, field: Field) => Coerced> = {
  string: (raw) => ({ text: String(raw) }),
  int: (raw) => {
    const text = String(raw);
    const whole = typeof raw !== 'boolean' && /^(0|-?[1-9]\d*)$/.test(text) && Number.isSafeInteger(Number(text));
    return whole ? { text } : { message: 'give a whole number' };
  },
  bool: (raw) => (['true', 'false'].includes(String(raw)) ? { text: String(raw) } : { message: 'give true or false' }),
  enum: (raw) => ({ text: String(raw) }),
  path: (raw) => (typeof raw === 'string' ? absolutePath(raw) : { message: TEXT }),
  url: (raw, { schemes = ['http', 'https'] }) => (typeof raw === 'string' ? url(raw, schemes) : { message: TEXT }),
};

function absolutePath(text: string): Coerced {
  if (text === '~' || text.startsWith('~/') || text.startsWith('~\\')) {
    return { message: 'give an absolute path: client applications do not expand "~"' };
  }
  return /^(\/|\$\{|[A-Za-z]:[\\/]|\\\\)/.test(text) ? { text } : { message: 'give an absolute path' };
}

/** A reference stands for one character here: enough to see whether the rest is a URL. */
function url(text: string, schemes: readonly string[]): Coerced {
  const message = `give a URL that begins with ${schemes.map((scheme) => `${scheme}://`).join(' or ')}`;
  if (/\s/.test(text)) return { message: `${message} and holds no blank` };
  const { parts } = parseReferences(text);
  if (parts.length > 0 && parts[0]?.kind !== 'text') return { text };
  const probe = URL.parse(parts.map((part) => (part.kind === 'text' ? part.text : '1')).join(''));
  const scheme = probe?.protocol.slice(0, -1) ?? '';
  return schemes.includes(scheme) && text.slice(scheme.length).startsWith('://') ? { text } : { message };
}

/** What a value may never hold, whatever its type: it could not be an argument, a header or valid UTF-8. */
function unwritable(text: string, multiline: boolean): string | undefined {
  if (!text.isWellFormed()) return 'holds half of a surrogate pair';
  if (text.includes('\0') || (!multiline && /\p{Cc}/u.test(text))) return 'holds a control character';
  return undefined;
}

function coerce(field: Field, raw: unknown, options: { referable: boolean; multiline: boolean }): Coerced {
  if (typeof raw !== 'string' && typeof raw !== 'number' && typeof raw !== 'boolean') {
    return { message: Array.isArray(raw) ? 'takes one value, not a list' : TEXT };
  }
  const text = String(raw);
  // Told apart here and refused by `expand` as what it is: a secret, not a value of the wrong form.
  if (field.secret && !hasReference(text)) return { text };
  const message = unwritable(text, options.multiline);
  if (message !== undefined) return { message };
  const referring = hasReference(text);
  if (referring && options.referable && field.type !== 'path' && field.type !== 'url') return { text };
  const { choices } = field;
  const chosen = choices === undefined || choices.includes(text) || (referring && field.type === 'url');
  return chosen ? CASTS[field.type](raw, field) : { message: `give one of ${list(choices)}` };
}

/** What is wrong with a text as the value of a field, in words; undefined when it can be used. */
export function faultOf(field: Parameter | Variable, text: string, kind: 'parameter' | 'variable'): string | undefined {
  const isVariable = kind === 'variable';
  const read = coerce(field, text, { referable: isVariable || field.type === 'string', multiline: isVariable });
  return 'message' in read ? read.message : undefined;
}

/** Finds the one entry of `given` that means this field, under its name or an alias. */
function pick(field: Parameter | Variable, given: ReadonlyMap<string, unknown>, prefix: string, issues: Issue[]) {
  const used = [field.name, ...(field.aliases ?? [])].filter((name) => given.has(name));
  const [name, other] = used;
  if (name === undefined) return undefined;
  if (other !== undefined) {
    issues.push({ path: `${prefix}.${other}`, message: `means the same as "${name}": give one of them` });
  }
  return { path: `${prefix}.${name}`, raw: given.get(name) };
}

const needed = (field: Parameter | Variable) => field.required === true && field.default === undefined;
const absent = (field: Parameter | Variable, prefix: string): Issue => ({
  path: `${prefix}.${field.name}`,
  message: `is required: ${field.description}`,
});

function readParameter(field: Parameter, given: ReadonlyMap<string, unknown>, reading: Reading): void {
  const found = pick(field, given, 'params', reading.issues);
  const raw = found?.raw;
  const values = field.repeated && Array.isArray(raw) ? raw : found === undefined ? [] : [raw];
  if (found === undefined || values.length === 0) {
    if (needed(field)) reading.missing.push(absent(field, 'params'));
    if (field.default === undefined) return;
    const path = `params.${field.name}`;
    reading.params.set(field.name, { field, path, values: [String(field.default)], stated: false });
    return;
  }
  const referable = field.type === 'string';
  const texts = values.flatMap((value, index) => {
    const path = values === raw ? `${found.path}.${index}` : found.path;
    const read = coerce(field, value, { referable, multiline: false });
    if ('message' in read) reading.issues.push({ path, message: read.message });
    else if (read.text === '' && (field.required || field.secret) && field.type === 'string') {
      reading.issues.push({ path, message: 'must not be empty' });
    } else return [read.text];
    return [];
  });
  reading.params.set(field.name, { field, path: found.path, values: texts, stated: true });
}

function readVariable(field: Variable, given: ReadonlyMap<string, unknown>, reading: Reading): void {
  const found = pick(field, given, 'env_vars', reading.issues);
  if (found === undefined) {
    if (needed(field)) reading.missing.push(absent(field, 'env_vars'));
    else if (field.required && field.default !== undefined) reading.env.set(field.name, field.default);
    return;
  }
  const read = coerce(field, found.raw, { referable: true, multiline: true });
  if ('message' in read) reading.issues.push({ path: found.path, message: read.message });
  else if (read.text === '' && (field.required || field.secret)) {
    reading.issues.push({ path: found.path, message: 'must not be empty' });
  } else {
    reading.env.set(field.name, read.text);
    reading.variables.push({ field, path: found.path, values: [read.text], stated: true });
  }
}

const namesOf = (fields: readonly (Parameter | Variable)[]): string[] =>
  fields.flatMap((field) => [field.name, ...(field.aliases ?? [])]);

function unknownParameter(name: string, transport: CatalogTransport, server: CatalogServer): Issue {
  const word = publicWord(transport.type);
  const meant = nearest(name, namesOf(transport.parameters)).flatMap(
    (word) => transport.parameters.find((parameter) => namesOf([parameter]).includes(word))?.name ?? [],
  );
  const near = [...new Set(meant)];
  const elsewhere = server.transports.find((other) => namesOf(other.parameters).includes(name));
  const known = transport.parameters.map((parameter) => parameter.name);
  const advice =
    elsewhere !== undefined
      ? `the ${publicWord(elsewhere.type)} transport has it, the ${word} transport has not`
      : near.length > 0
        ? `did you mean ${list(near)}?`
        : known.length > 0
          ? `the ${word} transport takes ${list(known)}`
          : `the ${word} transport takes no parameters`;
  return { path: `params.${shown(name)}`, message: `is no parameter of "${server.server_id}": ${advice}` };
}

function readUnlisted(name: string, raw: unknown, reading: Reading): void {
  const path = `env_vars.${shown(name)}`;
  if (!/^[^=\0]+$/.test(name)) {
    reading.issues.push({ path, message: 'the name of a variable is not empty and holds no "=" and no NUL' });
    return;
  }
  const read = coerce({ type: 'string' }, raw, { referable: true, multiline: true });
  if ('message' in read) reading.issues.push({ path, message: read.message });
  else reading.env.set(name, read.text);
}

function readEnvironment(transport: CatalogTransport, given: ReadonlyMap<string, unknown>, reading: Reading): void {
  if (transport.type !== 'stdio') {
    const message = `the ${publicWord(transport.type)} transport takes no environment variables`;
    for (const name of given.keys()) reading.foreign.push({ path: `env_vars.${shown(name)}`, message });
    return;
  }
  for (const field of transport.env) readVariable(field, given, reading);
  const listed = new Set(namesOf(transport.env));
  for (const [name, raw] of given) if (!listed.has(name)) readUnlisted(name, raw, reading);
  const groups = transport.env_any_of ?? [];
  if (groups.length > 0 && !groups.some((group) => group.every((name) => (reading.env.get(name) ?? '') !== ''))) {
    const choices = groups.map((group) => group.join(' and ')).join(', or ');
    reading.missing.push({ path: 'env_vars', message: `one of these is required: ${choices}` });
  }
}

/** Reads what a caller gave as values for one transport of a server. Nothing is thrown: the faults are listed. */
export function readInput(
  server: CatalogServer,
  transport: CatalogTransport,
  input: { params: Readonly<Record<string, unknown>>; env: Readonly<Record<string, string>> },
): Reading {
  const reading: Reading = { params: new Map(), env: new Map(), variables: [], issues: [], missing: [], foreign: [] };
  const given = new Map(Object.entries(input.params));
  for (const field of transport.parameters) readParameter(field, given, reading);
  const known = new Set(namesOf(transport.parameters));
  for (const name of given.keys()) {
    if (!known.has(name)) reading.foreign.push(unknownParameter(name, transport, server));
  }
  readEnvironment(transport, new Map(Object.entries(input.env)), reading);
  return reading;
}
