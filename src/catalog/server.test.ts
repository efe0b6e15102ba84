import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { isId } from '../core/id-rules.ts';
import { CATALOG, serverById, successorOf } from './index.ts';
import { CatalogServer } from './server.ts';

const IDS = [
  'apify',
  'asana',
  'atlassian',
  'aws-docs',
  'aws-knowledge',
  'azure',
  'azure-devops',
  'brave-search',
  'brave-search-legacy',
  'browserbase',
  'chrome-devtools',
  'cloudflare',
  'cloudflare-docs',
  'context7',
  'custom-api',
  'custom-sse',
  'custom-stdio',
  'datadog',
  'dbhub',
  'desktop-commander',
  'e2b',
  'elasticsearch',
  'elasticsearch-legacy',
  'everything',
  'exa',
  'fetch',
  'figma',
  'figma-context',
  'filesystem',
  'firecrawl',
  'git',
  'github',
  'github-legacy',
  'gitlab',
  'gitlab-legacy',
  'google-maps',
  'google-maps-grounding',
  'google-maps-legacy',
  'grafana',
  'hubspot',
  'hugging-face',
  'intercom',
  'kubernetes',
  'linear',
  'mcp-atlassian',
  'mcp-obsidian',
  'memory',
  'microsoft-learn',
  'mongodb',
  'n8n',
  'n8n-mcp',
  'n8n-trigger',
  'neon',
  'netlify',
  'notion',
  'obsidian',
  'pagerduty',
  'paypal',
  'perplexity',
  'playwright',
  'postgres',
  'postgres-legacy',
  'puppeteer',
  'qdrant',
  'redis',
  'redis-legacy',
  'sentry',
  'sequential-thinking',
  'shopify-dev',
  'slack',
  'slack-legacy',
  'sqlite-legacy',
  'square',
  'stripe',
  'supabase',
  'tavily',
  'time',
  'todoist',
  'vercel',
  'zapier',
];

test('the catalog has exactly these 80 servers, each once', () => {
  expect(CATALOG.map((server) => server.server_id).toSorted()).toEqual(IDS);
});

test.each(CATALOG.map((server) => [server.server_id, server] as const))('%s obeys the schema', (server_id, server) => {
  expect(CatalogServer.safeParse(server).error?.issues ?? []).toEqual([]);
  expect(isId(server_id)).toBe(true);
  expect(serverById(server_id)).toBe(server);
});

test('every successor is an active server of the catalog', () => {
  const successors = CATALOG.flatMap((server) => server.replaced_by ?? []);
  expect(successors).toHaveLength(10);
  for (const successor of successors) expect(serverById(successor)?.status).toBe('active');
  expect(successorOf('postgres-legacy')).toBe('postgres');
  expect(successorOf('todoist-ai')).toBe('todoist');
  expect(successorOf('filesystem')).toBeUndefined();
  expect(serverById('constructor')).toBeUndefined();
});

test('a container image stands in its own arguments, and every npm or PyPI package has an exact version', () => {
  for (const { server_id, transports } of CATALOG) {
    for (const transport of transports) {
      if (transport.type !== 'stdio' || transport.package === null) continue;
      const { registry, identifier, version_seen } = transport.package;
      if (registry === 'oci') expect(transport.args, server_id).toContain(identifier);
      else expect(version_seen, server_id).toMatch(/^\d+(\.\d+)+$/);
    }
  }
});

test('loading the data runs no library: only types are imported', () => {
  const folder = new URL('./servers/', import.meta.url);
  const files = ['../index.ts', ...readdirSync(folder)].map((name) => readFileSync(new URL(name, folder), 'utf8'));
  const imports = files.flatMap((text) => text.match(/^import .*$/gm) ?? []);
  expect(imports.length).toBeGreaterThan(13);
  for (const line of imports)
    expect(line).toMatch(/^import (type .* from '\.\.?\/server\.ts'|\{ \w+ \} from '\.\/servers\/\w+\.ts');$/);
});

const stdio = {
  type: 'stdio',
  runtime: 'npx',
  package: { registry: 'npm', identifier: 'x', version_seen: '1.0.0' },
  command: 'npx',
  args: [] as unknown[],
  parameters: [] as unknown[],
  env: [] as unknown[],
};
const faults = (transport: object): string[] => {
  const server = { ...CATALOG[0], transports: [{ ...stdio, ...transport }] };
  return CatalogServer.safeParse(server).error?.issues.map((issue) => issue.message) ?? [];
};
const word = { name: 'word', type: 'string', description: 'A word.' };

test('a template that could stay without a value is refused', () => {
  expect(faults({ args: ['{word}'] })).toEqual(['"{word}" names no parameter of this transport']);
  expect(faults({ args: ['{word}'], parameters: [word] })).toEqual(['"{word}" may be without a value']);
  expect(faults({ args: ['{word}'], parameters: [{ ...word, default: 'x' }] })).toEqual([]);
  expect(faults({ args: [{ when: 'word', args: ['{word}'] }], parameters: [word] })).toEqual([]);
  expect(faults({ args: ['x@{package_version}'], package: null })).toEqual([
    '"x@{package_version}" names a version, but the package has none',
  ]);
});

test('a list outside "each", and a condition on something undeclared, are refused', () => {
  const repeated = { ...word, required: true, repeated: true };
  expect(faults({ args: ['{word}'], parameters: [repeated] })).toEqual(['"{word}" takes a list outside "each"']);
  expect(faults({ args: [{ each: 'word', args: ['{word}'] }], parameters: [word] })).toEqual([
    'each: "word" is not repeated',
  ]);
  expect(faults({ args: [{ when: 'env:X', args: ['x'] }] })).toEqual(['when: "env:X" is not declared as one value']);
  expect(faults({ env_any_of: [['A']] })).toEqual(['env_any_of: "A" is not declared']);
});
