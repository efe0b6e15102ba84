import { buffer } from 'node:stream/consumers';
import { invalidInput } from '../../core/errors.ts';
import type { Terminal } from './terminal.ts';

/** Questions to a person. The library is loaded when there is somebody to ask, and only then. */

export const isAttended = ({ stdin, stderr }: Terminal): boolean => stdin.isTTY === true && stderr.isTTY === true;

const cancelled = () => invalidInput('', 'cancelled: nothing was changed');

/** Without showing it on a terminal; else all of standard input, without the line end that a pipe adds. */
export async function readSecretValue(terminal: Terminal, what: string): Promise<string> {
  if (!isAttended(terminal)) return (await buffer(terminal.stdin)).toString('utf8').replace(/\r?\n$/, '');
  const { isCancel, password } = await import('@clack/prompts');
  const value = await password({ message: what, input: terminal.stdin, output: terminal.stderr });
  if (isCancel(value)) throw cancelled();
  return value;
}

/** Yes or no, on a terminal; `otherwise` where nobody can be asked. */
export async function confirm(terminal: Terminal, question: string, otherwise: boolean): Promise<boolean> {
  if (!isAttended(terminal)) return otherwise;
  const prompts = await import('@clack/prompts');
  const answer = await prompts.confirm({ message: question, input: terminal.stdin, output: terminal.stderr });
  if (prompts.isCancel(answer)) throw cancelled();
  return answer;
}

/** One line of text, on a terminal. */
export async function askText(terminal: Terminal, question: string, placeholder?: string): Promise<string> {
  const { isCancel, text } = await import('@clack/prompts');
  const answer = await text({
    message: question,
    input: terminal.stdin,
    output: terminal.stderr,
    ...(placeholder !== undefined && { placeholder }),
    validate: (value) => (value === undefined || value === '' ? 'It is needed.' : undefined),
  });
  if (isCancel(answer)) throw cancelled();
  return answer;
}
