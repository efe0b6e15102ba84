import type { ClientDefinition } from '../../src/clients/client.ts';
import { describeClient } from '../../src/clients/describe.ts';
import { CLIENTS } from '../../src/clients/index.ts';
import { ERRORS } from '../../src/core/errors.ts';
import { ROLES, SCOPES } from '../../src/core/scopes.ts';
import { readConfig } from '../../src/main/config.ts';
import { OPERATIONS } from '../../src/operations/index.ts';
import { code, codes, page, plain, table } from './markdown.ts';

/** The pages about what is known: errors, clients and settings. */

export function errorsPage(): string {
  const users = (name: string) =>
    OPERATIONS.filter(({ errors }) => (errors as readonly string[]).includes(name)).map(
      ({ mcp, cli, id }) => mcp?.tool ?? cli?.verb ?? id,
    );
  const rows = Object.entries(ERRORS).map(([name, { meaning, status, exit, hint }]) => [
    code(name),
    plain(meaning),
    String(status),
    String(exit),
    plain(hint),
    codes(users(name)),
  ]);
  return page('Errors', 'the error catalogue', [
    'Every refusal has one shape, on every door:',
    `\`\`\`json\n${JSON.stringify({ error: { code: 'SERVER_NOT_FOUND', message: '...', details: {}, hint: '...', timestamp: '2026-02-15T10:30:00.000Z', request_id: 'req_...' } }, null, 2)}\n\`\`\``,
    '`code` never changes its meaning. `message` says what happened in this case, `hint` what to do next. `details` never holds a secret or the value of a parameter.',
    'REST sends the object with the status of the table. MCP sends it as the text of an `isError` result. The command line shows code, message and hint on stderr, ends with the exit code of the table, and prints the object on stdout with `--json`.',
    'Statuses of the HTTP layer that are not in the table (408, 414, 417, 431, 501 and the like) carry their reason phrase in upper snake case as code.',
    table(['code', 'what it means', 'REST', 'exit', 'what to do next', 'operations'], rows),
  ]);
}

const yes = (flag: boolean) => (flag ? 'yes' : '');

export function clientsPage(): string {
  const writable = CLIENTS.filter(({ dialect }) => dialect !== null);
  const rows = CLIENTS.map((client) => [
    `[${code(client.client_id)}](#${client.client_id})`,
    plain(client.display_name),
    yes(client.dialect !== null),
    describeClient(client, 'linux').formats.join(', '),
    client.deployable_scopes.join(', '),
    client.confidence,
  ]);
  const sayings = writable.map((client) => [
    `[${code(client.client_id)}](#${client.client_id})`,
    remoteServers(client),
    references(client),
    client.entry.disabled === null ? 'left out' : code(client.entry.disabled.pointer.slice(1).replaceAll('/', '.')),
    toolFilters(client),
    timeout(client),
  ]);
  return page('Clients', 'the client registry', [
    `${CLIENTS.length} clients are known. This version writes the files of ${writable.length} of them: ${writable.map(({ display_name }) => plain(display_name)).join(', ')}. For the others you can draft, validate and publish; \`deploy-config\` answers \`CLIENT_NOT_WRITABLE\`.`,
    'The facts come from public vendor documentation, checked 2026-11-22. `verified` means that two sources agree on path and shape.',
    table(['client', 'name', 'writable', 'formats', 'writable scopes', 'facts'], rows),
    'Scopes of administrators (managed files) are read and reported, and never written. A scope of a project needs `--project DIR`. A file that is not at its usual place is named with `--config-path FILE`.',
    '## What each of them can say',
    'What a client cannot say is left out with the finding `LOSSY_RENDERING`, or is done by the launcher or the bridge. A reference that the client does not fill in itself is filled in by [the launcher](../explanation/secrets-and-references.md).',
    table(['client', 'remote servers', 'references it fills in', 'switched off by', 'tools', 'timeout'], sayings),
    ...CLIENTS.flatMap(clientSection),
  ]);
}

