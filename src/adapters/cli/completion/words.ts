import type { Argument, Command, Option } from 'commander';
import type { Choice } from '../../../operations/asker.ts';
import type { CliBinding } from '../../../operations/operation.ts';
import { repeated } from '../flags.ts';

/** From the words of a command line that is being typed to what could stand in the place of the last one. */

/** `files`: whatever the shell itself offers for a path. */
export type Completion = 'files' | readonly Choice[];

/** Fields that the words before have given a value. */
export type Given = Record<string, string>;

export interface Vocabulary {
  /** All verbs; the one that is named has its flags. */
  program(verb: string): Command;
  bindings: readonly CliBinding[];
  /** What can be meant by a kind of value. */
  candidates(kind: string, given: Given): Promise<readonly Choice[]>;
}

/** The words after the program's name; the last one is the one that is being typed. */
export async function completionOf(words: readonly string[], vocabulary: Vocabulary): Promise<Completion> {
  const typed = words.at(-1) ?? '';
  const [verb, ...before] = words.slice(0, -1);
  const program = vocabulary.program(verb ?? '');
  if (verb === undefined || (verb === 'help' && before.length === 0)) return beginning(typed, verbsOf(program, typed));
  const command = program.commands.find((one) => one.name() === verb);
  if (command === undefined) return [];
  const names = namesFor(verb, vocabulary.bindings);
  const state = readWords(command, before, names);
  const values = (of: Option | Argument, prefix: string) =>
    valuesOf(of, prefix, { names, given: state.given, vocabulary });
  if (state.waiting) return values(state.waiting, typed);
  const [flag, value] = state.onlyWords ? [] : divided(typed);
  if (flag !== undefined && value !== undefined) {
    const option = optionOf(command, flag);
    const found = option && takesValue(option) ? await values(option, value) : [];
    return found === 'files' ? found : found.map((choice) => ({ ...choice, value: `${flag}=${choice.value}` }));
  }
  if (typed.startsWith('-') && !state.onlyWords) return beginning(typed, flagsOf(command, state.used));
  const argument = command.registeredArguments[state.position];
  if (argument !== undefined) return values(argument, typed);
  return state.onlyWords ? [] : beginning(typed, flagsOf(command, state.used));
}

function verbsOf(program: Command, typed: string): Choice[] {
  if (typed.startsWith('-')) return flagsOf(program, new Set());
  const commands = program.createHelp().visibleCommands(program);
  return commands.map((command) => ({ value: command.name(), hint: command.description() }));
}

const beginning = (typed: string, choices: readonly Choice[]): Choice[] =>
  choices.filter(({ value }) => value.startsWith(typed));

/** `--flag=value` in two; the value is undefined without an equals sign. */
function divided(word: string): [flag: string | undefined, value: string | undefined] {
  const at = word.indexOf('=');
  return word.startsWith('--') && at > 0 ? [word.slice(0, at), word.slice(at + 1)] : [word, undefined];
}

const takesValue = (option: Option) => option.required || option.optional;

function optionOf(command: Command, flag: string): Option | undefined {
  return command.options.find(({ long, short }) => long === flag || short === flag);
}

/** The flags of a verb that may still be given, under their names for people, in the order of its help. */
function flagsOf(command: Command, used: ReadonlySet<Option>): Choice[] {
  return command
    .createHelp()
    .visibleOptions(command)
    .filter((option) => !used.has(option) || option.parseArg === repeated)
    .flatMap(({ long, short, description }) =>
      // Two long names are a short one and that of the field; the other short ones have one dash and one letter.
      [short?.startsWith('--') ? short : (long ?? short)].flatMap((value) =>
        value === undefined ? [] : [{ value, hint: description }],
      ),
    );
}

/** From the name of a flag or argument to the kind of its values. */
type Names = (name: string) => { field: string; kind: string; isPath: boolean };

function namesFor(verb: string, bindings: readonly CliBinding[]): Names {
  const binding = bindings.find((one) => one.verb === verb);
  // A verb that is no operation uses the short names in the same meaning.
  const short = new Map(
    (binding ? [binding] : bindings).flatMap(({ flags = {} }) =>
      Object.entries(flags).map(([field, name]) => [name, field]),
    ),
  );
  return (name) => {
    const field = short.get(name) ?? name.replaceAll('-', '_');
    return { field, kind: binding?.completes?.[field] ?? field, isPath: binding?.paths?.includes(field) === true };
  };
}

interface Read {
  given: Given;
  used: Set<Option>;
  /** The flag whose value is being typed. */
  waiting?: Option;
  /** How many words without a flag there were. */
  position: number;
  /** After `--` there are no flags. */
  onlyWords: boolean;
}

const nameOf = (of: Option | Argument): string => ('long' in of ? (of.long ?? '').replace(/^--/, '') : of.name());

function readWords(command: Command, words: readonly string[], names: Names): Read {
  const read: Read = { given: {}, used: new Set(), position: 0, onlyWords: false };
  const give = (of: Option | Argument | undefined, value: string) => {
    if (of !== undefined) read.given[names(nameOf(of)).field] = value;
  };
  for (const word of words) {
    if (read.waiting) {
      give(read.waiting, word);
      delete read.waiting;
    } else if (word === '--' && !read.onlyWords) {
      read.onlyWords = true;
    } else if (word.startsWith('-') && !read.onlyWords) {
      const [flag = word, value] = divided(word);
      const option = optionOf(command, flag);
      if (option === undefined) continue;
      read.used.add(option);
      if (value !== undefined) give(option, value);
      else if (option.required) read.waiting = option;
    } else {
      give(command.registeredArguments[read.position], word);
      read.position++;
    }
  }
  return read;
}

/** What a placeholder says that stands for something on the disk. */
const ON_DISK = /[<[](?:path|file|directory)[\]>]/;

async function valuesOf(
  of: Option | Argument,
  typed: string,
  { names, given, vocabulary }: { names: Names; given: Given; vocabulary: Vocabulary },
): Promise<Completion> {
  const { argChoices } = of;
  if (argChoices)
    return beginning(
      typed,
      argChoices.map((value) => ({ value })),
    );
  const { kind, isPath } = names(nameOf(of));
  if (isPath || ON_DISK.test('flags' in of ? of.flags : `<${of.name()}>`)) return 'files';
  const choices = await vocabulary.candidates(kind, given);
  // Behind `name=` a person writes what nobody else knows, and often it is a path.
  if ('flags' in of && of.flags.includes('<key=value>') && typed.includes('=')) return 'files';
  return beginning(typed, choices);
}
