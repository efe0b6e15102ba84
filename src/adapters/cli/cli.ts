import { Command, CommanderError } from 'commander';
import type { AppError, Issue, Problem } from '../../core/errors.ts';
import { type Answer, answer, type Context, type Operation, refusal } from '../../operations/operation.ts';
import { badFlag, flagsOf, inputFrom } from './flags.ts';
import { printable, styleFor, type Terminal, write } from './terminal.ts';

/** A verb that is no operation: it starts a server, or sets this machine up. */
export interface LocalVerb {
  verb: string;
  summary: string;
  /** Declares the flags of the verb. */
  declare(command: Command): void;
  /** Returns the exit code. */
  run(terminal: Terminal, options: Record<string, unknown>): Promise<number>;
}

export interface CliSettings {
  version: string;
  operations: readonly Operation[];
  locals: readonly LocalVerb[];
  /** A context for one call, made only when an operation is really called. */
  contextOf: () => Promise<Context>;
  /** What `refusal` needs when no context could be made. */
  fallback: Parameters<typeof refusal>[1];
}

/** Runs one command line and returns the exit code of DESIGN 4.5. Never throws for what a person can do wrong. */
export async function runCli(terminal: Terminal, settings: CliSettings): Promise<number> {
  let exit = 0;
  const program = programOf(terminal, settings, (code) => {
    exit = code;
  });
  try {
    await program.parseAsync(terminal.args, { from: 'user' });
    return exit;
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return 0;
    const cause = error instanceof CommanderError ? usageError(error) : error;
    return report(refusal(cause, settings.fallback), terminal, terminal.args.includes('--json'));
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
    .replace(/ argument '[\s\S]*' is invalid/, ' argument is invalid')
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
    local.declare(command);
    command.action(async () => finish(await local.run(terminal, command.opts())));
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
  command.action(async (...args: unknown[]) => {
    const positional = args.slice(0, cli.positional?.length ?? 0) as (string | undefined)[];
    const options = command.opts();
    const context = await settings.contextOf();
    let result: Answer;
    try {
      const input = await inputFrom(operation, flags, options, positional, terminal);
      result = await answer(operation, context, input);
    } catch (error) {
      result = refusal(error, context);
    }
    finish(
      result.ok
        ? await show(operation, result.output, terminal, options['json'] === true)
        : await report(result, terminal, options['json'] === true),
    );
  });
}

async function show(
  operation: Operation,
  output: Record<string, unknown>,
  terminal: Terminal,
  json: boolean,
): Promise<number> {
  const { cli } = operation;
  if (json) {
    await write(terminal.stdout, `${JSON.stringify(output)}\n`);
  } else {
    const { out, note } = cli?.text?.(output as never, styleFor(terminal)) ?? { out: JSON.stringify(output, null, 2) };
    if (out !== '') await write(terminal.stdout, `${printable(out)}\n`);
    if (note) await write(terminal.stderr, `${printable(note)}\n`);
  }
  return cli?.exit?.(output as never) ?? 0;
}

/** Shows a refusal: words on stderr, and the object on stdout when it was asked for. Returns the exit code. */
export async function report(result: Answer & { ok: false }, terminal: Terminal, json: boolean): Promise<number> {
  const { problem, exit } = result;
  if (json) await write(terminal.stdout, `${JSON.stringify({ error: problem })}\n`);
  const style = styleFor({ ...terminal, stdout: terminal.stderr });
  const lines = [
    `${style.bad(problem.code)}: ${problem.message}`,
    ...issuesIn(problem),
    ...referenceIn(problem),
    problem.hint,
    '',
  ];
  await write(terminal.stderr, printable(lines.join('\n')));
  return exit;
}

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