function remoteServers({ entry, dialect }: ClientDefinition): string {
  const ways = (['http', 'sse'] as const).map((transport) => {
    if (dialect?.bridged.includes(transport)) return `${transport} bridged`;
    return entry[transport] === null ? '' : `${transport} in ${code(entry[transport].url_field)}`;
  });
  return ways.filter(Boolean).join(', ');
}

/** Those that are written, with the texts in which the client does it. */
function references({ references, dialect }: ClientDefinition): string {
  if (dialect?.named_references) return 'env, by the name of a variable';
  return (dialect?.references ?? []).map((kind) => `${kind} in ${references?.fields.join(', ')}`).join('; ');
}

function toolFilters({ entry: { tools } }: ClientDefinition): string {
  const fields = [
    [tools.allow, 'only'],
    [tools.deny, 'without'],
  ];
  return fields
    .flatMap(([field, word]) => (field ? [`${word} ${code(field.replace(/^\//, '').replace('/', '.'))}`] : []))
    .join(', ');
}

function timeout({ entry, dialect }: ClientDefinition): string {
  const facts = entry.timeouts.find(({ field }) => field === dialect?.timeout_field);
  if (facts === undefined) return '';
  const only = facts.transports === undefined ? '' : `, ${facts.transports.join(' and ')} only`;
  return `${code(facts.field)} (${facts.unit}${only})`;
}

function clientSection(client: ClientDefinition): string[] {
  const { capabilities, platform } = describeClient(client, 'linux');
  const scopes = client.scopes.map(({ scope, paths, format, pointer }) => [
    code(scope),
    pathCell(paths.linux),
    pathCell(paths.macos),
    pathCell(paths.windows),
    format ?? '',
    pointer === null ? '' : code(pointer),
  ]);
  const facts = [
    `Systems: ${platform || 'none with a file'}. Transports: ${capabilities.transports.join(', ') || 'none known'}${capabilities.bridge ? ' (remote servers through the bridge)' : ''}.`,
    `References it resolves itself: ${capabilities.references.join(', ') || 'none'}.`,
    client.reload_behaviour && `To take effect: ${plain(client.reload_behaviour)}.`,
    `Documentation: <${client.docs_url}>.`,
  ];
  return [
    `## ${client.client_id}`,
    `${plain(client.display_name)}, ${plain(client.vendor)}. Status: ${client.status}.`,
    table(['scope', 'Linux', 'macOS', 'Windows', 'format', 'place in the file'], scopes),
    facts.filter(Boolean).join(' '),
    [...client.notes, ...client.limitations].map((note) => `- ${plain(note)}`).join('\n'),
  ];
}

const pathCell = (path: string | null) => (path === null ? '' : code(path));

interface Setting {
  sample: string;
  /** What it needs beside itself. */
  with?: Record<string, string>;
  meaning: string;
}

