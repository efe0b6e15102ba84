import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { AppError } from '../core/errors.ts';
import { Entry, isRemote, Payload } from '../core/payload.ts';
import { type ExpandInput, expand, secretFields } from './expand.ts';
import { CATALOG, serverById } from './index.ts';
import type { CatalogServer, CatalogTransport, Parameter, Variable } from './server.ts';
import { basename } from './template.ts';

function server(id: string): CatalogServer {
  const found = serverById(id);
  if (found === undefined) throw new Error(`no server ${id}`);
  return found;
}

const grow = (id: string, input: Partial<ExpandInput> = {}) => expand(server(id), { params: {}, env: {}, ...input });
const entry = (id: string, input: Partial<ExpandInput> = {}) => grow(id, input).entry;

function refusal(id: string | CatalogServer, input: Partial<ExpandInput> = {}): AppError {
  try {
    expand(typeof id === 'string' ? server(id) : id, { params: {}, env: {}, ...input });
  } catch (error) {
    if (error instanceof AppError) return error;
    throw error;
  }
  throw new Error('it was not refused');
}
const issues = (id: string, input: Partial<ExpandInput> = {}) => {
  const { code, details } = refusal(id, input);
  expect(code).toBe('INVALID_INPUT');
  return details.issues;
};
const issue = (path: string, message: string) => [{ path, message }];

describe('every server', () => {
  const sample = (field: Parameter | Variable) => {
    if (field.secret) return '${env:A_SECRET}';
    const samples = {
      string: 'word',
      enum: '',
      int: '7',
      bool: 'true',
      path: '/p',
      url: 'https://h.example',
    };
    return field.choices?.[0] ?? samples[field.type];
  };
  const all = (fields: readonly (Parameter | Variable)[]) =>
    Object.fromEntries(fields.map((one) => [one.name, sample(one)]));
  const cases = CATALOG.flatMap((one) => one.transports.map((transport) => [one.server_id, transport] as const));
  const wish = (transport: CatalogTransport) =>
    transport.type === 'stdio'
      ? { transport: transport.type, runtime: transport.runtime, env: all(transport.env) }
      : { transport: transport.type };

  test.each(cases)('%s expands with everything given: pinned or remote, and nothing left unfilled', (id, transport) => {
    const grown = grow(id, { params: all(transport.parameters), ...wish(transport) });
    expect(Entry.safeParse(grown.entry).error?.issues ?? []).toEqual([]);
    expect(JSON.stringify(grown.entry).replaceAll('${env:A_SECRET}', '')).not.toMatch(/\{[a-z_.]+\}/);
    if (isRemote(grown.entry)) expect(URL.parse(grown.entry.url)?.protocol).toBe('https:');
    else if (transport.type === 'stdio' && transport.package && transport.package.registry !== 'oci') {
      const { identifier } = transport.package;
      const pinned = grown.entry.args.find(
        (arg) => arg.startsWith(`${identifier}@`) || arg.startsWith(`${identifier}==`),
      );
      expect(pinned?.slice(identifier.length)).toMatch(/^(@|==)\d+(\.\d+)+$/);
      expect(pinned?.endsWith(`${grown.used_version}`)).toBe(true);
    } else expect(grown.used_version).toBeNull();
  });

  test.each(cases)('%s refuses a parameter nobody declared, whatever its transport', (id, transport) => {
    const input = { ...wish(transport), params: { ...all(transport.parameters), zzzzzzzz: 'x' } };
    expect(refusal(id, input).details.field).toBe('params.zzzzzzzz');
  });
});

