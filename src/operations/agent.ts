import { isAbsolute, join } from 'node:path';
import { z } from 'zod';
import { invalidInput } from '../core/errors.ts';
import { step } from '../io/client-files/faults.ts';
import { shellWord } from '../io/launcher.ts';
import { textOfFile, writeOwnFile } from '../io/own-file.ts';
import { launchAgent, type Unit, userUnit } from './agent/units.ts';
import { defineOperation } from './operation.ts';
import type { Machine } from './services.ts';
import { findClient, ServerFields, TargetInput } from './shapes.ts';

/** Keeps `pull --watch` running for an account: a file for the service manager of the system. */

const InstallInput = TargetInput.extend({
  ...ServerFields,
  os: z
    .enum(['linux', 'macos'])
    .optional()
    .meta({ description: 'Show the file of another system. Only that of this one is written.' }),
  write: z.boolean().default(false).meta({ description: 'Write the file. Without it, it is shown only.' }),
});

interface Place {
  path: string;
  text: string;
  commands: string[];
}

function placeOf(os: 'linux' | 'macos', { home, env }: Machine, unit: Unit): Place {
  const name = `mcp-orchestration-pull-${unit.client_id}-${unit.profile_id}`;
  if (os === 'macos') {
    const path = join(home, 'Library/LaunchAgents', `${name}.plist`);
    const text = launchAgent(name, join(home, 'Library/Logs', `${name}.log`), unit);
    return { path, text, commands: [`launchctl bootstrap gui/$(id -u) ${shellWord(path)}`] };
  }
  // The specification of these variables passes over paths that are not absolute.
  const named = env['XDG_CONFIG_HOME'] ?? '';
  const config = isAbsolute(named) ? named : join(home, '.config');
  const commands = ['systemctl --user daemon-reload', `systemctl --user enable --now ${name}.service`];
  return { path: join(config, 'systemd/user', `${name}.service`), text: userUnit(unit), commands };
}

/** Throws INVALID_INPUT where there is no template, or where a file of one system would be written on another. */
function systemOf(asked: 'linux' | 'macos' | undefined, here: Machine['os'], write: boolean): 'linux' | 'macos' {
  const os = asked ?? here;
  const hint = 'Have `mcp-orchestration pull` started every few minutes by the scheduler of this system.';
  if (os === 'windows') throw invalidInput('os', 'there is no such file for Windows', { hint });
  if (write && os !== here) throw invalidInput('os', 'what is for another system is shown, and not written');
  return os;
}

/** A line end in a path would begin a setting of its own, and no property list can hold most of the others. */
function assertPrintable(...paths: string[]): void {
  if (!paths.some((path) => /\p{Cc}/u.test(path))) return;
  const hint = 'Use a data directory (MCP_ORCHESTRATION_HOME) and a home directory without them.';
  throw invalidInput('os', 'the paths have control characters, which this file cannot hold', { hint });
}

export const installAgent = defineOperation({
  id: 'agents.install',
  summary: 'Show, and with --write write, the file that lets this account pull and follow a profile all the time',
  description:
    'A systemd user unit on Linux, a launch agent on macOS. It is not started: the commands for that are printed. The token stands in a file of its own, `pull.env` in the data directory, as MCP_ORCHESTRATION_TOKEN=...',
  effect: 'write',
  transaction: 'own',
  idempotent: true,
  input: InstallInput,
  output: z.object({
    status: z.enum(['planned', 'unchanged', 'installed']),
    path: z.string(),
    replaces: z.boolean().meta({ description: 'There is another file at this place, or was one before.' }),
    text: z.string(),
    token_file: z.string(),
    commands: z.array(z.string()).meta({ description: 'What starts it.' }),
  }),
  errors: ['CLIENT_NOT_FOUND', 'WRITE_FAILED'],
  permission: { needs: 'config:deploy', agents: false, installation: true },
  cli: {
    verb: 'install-agent',
    flags: { client_id: 'client', profile_id: 'profile' },
    text: ({ status, path, replaces, text, token_file, commands }, style) => {
      const start = [
        `Put the token into ${token_file} (mode 0600): MCP_ORCHESTRATION_TOKEN=...`,
        'Start it:',
        ...commands.map((command) => `  ${command}`),
      ];
      if (status !== 'planned') {
        const head = status === 'installed' ? style.good('Written') : style.dim('Unchanged');
        return { out: `${head}: ${path}`, note: start.join('\n') };
      }
      const head = `${style.warn('Planned')}: ${path}${replaces ? ', which is another one now' : ''}`;
      return { out: `${head}\n\n${text}`, note: 'Nothing was written. Say --write to write it.' };
    },
  },
  async run(context, { client_id, profile_id, server, allow_http, os: asked, write }) {
    await findClient(context, client_id);
    const { services } = context;
    const { url } = await services.remote(server, allow_http);
    const os = systemOf(asked, services.os, write);
    const token_file = join(services.data_dir, 'pull.env');
    const unit = { client_id, profile_id, server: url, allow_http, program: services.launcher.path, token_file };
    const { path, text, commands } = placeOf(os, await services.machine(), unit);
    assertPrintable(path, unit.program, token_file);
    const before = await step('read_unit', path, () => textOfFile(path));
    const replaces = before !== null && before !== text;
    const output = { path, replaces, text, token_file, commands };
    if (before === text) return { status: 'unchanged' as const, ...output };
    if (!write) return { status: 'planned' as const, ...output };
    await services.launcher.ensure();
    await step('unit', path, () => writeOwnFile(path, text, 0o600, 'unit'));
    await context.store.audit.append(context.workspace, context.auditRow({ status: 'installed', path, server: url }));
    return { status: 'installed' as const, ...output };
  },
});