/** What each setting is for; a sample shows that the program takes it. The prefix stands in front of every name. */
export const SETTINGS: Readonly<Record<string, Setting>> = {
  HOME: { sample: '/srv/mcp', meaning: 'Data directory: database, signing key, backups. An absolute path.' },
  API_KEY: {
    sample: 'a'.repeat(16),
    meaning:
      'A key that REST and MCP accept in `X-API-Key`, with every scope of the workspace `default`. Make it long and random. Tokens are accepted there without it.',
  },
  HOST: {
    sample: '127.0.0.1',
    meaning: 'Address that `serve-http` listens on. Anything but loopback turns server mode on.',
  },
  PORT: { sample: '0', meaning: 'Port that `serve-http` listens on. 0 picks a free one.' },
  LOG_LEVEL: {
    sample: 'debug',
    meaning: '`trace`, `debug`, `info`, `warn`, `error`, `fatal` or `silent`. The log goes to stderr.',
  },
  CORS_ORIGINS: {
    sample: 'https://console.example',
    meaning: 'Comma list of exact origins of web pages that may call. `*` is refused.',
  },
  DATABASE_URL: {
    sample: 'sqlite:/srv/mcp/state.db',
    meaning:
      '`sqlite:` and an absolute path; by default `state.db` in the data directory. Or `postgres://USER:PASSWORD@HOST/DATABASE`, for several servers on one store. See [run several servers](../how-to/run-several-servers.md).',
  },
  SIGNER_COMMAND: {
    sample: '/usr/local/bin/sign-with-hsm --slot 1',
    meaning:
      'A program that signs, with its arguments, separated by spaces; in place of the key file. `public-key` after them prints the public key (SPKI PEM), `sign KEY_ID` signs standard input and prints base64. It gets none of these settings. [How](../how-to/operate.md#a-program-that-signs).',
  },
  REDIS_URL: {
    sample: 'redis://cache.example:6379/0',
    meaning:
      '`redis://` or, with TLS, `rediss://`, then `USER:PASSWORD@HOST:PORT/NUMBER`; Redis from 6 on, or Valkey. Servers share rates, tell each other of changes, and find artifacts there. Losing it costs speed only. Needs `npm install ioredis@6.0.0` beside the program; the image has it. Short commands do not use it. See [run several servers](../how-to/run-several-servers.md).',
  },
  KEY_PASSPHRASE_FILE: {
    sample: '/etc/mcp-orchestration/passphrase',
    meaning:
      'Absolute path of a file with a passphrase (mode 0600). Set before the first secret is stored, it locks the secret store instead of a key file.',
  },
  ALLOWED_HOSTS: {
    sample: 'mcp.example',
    meaning: 'Comma list of more host names under which this server may be called.',
  },
  TRUSTED_PROXIES: {
    sample: '127.0.0.1,10.0.0.0/8',
    meaning:
      'Comma list of addresses and networks of proxies. Of them, and of nobody else, `X-Forwarded-For`, `-Proto` and `-Host` are believed. Turns server mode on: a proxy brings the requests of others.',
  },
  TLS_CERT: {
    sample: '/etc/mcp-orchestration/tls.crt',
    with: { TLS_KEY: '/etc/mcp-orchestration/tls.key' },
    meaning: 'Absolute path of the certificate with its chain, PEM. `serve-http` then speaks HTTPS only.',
  },
  TLS_KEY: {
    sample: '/etc/mcp-orchestration/tls.key',
    with: { TLS_CERT: '/etc/mcp-orchestration/tls.crt' },
    meaning: 'Absolute path of its private key, PEM without a passphrase. Both are read at the start.',
  },
  REGISTRY_URL: {
    sample: 'https://registry.example',
    meaning:
      'Address of a registry of MCP servers that speaks `/v0.1/servers`, without that path. Only then `fetch-catalog-server` asks anybody. Addresses that are not public have to be listed in `_WEBHOOK_ALLOW` as well.',
  },
  OIDC_ISSUER: {
    sample: 'https://login.example/realms/team',
    with: { OIDC_AUDIENCE: 'https://mcp.example/mcp' },
    meaning:
      'URL of an OpenID Connect issuer, as it stands in `iss`: its JSON Web Tokens are accepted as bearer tokens. https, in local mode also http on this machine.',
  },
  OIDC_AUDIENCE: {
    sample: 'https://mcp.example/mcp',
    with: { OIDC_ISSUER: 'https://login.example/realms/team' },
    meaning: 'What has to stand in `aud` of these tokens. One for another audience is refused.',
  },
  TOOLSETS: {
    sample: 'core',
    meaning:
      'Comma list of toolsets that MCP shows besides `core`. There are `core`, `releases`, `machine` and `governance`.',
  },
  RATE_LIMIT: {
    sample: 'off',
    meaning:
      'Requests a second of one credential, twice as many in a burst; `off` for no limit. With a limit, an address that sends more than ten wrong credentials a minute is answered 429 for those. Servers with a common Redis count together, else each process for itself. 100 in server mode, else `off`.',
  },
  SERVER: {
    sample: 'https://mcp.example',
    meaning: 'URL of the server that `pull` asks when `--server` does not name one.',
  },
  TOKEN: {
    sample: 'mcpo_user_made-up',
    meaning:
      'The token that `pull` sends there. There is no flag for it: others could see that in the list of processes.',
  },
  WEBHOOK_ALLOW: {
    sample: '127.0.0.1:9000',
    meaning:
      'Comma list of `host:port`, the host as in the URL: webhooks may go there although the address is not public; in local mode to any port.',
  },
};