describe('filesystem', () => {
  const command = 'npx';
  const head = ['-y', '@modelcontextprotocol/server-filesystem@2026.8.31'];

  test('takes several directories as separate arguments', () => {
    expect(grow('filesystem', { params: { allowed_directories: ['/a', '/b'] } })).toEqual({
      entry: { command, args: ['-y', '@modelcontextprotocol/server-filesystem@2026.8.31', '/a', '/b'] },
      transport: 'stdio',
      used_version: '2026.8.31',
      warnings: [],
    });
  });

  test('takes one directory without a list, by an alias, and with blanks and commas in it', () => {
    expect(entry('filesystem', { params: { directory: '/a b, c' } })).toEqual({ command, args: [...head, '/a b, c'] });
  });

  test('never reads a value as a template', () => {
    const params = { allowed_directories: ['/{allowed_directories}', '/{package_version}'] };
    expect(entry('filesystem', { params })).toEqual({
      command,
      args: [...head, '/{allowed_directories}', '/{package_version}'],
    });
  });

  test('mounts directories into the container under their last name', () => {
    const params = { path: ['/home/me/x/', 'C:\\work\\y', '${env:ROOT}/z'] };
    const grown = grow('filesystem', { params, runtime: 'docker' });
    expect(grown.entry).toEqual({
      command: 'docker',
      args: [
        'run',
        '-i',
        '--rm',
        '--mount',
        'type=bind,src=/home/me/x/,dst=/projects/x',
        '--mount',
        'type=bind,src=C:\\work\\y,dst=/projects/y',
        '--mount',
        'type=bind,src=${env:ROOT}/z,dst=/projects/z',
        'mcp/filesystem',
        '/projects',
      ],
    });
    expect(grown.warnings).toEqual(['image tag floats: "mcp/filesystem" names no digest, so what runs can change']);
  });

  test('refuses what Docker would misread', () => {
    const mount = (...path: string[]) => issues('filesystem', { params: { path }, runtime: 'docker' });
    expect(mount('/a,readonly')).toEqual(
      issue('params.path', 'must hold no comma and no quotation mark: Docker could not mount it'),
    );
    expect(mount('/')).toEqual(
      issue('params.path', 'must not be the root directory: Docker needs a name for the mount'),
    );
    expect(mount('/a/x', '/b/x')).toEqual(
      issue('params.path', 'two of the paths end in the same name, and only one of them could be mounted'),
    );
  });

  test.each(['docs', './docs', '../docs', 'C:docs', '$HOME/docs', '$${env:X}', ''])(
    'refuses the relative path %j',
    (path) => {
      expect(issues('filesystem', { params: { path } })).toEqual(issue('params.path', 'give an absolute path'));
    },
  );

  test.each(['~', '~/docs', '~\\docs'])('refuses %j, which clients do not expand', (path) => {
    expect(issues('filesystem', { params: { path } })).toEqual(
      issue('params.path', 'give an absolute path: client applications do not expand "~"'),
    );
  });

  test('names the element of a list that is wrong', () => {
    expect(issues('filesystem', { params: { directories: ['/a', 'b', { c: 1 }] } })).toEqual([
      { path: 'params.directories.1', message: 'give an absolute path' },
      { path: 'params.directories.2', message: 'give a text' },
    ]);
  });

  test('misses its directories when the list is empty or nothing is given', () => {
    const missing = issue(
      'params.allowed_directories',
      'is required: Directory the server may touch; one or more. Must exist when the server starts.',
    );
    expect(issues('filesystem')).toEqual(missing);
    expect(issues('filesystem', { params: { allowed_directories: [] } })).toEqual(missing);
  });

  test('refuses an alias beside the name it stands for', () => {
    expect(issues('filesystem', { params: { allowed_directories: '/a', path: '/b' } })).toEqual(
      issue('params.path', 'means the same as "allowed_directories": give one of them'),
    );
  });

  test('suggests the parameter that was meant', () => {
    expect(issues('filesystem', { params: { path: '/a', allowed_directory: '/b' } })).toEqual(
      issue('params.allowed_directory', 'is no parameter of "filesystem": did you mean "allowed_directories"?'),
    );
  });
});

