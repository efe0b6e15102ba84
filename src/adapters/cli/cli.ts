import { Command, CommanderError } from 'commander';
import { type AppError, ERRORS, type Issue, type Problem } from '../../core/errors.ts';
import { type Answer, answer, type Context, type Operation, refusal } from '../../operations/operation.ts';
import { COMPLETE, printCompletions } from './completion/complete.ts';
import { badFlag, type Flag, flagsOf, inputFrom } from './flags.ts';
import { goOn } from './go-on.ts';
import { progressFor } from './progress.ts';
import { askerFor } from './prompt.ts';
import { asTyped, printable, styleFor, type Terminal, withoutColours, write } from './terminal.ts';

/** A verb that is no operation: it starts a server, or sets this machine up. */
export interface LocalVerb {
  verb: string;
  summary: string;
  /** Declares the flags of the verb. */
  declare(command: Command): void;
  /** Returns the exit code. `words` are what stands without a flag. */
  run(terminal: Terminal, options: Record<string, unknown>, words: readonly string[]): Promise<number>;
}

export interface CliSettings {
  version: string;
  operations: readonly Operation[];
  locals: readonly LocalVerb[];
  /** A context for one call, made only when an operation is really called. */
  contextOf: () => Promise<Context>;
  /** The same for a look at what is stored, which must not set this machine up: undefined where nothing is. */
  storedContext?: () => Promise<Context | undefined>;
  /** What `refusal` needs when no context could be made. */
  fallback: Parameters<typeof refusal>[1];
}

/** What `--yes` means for a verb that does not say more. */
export const YES = 'ask nothing; agree to what would be asked';

/** Runs one command line and returns the exit code of DESIGN 4.5. Never throws for what a person can do wrong. */
export async function runCli(terminal: Terminal, settings: CliSettings): Promise<number> {
  let exit = 0;
  const program = programOf(terminal, settings, (code) => {
    exit = code;
  });
  try {
    if (terminal.args[0] === COMPLETE) {
      // Only the verb that was typed gets its flags.
      const typed = (verb: string) => programOf({ ...terminal, args: [verb] }, settings, () => undefined);
      return await printCompletions(terminal, settings, typed);
    }
    await program.parseAsync(terminal.args, { from: 'user' });
    return exit;
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return 0;
    const cause = error instanceof CommanderError ? usageError(error) : error;
    const verb = program.commands.map((command) => command.name()).find((name) => name === terminal.args[0]);
    return report(refusal(cause, settings.fallback), terminal, terminal.args.includes('--json'), verb);
  }
}

const usageError = (error: CommanderError): AppError => {
  const message = withoutValues(error.message.replace(/^error: /, '')).replaceAll('\n', ' ');
  return badFlag('command line', message);
};

/** Commander quotes what was typed. A token that came into the wrong place would so reach a terminal or a log of CI. */
function withoutValues(message: string): string {
  return message
    .replace(/^(unknown (?:option|command)) '([\s\S]*?)'(?=$|\n\()/, (_match, what, word) => what + nameIn(word))
    .replace(/ argument '[\s\S]*' is invalid(?=\.)/, ' argument is invalid')
    .replace(/^command-argument value '[\s\S]*' is invalid(?= for argument '\w+'\.)/, 'what was given is invalid')
    .replace(/(but got \d+): [\s\S]*$/, '$1.');
}

/** The name of a flag or verb, when it could be one. */
function nameIn(word: string): string {
  const name = word.split('=')[0] ?? '';
  return /^-{0,2}[a-z][a-z0-9-]{0,40}$/.test(name) ? ` '${name}'` : '';
}

function programOf(terminal: Terminal, settings: CliSettings, finish: (code: number) => void): Command {
  const program = new Command('mcp-orchestration')
    .description(
      'Say once which MCP servers belong in which AI client; publish signed releases and merge them into the real files.',
    )
    .version(settings.version)
    // Without it `--version` of the program would be taken out of the arguments of a verb that has such a flag too.
    .enablePositionalOptions()
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void terminal.stdout.write(text),
      writeErr: () => undefined,
      outputError: () => undefined,
    })
    .showHelpAfterError(false);
  for (const local of settings.locals) {
    const command = program.command(local.verb).description(local.summary);
    if (terminal.args.includes(local.verb)) local.declare(command);
    command.action(async () => finish(await local.run(terminal, command.opts(), command.args)));
  }
  for (const operation of settings.operations) declareOperation(program, operation, terminal, settings, finish);
  return program;
}

