import { describe, expect, it, test } from 'vitest';
import { readConfig } from './config.ts';

const env = { HOME: '/home/ann' };
const refused = (settings: Record<string, string>, flags: Record<string, unknown> = {}) => {
  try {
    readConfig({ ...env, ...settings }, flags);
  } catch (error) {
    return error as { code: string; message: string; details: { issues: { path: string }[] } };
  }
  throw new Error('nothing was refused');
};

test('nothing set: everything is local and below the home directory', () => {
  expect(readConfig(env)).toEqual({
    home: '/home/ann/.mcp-orchestration',
    database: { kind: 'sqlite', path: '/home/ann/.mcp-orchestration/state.db' },
    mode: 'local',
    HOST: '127.0.0.1',
    PORT: 8000,
    LOG_LEVEL: 'info',
    CORS_ORIGINS: [],
    ALLOWED_HOSTS: [],
    TOOLSETS: [],
    TRUSTED_PROXIES: [],
    WEBHOOK_ALLOW: [],
  });
});

test('settings are read, lists are split, flags win', () => {
  const config = readConfig(
    {
      ...env,
      MCP_ORCHESTRATION_HOME: '/srv/mcpo',
      MCP_ORCHESTRATION_DATABASE_URL: 'sqlite:/srv/db/state.db',
      MCP_ORCHESTRATION_PORT: '1',
      MCP_ORCHESTRATION_HOST: '0.0.0.0',
      MCP_ORCHESTRATION_CORS_ORIGINS: 'https://a.example, http://b.example:81,',
      MCP_ORCHESTRATION_WEBHOOK_ALLOW: '127.0.0.1:9000, [::1]:9000, Hooks.internal:8443',
      MCP_ORCHESTRATION_LOG_LEVEL: '',
    },
    { PORT: '0', HOST: undefined },
  );
  expect(config).toMatchObject({
    home: '/srv/mcpo',
    database: { kind: 'sqlite', path: '/srv/db/state.db' },
    mode: 'server',
    PORT: 0,
    HOST: '0.0.0.0',
    CORS_ORIGINS: ['https://a.example', 'http://b.example:81'],
    LOG_LEVEL: 'info',
    WEBHOOK_ALLOW: ['127.0.0.1:9000', '[::1]:9000', 'Hooks.internal:8443'],
  });
});

it('every setting of the contract works', () => {
  const samples = {
    HOME: '/srv/mcpo',
    API_KEY: 'made-up-key-of-sixteen',
    HOST: '0.0.0.0',
    PORT: '8001',
    LOG_LEVEL: 'debug',
    CORS_ORIGINS: 'https://a.example',
    DATABASE_URL: 'sqlite:/srv/state.db',
    REDIS_URL: 'rediss://mcpo:made-up@cache.example:6380/1',
    ALLOWED_HOSTS: 'mcp.example',
    TRUSTED_PROXIES: '127.0.0.1,::1,10.0.0.0/8,fd00::/8',
    TLS_CERT: '/srv/tls.crt',
    TLS_KEY: '/srv/tls.key',
    KEY_PASSPHRASE_FILE: '/srv/passphrase',
    SIGNER_COMMAND: '/usr/local/bin/sign --slot 1',
    TOOLSETS: 'core,releases',
    RATE_LIMIT: '50',
    WEBHOOK_ALLOW: '127.0.0.1:9000',
    SERVER: 'https://mcp.example/team',
    TOKEN: 'made-up',
    OIDC_ISSUER: 'https://login.example/realms/team',
    OIDC_AUDIENCE: 'https://mcp.example/mcp',
    FAILPOINTS: 'none',
  };
  const named = Object.entries(samples).map(([name, value]) => [`MCP_ORCHESTRATION_${name}`, value]);
  expect(readConfig({ ...env, ...Object.fromEntries(named) })).toMatchObject({ home: '/srv/mcpo', mode: 'server' });
});

test('a proxy that is trusted brings the requests of others: that is server mode', () => {
  const { mode } = readConfig({ ...env, MCP_ORCHESTRATION_TRUSTED_PROXIES: '127.0.0.1' });
  expect(mode).toBe('server');
});