const PREFIX = 'MCP_ORCHESTRATION_';

/** Throws when the program does not know a setting that the page is about to describe. */
function defaultsOfSettings(): Record<string, unknown> {
  const home = { HOME: '/home/you' };
  for (const [name, { sample, with: others = {} }] of Object.entries(SETTINGS)) {
    const given = Object.entries({ [name]: sample, ...others }).map(([key, value]) => [`${PREFIX}${key}`, value]);
    readConfig({ ...home, ...Object.fromEntries(given) });
  }
  const { home: directory, database, ...defaults } = readConfig(home);
  return {
    ...defaults,
    HOME: directory.replace(home.HOME, '~'),
    DATABASE_URL: `sqlite:${database.kind === 'sqlite' ? database.path.replace(home.HOME, '~') : ''}`,
  };
}

const shown = (value: unknown) => {
  const text = Array.isArray(value) ? value.join(',') : String(value ?? '');
  return text === '' ? '' : code(text);
};

export function configurationPage(): string {
  const defaults = defaultsOfSettings();
  const rows = Object.entries(SETTINGS).map(([name, { meaning }]) => [
    code(PREFIX + name),
    shown(defaults[name]),
    meaning,
  ]);
  const roles = Object.entries(ROLES).map(([role, scopes]) => [
    code(role),
    scopes.length === SCOPES.length ? 'all scopes' : codes(scopes),
  ]);
  return page('Configuration', 'the settings', [
    'Settings come from environment variables with one prefix. Flags of `serve-http` and `serve` win over them. A bad or unknown setting with this prefix stops the start and names itself. An empty value counts as unset.',
    table(['variable', 'default', 'meaning'], rows),
    'Only flags of `serve-http`: `--allow-deploy` and `--legacy-sse`. Traces are switched on with the [variables of OpenTelemetry](../how-to/operate.md#traces).',
    "Client files are found relative to `HOME`, `XDG_CONFIG_HOME`, `APPDATA` and the clients' own variables.",
    '## Data directory',
    table(
      ['file', 'what it is'],
      [
        [code('state.db'), 'drafts, artifacts, releases, deployments, tokens (only their digests), audit rows'],
        [
          code('state.db.unclean'),
          'lies there after an [unclean stop](../how-to/operate.md#after-an-unclean-stop), until a server has looked at the store; always empty',
        ],
        [code('keys/signing.key'), 'the private signing key, PKCS#8 PEM, mode 0600; back it up and keep it secret'],
        [code('keys/signing.pub'), 'the public key, SPKI PEM; give it to whoever verifies'],
        [
          code('keys/secrets.key'),
          'what locks `secrets.json`, mode 0600; nothing where a passphrase or the keychain does',
        ],
        [code('secrets.json'), 'the stored secrets, locked; their names only where the keychain has the values'],
        [code('pull.env'), 'the token of a `pull` that the system starts, mode 0600'],
        [code('backups/'), 'the last five versions of each client file that was written'],
        [code('machine-id'), 'a random id under which this directory records its deployments'],
        [code('cache/'), 'what Node has compiled of the program; may be removed at any time'],
        [code('writer.lock'), 'the lock that two deployments at once wait for; always empty'],
      ],
    ),
    '## Roles and scopes of tokens',
    '`generate-token --role ROLE` or `--scope SCOPE` (repeatable).',
    table(['role', 'scopes'], roles),
  ]);
}
