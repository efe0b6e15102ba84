import type { LocalVerb } from '../../adapters/cli/cli.ts';
import { styleFor, write } from '../../adapters/cli/terminal.ts';
import { invalidInput } from '../../core/errors.ts';
import { readConfig } from '../config.ts';

/** `migrate-database`: for servers whose role may change rows and nothing else, run by the role that owns the tables. */
export const migrateDatabaseVerb: LocalVerb = {
  verb: 'migrate-database',
  summary: 'Bring the tables in PostgreSQL up to date, before servers of this version start',
  declare(command) {
    command
      .option('--grant-to <role>', 'let this role read and write rows, and nothing else')
      .option('--json', 'print one JSON object, and nothing else, on stdout');
  },
  async run(terminal, options) {
    const { database } = readConfig(terminal.env);
    if (database.kind !== 'postgres') {
      throw invalidInput(
        'MCP_ORCHESTRATION_DATABASE_URL',
        'it names no PostgreSQL; a file is brought up to date by itself',
      );
    }
    const granted_to = typeof options['grantTo'] === 'string' ? options['grantTo'] : null;
    const { migrateDatabase } = await import('../../stores/postgres.ts');
    const { migrated } = await migrateDatabase(database.url, granted_to ?? undefined);
    const result = { status: migrated ? 'migrated' : 'current', granted_to };
    if (options['json'] === true) {
      await write(terminal.stdout, `${JSON.stringify(result)}\n`);
      return 0;
    }
    const style = await styleFor(terminal);
    const state = migrated ? 'The tables are up to date now.' : 'The tables were up to date.';
    const grant = granted_to === null ? '' : ` The role ${granted_to} can use them.`;
    await write(terminal.stdout, `${style.good('Ready.')} ${state}${grant}\n`);
    return 0;
  },
};