describe('github', () => {
  const http = { type: 'http', url: 'https://api.githubcopilot.com/mcp/' };

  test('is remote and without a header when nothing is given', () => {
    expect(grow('github')).toEqual({ entry: http, transport: 'http', used_version: null, warnings: [] });
  });

  test('keeps a token as the reference it is', () => {
    const headers = { Authorization: 'Bearer ${env:GITHUB_TOKEN}' };
    expect(entry('github', { params: { token: '${env:GITHUB_TOKEN}' } })).toEqual({ ...http, headers });
    expect(entry('github', { params: { token: 'Bearer ${env:GITHUB_TOKEN}' } })).toEqual({ ...http, headers });
  });

  test('sends the other headers as well', () => {
    expect(
      entry('github', { params: { toolsets: 'repos,issues', readonly: true }, transport: 'streamable-http' }),
    ).toEqual({
      ...http,
      headers: { 'X-MCP-Toolsets': 'repos,issues', 'X-MCP-Readonly': 'true' },
    });
  });

  test('refuses a literal token, and says which reference to write', () => {
    const error = refusal('github', { params: { token: 'ghp_literal' } });
    expect(error).toMatchObject({
      code: 'SECRET_IN_CONFIG',
      details: { field: 'params.token', reference: '${env:GITHUB_TOKEN}', kind: 'declared secret' },
    });
    expect(error.message).toBe(
      'params.token is a secret, and its value does not belong in a configuration. Write ${env:GITHUB_TOKEN} instead.',
    );
  });

  test('becomes a container when the token is given as a variable, which only that one can take', () => {
    const GITHUB_PERSONAL_ACCESS_TOKEN = '${secret:github}';
    const grown = grow('github', {
      env: { GITHUB_TOKEN: GITHUB_PERSONAL_ACCESS_TOKEN, GITHUB_READ_ONLY: '1', EXTRA: 'x' },
    });
    expect(grown.transport).toBe('stdio');
    expect(grown.entry).toEqual({
      command: 'docker',
      args: [
        'run',
        '-i',
        '--rm',
        '-e',
        'GITHUB_PERSONAL_ACCESS_TOKEN',
        '-e',
        'GITHUB_READ_ONLY',
        '-e',
        'EXTRA',
        'ghcr.io/github/github-mcp-server',
      ],
      env: { GITHUB_PERSONAL_ACCESS_TOKEN, GITHUB_READ_ONLY: '1', EXTRA: 'x' },
    });
    expect(grown.warnings).toEqual([expect.stringContaining('image tag floats')]);
  });

  test('does not hand the variables of Docker itself to the container', () => {
    const env = { GITHUB_TOKEN: '${env:T}', DOCKER_HOST: 'unix:///x', PATH: '/bin' };
    expect(entry('github', { env })).toMatchObject({
      args: ['run', '-i', '--rm', '-e', 'GITHUB_PERSONAL_ACCESS_TOKEN', 'ghcr.io/github/github-mcp-server'],
      env: { GITHUB_PERSONAL_ACCESS_TOKEN: '${env:T}', DOCKER_HOST: 'unix:///x', PATH: '/bin' },
    });
  });

  test('refuses a literal variable that is declared secret', () => {
    expect(refusal('github', { env: { GITHUB_PERSONAL_ACCESS_TOKEN: 'ghp_literal' } })).toMatchObject({
      code: 'SECRET_IN_CONFIG',
      details: {
        field: 'env_vars.GITHUB_PERSONAL_ACCESS_TOKEN',
        reference: '${env:GITHUB_PERSONAL_ACCESS_TOKEN}',
        kind: 'declared secret',
      },
    });
  });

  test('calls an empty secret an invalid input', () => {
    expect(issues('github', { params: { token: '' } })).toEqual(issue('params.token', 'must not be empty'));
    expect(issues('github', { env: { GITHUB_TOKEN: '' } })).toContainEqual({
      path: 'env_vars.GITHUB_TOKEN',
      message: 'must not be empty',
    });
  });

  test('takes no variables over http', () => {
    expect(issues('github', { env: { X: '1' }, transport: 'http' })).toEqual(
      issue('env_vars.X', 'the http transport takes no environment variables'),
    );
  });

  test('says which transport has a parameter that the chosen one has not', () => {
    expect(issues('github', { params: { token: '${env:T}' }, transport: 'stdio' })).toContainEqual({
      path: 'params.token',
      message: 'is no parameter of "github": the http transport has it, the stdio transport has not',
    });
  });

  test('names what it offers when another transport or runtime is wanted', () => {
    expect(issues('github', { transport: 'sse' })).toEqual(
      issue('transport', '"github" does not offer this one, it offers "http", "stdio"'),
    );
    expect(issues('github', { runtime: 'npx' })).toEqual(
      issue('runtime', '"github" does not offer this one, it offers "docker"'),
    );
    expect(issues('linear', { runtime: 'npx' })).toEqual(
      issue('runtime', '"linear" does not offer this one, it is not started on this machine'),
    );
  });
});