describe('a setting that cannot be honoured stops the start and is named', () => {
  it.each([
    ['PORT', '65536'],
    ['PORT', '1.5'],
    ['PORT', '0x10'],
    ['PORT', ' 1'],
    ['LOG_LEVEL', 'loud'],
    ['CORS_ORIGINS', '*'],
    ['CORS_ORIGINS', 'https://a.example/path'],
    ['CORS_ORIGINS', 'a.example'],
    ['DATABASE_URL', 'postgres://somewhere'],
    ['DATABASE_URL', 'mysql://somewhere/db'],
    ['DATABASE_URL', 'sqlite:relative.db'],
    ['DATABASE_URL', 'postgres://db.example/mcp?sslmode=verify-fool'],
    ['DATABASE_URL', 'postgres://db.example/mcp?sslmode=no-verify'],
    ['DATABASE_URL', 'postgres://db.example/mcp?sslmode=require&uselibpqcompat=true'],
    ['DATABASE_URL', 'postgres://db.example/mcp?ssl=0'],
    ['HOME', 'relative'],
    ['REDIS_URL', 'cache.example:6379'],
    ['REDIS_URL', 'http://cache.example'],
    ['REDIS_URL', 'redis://'],
    ['REDIS_URL', 'redis://cache.example/name'],
    ['REDIS_URL', 'redis://cache.example?enableOfflineQueue=true'],
    ['REDIS_URL', 'redis://:%ff@cache.example'],
    ['RATE_LIMIT', 'fast'],
    ['WEBHOOK_ALLOW', '127.0.0.1'],
    ['WEBHOOK_ALLOW', '127.0.0.1:0'],
    ['WEBHOOK_ALLOW', '127.0.0.1:65536'],
    ['WEBHOOK_ALLOW', '127.1:9000'],
    ['WEBHOOK_ALLOW', '*:9000'],
    ['WEBHOOK_ALLOW', '::1:9000'],
    ['WEBHOOK_ALLOW', 'user@hooks:9000'],
    ['WEBHOOK_ALLOW', 'http://hooks:9000'],
    ['TRUSTED_PROXIES', 'proxy.example'],
    ['TRUSTED_PROXIES', '10.0.0.0/33'],
    ['TRUSTED_PROXIES', '0.0.0.0/0'],
    ['TRUSTED_PROXIES', '::/0'],
    ['TRUSTED_PROXIES', '*'],
    ['TRUSTED_PROXIES', '10.0.0.1,'.repeat(2).concat('10/8')],
    ['SERVER', 'mcp.example'],
    ['SERVER', 'ftp://mcp.example'],
    ['SERVER', 'https://me:word@mcp.example'],
    ['SERVER', 'https://mcp.example/?x'],
    ['NOTHING_OF_OURS', 'x'],
    ['api_key', 'x'],
    ['__proto__', 'x'],
  ])('%s=%s', (name, value) => {
    const error = refused({ [`MCP_ORCHESTRATION_${name}`]: value });
    expect(error.code).toBe('INVALID_INPUT');
    expect(error.details.issues.map(({ path }) => path)).toEqual([`MCP_ORCHESTRATION_${name}`]);
  });

  it('all of them at once, and no value is quoted', () => {
    const error = refused(
      {
        MCP_ORCHESTRATION_LOG_LEVEL: 'made-up-secret',
        MCP_ORCHESTRATION_SERVER: 'made-up-secret',
        MCP_ORCHESTRATION_BOGUS: 'made-up-secret',
      },
      { PORT: 'made-up-secret' },
    );
    expect(error.details.issues.map(({ path }) => path).toSorted()).toEqual([
      '--port',
      'MCP_ORCHESTRATION_BOGUS',
      'MCP_ORCHESTRATION_LOG_LEVEL',
      'MCP_ORCHESTRATION_SERVER',
    ]);
    expect(JSON.stringify([error.message, error.details])).not.toContain('made-up-secret');
  });
});

it('a flag is named as it was typed, also where its variable is set', () => {
  const named = (flags: Record<string, string>) =>
    refused({ MCP_ORCHESTRATION_PORT: '8001', MCP_ORCHESTRATION_LOG_LEVEL: 'info' }, flags).message;
  expect(named({ PORT: '99999' })).toBe('--port: a port is a number from 0 to 65535');
  expect(named({ LOG_LEVEL: 'loud' })).toMatch(/^--log-level: /);
  expect(named({ TOOLSETS: 'all' })).toMatch(/^--toolsets: there is no such toolset; /);
});

test.each([undefined, '', '/', 'ann', '../ann'])('a HOME of %j is no home', (home) => {
  expect(() => readConfig(home === undefined ? {} : { HOME: home })).toThrow(
    'HOME must be the absolute path of your home directory.',
  );
});
