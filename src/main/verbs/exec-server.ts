import type { LocalVerb } from '../../adapters/cli/cli.ts';

/** For its help, and for a start from source: the installed program goes to the launcher before anything else is loaded. */
export const execServer: LocalVerb = {
  verb: 'exec-server',
  summary: 'Start a deployed server with its references filled in (entries in client files call this)',
  declare(command) {
    command
      .argument('<name>', 'the entry, by its name in the file')
      .requiredOption('--client <id>', 'the client whose file has the entry')
      .option('--profile <id>', 'the profile that is deployed', 'default')
      .option('--config-scope <name>', 'the config scope of the file', 'user')
      .option('--project <directory>', 'the project of a scope inside a project')
      .option('--config-path <file>', 'the file, when the deployment named it');
  },
  async run(terminal) {
    const { main } = await import('../../launch/main.ts');
    return main(terminal.args.slice(1), terminal.env, terminal.stderr);
  },
};
