import { join } from 'node:path';
import type { LocalVerb } from '../../adapters/cli/cli.ts';
import { progressFor } from '../../adapters/cli/progress.ts';
import {
  absolutePath,
  asTyped,
  printable,
  styleFor,
  type Terminal,
  withoutColours,
  write,
} from '../../adapters/cli/terminal.ts';
import { AppError, invalidInput } from '../../core/errors.ts';
import type { BackupResult } from '../backup/create.ts';
import { type Database, readConfig } from '../config.ts';
import { VERSION } from '../version.ts';

/** Without the setting the walls between workspaces would hide every row, and the dump would be an empty one. */
const EVERY_ROW = 'PGOPTIONS="-c mcp_orchestration.workspace=*"';
const PG_DUMP = `${EVERY_ROW} pg_dump --enable-row-security --format=custom --file=mcp-orchestration.dump "$MCP_ORCHESTRATION_DATABASE_URL"`;
const PG_RESTORE = `${EVERY_ROW} pg_restore --enable-row-security --clean --if-exists --no-owner --single-transaction --dbname="$MCP_ORCHESTRATION_DATABASE_URL" mcp-orchestration.dump`;

/** The file of the store. One in PostgreSQL is backed up by what PostgreSQL has for that; its URL is not repeated. */
export function fileOf(database: Database, verb: 'backup' | 'restore'): string {
  if (database.kind === 'sqlite') return database.path;
  const command = verb === 'backup' ? PG_DUMP : PG_RESTORE;
  const hint = `Say:\n${command}\nand copy keys/ of the data directory, and of secrets.json, machine-id and pull.env what is there.`;
  const message = `The store is in PostgreSQL, and ${verb} is for a store in a file.`;
  throw new AppError('UNAVAILABLE', message, { reason: 'postgres' }, { hint });
}

/** The one directory that is named. */
export function directoryIn(words: readonly string[], terminal: Terminal): string {
  const [word] = words;
  if (word === undefined || word === '') throw invalidInput('directory', 'name the directory of the backup');
  return absolutePath(word, terminal);
}

/** Runs the work of a verb, and shows while it runs what it does. */
export async function watched<T>(
  terminal: Terminal,
  json: boolean,
  work: (progress: (doing: string) => void) => Promise<T>,
): Promise<T> {
  const progress = progressFor(terminal, json);
  try {
    return await work((doing) => progress?.show(doing));
  } finally {
    progress?.clear();
  }
}

/** `backup`: a whole copy of the data directory that can be restored, beside servers that go on. */
export const backupVerb: LocalVerb = {
  verb: 'backup',
  summary: 'Make a whole copy of the data directory, also while servers use it',
  declare(command) {
    command
      .argument('<directory>', 'where the backup is to be: not there yet, or empty')
      .option('--without-keys', 'leave out the private keys: who restores it must have them from elsewhere')
      .option('--with-client-backups', 'also the copies of client files that deployments made')
      .option('--json', 'print one JSON object, and nothing else, on stdout');
  },
  async run(terminal, options, words) {
    const { home, ...config } = readConfig(terminal.env);
    const database = fileOf(config.database, 'backup');
    const directory = directoryIn(words, terminal);
    if (directory === home || directory.startsWith(join(home, '/'))) {
      throw invalidInput('directory', 'it is inside the data directory, and would go with it');
    }
    const json = options['json'] === true;
    const { createBackup } = await import('../backup/create.ts');
    const { launcherAt } = await import('../compose.ts');
    const result = await watched(terminal, json, (progress) =>
      createBackup({
        home,
        database,
        directory,
        version: VERSION,
        launcher: launcherAt(home, terminal.env).path,
        with_keys: options['withoutKeys'] !== true,
        with_client_backups: options['withClientBackups'] === true,
        now: new Date(),
        progress,
      }),
    );
    await tell(terminal, result, json);
    return result.problems.some(({ severity }) => severity === 'error') ? 7 : 0;
  },
};

async function tell(terminal: Terminal, result: BackupResult, json: boolean): Promise<void> {
  if (json) return write(terminal.stdout, `${JSON.stringify({ status: 'backed_up', ...result })}\n`);
  const { directory, files, tables, problems, with_keys } = withoutColours(result);
  const style = await styleFor(terminal);
  const bytes = files.reduce((sum, { size }) => sum + size, 0);
  const counts = tables.filter(({ rows }) => rows > 0).map(({ table, rows }) => `${table} ${rows}`);
  const lines = [
    `${style.good('Backed up')} to ${directory}: ${files.length} files, ${bytes} bytes`,
    `  ${counts.join(', ')}`,
  ];
  await write(terminal.stdout, printable(`${lines.join('\n')}\n`));
  const notes = [
    ...problems.map(({ severity, code, message }) => `${severity}: ${code}: ${message}`),
    ...(problems.length > 0 ? ['See `mcp-orchestration doctor --deep`.'] : []),
    with_keys
      ? 'It holds the private key that signs for you, the key of the secrets, and the secrets of webhooks: keep it as you keep those.'
      : 'The private keys are not in it: keep keys/ of the data directory elsewhere. The secrets of webhooks are.',
    `Restore it with: mcp-orchestration restore ${directory}`,
  ];
  await write(terminal.stderr, printable(asTyped(`${notes.join('\n')}\n`, terminal)));
}