describe('the rules of the data', () => {
  test('sentry writes its own scheme before the token', () => {
    expect(entry('sentry', { params: { token: '${env:S}' } })).toMatchObject({
      headers: { Authorization: 'Sentry-Bearer ${env:S}' },
    });
    expect(entry('sentry', { env: { SENTRY_ACCESS_TOKEN: '${env:S}', EMBEDDED_AGENT_PROVIDER: 'openai' } })).toEqual({
      command: 'npx',
      args: ['-y', '@sentry/mcp-server@0.39.0'],
      env: { SENTRY_ACCESS_TOKEN: '${env:S}', EMBEDDED_AGENT_PROVIDER: 'openai' },
    });
  });

  test('exa puts a parameter into the query, encoded, and only when it is set', () => {
    expect(entry('exa')).toEqual({ type: 'http', url: 'https://mcp.exa.ai/mcp' });
    expect(entry('exa', { params: { tools: 'a b&c=${env:MORE}' } })).toEqual({
      type: 'http',
      url: 'https://mcp.exa.ai/mcp?tools=a%20b%26c%3D${env:MORE}',
    });
  });

  test('supabase adds its defaults and what else is set to the query', () => {
    expect(entry('supabase', { params: { project_ref: 'p', read_only: 'false' } })).toEqual({
      type: 'http',
      url: 'https://mcp.supabase.com/mcp?project_ref=p&read_only=false',
    });
  });

  test('slack over stdio wants one complete group of variables', () => {
    const stdio = (env: Record<string, string>) => ({ env, transport: 'stdio' as const });
    const missing = issue(
      'env_vars',
      'one of these is required: SLACK_MCP_XOXP_TOKEN, or SLACK_MCP_XOXB_TOKEN, or SLACK_MCP_XOXC_TOKEN and SLACK_MCP_XOXD_TOKEN',
    );
    expect(issues('slack', stdio({}))).toEqual(missing);
    expect(issues('slack', stdio({ SLACK_MCP_XOXC_TOKEN: '${env:C}' }))).toEqual(missing);
    const env = { SLACK_MCP_XOXC_TOKEN: '${env:C}', SLACK_MCP_XOXD_TOKEN: '${env:D}' };
    expect(grow('slack', { env })).toEqual({
      entry: { command: 'npx', args: ['-y', 'slack-mcp-server@1.3.0', '--transport', 'stdio'], env },
      transport: 'stdio',
      used_version: '1.3.0',
      warnings: ['this way of starting it comes from the community, not from the vendor'],
    });
  });

  test('postgres defaults to restricted access and admits its two choices only', () => {
    const env = { DATABASE_URI: '${env:DATABASE_URI}' };
    expect(entry('postgres', { env })).toEqual({
      command: 'uvx',
      args: ['postgres-mcp@0.3.0', '--access-mode=restricted'],
      env,
    });
    expect(issues('postgres', { env, params: { access_mode: 'anything' } })).toEqual(
      issue('params.access_mode', 'give one of "restricted", "unrestricted"'),
    );
    expect(issues('postgres', { env, params: { access_mode: '${env:MODE}' } })).toHaveLength(1);
  });

  test('all that is missing is named at once', () => {
    const error = refusal('slack-legacy');
    expect(error.message).toContain('env_vars.SLACK_BOT_TOKEN: is required');
    expect(error.message).toContain('env_vars.SLACK_TEAM_ID: is required');
    expect(error.details.field).toBe('env_vars.SLACK_BOT_TOKEN');
  });

  test('a required variable with a default is written, an optional one is left to the server', () => {
    expect(entry('n8n-mcp')).toMatchObject({ env: { MCP_MODE: 'stdio' } });
    expect(entry('obsidian', { env: { OBSIDIAN_API_KEY: '${env:K}' } })).toMatchObject({
      env: { OBSIDIAN_API_KEY: '${env:K}' },
    });
  });

  test('a repeated option is repeated, and a value cannot turn into an option', () => {
    const params = { organization: 'contoso', domains: ['work-items', 'core; rm -rf /'] };
    expect(entry('azure-devops', { params })).toMatchObject({
      args: ['-y', '@azure-devops/mcp@2.10.0', 'contoso', '-d', 'work-items', '-d', 'core; rm -rf /'],
    });
    const message = 'must not begin with "-": it would be read as an option';
    expect(issues('azure-devops', { params: { organization: '--help' } })).toEqual(
      issue('params.organization', message),
    );
    expect(issues('azure-devops', { params: { organization: 'x', domains: ['-x'] } })).toEqual(
      issue('params.domains', message),
    );
  });

  test('flags depend on booleans, in either spelling', () => {
    expect(entry('playwright', { params: { headless: true, isolated: 'false', browser: 'firefox' } })).toMatchObject({
      args: ['-y', '@playwright/mcp@0.0.83', '--headless', '--browser=firefox'],
    });
    expect(issues('playwright', { params: { headless: 'yes', isolated: 1 } })).toEqual([
      { path: 'params.headless', message: 'give true or false' },
      { path: 'params.isolated', message: 'give true or false' },
    ]);
  });

  test('a number or a boolean given for a text is spelled out', () => {
    expect(entry('time', { params: { local_timezone: 5 } })).toMatchObject({
      args: ['mcp-server-time@2026.10.19', '--local-timezone=5'],
    });
    expect(entry('time', { params: { local_timezone: false } })).toMatchObject({
      args: ['mcp-server-time@2026.10.19', '--local-timezone=false'],
    });
  });

  test('variables are checked by their type', () => {
    const key = { PERPLEXITY_API_KEY: '${env:K}' };
    const env = { ...key, PERPLEXITY_TIMEOUT_MS: '8080', PERPLEXITY_LOG_LEVEL: '${env:LEVEL}', OTHER: 'a\nb' };
    expect(entry('perplexity', { env })).toMatchObject({ env });
    const wrong = {
      ...key,
      PERPLEXITY_TIMEOUT_MS: '08',
      PERPLEXITY_BASE_URL: 'ftp://x',
      PERPLEXITY_LOG_LEVEL: 'LOUD',
      'A=B': '',
      Z: '\0',
    };
    expect(issues('perplexity', { env: wrong })).toEqual([
      { path: 'env_vars.PERPLEXITY_TIMEOUT_MS', message: 'give a whole number' },
      { path: 'env_vars.PERPLEXITY_BASE_URL', message: 'give a URL that begins with http:// or https://' },
      { path: 'env_vars.PERPLEXITY_LOG_LEVEL', message: 'give one of "DEBUG", "INFO", "WARN", "ERROR"' },
      { path: 'env_vars.A=B', message: 'the name of a variable is not empty and holds no "=" and no NUL' },
      { path: 'env_vars.Z', message: 'holds a control character' },
    ]);
  });

  test('a url may be one of several hosts only where the data says so', () => {
    const env = { PAGERDUTY_USER_API_KEY: '${env:K}' };
    expect(entry('pagerduty', { env: { ...env, PAGERDUTY_API_HOST: 'https://api.eu.pagerduty.com' } })).toMatchObject({
      command: 'uvx',
    });
    expect(issues('pagerduty', { env: { ...env, PAGERDUTY_API_HOST: 'https://evil.example' } })).toEqual(
      issue('env_vars.PAGERDUTY_API_HOST', 'give one of "https://api.pagerduty.com", "https://api.eu.pagerduty.com"'),
    );
  });

  test('a list for a parameter that is not repeated is refused, and so is nothing at all', () => {
    expect(issues('exa', { params: { tools: ['a'] } })).toEqual(issue('params.tools', 'takes one value, not a list'));
    expect(issues('exa', { params: { tools: null } })).toEqual(issue('params.tools', 'give a text'));
    expect(issues('fetch', { params: { proxy_url: 7 } })).toEqual(issue('params.proxy_url', 'give a text'));
  });

  test('half a character, or a line break in a header, is refused', () => {
    expect(issues('github', { params: { toolsets: '\ud800' } })).toEqual(
      issue('params.toolsets', 'holds half of a surrogate pair'),
    );
    expect(issues('github', { params: { toolsets: 'a\r\nX-Evil: 1' } })).toEqual(
      issue('params.toolsets', 'holds a control character'),
    );
  });

  test('an archived server can be added and names its successor', () => {
    expect(grow('sqlite-legacy', { params: { db_path: '/x.db' } }).warnings).toEqual([
      '"sqlite-legacy" is archived: use "dbhub" instead',
    ]);
    expect(grow('e2b', { env: { E2B_API_KEY: '${env:E2B_API_KEY}' } }).warnings).toEqual([
      '"e2b" is deprecated: the catalog knows no successor',
    ]);
  });

  test('a server without parameters says so', () => {
    expect(issues('memory', { params: { file: '/x' } })).toEqual(
      issue('params.file', 'is no parameter of "memory": the stdio transport takes no parameters'),
    );
    expect(issues('git', { params: { zzz: '/x' } })).toEqual(
      issue('params.zzz', 'is no parameter of "git": the stdio transport takes "repository"'),
    );
  });
});

