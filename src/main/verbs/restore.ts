import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { LocalVerb } from '../../adapters/cli/cli.ts';
import {
  absolutePath,
  asTyped,
  printable,
  styleFor,
  type Terminal,
  withoutColours,
  write,
} from '../../adapters/cli/terminal.ts';
import { invalidInput } from '../../core/errors.ts';
import type { RestoreResult } from '../backup/restore.ts';
import { readConfig } from '../config.ts';
import { directoryIn, fileOf, watched } from './backup.ts';

/** `restore`: a data directory as it was when it was backed up. */
export const restoreVerb: LocalVerb = {
  verb: 'restore',
  summary: 'Put a backup in the place of the data directory, after all of it was looked at',
  declare(command) {
    command
      .argument('<directory>', 'the backup')
      .option('--to <directory>', 'the data directory to restore, when it is not the usual one')
      .option('--replace', 'put a data directory that is not empty aside, under a dated name beside it')
      .option('--new-machine', 'the machine of the backup lives on: this one gets an id and a ledger of its own')
      .option('--allow-problems', 'also a store that had problems already when it was backed up')
      .option('--dry-run', 'look at the backup and say what would be done; nothing is written')
      .option('--json', 'print one JSON object, and nothing else, on stdout');
  },
  async run(terminal, options, words) {
    const directory = directoryIn(words, terminal);
    const home = homeFrom(terminal, options['to']);
    const json = options['json'] === true;
    const { restoreBackup } = await import('../backup/restore.ts');
    const { launcherAt } = await import('../compose.ts');
    const result = await watched(terminal, json, (progress) =>
      restoreBackup({
        directory,
        home,
        replace: options['replace'] === true,
        new_machine: options['newMachine'] === true,
        allow_problems: options['allowProblems'] === true,
        dry_run: options['dryRun'] === true,
        now: new Date(),
        outlast: (ms) => sleep(ms),
        makeLauncher: (place) => launcherAt(home, terminal.env, place).ensure(),
        progress,
      }),
    );
    await tell(terminal, result, json);
    return 0;
  },
};

function homeFrom(terminal: Terminal, to: unknown): string {
  const { home, database } = readConfig(terminal.env);
  const file = fileOf(database, 'restore');
  if (typeof to === 'string') return absolutePath(to, terminal);
  if (file === join(home, 'state.db')) return home;
  throw invalidInput('MCP_ORCHESTRATION_DATABASE_URL', 'the store that it names is outside the data directory', {
    hint: 'Restore with --to DIRECTORY, and let the variable name the state.db in it.',
  });
}

async function tell(terminal: Terminal, result: RestoreResult, json: boolean): Promise<void> {
  if (json) return write(terminal.stdout, `${JSON.stringify(result)}\n`);
  const { status, home, backup, previous, machine_id, tables } = withoutColours(result);
  const style = await styleFor(terminal);
  const done = status === 'restored';
  const counts = tables.filter(({ rows }) => rows > 0).map(({ table, rows }) => `${table} ${rows}`);
  const lines = [
    done
      ? `${style.good('Restored')} ${home} as it was at ${backup.created_at}`
      : `${home} would be as it was at ${backup.created_at}`,
    `  ${counts.join(', ')}`,
    ...(previous === null ? [] : [`  what was there before ${done ? 'is' : 'would be'} in ${previous}`]),
    ...(machine_id === 'new' ? ['  with a machine id of its own: nothing counts as deployed here'] : []),
  ];
  await write(terminal.stdout, printable(`${lines.join('\n')}\n`));
  const notes = [
    ...(backup.with_keys ? [] : ['The private keys are not in the backup: put keys/ back before you publish.']),
    ...(done
      ? [
          'Next: mcp-orchestration doctor --deep',
          'What was done after the backup is gone. A token that was revoked since is accepted again, and a key that was replaced signs again: revoke and replace them once more.',
        ]
      : ['Nothing was written.']),
  ];
  await write(terminal.stderr, printable(asTyped(`${notes.join('\n')}\n`, terminal)));
}
