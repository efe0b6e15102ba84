import { existsSync } from 'node:fs';
import { z } from 'zod';
import { type CliSettings, report, runCli } from '../adapters/cli/cli.ts';
import { completionVerb } from '../adapters/cli/local/completion.ts';
import { initVerb } from '../adapters/cli/local/init.ts';
import type { Terminal } from '../adapters/cli/terminal.ts';
import { enableFailpoints } from '../io/failpoint.ts';
import { operationsOf } from '../operations/nouns.ts';
import { type Operation, refusal } from '../operations/operation.ts';
import { IS_BUNDLED, nounOfVerb } from './build.ts';
import { type App, compose, newRequestId, now } from './compose.ts';
import { type Database, readConfig } from './config.ts';
import { quietLog } from './log.ts';
import { observedBy, tracesOf } from './telemetry/start.ts';
import type { Tracing } from './telemetry/tracing.ts';
import { backupVerb } from './verbs/backup.ts';
import { execServer } from './verbs/exec-server.ts';
import { migrateDatabaseVerb } from './verbs/migrate-database.ts';
import { migrateStoreVerb } from './verbs/migrate-store.ts';
import { restoreVerb } from './verbs/restore.ts';
import { serve } from './verbs/serve.ts';
import { serveHttp } from './verbs/serve-http.ts';
import { VERSION } from './version.ts';

/** Runs one command line against real streams and files; returns the exit code. */
export async function main(terminal: Terminal): Promise<number> {
  const log = quietLog(
    (line) => terminal.stderr.write(`${line}\n`),
    terminal.env['MCP_ORCHESTRATION_LOG_LEVEL'] === 'debug',
  );
  let app: App | undefined;
  let tracing: Tracing | undefined;
  const contextOf = async () => {
    if (app === undefined) {
      tracing = await tracesOf(terminal.env, log);
      const config = readConfig(terminal.env);
      app = await compose({ config, env: terminal.env, log, ...(tracing && observedBy(tracing)) });
    }
    return app.localContext('cli');
  };
  try {
    if (!IS_BUNDLED) enableFailpoints(terminal.env['MCP_ORCHESTRATION_FAILPOINTS'] ?? '');
    const asked = withDefaultVerb(terminal);
    const settings: CliSettings = {
      version: VERSION,
      operations: await operationsFor(asked.args),
      locals: [
        initVerb(contextOf),
        serve,
        serveHttp,
        backupVerb,
        restoreVerb,
        execServer,
        migrateDatabaseVerb,
        migrateStoreVerb,
        completionVerb,
      ],
      contextOf,
      storedContext: async () => (isThere(readConfig(terminal.env).database) ? contextOf() : undefined),
      fallback: { now, request_id: newRequestId(), services: { log } },
    };
    return await runCli(asked, settings);
  } catch (error) {
    return report(
      refusal(error, { now, request_id: newRequestId(), services: { log } }),
      terminal,
      terminal.args.includes('--json'),
    );
  } finally {
    await app?.close();
    await tracing?.stop();
  }
}

/** Whether there is anything to look up: a shell that completes a word makes no file, and waits for no server. */
const isThere = (database: Database): boolean => database.kind === 'sqlite' && existsSync(database.path);

/** Where the verb says it all, only the module that has its operation is loaded; help and suggestions are about all. */
async function operationsFor([verb = '']: readonly string[]): Promise<readonly Operation[]> {
  const noun = nounOfVerb(verb);
  if (noun === undefined) return (await import('../operations/index.ts')).OPERATIONS;
  z.config({ jitless: true }); // a compiled parser is worth its making only where it parses again and again
  return operationsOf(noun);
}

/** Without a verb: a program that starts us with pipes wants MCP over stdio; a person wants to know what can be done. */
function withDefaultVerb(terminal: Terminal): Terminal {
  if (terminal.args.length > 0) return terminal;
  return { ...terminal, args: terminal.stdin.isTTY ? ['--help'] : ['serve'] };
}
