import type { AddressInfo } from 'node:net';
import { hostname, networkInterfaces } from 'node:os';
import type { Command } from 'commander';
import type { FastifyInstance } from 'fastify';
import type { LocalVerb } from '../../adapters/cli/cli.ts';
import { styleFor, type Terminal, write } from '../../adapters/cli/terminal.ts';
import type { RestSettings } from '../../adapters/rest/server.ts';
import { DEFAULT_WORKSPACE } from '../../core/binding.ts';
import { AppError } from '../../core/errors.ts';
import { invoke } from '../../operations/operation.ts';
import type { Keeper } from '../../operations/pointer-keeper.ts';
import type { Log } from '../../operations/services.ts';
import type { Sender } from '../../operations/webhooks/sender.ts';
import { type App, compose, now, targetRules } from '../compose.ts';
import { type Config, readConfig } from '../config.ts';
import { readinessOf } from '../readiness.ts';
import { logAndTraces } from '../telemetry/start.ts';
import type { Look } from '../unclean-store.ts';
import { VERSION } from '../version.ts';
import { Connections } from './connections.ts';
import { mcpDoor } from './mcp-door.ts';

/** So often, in milliseconds, a stop looks whether the database still answers: without an answer it ends in less than 8 s. */
const SILENCE_MS = 3_500;

/** Addresses to listen on that stand for all of this machine's: nobody asks for a host of that name. */
const EVERYWHERE = new Set(['0.0.0.0', '::']);

const ENVIRONMENT = `
Environment:
  MCP_ORCHESTRATION_HOST, _PORT, _LOG_LEVEL     what the flags say; flags win
  MCP_ORCHESTRATION_TLS_CERT, _TLS_KEY          speak HTTPS
  MCP_ORCHESTRATION_TRUSTED_PROXIES             proxies that are believed; turns
                                                server mode on
  MCP_ORCHESTRATION_ALLOWED_HOSTS               more names of this server
  MCP_ORCHESTRATION_CORS_ORIGINS                web pages that may call
  MCP_ORCHESTRATION_API_KEY                     one key for the whole server
  MCP_ORCHESTRATION_OIDC_ISSUER, _OIDC_AUDIENCE sign in with OpenID Connect
  MCP_ORCHESTRATION_RATE_LIMIT                  requests a second, or off
  MCP_ORCHESTRATION_WEBHOOK_ALLOW               webhooks to other addresses
  MCP_ORCHESTRATION_REGISTRY_URL                where servers are fetched from
  MCP_ORCHESTRATION_TOOLSETS                    toolsets of MCP besides core
  MCP_ORCHESTRATION_HOME, _DATABASE_URL         where it keeps everything
  MCP_ORCHESTRATION_REDIS_URL                   what several servers share
  MCP_ORCHESTRATION_KEY_PASSPHRASE_FILE         locks the store of secrets
  MCP_ORCHESTRATION_SIGNER_COMMAND              a program that signs
  OTEL_EXPORTER_OTLP_ENDPOINT                   send traces there
Defaults and more: user-docs/reference/configuration.md`;

/** `serve-http`: REST, documents and health over HTTP, until a signal asks it to stop. */
export const serveHttp: LocalVerb = {
  verb: 'serve-http',
  summary: 'Serve REST and MCP over HTTP (http://127.0.0.1:8000 unless told otherwise)',
  declare(command: Command) {
    command
      .option('--host <address>', 'address to listen on; anything but loopback turns server mode on')
      .option('--port <number>', 'port to listen on; 0 picks one')
      .option('--log-level <level>', 'trace, debug, info, warn, error, fatal or silent')
      .option('--allow-deploy', 'in server mode: let callers deploy into the files of this machine')
      .option('--legacy-sse', 'also serve MCP at /sse, for clients that know only HTTP+SSE of 2024-11-05')
      .option('--json', 'print the ready line as JSON')
      .addHelpText('after', ENVIRONMENT);
  },
  async run(terminal, options) {
    const { default: closeWithGrace } = await import('close-with-grace');
    const server = await openHttp(terminal, options);
    // Before the ready line: who reads that line may ask for a stop at once.
    const { promise: stopped, resolve } = Promise.withResolvers<number>();
    const signals = closeWithGrace({ delay: 10_000, logger: false }, async ({ signal, err }) => {
      if (err) server.log.error({ err }, 'stopping after an unexpected error');
      else server.log.info({ signal }, 'stopping');
      await server.close();
      resolve(err ? 1 : 0);
    });
    try {
      await server.announce();
    } catch (error) {
      // Else it would go on as a server of which its supervisor was told that it failed.
      signals.uninstall();
      await server.close();
      throw error;
    }
    return stopped;
  },
};

