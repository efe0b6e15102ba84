import { isIP } from 'node:net';
import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { z } from 'zod';
import { AppError } from '../core/errors.ts';
import { nullRecord } from '../core/ids.ts';
import { safeParse } from '../core/safe-parse.ts';
import { TOOLSETS } from '../operations/operation.ts';
import { IS_BUNDLED } from './build.ts';

/** Everything that can be set from outside, in one schema: the only reader of the environment. */

const PREFIX = 'MCP_ORCHESTRATION_';

const DATABASE_FORMS = 'give sqlite:PATH, or postgres://USER@HOST/DATABASE';
const TLS_MODES = new Set(['disable', 'prefer', 'require', 'verify-ca', 'verify-full']);
const TLS_FORMS =
  'TLS is named by sslmode alone: disable, or verify-full, which prefer, require and verify-ca mean as well';
const list = z.string().transform((text) =>
  text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== ''),
);
/** A program and its arguments, as they are: nothing is quoted or filled in, because no shell is asked. */
const words = z
  .string()
  .transform((text) => text.split(' ').filter((word) => word !== ''))
  .refine(([program = '']) => isAbsolute(program), 'begin with the absolute path of a program');
const path = z.string().refine(isAbsolute, 'give an absolute path');
const port = z
  .string()
  .regex(/^\d{1,5}$/, 'a port is a number from 0 to 65535')
  .transform(Number)
  .pipe(z.number().max(65_535, 'a port is a number from 0 to 65535'));

/** One setting per variable, without the prefix. */
const Settings = z.strictObject({
  HOME: z.string().optional(),
  API_KEY: z.string().min(1).optional(),
  HOST: z.string().min(1).default('127.0.0.1'),
  PORT: port.default(8000),
  LOG_LEVEL: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']).default('info'),
  CORS_ORIGINS: list
    .pipe(z.array(z.string().refine(isOrigin, 'an origin is scheme://host[:port], and "*" is not allowed')))
    .default([]),
  DATABASE_URL: z
    .string()
    .refine((text) => /^sqlite:.+/.test(text) || isPostgres(text), DATABASE_FORMS)
    .optional(),
  REDIS_URL: z
    .string()
    .refine(
      isRedis,
      'give redis://HOST:PORT/NUMBER or rediss://..., with USER:PASSWORD@ before the host where it needs them',
    )
    .optional(),
  KEY_PASSPHRASE_FILE: path.optional(),
  SIGNER_COMMAND: words.optional(),
  ALLOWED_HOSTS: list.default([]),
  TRUSTED_PROXIES: list
    .pipe(z.array(z.string().refine(isNetwork, 'give addresses or networks such as 10.0.0.0/8, several with commas')))
    .default([]),
  TLS_CERT: path.optional(),
  TLS_KEY: path.optional(),
  TOOLSETS: list
    .pipe(z.array(z.enum(TOOLSETS, `there is no such toolset; there are ${TOOLSETS.join(', ')}`)))
    .default([]),
  WEBHOOK_ALLOW: list
    .pipe(z.array(z.string().refine(isHostAndPort, 'give host:port, several with commas; the host as in the URL')))
    .default([]),
  REGISTRY_URL: z
    .string()
    .refine(isRegistry, 'give the address before /v0.1, without query and credentials')
    .optional(),
  OIDC_ISSUER: z.string().refine(isIssuer, 'give the https URL that the issuer has in its tokens').optional(),
  OIDC_AUDIENCE: z.string().min(1).optional(),
  SERVER: z.string().refine(isServer, 'give the http or https URL of the server, without credentials').optional(),
  TOKEN: z.string().min(1).optional(),
  RATE_LIMIT: z
    .union([z.literal('off'), z.coerce.number().int().min(1).max(100_000)], 'say how many requests a second, or off')
    .optional(),
  ...(!IS_BUNDLED && { FAILPOINTS: z.string().optional() }),
});
export type Settings = z.output<typeof Settings>;

