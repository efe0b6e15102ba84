import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { validate } from 'dockerfile-utils';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import manifest from '../package.json' with { type: 'json' };
import { readConfig } from '../src/main/config.ts';
import { copiesOf, environmentOf, isIgnored, stagesOf, wordsOf } from './support/dockerfile.ts';
import { ROOT } from './support/workspace.ts';

const read = (path: string) => readFileSync(join(ROOT, path), 'utf8');
const DOCKERFILE = read('Dockerfile');
const stages = stagesOf(DOCKERFILE);
const image = stages.at(-1) ?? { image: '', name: '', instructions: [] };
const VOLUME = '/var/lib/mcp-orchestration';

describe('the Dockerfile', () => {
  it('has nothing that its linter complains about', () => {
    expect(validate(DOCKERFILE)).toEqual([]);
    const bad = 'FROM node:24\nMAINTAINER me\nEXPOSE none\nCMD ["one"]\nCMD ["two"]\n';
    expect(validate(bad).map(({ range }) => range.start.line)).toEqual(expect.arrayContaining([1, 2, 3]));
  });

  it('begins with the Node that the project pins, and takes nothing else from elsewhere', () => {
    const names = stages.map(({ name }) => name);
    const elsewhere = stages.map((stage) => stage.image).filter((from) => !names.includes(from));
    expect(elsewhere).toEqual([`node:${manifest.devDependencies.node}-bookworm-slim`]);
    expect(DOCKERFILE).not.toMatch(/^ADD |\b(curl|wget|apt-get|apk)\b/m);
    expect(new Set(stages.flatMap(copiesOf).flatMap(({ from }) => from ?? []))).toEqual(new Set(['packages', 'build']));
  });

  it('installs what the lock file says, and runs no install script', () => {
    const installs = stages.flatMap((stage) => wordsOf(stage, 'RUN')).filter((words) => words.startsWith('npm ci'));
    expect(installs).toHaveLength(2);
    expect(installs.filter((words) => !words.includes(' --ignore-scripts'))).toEqual([]);
  });

  it('has what speaks with Redis, with all that this needs', () => {
    const [, listed = ''] = /for name in ([^;]+); do/.exec(DOCKERFILE) ?? [];
    const needed = new Set<string>();
    const visit = (name: string) => {
      if (needed.has(name)) return;
      needed.add(name);
      const { dependencies = {} } = JSON.parse(read(`node_modules/${name}/package.json`));
      for (const next of Object.keys(dependencies)) visit(next);
    };
    visit('ioredis');
    const folders = new Set([...needed].map((name) => name.split('/')[0]));
    expect(listed.split(' ').toSorted()).toEqual([...folders].toSorted());
    expect(existsSync(join(ROOT, 'node_modules/ioredis/node_modules')), 'they are beside it').toBe(false);
  });

  it('makes an image that is not root, keeps everything in one volume, and is a server for others', () => {
    const [user = ''] = wordsOf(image, 'USER');
    expect(user).toMatch(/^[1-9]\d*:[1-9]\d*$/);
    const names = image.instructions.map(({ name }) => name);
    expect(names.indexOf('USER'), 'what root has to do comes first').toBeGreaterThan(names.lastIndexOf('RUN'));
    expect(wordsOf(image, 'VOLUME')).toEqual([VOLUME]);
    const config = readConfig({ HOME: '/home/node', ...environmentOf(image) });
    expect(config).toMatchObject({ home: `${VOLUME}/data`, HOST: '0.0.0.0', mode: 'server' });
    expect(wordsOf(image, 'EXPOSE')).toEqual([String(config.PORT)]);
    expect(wordsOf(image, 'HEALTHCHECK')).toEqual([
      expect.stringContaining('CMD ["node", "/app/docker/health-check.js"]'),
    ]);
    expect([...wordsOf(image, 'ENTRYPOINT'), ...wordsOf(image, 'CMD')]).toEqual([
      '["mcp-orchestration"]',
      '["serve-http"]',
    ]);
  });
});

describe('the context of the build', () => {
  const ignored = (path: string) => isIgnored(read('.dockerignore'), path);
  const copied = stages.flatMap(copiesOf).flatMap(({ from, sources }) => (from === undefined ? sources : []));

  it('has what is copied', () => {
    expect(copied).toContain('src');
    expect(copied.filter((path) => !existsSync(join(ROOT, path)) || ignored(path))).toEqual([]);
    expect(ignored('src/main/bin.ts')).toBe(false);
  });

  it('has nothing else: no history, no packages, no data, no settings with credentials', () => {
    const others = readdirSync(ROOT).filter((name) => !ignored(name) && !copied.includes(name));
    expect(others).toEqual([]);
    const secret = [
      '.git/config',
      '.env',
      '.npmrc',
      'node_modules/zod/package.json',
      'data/state.db',
      'src/core/diff.test.ts',
    ];
    expect(secret.filter((path) => !ignored(path))).toEqual([]);
  });
});

interface Service {
  build?: string;
  image?: string;
  ports?: string[];
  environment?: Record<string, string>;
  volumes?: string[];
  read_only?: boolean;
  privileged?: boolean;
  cap_drop?: string[];
  security_opt?: string[];
  depends_on?: Record<string, { condition: string }>;
  [other: string]: unknown;
}

interface Compose {
  services: Record<string, Service>;
  volumes: Record<string, null>;
}

