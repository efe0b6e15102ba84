import { readFile } from 'node:fs/promises';
import { buffer } from 'node:stream/consumers';
import { Option } from 'commander';
import { AppError, invalidInput } from '../../core/errors.ts';
import { nullRecord } from '../../core/ids.ts';
import { parseStrictJson } from '../../core/strict-json.ts';
import { type Field, fieldsOf, fromText } from '../../operations/fields.ts';
import type { Operation } from '../../operations/operation.ts';
import { readSecretValue } from './prompt.ts';
import { absolutePath, type Terminal } from './terminal.ts';

/** One commander option together with the field it fills and how its text becomes a value. */
export interface Flag {
  option: Option;
  field: Field;
  read: (given: unknown, terminal: Terminal) => unknown | Promise<unknown>;
}

const kebab = (name: string) => name.replaceAll('_', '-');
/** The parser of flags that may be given again. */
export const repeated = (value: string, before: string[] | undefined) => [...(before ?? []), value];

/** Every field has its `--kebab-case` flag; some have a short name besides. */
export function flagsOf(operation: Operation): Flag[] {
  return fieldsOf(operation)
    .filter(({ name }) => name !== operation.cli?.secret)
    .flatMap((field) => flagsOfField(field, operation.cli?.flags?.[field.name]));
}

function flagsOfField(field: Field, short: string | undefined): Flag[] {
  const long = kebab(field.name);
  const names = short && short !== long ? `--${short}, --${long}` : `--${long}`;
  const describe = (flags: string) => {
    const option = new Option(flags, field.description ?? '');
    if (field.choices) option.choices(field.choices);
    return option;
  };
  switch (field.type) {
    case 'boolean':
      return [
        { option: describe(names), field, read: () => true },
        { option: describe(`--no-${long}`).hideHelp(), field, read: () => false },
      ];
    case 'flag-or-list':
      return [{ option: describe(`${names} [name]`).argParser(repeated).preset(''), field, read: flagOrList }];
    case 'array':
      return [{ option: describe(`${names} <value>`).argParser(repeated), field, read: (given) => given }];
    case 'texts':
    case 'text-or-map':
      return [
        ...(short ? [{ option: describe(`--${short} <key=value>`).argParser(repeated), field, read: readPairs }] : []),
        {
          option: describe(`--${long} <json>`),
          field,
          read: (given) => (field.type === 'texts' ? parseStrictJson(String(given)) : given),
        },
      ];
    case 'object':
      return [{ option: describe(`${names} <json>`), field, read: (given) => parseStrictJson(String(given)) }];
    case 'any':
      return [
        ...(short ? [{ option: describe(`--${short} <path>`), field, read: readJsonFile }] : []),
        { option: describe(`--${long} <json>`), field, read: (given) => jsonText(String(given), short) },
      ];
    default:
      return [{ option: describe(`${names} <value>`), field, read: (given) => fromText(field, String(given)) }];
  }
}

/** JSON in the command line itself. `fileFlag` is what takes the same from a file. */
function jsonText(given: string, fileFlag: string | undefined): unknown {
  try {
    return parseStrictJson(given);
  } catch (cause) {
    const isPath = fileFlag !== undefined && /^[@\w.~/\\:-]+$/.test(given);
    if (!(cause instanceof AppError) || !isPath) throw cause;
    const hint = `This looks like the path of a file. A file is given with --${fileFlag}.`;
    throw new AppError(cause.code, cause.message, cause.details, { cause, hint });
  }
}

const flagOrList = (given: unknown) => {
  const names = (given as string[]).filter((name) => name !== '');
  return names.length > 0 ? names : true;
};

/** `k=v` pairs in order; a key that comes again makes a list. Only the first `=` divides, and commas never do. */
function readPairs(given: unknown): Record<string, string | string[]> {
  const map = nullRecord<string | string[]>();
  for (const pair of given as string[]) {
    const at = pair.indexOf('=');
    if (at < 1) throw badFlag('key=value', 'give it as key=value');
    const key = pair.slice(0, at);
    const value = pair.slice(at + 1);
    const before = map[key];
    map[key] = before === undefined ? value : [before, value].flat();
  }
  return map;
}

async function readJsonFile(given: unknown, terminal: Terminal): Promise<unknown> {
  const path = String(given);
  if (path === '-') return parseStrictJson(await buffer(terminal.stdin));
  try {
    return parseStrictJson(await readFile(absolutePath(path, terminal)));
  } catch (error) {
    if (error instanceof AppError) throw error;
    throw badFlag('file', `the file cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown error'})`);
  }
}

export const badFlag = (field: string, message: string): AppError =>
  invalidInput(field, message, { hint: 'See `mcp-orchestration <verb> --help`.' });

/** What is wrong with a value is said together with its flag. */
async function readFlag({ option, field, read }: Flag, given: unknown, terminal: Terminal): Promise<unknown> {
  try {
    return await read(given, terminal);
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'INVALID_JSON') throw error;
    const details = { field: field.name, ...error.details };
    throw new AppError(error.code, `${option.long}: ${error.message}`, details, { cause: error, hint: error.hint });
  }
}

/** The raw input of an operation, from parsed options and positional arguments. */
export async function inputFrom(
  operation: Operation,
  flags: readonly Flag[],
  options: Readonly<Record<string, unknown>>,
  positional: readonly (string | undefined)[],
  terminal: Terminal,
): Promise<Record<string, unknown>> {
  const input: Record<string, unknown> = {};
  const fields = new Map(flags.map((flag) => [flag.field.name, flag.field]));
  for (const [index, name] of (operation.cli?.positional ?? []).entries()) {
    const field = fields.get(name);
    const text = positional[index];
    if (!field || text === undefined) continue;
    // Whatever is longer than a word stands in a file.
    input[name] = field.type === 'any' ? await readJsonFile(text, terminal) : fromText(field, text);
  }
  for (const flag of flags) {
    const { option, field } = flag;
    const given = options[option.attributeName()];
    if (given === undefined) continue;
    if (option.negate ? given !== false : given === false) continue;
    if (field.name in input) throw badFlag(field.name, 'give it once');
    input[field.name] = await readFlag(flag, given, terminal);
  }
  const { secret } = operation.cli ?? {};
  if (secret !== undefined) {
    input[secret] = await readSecretValue(terminal, `Value of ${String(input['name'] ?? secret)}`);
  }
  const absolute = (path: string) => absolutePath(path, terminal);
  for (const name of operation.cli?.paths ?? []) {
    if (typeof input[name] === 'string') input[name] = absolute(input[name]);
  }
  return operation.cli?.prepare?.(input, absolute) ?? input;
}
