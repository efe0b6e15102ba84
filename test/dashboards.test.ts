import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { beforeAll, describe, expect, it, onTestFinished, type TestContext } from 'vitest';
import { parse } from 'yaml';
import { IDLE_SOURCES } from '../scripts/reference/metrics.ts';
import { openMetrics } from '../src/main/telemetry/metrics.ts';
import { ALERT_CASES, promtoolTests } from './alert-cases.ts';
import { anchorsOf } from './docs/markdown.ts';
import { type HttpServer, run, startHttp } from './support/process.ts';
import { findPrometheus, type Programs, startPrometheus } from './support/prometheus.ts';
import { broken, receiver } from './support/receivers.ts';
import { IN_FILE } from './support/store-under-test.ts';
import { ROOT, temporaryDirectory, testWorkspace, type Workspace } from './support/workspace.ts';

/** The dashboards and alerts that come with the package: in themselves, and with a real Prometheus at a real server. */

const PROMETHEUS = join(ROOT, 'integrations/prometheus');
const GRAFANA = join(ROOT, 'integrations/grafana');
const RUNBOOK = 'user-docs/how-to/operate.md';
const GUIDE = 'user-docs/how-to/monitor-with-prometheus.md';

interface Rule {
  alert?: string;
  record?: string;
  expr: string;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
}
/** As Prometheus tells it. */
interface RuleState {
  name: string;
  health: string;
  state?: string;
}
interface RuleFile {
  groups: { name: string; interval?: string; rules: Rule[] }[];
}
interface Panel {
  id: number;
  type: string;
  title: string;
  description?: string;
  gridPos: { h: number; w: number; x: number; y: number };
  datasource?: { type: string; uid: string };
  fieldConfig?: { defaults: { unit?: string; thresholds?: { steps: unknown[] } } };
  targets?: { refId: string; expr: string; datasource: { uid: string } }[];
}
interface Dashboard {
  uid: string;
  title: string;
  schemaVersion: number;
  id: null;
  panels: Panel[];
  templating: { list: { name: string; type: string }[] };
  annotations: { list: { expr?: string }[] };
}

const rulesIn = (file: string): RuleFile => parse(readFileSync(join(PROMETHEUS, file), 'utf8'));
const allRules = () =>
  ['alerts.yml', 'rules.yml'].flatMap((file) => rulesIn(file).groups.flatMap(({ rules }) => rules));
const ALERTS = allRules().filter((rule) => rule.alert !== undefined);
const RECORDED = allRules().flatMap(({ record }) => record ?? []);
const DASHBOARDS = readdirSync(GRAFANA).map((file) => ({
  file,
  dashboard: JSON.parse(readFileSync(join(GRAFANA, file), 'utf8')) as Dashboard,
}));
const panelsOf = ({ panels }: Dashboard) => panels.filter(({ type }) => type !== 'row');
const expressionsOf = (dashboard: Dashboard) =>
  panelsOf(dashboard).flatMap(({ title, targets = [] }) => targets.map(({ refId, expr }) => ({ title, refId, expr })));

describe('every alert', () => {
  it.each(ALERTS.map((rule) => [rule.alert ?? '', rule] as const))(
    '%s says what is wrong, how much of a hurry there is, and where to read on',
    (alert, { labels, annotations = {} }) => {
      expect(['page', 'ticket']).toContain(labels?.['severity']);
      expect(annotations['summary']).toMatch(/^.{15,}\.$/);
      expect(annotations['description']).toMatch(/^.{30,}\.$/);
      const [page, anchor] = (annotations['runbook_url'] ?? '').split('#');
      expect(page).toBe(`https://github.com/liminalcommons/mcp-orchestration/blob/main/${RUNBOOK}`);
      expect(anchor).toBe(alert.toLowerCase());
      expect(anchorsOf(readFileSync(join(ROOT, RUNBOOK), 'utf8'))).toContain(anchor);
    },
  );

  it('has a name of its own, and a case in which it fires', () => {
    const names = ALERTS.map(({ alert }) => alert);
    expect(new Set(names).size).toBe(names.length);
    expect([...new Set(ALERT_CASES.map(({ alert }) => alert))].sort()).toEqual(names.toSorted());
  });
});

