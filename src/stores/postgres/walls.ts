import pg from 'pg';

/** Stands for every workspace, where a question is about more than one. No workspace has such a name. */
export const EVERY_WORKSPACE = '*';

/** What the policies of the tables compare with. */
export const WALL = 'mcp_orchestration.workspace';

/** Outside a transaction: what follows on the connection sees this workspace only. */
export const ENTER = `select set_config('${WALL}', $1, false)`;

/** Inside a transaction: what follows sees this workspace only. */
export const enterText = (workspace: string): string =>
  `select set_config('${WALL}', ${pg.escapeLiteral(workspace)}, true)`;

/**
 * The same, and of the transactions in one workspace one runs after the other. So each finds what those before it have
 * left, as on SQLite, whatever it reads before it writes.
 */
export const enterAloneText = (workspace: string): string =>
  workspace === EVERY_WORKSPACE
    ? enterText(workspace)
    : `${enterText(workspace)}, pg_advisory_xact_lock(hashtext(current_schema::text), hashtext(${pg.escapeLiteral(workspace)}))`;