describe('urls', () => {
  test('a base address loses its trailing slash and keeps its references', () => {
    expect(entry('n8n', { params: { base_url: 'https://acme.app.n8n.cloud//' } })).toEqual({
      type: 'http',
      url: 'https://acme.app.n8n.cloud/mcp-server/http',
    });
    expect(entry('n8n', { params: { base_url: '${env:N8N}' } })).toMatchObject({ url: '${env:N8N}/mcp-server/http' });
    expect(entry('n8n', { params: { base_url: 'http://${env:H}:${env:P}' } })).toMatchObject({
      url: 'http://${env:H}:${env:P}/mcp-server/http',
    });
  });

  test('a base address with a query cannot carry a path', () => {
    expect(issues('n8n', { params: { base_url: 'https://x.example/?a' } })).toEqual(
      issue('params.base_url', 'must have no "?" and no "#": a path is added to it'),
    );
  });

  test('a path keeps its slashes, and cannot climb or begin a query', () => {
    const at = (path: string) => ({ params: { base_url: 'http://localhost:5678', path } });
    expect(entry('n8n-trigger', at('a/b?c#d'))).toMatchObject({ url: 'http://localhost:5678/mcp/a/b%3Fc%23d' });
    expect(issues('n8n-trigger', at('../rest'))).toEqual(issue('params.path', 'must hold no "." and no ".." segment'));
  });

  test('a host is a host', () => {
    expect(entry('gitlab')).toEqual({ type: 'http', url: 'https://gitlab.com/api/v4/mcp' });
    expect(entry('gitlab', { params: { host: 'git.example:8443' } })).toMatchObject({
      url: 'https://git.example:8443/api/v4/mcp',
    });
    expect(entry('gitlab', { params: { host: '${env:H}' } })).toMatchObject({ url: 'https://${env:H}/api/v4/mcp' });
    expect(issues('gitlab', { params: { host: 'gitlab.com@evil.example' } })).toEqual(
      issue('params.host', 'give a host name'),
    );
    expect(issues('gitlab', { params: { host: '' } })).toEqual(issue('params.host', 'must not be empty'));
  });

  test.each(['nonsense', 'javascript:alert(1)', 'https:x', 'https://a b', ' https://x', 'ftp://x', ''])(
    '%j is no address',
    (url) => {
      expect(issues('custom-api', { params: { url } })).toHaveLength(1);
    },
  );

  test('a database address may have the scheme of its database', () => {
    const url = 'rediss://user:${env:PW}@cache:6379/0';
    expect(entry('redis', { params: { url } })).toMatchObject({
      args: ['--from', 'redis-mcp-server==0.5.1', 'redis-mcp-server', '--url', url],
    });
    expect(issues('redis', { params: { url: 'mysql://${env:H}' } })).toEqual(
      issue('params.url', 'give a URL that begins with redis:// or rediss://'),
    );
    expect(refusal('redis', { params: { url: 'redis://u:p@h' } }).details.reference).toBe('${env:REDIS_URL}');
    expect(entry('redis-legacy')).toMatchObject({ args: expect.arrayContaining(['redis://localhost:6379']) });
  });

  test('an empty choice is a choice', () => {
    expect(entry('paypal')).toMatchObject({ url: 'https://mcp.paypal.com/http' });
    expect(entry('paypal', { params: { environment: 'sandbox.' } })).toMatchObject({
      url: 'https://mcp.sandbox.paypal.com/http',
    });
  });
});

