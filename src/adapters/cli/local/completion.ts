import { Argument } from 'commander';
import type { LocalVerb } from '../cli.ts';
import { INSTALL, SCRIPTS, SHELLS, type Shell } from '../completion/scripts.ts';
import { write } from '../terminal.ts';

/** `completion bash|zsh|fish`: the script on stdout; what to do with it on stderr, for a person who sees both. */
export const completionVerb: LocalVerb = {
  verb: 'completion',
  summary: 'Print the script that lets a shell complete verbs, flags and names with the tab key',
  declare(command) {
    command
      .addArgument(new Argument('<shell>', 'the shell that you use').choices(SHELLS))
      .addHelpText('after', `\n${Object.values(INSTALL).join('\n\n')}`);
  },
  async run(terminal, _options, [shell]) {
    await write(terminal.stdout, SCRIPTS[shell as Shell]);
    if (terminal.stdout.isTTY) await write(terminal.stderr, `${INSTALL[shell as Shell]}\n`);
    return 0;
  },
};
