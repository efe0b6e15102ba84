import { AppError } from '../../../core/errors.ts';
import { refusal } from '../../../operations/operation.ts';
import type { CliSettings } from '../cli.ts';
import { printable, type Terminal, write } from '../terminal.ts';
import { type Completion, completionOf, type Vocabulary } from './words.ts';

/** What the scripts for the shells call at every press of the tab key; no verb for people. */
export const COMPLETE = 'complete';

/** What the scripts take for: offer files yourself. */
const FILES = ':files';
/** So that no list floods a terminal. */
const MOST = 300;

/**
 * `complete -- PROGRAM WORD... WORD`: prints one candidate per line, and behind a tab what it is. Nothing that was typed
 * is executed, and nothing is written. Whatever goes wrong, a person who types is not disturbed: there are no candidates.
 */
export async function printCompletions(
  terminal: Terminal,
  settings: CliSettings,
  program: Vocabulary['program'],
): Promise<number> {
  const words = terminal.args.slice(terminal.args.indexOf('--') + 2);
  const stored = settings.storedContext ?? (async () => undefined);
  const bindings = settings.operations.flatMap(({ cli }) => cli ?? []);
  try {
    const found = await completionOf(words, {
      program,
      bindings,
      candidates: async (kind, given) =>
        (await import('../../../operations/completions.ts')).candidates(kind, given, stored),
    });
    await write(terminal.stdout, linesOf(found));
    return 0;
  } catch (error) {
    if (error instanceof AppError) return refusal(error, settings.fallback).exit;
    throw error;
  }
}

function linesOf(found: Completion): string {
  if (found === 'files') return `${FILES}\n`;
  return found
    .filter(({ value }) => value !== '' && value === printable(value) && !/[\t\n]/.test(value))
    .slice(0, MOST)
    .map(({ value, hint = '' }) => (hint === '' ? `${value}\n` : `${value}\t${oneLine(hint)}\n`))
    .join('');
}

const oneLine = (text: string): string => printable(text.replaceAll(/\s+/g, ' '));
