import { completable, type McpServer } from '@modelcontextprotocol/server';
import { z } from 'zod';
import { complete } from '../../operations/completions.ts';
import type { Connection } from './mcp.ts';

/** What people ask for again and again, for a client to offer as a command. The words name tools; they do nothing themselves. */
export function registerPrompts(server: McpServer, { contextOf }: Connection): void {
  const client = (description: string) =>
    completable(z.string().max(64).describe(description), async (prefix) =>
      complete(await contextOf(), 'client_id', prefix ?? '', {}),
    );
  const profile = () =>
    completable(z.string().max(64).default('default').describe('The profile.'), async (prefix, asked) =>
      complete(await contextOf(), 'profile_id', prefix ?? '', asked?.arguments ?? {}),
    );
  server.registerPrompt(
    'migrate_config',
    {
      title: 'Move servers to another client',
      description: 'Take over the servers of one AI client into the configuration of another.',
      argsSchema: z.object({
        from: client('The client that has the servers.'),
        to: client('The client that shall have them.'),
      }),
    },
    ({ from, to }) =>
      asUser(
        `Move the MCP servers of ${quoted(from)} to ${quoted(to)}.`,
        `1. Read what ${quoted(from)} has: view_draft_config, else get_config; import_config when nothing is there yet and the tool is offered.`,
        `2. Write it as the draft of ${quoted(to)} with set_draft_config, and run validate_config for ${quoted(to)}.`,
        '3. Tell me every finding in plain words, above all what the new client cannot express (LOSSY_RENDERING). Never put a secret into the draft: write a reference such as ${env:NAME}.',
        '4. Show me what would change (diff_config) and stop. I publish and deploy myself.',
      ),
  );
  server.registerPrompt(
    'troubleshoot_config',
    {
      title: 'Find out why a server does not start',
      description: 'Go through what can keep the servers of a client from working.',
      argsSchema: z.object({ client_id: client('The client that has the trouble.'), profile_id: profile() }),
    },
    ({ client_id, profile_id }) =>
      asUser(
        `Find out why MCP servers of ${quoted(client_id)}, profile ${quoted(profile_id)}, do not work.`,
        '1. get_deployed: is anything deployed, has the file drifted, is it up to date?',
        '2. validate_config for the draft, and describe_server for every server that the catalog knows: are required parameters and variables there?',
        '3. Ask me to run `mcp-orchestration doctor` and to paste what it says: it looks at programs, files and secrets of my machine.',
        '4. Name the most likely cause first and one step for each that I can take. Change nothing.',
      ),
  );
  server.registerPrompt(
    'review_changes',
    {
      title: 'Review a draft before it is published',
      description: 'Compare the draft with the latest release, and say what deserves a second look.',
      argsSchema: z.object({ client_id: client('The client whose draft it is.'), profile_id: profile() }),
    },
    ({ client_id, profile_id }) =>
      asUser(
        `Review the draft of ${quoted(client_id)}, profile ${quoted(profile_id)}, before I publish it.`,
        '1. view_draft_config and get_config; compare them with diff_config (config_a: the release, config_b: the draft).',
        '2. Run validate_config.',
        '3. For each server that is new or changed: which program or address it starts, from whom it comes, whether its version is pinned, what it may reach, and which secrets it is given.',
        '4. End with a list: fine, look again, do not publish. Do not publish.',
      ),
  );
}

/** What a person typed is data: it is quoted, so that it cannot be read as a step. */
const quoted = (text: string): string => JSON.stringify(text);

const asUser = (...lines: string[]) => ({
  messages: [{ role: 'user' as const, content: { type: 'text' as const, text: lines.join('\n') } }],
});