const composeOf = (path: string): Compose => parse(read(path), { strict: true, uniqueKeys: true });
const BASE = composeOf('compose.yaml');
const WITH_N8N = composeOf('compose.n8n.yaml');
const REPLICAS = composeOf('compose.replicas.yaml');
const services = [BASE, WITH_N8N, REPLICAS].flatMap((file) => Object.entries(file.services));

/** As Compose fills in `${NAME:-default}`, when nobody has set anything. */
const filledIn = (environment: Record<string, string> = {}) =>
  Object.fromEntries(
    Object.entries(environment).map(([name, value]) => [name, value.replaceAll(/\$\{\w+:-([^}]*)\}/g, '$1')]),
  );

describe('the compose files', () => {
  it('start the server of the checkout with a root that cannot be written, without privileges, on one volume', () => {
    expect(Object.keys(BASE.services)).toEqual(['mcp-orchestration']);
    expect(BASE.services['mcp-orchestration']).toMatchObject({
      build: '.',
      read_only: true,
      cap_drop: ['ALL'],
      security_opt: ['no-new-privileges:true'],
      volumes: [`data:${VOLUME}`],
    });
    expect(BASE.services['mcp-orchestration']).not.toHaveProperty('user');
  });

  it('are reachable from this machine only, and give nobody more than a container has', () => {
    for (const [name, service] of services) {
      expect(
        (service.ports ?? []).filter((port) => !/^127\.0\.0\.1:\d+:\d+$/.test(port)),
        name,
      ).toEqual([]);
      for (const key of ['privileged', 'cap_add', 'devices', 'network_mode', 'pid', 'ipc'])
        expect(service, name).not.toHaveProperty(key);
      expect(JSON.stringify(service), name).not.toContain('docker.sock');
    }
  });

  it('use volumes that they declare, and images of a fixed version', () => {
    for (const file of [BASE, WITH_N8N, REPLICAS]) {
      const mounts = Object.values(file.services).flatMap(({ volumes = [] }) => volumes);
      const used = mounts.map((one) => one.split(':')[0] ?? '');
      expect([...new Set(used.filter((from) => !from.startsWith('./')))]).toEqual(Object.keys(file.volumes));
      for (const from of used.filter((one) => one.startsWith('./')))
        expect(existsSync(join(ROOT, from)), from).toBe(true);
    }
    const images = services.flatMap(([, service]) => service.image ?? []);
    expect(images.map((name) => name.replace(/:\d+\.\d+(?:\.\d+)?(-bookworm)?$/, ''))).toEqual([
      'docker.n8n.io/n8nio/n8n',
      'nginx',
      'postgres',
      'redis',
    ]);
  });

  it('set what the server understands: the names by which it is called, with n8n and without', () => {
    const settings = (...files: Compose[]) => {
      const given = files.map((file) => filledIn(file.services['mcp-orchestration']?.environment));
      return readConfig({ HOME: '/home/node', ...environmentOf(image), ...Object.assign({}, ...given) });
    };
    expect(settings(BASE)).toMatchObject({ mode: 'server', ALLOWED_HOSTS: [], TRUSTED_PROXIES: [] });
    expect(settings(BASE, WITH_N8N)).toMatchObject({ mode: 'server', ALLOWED_HOSTS: ['mcp-orchestration'] });
  });

  it('start n8n when the server answers, and hold no credential', () => {
    expect(WITH_N8N.services['n8n']?.depends_on).toEqual({ 'mcp-orchestration': { condition: 'service_healthy' } });
    const settings = services.flatMap(([, { environment = {} }]) => Object.entries(environment));
    const credentials = settings.filter(([name]) => /KEY|TOKEN|SECRET|PASSWORD/.test(name));
    expect(credentials).toEqual([['POSTGRES_PASSWORD', '${POSTGRES_PASSWORD:-}']]);
  });

  it('start several servers that differ in nothing, on one PostgreSQL and one volume with the key, behind one proxy', () => {
    const servers = Object.entries(REPLICAS.services).filter(([name]) => name.startsWith('server-'));
    expect(servers).toHaveLength(3);
    expect(new Set(servers.map(([, service]) => JSON.stringify(service))).size).toBe(1);
    const [, service] = servers[0] ?? [];
    const { read_only, cap_drop, security_opt, volumes } = BASE.services['mcp-orchestration'] ?? {};
    expect(service).toMatchObject({ build: '.', read_only, cap_drop, security_opt, volumes });
    const settings = readConfig({
      HOME: '/home/node',
      ...environmentOf(image),
      ...filledIn(service?.environment),
    });
    expect(settings).toMatchObject({
      mode: 'server',
      database: { kind: 'postgres' },
      TRUSTED_PROXIES: ['172.31.250.10'],
    });
    const postgres = REPLICAS.services['postgres'];
    const { username, pathname } = new URL(String(service?.environment?.['MCP_ORCHESTRATION_DATABASE_URL']));
    // The user of that setting is a superuser, whom no wall between workspaces holds.
    expect(postgres?.environment).not.toHaveProperty('POSTGRES_USER');
    expect(postgres?.environment?.['POSTGRES_DB']).toBe(pathname.slice(1));
    const [, first] =
      /^\.\/(docker\/.*\.sql):\/docker-entrypoint-initdb\.d\//.exec(postgres?.volumes?.at(-1) ?? '') ?? [];
    expect(read(String(first))).toContain(`create role ${username} login password`);
    const proxy = read('docker/replicas.nginx.conf');
    for (const [name] of servers) expect(proxy).toContain(`server ${name}:8000 `);
  });
});
