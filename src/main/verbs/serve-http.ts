import { hostname, networkInterfaces } from 'node:os';
import type { AddressInfo } from 'node:net';
import closeWithGrace from 'close-with-grace';
import type { Command } from 'commander';
import type { LocalVerb } from '../../adapters/cli/cli.ts';
import { styleFor, type Terminal, write } from '../../adapters/cli/terminal.ts';
import { OPERATIONS } from '../../operations/index.ts';
import { invoke } from '../../operations/operation.ts';
import { generateToken } from '../../operations/tokens.ts';
import { type App, compose, now } from '../compose.ts';
import { type Config, readConfig } from '../config.ts';
import { makeLog } from '../log.ts';

const LOOPBACK = new Set(['127.0.0.1', '::1', 'localhost']);

/** `serve-http`: REST, documents and health over HTTP, until a signal asks it to stop. */
export const serveHttp: LocalVerb = {
  verb: 'serve-http',
  summary: 'Serve the REST API over HTTP (http://127.0.0.1:8000 unless told otherwise)',
  declare(command: Command) {
    command
      .option('--host <address>', 'address to listen on; anything but loopback turns server mode on')
      .option('--port <number>', 'port to listen on; 0 picks one')
      .option('--log-level <level>', 'trace, debug, info, warn, error, fatal or silent')
      .option('--allow-deploy', 'in server mode: let callers deploy into the files of this machine')
      .option('--json', 'print the ready line as JSON');
  },
  async run(terminal, options) {
    const config = readConfig(terminal.env, { HOST: options['host'], PORT: options['port'], LOG_LEVEL: options['logLevel'] });
    const mode = LOOPBACK.has(config.HOST) ? 'local' : 'server';
    const allow_http_deploy = mode === 'local' || options['allowDeploy'] === true;
    const log = makeLog(config.LOG_LEVEL);
    const app = await compose({ config, env: terminal.env, log, mode, allow_http_deploy });
    const { restServer } = await import('../../adapters/rest/server.ts');
    const server = await restServer({
      operations: OPERATIONS,
      store: app.store,
      services: app.services,
      api_key: config.API_KEY,
      cors_origins: new Set(config.CORS_ORIGINS),
      allowed_hosts: new Set([...hostNames(mode), ...config.ALLOWED_HOSTS.map((name) => name.toLowerCase())]),
      now,
    });
    await server.listen({ host: config.HOST, port: config.PORT });
    await announce(terminal, app, config, (server.server.address() as AddressInfo).port, options['json'] === true);
    return new Promise((resolve) => {
      closeWithGrace({ delay: 10_000, logger: false }, async ({ signal, err }) => {
        if (err) log.error({ err }, 'stopping after an unexpected error');
        else log.info({ signal }, 'stopping');
        await server.close();
        await app.close();
        resolve(err ? 1 : 0);
      });
    });
  },
};

/** The names under which requests may reach this server: a page on the web cannot make a browser send another one. */
function hostNames(mode: 'local' | 'server'): string[] {
  const loopback = ['127.0.0.1', '[::1]', 'localhost'];
  if (mode === 'local') return loopback;
  const addresses = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  const own = addresses.map(({ address, family }) => (family === 'IPv6' ? `[${address}]` : address));
  return [...loopback, hostname().toLowerCase(), ...own];
}

async function announce(terminal: Terminal, app: App, config: Config, port: number, json: boolean): Promise<void> {
  const host = config.HOST.includes(':') ? `[${config.HOST}]` : config.HOST;
  const url = `http://${host}:${port}`;
  const line = json ? JSON.stringify({ url, docs_url: `${url}/docs`, pid: process.pid }) : `Listening on ${url}`;
  const style = styleFor({ ...terminal, stdout: terminal.stderr });
  const notes = [`Documentation: ${url}/docs`, ...(await firstToken(app, config))];
  if (app.services.mode === 'server') {
    notes.push(
      style.warn('WARNING: this server is reachable from other machines without TLS. Put a TLS proxy in front of it, or listen on 127.0.0.1.'),
    );
  }
  await write(terminal.stdout, `${line}\n`);
  await write(terminal.stderr, `${notes.join('\n')}\n`);
}

/** The first start makes one API token and shows it once, so that the next command can be a request. */
async function firstToken(app: App, config: Config): Promise<string[]> {
  if (config.API_KEY !== undefined || (await app.store.tokens.count()) > 0) return [];
  const made = await invoke(generateToken, { ...app.localContext('cli') }, { name: 'first token', role: 'admin' });
  return [`API token (shown only now): ${made['token']}`];
}
