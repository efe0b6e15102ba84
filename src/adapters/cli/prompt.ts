import { buffer } from 'node:stream/consumers';
import { AppError } from '../../core/errors.ts';
import type { Asker, Check, Choice } from '../../operations/asker.ts';
import type { Progress } from './progress.ts';
import { absolutePath, printable, type Terminal, write } from './terminal.ts';

/** Questions to a person. The library is loaded when there is somebody to ask, and only then. */

/** More choices than this are found by typing a part of them. */
const FEW = 12;

export const isAttended = ({ stdin, stderr }: Terminal): boolean => stdin.isTTY === true && stderr.isTTY === true;

/** Waits for one answer; breaking off is a refusal like every other one. */
async function answerOf<T>(prompts: typeof import('@clack/prompts'), answer: Promise<T>): Promise<Exclude<T, symbol>> {
  const given = await answer;
  if (prompts.isCancel(given)) {
    const hint = 'Start the command again when you want to go on.';
    throw new AppError('INVALID_INPUT', 'Cancelled: nothing was changed.', { reason: 'cancelled' }, { hint });
  }
  return given as Exclude<T, symbol>;
}

const onTerminal = ({ stdin, stderr }: Terminal) => ({ input: stdin, output: stderr });
const needed = (check?: Check) => (given: string | undefined) =>
  given === undefined || given === '' ? 'An answer is needed.' : check?.(given);

/** Without showing it on a terminal; else all of standard input, without the line end that a pipe adds. */
export async function readSecretValue(terminal: Terminal, what: string): Promise<string> {
  if (!isAttended(terminal)) return (await buffer(terminal.stdin)).toString('utf8').replace(/\r?\n$/, '');
  const prompts = await import('@clack/prompts');
  return answerOf(prompts, prompts.password({ message: what, ...onTerminal(terminal) }));
}

/** Asks the person at this terminal; with `--yes`, with `--json`, or without a terminal there is nobody to ask. */
export function askerFor(terminal: Terminal, options: { yes: boolean; json: boolean }, progress?: Progress): Asker {
  const attended = !options.yes && !options.json && isAttended(terminal);
  const library = () => {
    if (!attended) throw new Error('a question was asked where nobody can answer');
    progress?.clear();
    return import('@clack/prompts');
  };
  const streams = () => onTerminal(terminal);
  return {
    attended,
    yes: options.yes,
    absolute: (path) => absolutePath(path, terminal),
    async confirm(question, otherwise) {
      if (!attended) return options.yes || otherwise;
      const prompts = await library();
      return answerOf(prompts, prompts.confirm({ message: printable(question), ...streams() }));
    },
    async text(question, check) {
      const prompts = await library();
      return answerOf(prompts, prompts.text({ message: printable(question), ...streams(), validate: needed(check) }));
    },
    async password(question, check) {
      const prompts = await library();
      return answerOf(
        prompts,
        prompts.password({ message: printable(question), ...streams(), validate: needed(check) }),
      );
    },
    async choose(question, choices) {
      const prompts = await library();
      const asked = { message: printable(question), options: choices.map(option), ...streams() };
      const answer =
        choices.length > FEW
          ? prompts.autocomplete({ ...asked, placeholder: 'type to search', maxItems: FEW, filter: matches })
          : prompts.select(asked);
      return answerOf(prompts, answer);
    },
    tell(line) {
      progress?.clear();
      return write(terminal.stderr, `${printable(line)}\n`);
    },
  };
}

const option = ({ value, label = value, hint }: Choice) => ({
  value,
  label: printable(label),
  ...(hint !== undefined && { hint: printable(hint) }),
});

/** Every word that was typed occurs in the choice. */
function matches(typed: string, { value, label = '', hint = '' }: Choice): boolean {
  const text = `${value}\n${label}\n${hint}`.toLowerCase();
  return typed
    .toLowerCase()
    .split(/\s+/)
    .every((word) => text.includes(word));
}