describe("templates for servers of one's own", () => {
  test('custom-stdio starts any program with any options', () => {
    const params = { command: '/opt/my server', arguments: ['--flag', '', '-x={y}'] };
    expect(grow('custom-stdio', { params, env: { A: 'b' } })).toEqual({
      entry: { command: '/opt/my server', args: ['--flag', '', '-x={y}'], env: { A: 'b' } },
      transport: 'stdio',
      used_version: null,
      warnings: [],
    });
  });

  test('the program itself is never a reference', () => {
    expect(issues('custom-stdio', { params: { command: '${env:SHELL}' } })).toEqual(
      issue('params.command', 'must hold no reference'),
    );
  });

  test('custom-api sends one header of any legal name', () => {
    const params = { url: 'https://mcp.example.com/mcp?x=1', header_name: 'X-Key', header_value: '${env:K}' };
    expect(entry('custom-api', { params })).toEqual({
      type: 'http',
      url: params.url,
      headers: { 'X-Key': '${env:K}' },
    });
    expect(issues('custom-api', { params: { ...params, header_name: 'X Key' } })).toEqual(
      issue('params.header_name', 'is no name of a header'),
    );
  });

  test('custom-sse is an sse entry', () => {
    expect(grow('custom-sse', { params: { url: 'http://localhost:1/sse' } })).toMatchObject({
      entry: { type: 'sse', url: 'http://localhost:1/sse' },
      transport: 'sse',
    });
  });
});

