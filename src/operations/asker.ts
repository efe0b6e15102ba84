/** The conversation that a verb of the command line has before its operation is called. */

/** One of several answers. `label` is what is shown, `hint` stands beside it. */
export interface Choice {
  value: string;
  label?: string;
  hint?: string;
}

/** What is wrong with an answer, in words; undefined when it can be used. */
export type Check = (answer: string) => string | undefined;

/** The person at the terminal of a command line, or the nobody that a script has there. */
export interface Asker {
  /** Somebody can be asked: stdin and stderr are terminals, and neither `--json` nor `--yes` was given. */
  readonly attended: boolean;
  /** `--yes`: what would be asked is agreed to, in scripts too. */
  readonly yes: boolean;
  /** Yes or no. `--yes` is a yes to everything; where nobody can be asked, the answer is `otherwise`. */
  confirm(question: string, otherwise: boolean): Promise<boolean>;
  /** The next three are only for `attended`: they throw where nobody can be asked. Breaking off throws INVALID_INPUT. */
  text(question: string, check?: Check): Promise<string>;
  /** Like `text`, but what is typed is not shown. */
  password(question: string, check?: Check): Promise<string>;
  /** One of the choices; with many of them, by typing a part. */
  choose(question: string, choices: readonly Choice[]): Promise<string>;
  /** What a person means by a path: `~` is HOME, a relative one starts at the working directory. */
  absolute(path: string): string;
  /** Tells the person one line, on stderr; also in a script. Never with a secret. */
  tell(line: string): Promise<void>;
}
