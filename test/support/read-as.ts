import { execFileSync } from 'node:child_process';
import type { NativeFacts } from './native-facts.ts';

/**
 * How clients read the texts of an entry when they start a server, by their documentation: the way that a value goes once
 * it is in the file. Two of them are read by a real shell.
 */

type Env = Readonly<Record<string, string>>;

/** What a client would put in for something that only it knows, so that no test takes it for the literal text. */
const ITS_OWN = '<filled in>';

const variable = (env: Env, name: string, fallback = '') => env[name] ?? fallback;

const READERS: Record<NativeFacts['expands'], (text: string, env: Env) => string> = {
  nothing: (text) => text,
  'env-colon': (text, env) =>
    text.replaceAll(/\$\{([^}]*)\}/g, (_, said: string) =>
      said.startsWith('env:') ? variable(env, said.slice('env:'.length)) : ITS_OWN,
    ),
  'dollar-brace': (text, env) =>
    text.replaceAll(/\$\{([^}:]*)(?::-([^}]*))?[^}]*\}/g, (_, name: string, other?: string) =>
      variable(env, name, other),
    ),
  dollar: (text, env) =>
    text.replaceAll(/\$(?:\{([^}]*)\}|(\w+))/g, (_, a?: string, b?: string) => variable(env, a ?? b ?? '')),
  'dollar-percent': (text, env) =>
    text.replaceAll(/\$(?:\{([^}]*)\}|(\w+))|%(\w+)%/g, (_, a?: string, b?: string, c?: string) =>
      variable(env, a ?? b ?? c ?? ''),
    ),
  'brace-env': (text, env) =>
    text.replaceAll(/\{(env|file):([^}]*)\}/g, (_, kind, name: string) =>
      kind === 'env' ? variable(env, name) : ITS_OWN,
    ),
  secrets: (text) => text.replaceAll(/\$\{\{[^}]*\}\}/g, ITS_OWN),
  'double-brace': (text, env) =>
    text.replaceAll(/\{\{\w+\}\}/g, ITS_OWN).replaceAll(/\$\{([^}]*)\}/g, (_, name: string) => variable(env, name)),
  shell: hereDocument,
};

/** A dot at the end keeps the shell from taking a last backslash for one before the end of the line. */
function hereDocument(text: string, env: Env): string {
  const script = `cat <<END_OF_THE_TEXT\n${text}.\nEND_OF_THE_TEXT\n`;
  return execFileSync('/bin/sh', ['-c', script], { env, encoding: 'utf8' }).slice(0, -'.\n'.length);
}

/** One text of an entry, as the client takes it with these variables. */
export const readAs = ({ expands }: NativeFacts, text: string, env: Env): string => READERS[expands](text, env);

/** The words of a command in one text, for a client that splits it as a shell does. */
export const wordsOf = (command: string): string[] =>
  execFileSync('/bin/sh', ['-c', `printf '%s\\0' ${command}`], { encoding: 'utf8' })
    .split('\0')
    .slice(0, -1);