test('the declared secrets of a server can be asked for, by transport or all', () => {
  expect(secretFields(server('github'))).toEqual({ params: ['token'], env: ['GITHUB_PERSONAL_ACCESS_TOKEN'] });
  expect(secretFields(server('github'), 'http')).toEqual({ params: ['token'], env: [] });
  expect(secretFields(server('github'), 'stdio')).toEqual({ params: [], env: ['GITHUB_PERSONAL_ACCESS_TOKEN'] });
});

test('many faults are counted in the message and all listed in the details', () => {
  const error = refusal('memory', { params: { a: 1, b: 1, c: 1, d: 1, e: 1, f: 1, ['x'.repeat(100)]: 1 } });
  expect(error.message).toContain('(and 2 more)');
  expect(error.details.issues).toHaveLength(7);
  expect(JSON.stringify(error.details)).not.toContain('x'.repeat(65));
});

test('a server whose id begins with a digit still gets a legal reference', () => {
  const odd = { ...server('github'), server_id: '3d.tool' };
  expect(refusal(odd, { params: { token: 'literal' } }).details.reference).toBe('${env:_3D_TOOL_TOKEN}');
});

test('the last name of a path is found on every system', () => {
  expect(['/a/b', '/a/b//', '/', 'C:\\a\\b', 'C:\\', '\\\\host\\share\\x', '/a\\b'].map(basename)).toEqual([
    'b',
    'b',
    '',
    'b',
    '',
    'x',
    'a\\b',
  ]);
});