/** A server that listens. */
interface HttpServer {
  log: Log;
  /** Says where it is: the ready line, and notes for the person who started it. */
  announce(): Promise<void>;
  /** Answers what is in flight, then closes the store. Does not wait for a database that does not answer. */
  close(): Promise<void>;
}

/** Everything but the signals of the process: listens when it returns. */
export async function openHttp(terminal: Terminal, options: Record<string, unknown>): Promise<HttpServer> {
  const config = readConfig(terminal.env, {
    HOST: options['host'],
    PORT: options['port'],
    LOG_LEVEL: options['logLevel'],
  });
  const allow_http_deploy = config.mode === 'local' || options['allowDeploy'] === true;
  const { log, tracing } = await logAndTraces(terminal.env, config);
  const tls = await tlsOf(config);
  const { serverTelemetry } = await import('../telemetry/server.ts');
  const telemetry = serverTelemetry(tracing);
  const app = await compose({
    config,
    env: terminal.env,
    log,
    allow_http_deploy,
    observer: telemetry.observer,
    observe_statements: tracing !== undefined,
    lasting: true,
  });
  app.shared?.redis.start();
  const { OPERATIONS } = await import('../../operations/index.ts');
  const { restServer } = await import('../../adapters/rest/server.ts');
  let stopping = false;
  const server = await restServer({
    operations: OPERATIONS,
    store: app.store,
    dataVersion: app.store.dataVersion,
    services: app.services,
    mcp: mcpDoor({
      operations: OPERATIONS,
      version: VERSION,
      toolsets: new Set(config.TOOLSETS),
      legacy_sse: options['legacySse'] === true,
    }),
    api_key: config.API_KEY,
    rate_limit: rateLimit(config),
    shared_count: app.shared?.redis.count,
    trusted_proxies: config.TRUSTED_PROXIES,
    tls,
    oidc: await issuerOf(config, log),
    cors_origins: new Set(config.CORS_ORIGINS),
    allowed_hosts: new Set([...hostNames(config), ...config.ALLOWED_HOSTS.map((name) => name.toLowerCase())]),
    now,
    readiness: () => readinessOf(app, config),
    stopping: () => stopping,
    ...telemetry.forRest(app, config),
  });
  const connections = new Connections(server);
  await listen(server, app, config);
  const sender = await sendWebhooks(app, config);
  const keeper = await keepPointers(app);
  const unclean = await lookAtUncleanStore(app);
  const { port } = server.server.address() as AddressInfo;
  return {
    log,
    announce: () => announce(terminal, app, config, port, options['json'] === true),
    async close() {
      stopping = true;
      const look = setInterval(() => void app.store.endSilence?.(), SILENCE_MS);
      app.services.bell.endWaiting();
      await Promise.all([connections.close(), sender?.stop(), keeper?.stop(), unclean?.stop()]);
      await app.close();
      clearInterval(look);
      await tracing?.stop();
    },
  };
}

async function tlsOf({ TLS_CERT: cert, TLS_KEY: key }: Config): Promise<RestSettings['tls']> {
  if (cert === undefined || key === undefined) return undefined;
  const { readTls } = await import('../../io/tls.ts');
  return readTls({ cert, key });
}

/** Who signs in elsewhere. Nothing is asked of the issuer before the first token comes. */
async function issuerOf(config: Config, log: Log): Promise<RestSettings['oidc']> {
  const { OIDC_ISSUER: issuer, OIDC_AUDIENCE: audience, mode } = config;
  if (issuer === undefined || audience === undefined) return undefined;
  const { IssuerKeys } = await import('../../io/issuer-keys.ts');
  const { callersByJwt } = await import('../../adapters/rest/jwt.ts');
  const { find: keys } = new IssuerKeys({ issuer, loopback_http: mode === 'local', log });
  return { issuer, callerOf: callersByJwt({ issuer, audience, keys, log, now }) };
}

/** Only here: the other commands are gone before an answer could come. */
async function sendWebhooks(
  { store, services: { bell, log, observer } }: App,
  config: Config,
): Promise<Sender | undefined> {
  // Nobody would know what was sent.
  if (store.refusal) return undefined;
  const { startSender } = await import('../../operations/webhooks/sender.ts');
  const { openPoster } = await import('../../io/webhooks/post.ts');
  const { WebhookTargets } = await import('../../io/webhooks/targets.ts');
  const poster = openPoster(new WebhookTargets(targetRules(config)));
  return startSender({ store, bell, log, now, observer, poster });
}

/** Other machines believe a latest release only as long as its pointer lives. */
async function keepPointers({ store, services: { mode, keys, log } }: App): Promise<Keeper | undefined> {
  if (mode !== 'server' || store.refusal) return undefined;
  const { startPointerKeeper } = await import('../../operations/pointer-keeper.ts');
  return startPointerKeeper({ store, keys, log, now });
}