describe.each(DASHBOARDS)('the dashboard $file', ({ dashboard }) => {
  it('can be imported: a known schema, a name of its own, and the data source is asked for', () => {
    expect(dashboard).toMatchObject({ id: null, schemaVersion: 41, uid: expect.stringMatching(/^[a-z-]{1,40}$/) });
    expect(dashboard.templating.list.map(({ name, type }) => [name, type])).toEqual([
      ['datasource', 'datasource'],
      ['job', 'query'],
      ['instance', 'query'],
    ]);
    for (const { datasource, targets = [] } of panelsOf(dashboard))
      expect([datasource?.uid, ...targets.map((one) => one.datasource.uid)]).toEqual(
        Array(targets.length + 1).fill('$' + '{datasource}'),
      );
  });

  it('explains every panel and gives it a unit and thresholds', () => {
    for (const { title, description, fieldConfig, targets } of panelsOf(dashboard)) {
      expect([title, description]).toEqual([title, expect.stringMatching(/^.{15,}\.$/)]);
      expect([title, fieldConfig?.defaults.unit]).toEqual([title, expect.stringMatching(/./)]);
      expect([title, fieldConfig?.defaults.thresholds?.steps.length]).toEqual([title, expect.any(Number)]);
      expect([title, targets?.length]).not.toEqual([title, 0]);
    }
  });

  it('has panels with numbers of their own that do not lie on each other', () => {
    const ids = dashboard.panels.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    const cells = dashboard.panels.flatMap(({ gridPos: { x, y, w, h } }) =>
      Array.from({ length: w * h }, (_, at) => `${x + (at % w)}/${y + Math.floor(at / w)}`),
    );
    expect(new Set(cells).size).toBe(cells.length);
    for (const { gridPos } of dashboard.panels) expect(gridPos.x + gridPos.w).toBeLessThanOrEqual(24);
  });
});

it('name no metric that there is not', async () => {
  const metrics = openMetrics();
  metrics.page(IDLE_SOURCES);
  const known = new Set((await metrics.definitions()).map(({ name }) => name));
  const asked = [...allRules(), ...DASHBOARDS.flatMap(({ dashboard }) => expressionsOf(dashboard))];
  const named = asked.flatMap(({ expr }) => expr.match(/\b(?:mcp_orchestration|nodejs|process)_\w+(?![\w:])/g) ?? []);
  expect(named.length).toBeGreaterThan(100);
  const unknown = named.filter((name) => !known.has(name) && !known.has(name.replace(/_(bucket|count|sum)$/, '')));
  expect(unknown).toEqual([]);
});