describe('whatever is given', () => {
  const secrets = CATALOG.flatMap((one) =>
    one.transports.flatMap((transport) => {
      const wish =
        transport.type === 'stdio'
          ? { transport: transport.type, runtime: transport.runtime }
          : { transport: transport.type };
      const params = transport.parameters
        .filter((field) => field.secret)
        .map((field) => ({ one, wish, params: field.name, env: undefined }));
      const variables = transport.type === 'stdio' ? transport.env.filter((field) => field.secret) : [];
      return [...params, ...variables.map((field) => ({ one, wish, params: undefined, env: field.name }))];
    }),
  );

  test('a literal secret is refused and never echoed', () => {
    const literal = fc.stringMatching(/^[A-Za-z0-9+_-]{12,40}$/).map((text) => `q7${text}`);
    fc.assert(
      fc.property(fc.constantFrom(...secrets), literal, ({ one, wish, params, env }, value) => {
        const error = refusal(one, {
          ...wish,
          params: params === undefined ? {} : { [params]: value },
          env: env === undefined ? {} : { [env]: value },
        });
        expect(error.code).toBe('SECRET_IN_CONFIG');
        expect(JSON.stringify([error.message, error.details, error.hint])).not.toContain(value);
      }),
      { numRuns: 500 },
    );
  });

  test('directories become exactly one argument each, unchanged', () => {
    const directory = fc.string({ unit: 'grapheme', maxLength: 40 }).map((text) => `/${text.replace(/\p{Cc}/gu, '')}`);
    fc.assert(
      fc.property(fc.array(directory, { minLength: 1, maxLength: 5 }), (allowed_directories) => {
        const grown = entry('filesystem', { params: { allowed_directories } });
        expect(isRemote(grown) ? [] : grown.args.slice(2)).toEqual(allowed_directories);
        expect(Payload.safeParse({ mcpServers: { fs: grown } }).success).toBe(true);
      }),
    );
  });

  test('no argument, address or header holds an unexpanded template, and only AppErrors are thrown', () => {
    const scalar = fc.oneof(
      fc.string({ maxLength: 12 }),
      fc.constantFrom('/a', 'https://x.example', '${env:A}'),
      fc.boolean(),
      fc.integer(),
    );
    const value = fc.oneof(scalar, fc.array(scalar, { maxLength: 3 }), fc.constant(null));
    const scenario = fc.constantFrom(...CATALOG).chain((one) => {
      const params = one.transports.flatMap((transport) => transport.parameters.map((field) => field.name));
      const env = one.transports.flatMap((transport) =>
        transport.type === 'stdio' ? transport.env.map((field) => field.name) : [],
      );
      const record = <T>(names: string[], of: fc.Arbitrary<T>) =>
        names.length === 0 ? fc.constant({}) : fc.dictionary(fc.constantFrom(...names), of, { maxKeys: 4 });
      return fc.record({
        one: fc.constant(one),
        params: record(params, value),
        env: record(env, fc.string({ maxLength: 12 })),
      });
    });
    fc.assert(
      fc.property(scenario, ({ one, params, env }) => {
        const braces = JSON.stringify([params, env]).includes('{');
        try {
          const grown = expand(one, { params, env });
          expect(Entry.safeParse(grown.entry).success).toBe(true);
          if (!braces) expect(JSON.stringify(grown.entry)).not.toMatch(/\{[a-z_.]+\}/);
        } catch (error) {
          if (!(error instanceof AppError)) throw error;
          expect(['INVALID_INPUT', 'SECRET_IN_CONFIG']).toContain(error.code);
        }
      }),
      { numRuns: 2_000 },
    );
  });
});