/** Settings that mean nothing alone. */
const PAIRS = [
  ['TLS_CERT', 'TLS_KEY'],
  ['OIDC_ISSUER', 'OIDC_AUDIENCE'],
] as const;

function isOrigin(text: string): boolean {
  return URL.canParse(text) && new URL(text).origin === text;
}

function isHostAndPort(text: string): boolean {
  const [, host = '', port] = /^([\w.-]+|\[[\da-f:]+\]):(\d{1,5})$/i.exec(text) ?? [];
  const known = URL.canParse(`http://${host}`) ? new URL(`http://${host}`) : undefined;
  return known?.host === host.toLowerCase() && Number(port) > 0 && Number(port) <= 65_535;
}

function isPostgres(text: string): boolean {
  return /^postgres(?:ql)?:\/\/./.test(text) && URL.canParse(text) && new URL(text).pathname.length > 1;
}

/** The driver takes more words, and leaves the certificate unchecked for some. */
function hasKnownTls(text: string): boolean {
  const { searchParams } = new URL(text);
  const mode = searchParams.get('sslmode');
  return (mode === null || TLS_MODES.has(mode)) && !searchParams.has('uselibpqcompat') && !searchParams.has('ssl');
}

/** The driver would take settings of its own from a query. */
function isRedis(text: string): boolean {
  const url = /^rediss?:\/\//.test(text) && URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || url.hostname === '' || /[?#]/.test(text)) return false;
  return /^\/?\d{0,4}$/.test(url.pathname) && isDecodable(url.username + url.password);
}

function isDecodable(text: string): boolean {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
}

