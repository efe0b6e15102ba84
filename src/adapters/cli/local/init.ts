import { type Context, invoke } from '../../../operations/operation.ts';
import type { LocalVerb } from '../cli.ts';
import { asTyped, printable, styleFor, withoutColours, write } from '../terminal.ts';

interface Client {
  client_id: string;
  display_name: string;
  config_location: string;
  writable: boolean;
  installed?: boolean;
}

/** `init`: data directory and signing key, what is installed here, and what to do next. Running it again changes nothing. */
export function initVerb(contextOf: () => Promise<Context>): LocalVerb {
  return {
    verb: 'init',
    summary: 'Set this machine up: data directory, signing key, and a look at the clients installed here',
    declare(command) {
      command.option('--json', 'print one JSON object, and nothing else, on stdout');
    },
    async run(terminal, options) {
      const { listClients } = await import('../../../operations/clients.ts');
      const { initializeKeys } = await import('../../../operations/keys.ts');
      const context = await contextOf();
      const keys = await invoke(initializeKeys, context, {});
      const listed = (await invoke(listClients, context, { detect: true })) as unknown as { clients: Client[] };
      const installed = withoutColours(listed.clients.filter((client) => client.installed));
      if (options['json'] === true) {
        const clients = installed.map(({ client_id, display_name, config_location, writable }) => ({
          client_id,
          display_name,
          config_location,
          writable,
        }));
        await write(terminal.stdout, `${JSON.stringify({ keys, installed_clients: clients })}\n`);
        return 0;
      }
      const style = await styleFor(terminal);
      const target = installed.find((client) => client.writable)?.client_id ?? 'claude-desktop';
      const found = installed.map(
        (client) =>
          `  ${style.bold(client.display_name)} (${client.client_id}) ${client.writable ? style.good('can be written') : style.dim('listed only')}`,
      );
      await write(
        terminal.stdout,
        asTyped(
          printable(
            [
              `${style.good('Ready.')} ${keys['message']}`,
              `  key id ${keys['key_id']}`,
              '',
              installed.length > 0
                ? 'Clients found on this machine:'
                : 'No AI client was found on this machine; you can still prepare configurations for any of them.',
              ...found,
              '',
              'Next:',
              `  mcp-orchestration add-server filesystem --client ${target} --param path=~/Documents`,
              `  mcp-orchestration publish-config --client ${target}`,
              `  mcp-orchestration deploy-config --client ${target} --dry-run`,
              '',
            ].join('\n'),
          ),
          terminal,
        ),
      );
      return 0;
    },
  };
}