/** Only here, and when the server is ready already: a large file takes seconds, and mostly there is nothing to find. */
async function lookAtUncleanStore({ store: { unclean }, services: { log } }: App): Promise<Look | undefined> {
  if (unclean === undefined) return undefined;
  const { lookAt } = await import('../unclean-store.ts');
  return lookAt(unclean, log);
}

async function listen(server: FastifyInstance, app: App, { HOST: host, PORT: port }: Config): Promise<void> {
  try {
    await server.listen({ host, port });
  } catch (cause) {
    await server.close();
    // An open connection to a database or to Redis would keep the process.
    await app.close();
    const reason = (cause as NodeJS.ErrnoException).code ?? 'unknown';
    const what = {
      EADDRINUSE: 'another program uses it',
      EACCES: 'you may not use it',
      EADDRNOTAVAIL: 'this machine has no such address',
    }[reason];
    throw new AppError(
      'UNAVAILABLE',
      `Cannot listen on ${host} port ${port}: ${what ?? reason}.`,
      { reason, host, port },
      {
        cause,
        hint: 'Choose another port with --port (0 picks a free one), or stop the other program.',
      },
    );
  }
}

/** The names under which requests may reach this server: a page on the web cannot make a browser send another one. */
function hostNames({ mode, HOST: listening }: Config): string[] {
  const loopback = ['127.0.0.1', '[::1]', 'localhost'];
  if (mode === 'local') return loopback;
  const bracketed = (address: string) => (address.includes(':') ? `[${address}]` : address.toLowerCase());
  const addresses = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  const chosen = EVERYWHERE.has(listening) ? [] : [listening];
  return [
    ...loopback,
    hostname().toLowerCase(),
    ...[...chosen, ...addresses.map(({ address }) => address)].map(bracketed),
  ];
}

async function announce(terminal: Terminal, app: App, config: Config, port: number, json: boolean): Promise<void> {
  const reachable = EVERYWHERE.has(config.HOST) ? '127.0.0.1' : config.HOST;
  const host = reachable.includes(':') ? `[${reachable}]` : reachable;
  const url = `${config.TLS_CERT === undefined ? 'http' : 'https'}://${host}:${port}`;
  const line = json ? JSON.stringify({ url, docs_url: `${url}/docs`, pid: process.pid }) : `Listening on ${url}`;
  const style = await styleFor({ ...terminal, stdout: terminal.stderr });
  const notes = [`Documentation: ${url}/docs`, ...(await firstToken(app, config))];
  if (config.API_KEY !== undefined && config.API_KEY.length < 16) {
    notes.push(
      style.warn('WARNING: MCP_ORCHESTRATION_API_KEY is short enough to be guessed; use 16 characters or more.'),
    );
  }
  if (config.mode === 'server' && config.TLS_CERT === undefined && config.TRUSTED_PROXIES.length === 0) {
    notes.push(
      style.warn(
        'WARNING: this server is reachable from other machines without TLS. Set MCP_ORCHESTRATION_TLS_CERT and _TLS_KEY, or put a TLS proxy in front of it and name it in MCP_ORCHESTRATION_TRUSTED_PROXIES, or listen on 127.0.0.1.',
      ),
    );
  }
  for (const remark of await app.store.remarks()) notes.push(style.warn(`WARNING: ${remark}`));
  await write(terminal.stdout, `${line}\n`);
  await write(terminal.stderr, `${notes.join('\n')}\n`);
}

/** The first start makes one API token and shows it once, so that the next command can be a request. */
async function firstToken(app: App, config: Config): Promise<string[]> {
  if (config.API_KEY !== undefined || app.store.refusal || (await app.store.tokens.count()) > 0) return [];
  const { generateToken } = await import('../../operations/tokens.ts');
  return app.store.transaction(async (store) => {
    // Of several servers that start on an empty store, the first is let in alone, and the others see what it has made.
    await store.tokens.list(DEFAULT_WORKSPACE, { limit: 1 });
    if ((await store.tokens.count()) > 0) return [];
    const made = await invoke(
      generateToken,
      { ...app.localContext('cli'), store },
      { name: 'first token', role: 'admin' },
    );
    return [`API token (shown only now): ${made['token']}`];
  });
}

/** Requests a second of one credential. A server for others has a limit unless it was switched off; one for oneself has none. */
function rateLimit({ RATE_LIMIT, mode }: Config): number | undefined {
  if (RATE_LIMIT === 'off') return undefined;
  return RATE_LIMIT ?? (mode === 'server' ? 100 : undefined);
}