function declareOperation(
  program: Command,
  operation: Operation,
  terminal: Terminal,
  settings: CliSettings,
  finish: (code: number) => void,
): void {
  const { cli } = operation;
  if (!cli) return;
  const command = program.command(cli.verb).description(operation.summary);
  // Deriving flags costs more than a short command itself: only the verb that is called gets them.
  if (!terminal.args.includes(cli.verb)) return;
  if (operation.description) command.addHelpText('after', `\n${operation.description}`);
  for (const name of cli.positional ?? []) command.argument(`[${name}]`);
  const flags = flagsOf(operation);
  for (const { option } of flags) command.addOption(option);
  command.option('--json', 'print exactly the output object as JSON, and nothing else, on stdout');
  if (cli.interact) command.option('--yes', cli.yes ?? YES);
  command.action(async (...args: unknown[]) => {
    const positional = args.slice(0, cli.positional?.length ?? 0) as (string | undefined)[];
    const options = command.opts();
    const json = options['json'] === true;
    const { TRACEPARENT: traceparent } = terminal.env;
    const activity = { kind: 'call', door: 'cli', name: cli.verb, traceparent } as const;
    const typed = { flags, options, positional, terminal, json };
    const once = async () => {
      const context = await settings.contextOf();
      return context.services.observer.during(activity, () => call(operation, context, typed));
    };
    const tell = (result: Answer) =>
      result.ok ? show(operation, result.output, terminal, options) : report(result, terminal, json, cli.verb);
    const { watch } = cli;
    if (watch === undefined || !goesOn(operation, options)) return finish(await tell(await once()));
    const begin = async (signal: AbortSignal) => {
      const input = await inputFrom(operation, flags, options, positional, terminal);
      return watch(input, await settings.contextOf(), signal);
    };
    const say = (remark: string) => write(terminal.stderr, `${printable(remark)}\n`);
    finish(await goOn({ once, tell, begin, say }));
  });
}

const goesOn = ({ input }: Operation, options: Readonly<Record<string, unknown>>): boolean =>
  'watch' in input.shape ? options['watch'] === true : options['once'] !== true;

interface Typed {
  flags: readonly Flag[];
  options: Readonly<Record<string, unknown>>;
  positional: readonly (string | undefined)[];
  terminal: Terminal;
  json: boolean;
}

/** One call of an operation: reads what was typed, talks with the person where the verb does, and invokes. */
async function call(operation: Operation, context: Context, typed: Typed): Promise<Answer> {
  const { flags, options, positional, terminal, json } = typed;
  const progress = progressFor(terminal, json);
  try {
    const watched = progress ? { ...context, progress: progress.show } : context;
    const given = await inputFrom(operation, flags, options, positional, terminal);
    const ask = askerFor(terminal, { yes: options['yes'] === true, json }, progress);
    const input = (await operation.cli?.interact?.(given, ask, watched)) ?? given;
    return await answer(operation, watched, input);
  } catch (error) {
    return refusal(error, context);
  } finally {
    progress?.clear();
  }
}

/** What was typed about a client and profile, to be typed again: the next command is about the same ones. */
const targetIn = (options: Readonly<Record<string, unknown>>) =>
  ['client', 'profile'].map((word) => (options[`${word}Id`] ? ` --${word} ${options[`${word}Id`]}` : '')).join('');

async function show(
  operation: Operation,
  output: Record<string, unknown>,
  terminal: Terminal,
  options: Readonly<Record<string, unknown>>,
): Promise<number> {
  const { cli } = operation;
  if (options['json'] === true) {
    await write(terminal.stdout, `${JSON.stringify(output)}\n`);
  } else {
    const { out, note } = cli?.text?.(withoutColours(output) as never, await styleFor(terminal), targetIn(options)) ?? {
      out: JSON.stringify(output, null, 2),
    };
    if (out !== '') await write(terminal.stdout, `${printable(out)}\n`);
    if (note) await write(terminal.stderr, `${printable(asTyped(note, terminal))}\n`);
  }
  return cli?.exit?.(output as never) ?? 0;
}

/** Shows a refusal: words on stderr, and the object on stdout when it was asked for. Returns the exit code. */
export async function report(
  result: Answer & { ok: false },
  terminal: Terminal,
  json: boolean,
  verb = '<verb>',
): Promise<number> {
  const { exit } = result;
  if (json) await write(terminal.stdout, `${JSON.stringify({ error: result.problem })}\n`);
  const problem = withoutColours(result.problem);
  const style = await styleFor({ ...terminal, stdout: terminal.stderr });
  const lines = [
    `${style.bad(problem.code)}: ${problem.message}`,
    ...issuesIn(problem),
    ...referenceIn(problem),
    problem.hint.replace('<verb>', verb),
    ...(isUnexplained(problem) ? [`See \`mcp-orchestration ${verb} --help\`.`] : []),
    '',
  ];
  await write(terminal.stderr, printable(asTyped(lines.join('\n'), terminal)));
  return exit;
}

/** A field is named as every door names it; which flag that is, the help of the verb says. */
const isUnexplained = ({ code, hint }: Problem) => code === 'INVALID_INPUT' && hint === ERRORS.INVALID_INPUT.hint;

/** When several things are wrong, the message says only the first. */
function issuesIn({ details }: Problem): string[] {
  const issues = Array.isArray(details['issues']) ? (details['issues'] as Issue[]) : [];
  return issues.length > 1 ? issues.map(({ path, message }) => `  ${path}: ${message}`) : [];
}

/** The reference to write in the place of a secret is what a person copies: it has to be in sight, not in the details only. */
function referenceIn({ details, message }: Problem): string[] {
  const { reference } = details;
  return typeof reference === 'string' && !message.includes(reference) ? [`Reference: ${reference}`] : [];
}