function isRegistry(text: string): boolean {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || url.username !== '' || url.password !== '' || /[?#]/.test(text)) return false;
  return url.protocol === 'https:' || url.protocol === 'http:';
}

/** Not a network that holds every address: who may say where requests come from is never everybody. */
function isNetwork(text: string): boolean {
  const [, address = '', length] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(text) ?? [];
  const bits = { 4: 32, 6: 128 }[isIP(address)] ?? 0;
  return bits > 0 && (length === undefined || (Number(length) > 0 && Number(length) <= bits));
}

/** As the client for programs takes it. */
function isServer(text: string): boolean {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  return url !== undefined && /^https?:$/.test(url.protocol) && url.username === '' && !/[?#]/.test(text);
}

const LOOPBACK = new Set(['127.0.0.1', '::1', 'localhost']);

/** https, or plain http on this machine; without query and fragment (OpenID Connect Discovery 1.0, section 4). */
function isIssuer(text: string): boolean {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || url.username !== '' || /[?#]/.test(text)) return false;
  return url.protocol === 'https:' || isLoopbackHttp(url);
}

export const isLoopbackHttp = ({ protocol, hostname }: URL) =>
  protocol === 'http:' && LOOPBACK.has(hostname.replace(/^\[|\]$/g, ''));

/** Where everything is kept. The path is absolute, or `:memory:`; the URL may hold a password. */
export type Database = { kind: 'sqlite'; path: string } | { kind: 'postgres'; url: string };

export interface Config extends Omit<Settings, 'HOME'> {
  /** Absolute path of the data directory. */
  home: string;
  database: Database;
  /**
   * Listening anywhere but on loopback is server mode, for every process that reads these settings, and so is a proxy that
   * brings the requests of others.
   */
  mode: 'local' | 'server';
}

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Reads all settings; flags win over the environment. Throws INVALID_INPUT that names every bad or unknown one as it was
 * given: the flag or the variable. Values are never quoted: one of them may be a key.
 */
export function readConfig(env: Environment, flags: Partial<Record<keyof Settings, unknown>> = {}): Config {
  const given = nullRecord<unknown>();
  const issues: { path: string; message: string }[] = [];
  for (const [name, value] of Object.entries(env)) {
    if (!name.startsWith(PREFIX) || value === undefined || value === '') continue;
    given[name.slice(PREFIX.length)] = value;
  }
  const typed = Object.entries(flags).filter(([, value]) => value !== undefined);
  for (const [name, value] of typed) given[name] = value;
  const flagOf = new Map(typed.map(([name]) => [name, `--${name.toLowerCase().replaceAll('_', '-')}`]));
  const parsed = safeParse(Settings, given, { jitless: true });
  for (const issue of parsed.error?.issues ?? []) {
    const names =
      'keys' in issue && issue.code === 'unrecognized_keys' ? issue.keys : [issue.path.map(String)[0] ?? ''];
    const message = issue.code === 'unrecognized_keys' ? 'there is no such setting' : issue.message;
    for (const name of names) issues.push({ path: flagOf.get(name) ?? `${PREFIX}${name}`, message });
  }
  issues.push(...halfPairs(given));
  if (issues.length > 0 || !parsed.success) throw badSettings(issues);
  const home = dataDirectory(parsed.data.HOME, env);
  const database = databaseOf(parsed.data.DATABASE_URL ?? `sqlite:${join(home, 'state.db')}`);
  const { HOST, TRUSTED_PROXIES, OIDC_ISSUER } = parsed.data;
  const mode = LOOPBACK.has(HOST) && TRUSTED_PROXIES.length === 0 ? 'local' : 'server';
  if (mode === 'server' && OIDC_ISSUER !== undefined && isLoopbackHttp(new URL(OIDC_ISSUER)))
    throw badSettings([
      { path: `${PREFIX}OIDC_ISSUER`, message: 'in server mode the issuer is asked over https only' },
    ]);
  return { ...parsed.data, home, database, mode };
}

/** A setting without the one that it needs is named as that one: it is what is missing. */
function halfPairs(given: Readonly<Record<string, unknown>>): { path: string; message: string }[] {
  return PAIRS.flatMap((pair) => {
    const missing = pair.filter((name) => given[name] === undefined);
    const other = pair.find((name) => given[name] !== undefined);
    if (missing.length !== 1 || other === undefined) return [];
    return [{ path: `${PREFIX}${missing[0]}`, message: `${PREFIX}${other} is set and needs it` }];
  });
}

/** The database of a URL; `name` is what gave it. Throws INVALID_INPUT that names it and does not quote it. */
export function databaseOf(url: string, name = `${PREFIX}DATABASE_URL`): Database {
  if (isPostgres(url)) {
    if (!hasKnownTls(url)) throw badSettings([{ path: name, message: TLS_FORMS }]);
    return { kind: 'postgres', url };
  }
  const path = url.slice('sqlite:'.length);
  if (!url.startsWith('sqlite:')) throw badSettings([{ path: name, message: DATABASE_FORMS }]);
  if (path === ':memory:' || isAbsolute(path)) return { kind: 'sqlite', path };
  throw badSettings([{ path: name, message: 'give an absolute path' }]);
}

function badSettings(issues: { path: string; message: string }[]): AppError {
  const text = issues.map((issue) => `${issue.path}: ${issue.message}`).join('; ');
  return new AppError(
    'INVALID_INPUT',
    text,
    { field: issues[0]?.path ?? '', reason: issues[0]?.message ?? '', issues },
    {
      hint: 'Correct or unset the environment variables (or flags) that are named.',
    },
  );
}

function dataDirectory(given: string | undefined, env: Environment): string {
  if (given !== undefined) {
    if (isAbsolute(given)) return given;
    throw badSettings([{ path: `${PREFIX}HOME`, message: 'give an absolute path' }]);
  }
  return join(userHome(env), '.mcp-orchestration');
}

/** The user's home directory. Refuses one that is missing, relative or the root: files would land in strange places. */
export function userHome(env: Environment): string {
  const home = env['HOME'] ?? env['USERPROFILE'] ?? (process.platform === 'win32' ? homedir() : undefined);
  if (home && isAbsolute(home) && home !== '/') return home;
  throw new AppError('INVALID_INPUT', 'HOME must be the absolute path of your home directory.', {
    field: 'HOME',
    reason: home ? 'not usable as a home directory' : 'not set',
    issues: [{ path: 'HOME', message: 'set it to the absolute path of your home directory' }],
  });
}