describe('a real Prometheus', () => {
  let found: Programs | string;
  beforeAll(() => {
    found = findPrometheus();
  });
  /** Where it cannot be had, that is said; where everything has to be tried, it is a failure. */
  const programs = (context: TestContext): Programs => {
    if (typeof found !== 'string') return found;
    if (process.env['CI'] !== undefined) throw new Error(found);
    process.stderr.write(`skipped: ${found}\n`);
    return context.skip(found);
  };

  it('finds nothing wrong with the rules, nor with the configuration in the guide', async (context) => {
    const { promtool } = programs(context);
    const directory = await deskFor(context);
    const [yaml = ''] = /(?<=^```yaml\n)[^`]*rule_files[^`]*/m.exec(readFileSync(join(ROOT, GUIDE), 'utf8')) ?? [];
    const [token, configuration] = [join(directory, 'token'), join(directory, 'prometheus.yml')];
    writeFileSync(token, 'secret\n');
    writeFileSync(
      configuration,
      yaml
        .replace('/etc/prometheus/mcp-orchestration.token', token)
        .replaceAll('/etc/prometheus/mcp-orchestration', PROMETHEUS),
    );
    const { code, stdout, stderr } = await tool(promtool, 'check', 'config', configuration);
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toContain(`SUCCESS: ${ALERTS.length} rules found`);
    expect(stdout).toContain(`SUCCESS: ${RECORDED.length} rules found`);
  });

  it('lets every alert fire when it should, and be silent when it should not', async (context) => {
    const { promtool } = programs(context);
    const directory = await deskFor(context);
    const file = join(directory, 'tests.json');
    writeFileSync(file, promtoolTests(['alerts.yml', 'rules.yml'].map((name) => join(PROMETHEUS, name))));
    const { code, stdout, stderr } = await tool(promtool, 'test', 'rules', file);
    expect(code, stdout + stderr).toBe(0);
  });

  it('has data for every panel and every rule, of a server at work', async (context) => {
    if (!IN_FILE) context.skip('it locks the file of SQLite');
    const { promtool, ...rest } = programs(context);
    const { server, workspace, locked } = await serverAtWork();
    const token = join(workspace.home, 'prometheus.token');
    const made = await server.ask('POST', '/v1/tokens', { body: { name: 'prometheus', scopes: ['metrics:read'] } });
    writeFileSync(token, String(made.body['token']), { mode: 0o600 });
    const prometheus = await startPrometheus({ promtool, ...rest }, configurationFor(server, token, workspace));
    await expect.poll(() => prometheus.query('mcp_orchestration_ready'), { interval: 100 }).toHaveLength(1);
    for (let round = 0; round < 6; round += 1) {
      await work(server, workspace, round);
      await sleep(300);
    }
    await locked();
    const queries = DASHBOARDS.flatMap(({ file, dashboard }) =>
      expressionsOf(dashboard).map(({ title, refId, expr }) => ({ what: `${file}: ${title} ${refId}`, expr })),
    ).concat(RECORDED.map((record) => ({ what: record, expr: record })));
    const empty = async () => {
      const asked = queries.map(async ({ what, expr }) =>
        (await prometheus.query(filled(expr))).length > 0 ? [] : [what],
      );
      return (await Promise.all(asked)).flat();
    };
    await expect.poll(empty, { interval: 500 }).toEqual([]);
    expect(queries.length).toBeGreaterThan(80);
    const missing = async () => {
      const signs = SIGNS_OF_WORK.map(async (sign) => ((await prometheus.query(sign)).length > 0 ? [] : [sign]));
      return (await Promise.all(signs)).flat();
    };
    await expect.poll(missing, { interval: 500 }).toEqual([]);

    const rules = async () => {
      const found = (await prometheus.get('/api/v1/rules')) as { groups: { rules: RuleState[] }[] };
      return found.groups.flatMap((group) => group.rules);
    };
    const firing = async () => (await rules()).filter(({ state }) => state === 'firing').map(({ name }) => name);
    const expected = ['McpOrchestrationStoreErrors', 'McpOrchestrationPublishFailing'];
    await expect.poll(firing, { interval: 200 }).toEqual(expected);
    expect((await rules()).length).toBe(ALERTS.length + RECORDED.length);
    expect((await rules()).filter(({ health }) => health !== 'ok')).toEqual([]);

    const page = await fetch(`${server.url}/metrics`, { headers: { authorization: `Bearer ${made.body['token']}` } });
    const input = await page.text();
    const { stdout, stderr } = await run(promtool, ['check', 'metrics'], { env: {}, input });
    // What others named for Node is theirs.
    const remarks = (stdout + stderr).split('\n').filter((line) => line !== '' && !/^(nodejs|process)_/.test(line));
    expect(remarks).toEqual([]);
  });
});

async function deskFor({ onTestFinished: atTheEnd }: TestContext): Promise<string> {
  const directory = await temporaryDirectory('mcpo-promtool');
  atTheEnd(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

const tool = (promtool: string, ...args: string[]) => run(promtool, args, { env: { PATH: process.env['PATH'] ?? '' } });

/** That the server was really at work, so that there is more than zeros. */
const SIGNS_OF_WORK = [
  ...['published', 'deployed', 'drift_detected'].map(
    (type) => `increase(mcp_orchestration_events_total{type="config.${type}"}[1m]) > 0`,
  ),
  ...['delivered', 'failed'].map(
    (outcome) => `increase(mcp_orchestration_webhook_attempts_total{outcome="${outcome}"}[1m]) > 0`,
  ),
  ...['2xx', '3xx', '4xx', '5xx'].map(
    (status) => `sum(increase(mcp_orchestration_http_request_duration_seconds_count{status="${status}"}[1m])) > 0`,
  ),
  'sum(increase(mcp_orchestration_operation_duration_seconds_count{door="mcp"}[1m])) > 0',
  'sum(increase(mcp_orchestration_validation_findings_total[1m])) > 0',
  'increase(mcp_orchestration_store_errors_total{reason="store_locked"}[1m]) > 0',
  'mcp_orchestration_drifting_profiles == 1',
];

/** As Grafana fills them in for a range of half a minute. */
const filled = (expression: string): string =>
  expression
    .replaceAll('$__rate_interval', '30s')
    .replaceAll('$__range', '30s')
    .replaceAll('$job', 'mcp-orchestration')
    .replaceAll('$instance', '.+');

/** Everything as in the guide, but more often. */
function configurationFor({ url }: HttpServer, token: string, { home }: Workspace): object {
  const rules = rulesIn('rules.yml');
  for (const group of rules.groups) group.interval = '1s';
  const often = join(home, 'rules.yml');
  writeFileSync(often, JSON.stringify(rules));
  return {
    global: { scrape_interval: '500ms', evaluation_interval: '1s' },
    rule_files: [often, join(PROMETHEUS, 'alerts.yml')],
    scrape_configs: [
      {
        job_name: 'mcp-orchestration',
        authorization: { credentials_file: token },
        static_configs: [{ targets: [new URL(url).host] }],
      },
    ],
  };
}

const CONFIG = '/v1/config/cursor/default';
const draft = (round: number) => ({
  payload: { mcpServers: { x: { command: 'npx', args: ['unpinned', `${round}`] } } },
});

/** A server on a store that has a release with a pointer, with a webhook that works and one that does not. */
async function serverAtWork() {
  const workspace = await testWorkspace();
  const [works, fails] = [await receiver(), await receiver(broken)];
  // Only a server for others signs pointers, and such a one sends no events to the receivers of this test.
  const first = await startHttp(workspace, { env: { MCP_ORCHESTRATION_TRUSTED_PROXIES: '192.0.2.1' } });
  await first.ask('POST', '/v1/keys/initialize', { body: {} });
  await first.ask('PUT', `${CONFIG}/draft`, { body: draft(-1) });
  expect(await first.ask('POST', `${CONFIG}/publish`, { body: {} })).toMatchObject({ status: 201 });
  await first.stop();
  const allowed = `${works.place},${fails.place}`;
  const started = await startHttp(workspace, { env: { MCP_ORCHESTRATION_WEBHOOK_ALLOW: allowed } });
  const { token = '' } = first;
  const ask: HttpServer['ask'] = (method, path, options) => started.ask(method, path, { token, ...options });
  const server: HttpServer = { ...started, token, ask };
  for (const { url } of [works, fails])
    await server.ask('POST', '/v1/webhooks', { body: { url, events: ['config.published'] } });
  return { server, workspace, locked: () => whileLocked(server, workspace) };
}

/** What people and programs do with a server, in a second. */
async function work(server: HttpServer, { home }: Workspace, round: number): Promise<void> {
  const { ask, url, token } = server;
  await ask('PUT', `${CONFIG}/draft`, { body: draft(round) });
  await ask('POST', `${CONFIG}/validate`, { body: {} });
  await ask('POST', `${CONFIG}/publish`, { body: {} });
  await ask('POST', `${CONFIG}/publish`, { body: { if_revision: 999_999 } });
  await ask('POST', `${CONFIG}/deploy`, { body: { on_drift: 'overwrite' } });
  const file = join(home, '.cursor/mcp.json');
  writeFileSync(file, readFileSync(file, 'utf8').replace('npx', 'bunx'));
  expect((await ask('GET', '/v1/drift')).body).toMatchObject({ drift_count: 1 });
  const authorization = { authorization: `Bearer ${token}` };
  const got = await fetch(url + CONFIG, { headers: authorization });
  const kept = { ...authorization, 'if-none-match': got.headers.get('etag') ?? '' };
  expect((await fetch(url + CONFIG, { headers: kept })).status).toBe(304);
  for (const path of ['/v1/clients', '/v1/servers', `${CONFIG}/native`, '/v1/config/cursor/none', '/nowhere'])
    await ask('GET', path);
  expect((await ask('GET', CONFIG, { token: null })).status).toBe(401);
  const client = new Client({ name: 'test', version: '1.0.0' });
  await client.connect(
    new StreamableHTTPClientTransport(new URL(`${url}/mcp`), { requestInit: { headers: authorization } }),
  );
  await client.callTool({ name: 'get_config', arguments: { client_id: 'cursor' } });
  await client.callTool({ name: 'get_config', arguments: { client_id: 'cursor', profile_id: 'none' } });
  await client.close();
}

/** Another program keeps the lock of the store for longer than the server waits. */
async function whileLocked({ ask }: HttpServer, { data_dir }: Workspace): Promise<void> {
  const locker = new DatabaseSync(join(data_dir, 'state.db'));
  onTestFinished(() => {
    if (locker.isOpen) locker.close();
  });
  locker.exec('begin immediate');
  expect(await ask('POST', `${CONFIG}/publish`, { body: {} })).toMatchObject({ status: 503 });
  locker.exec('rollback');
  locker.close();
}
