/** Words of a command line as a POSIX shell splits them, without its expansions: how some clients read one text. */

const PLAIN = /^[\w@%+=:,./-]+$/;
const WORD = /(?:'[^']*'|"(?:[^"\\]|\\[\s\S])*"|\\[\s\S]|[^\s'"\\])+/g;
const PIECE = /'([^']*)'|"((?:[^"\\]|\\[\s\S])*)"|\\([\s\S])|([^\s'"\\]+)/g;

/** A text that such a client reads as this one word. */
export const quoteWord = (word: string): string => (PLAIN.test(word) ? word : `'${word.replaceAll("'", "'\"'\"'")}'`);

/** Undefined: a quote is open, or the end is a backslash. */
export function splitWords(text: string): string[] | undefined {
  const words = text.match(WORD) ?? [];
  return text.replaceAll(WORD, '').trim() === '' ? words.map(wordOf) : undefined;
}

const wordOf = (raw: string): string =>
  raw.replaceAll(PIECE, (_piece, single?: string, double?: string, escaped?: string, plain?: string) =>
    double === undefined ? (single ?? escaped ?? plain ?? '') : double.replaceAll(/\\(["\\])/g, '$1'),
  );
