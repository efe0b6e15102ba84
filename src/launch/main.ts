import { isAbsolute, join } from 'node:path';
import type { Writable } from 'node:stream';
import { parseArgs } from 'node:util';
import { BRIDGE, bridgeCommand } from '../clients/bridge.ts';
import { isRemote } from '../core/entry-kind.ts';
import { AppError, ERRORS, invalidInput, problemOf } from '../core/errors.ts';
import { readSecret } from '../io/secrets/read.ts';
import { type Found, findDeployed, type Wanted } from './deployed.ts';
import { resolveRecord, resolveText, type Sources } from './resolve.ts';
import { type Command, start } from './start.ts';

/**
 * `exec-server`: what an entry calls whose client cannot resolve its references. It finds the deployed release, verifies
 * it, fills in the references and becomes the server. Standard output belongs to the protocol: words go to stderr.
 */
export async function main(
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  stderr: Writable = process.stderr,
): Promise<number> {
  try {
    const wanted = wantedFrom(args);
    const { data_dir, database } = placesFrom(env);
    const found = findDeployed(data_dir, database, wanted, new Date());
    const passphrase_file = env['MCP_ORCHESTRATION_KEY_PASSPHRASE_FILE'];
    const sources: Sources = {
      env,
      inputs: found.inputs,
      declared: found.payload.inputs,
      secret: (name) => readSecret({ data_dir, passphrase_file }, name),
    };
    return await start(await commandOf(found, sources, wanted), env);
  } catch (error) {
    const problem = problemOf(error, { timestamp: new Date().toISOString(), request_id: 'exec-server' });
    const cause = error instanceof AppError ? '' : ` ${error instanceof Error ? error.message : String(error)}`;
    stderr.write(`mcp-orchestration: ${problem.code}: ${problem.message}${cause}\n${problem.hint}\n`);
    return error instanceof AppError ? ERRORS[error.code].exit : 1;
  }
}

function wantedFrom(args: readonly string[]): Wanted {
  const text = { type: 'string' } as const;
  const options = { client: text, profile: text, 'config-scope': text, project: text, 'config-path': text };
  let parsed: ReturnType<typeof parseArgs<{ options: typeof options; allowPositionals: true; args: string[] }>>;
  try {
    parsed = parseArgs({ args: [...args], options, allowPositionals: true, strict: true });
  } catch (cause) {
    throw usage((cause as Error).message.split('\n')[0] ?? 'unknown flag');
  }
  const { values, positionals } = parsed;
  const [server_name] = positionals;
  if (server_name === undefined || positionals.length !== 1 || values.client === undefined) {
    throw usage('give --client and exactly one server name');
  }
  return {
    client_id: values.client,
    profile_id: values.profile ?? 'default',
    config_scope: values['config-scope'] ?? 'user',
    project: values.project ?? null,
    config_path: values['config-path'] ?? null,
    server_name,
  };
}

const usage = (what: string): AppError =>
  invalidInput('command line', what, {
    hint: 'exec-server --client CLIENT [--profile PROFILE] [--config-scope SCOPE] [--project DIR] [--config-path FILE] NAME',
  });

function placesFrom(env: NodeJS.ProcessEnv): { data_dir: string; database: string } {
  const home = env['HOME'] ?? env['USERPROFILE'];
  const given = env['MCP_ORCHESTRATION_HOME'];
  const data_dir = given ?? (home && join(home, '.mcp-orchestration'));
  if (!data_dir || !isAbsolute(data_dir)) {
    throw invalidInput(
      'HOME',
      'the data directory cannot be found: set HOME or MCP_ORCHESTRATION_HOME to an absolute path',
    );
  }
  const url = env['MCP_ORCHESTRATION_DATABASE_URL'];
  if (url?.startsWith('postgres')) {
    throw invalidInput('MCP_ORCHESTRATION_DATABASE_URL', 'the launcher reads a store in a file, not PostgreSQL');
  }
  return { data_dir, database: url?.startsWith('sqlite:') ? url.slice('sqlite:'.length) : join(data_dir, 'state.db') };
}

/** References are resolved here, and nowhere before: the values are in this process alone. */
async function commandOf({ entry, payload }: Found, sources: Sources, { server_name }: Wanted): Promise<Command> {
  if (entry.disabled === true) throw invalidInput('server_name', `"${server_name}" is switched off in this release`);
  if (isRemote(entry)) {
    const { command, args, env } = bridgeCommand(entry, payload.bridge ?? BRIDGE);
    const resolved = args.map((text) => (text === entry.url ? resolveText(text, sources) : text));
    return { command, args: await Promise.all(resolved), env: await resolveRecord(env, sources), cwd: undefined };
  }
  return {
    command: entry.command,
    args: await Promise.all(entry.args.map((text) => resolveText(text, sources))),
    env: await resolveRecord(entry.env, sources),
    cwd: entry.cwd === undefined ? undefined : await resolveText(entry.cwd, sources),
  };
}
