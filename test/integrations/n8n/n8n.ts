import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../../support/listen.ts';
import type { N8nCredential, N8nNode, N8nWorkflow } from '../../support/n8n-files.ts';
import { run } from '../../support/process.ts';
import { ROOT } from '../../support/workspace.ts';

/** The n8n that `npm run test:n8n` installs, in a folder of its own. */

const BIN = join(ROOT, '.tools/n8n/node_modules/.bin/n8n');
const READY_MS = 120_000;

/** What n8n has kept of one run of a workflow. */
export interface Execution {
  id: number;
  status: string;
  mode: string;
  /** The nodes that ran, with the items of each output. */
  nodes: Record<string, unknown[][]>;
  error: string | undefined;
}

export interface N8n {
  url: string;
  import(credentials: N8nCredential[], workflows: N8nWorkflow[]): Promise<void>;
  start(): Promise<void>;
  stop(): Promise<void>;
  /** As the button in the editor does: from then on its webhooks and schedules are alive. */
  publish(id: string): Promise<void>;
  unpublish(id: string): Promise<void>;
  /** As the button in the editor does: from that trigger to the end. */
  run(id: string, trigger?: string): Promise<Execution>;
  /** As the command line does, in a process of its own. */
  execute(id: string): Promise<{ code: number | null; ran: Execution | undefined }>;
  /** All ended runs of a workflow, the oldest first. */
  executions(id: string): Execution[];
}

export function n8nIn(folder: string, port: number): N8n {
  const url = `http://127.0.0.1:${port}`;
  const editor = editorOf(url);
  let server: ChildProcess | undefined;
  const executions = (id: string) => executionsIn(folder, id);
  return {
    url,
    executions,
    async import(credentials, workflows) {
      const directory = join(folder, 'workflows');
      mkdirSync(directory, { recursive: true });
      for (const workflow of workflows) writeFileSync(join(directory, `${workflow.id}.json`), JSON.stringify(workflow));
      writeFileSync(join(folder, 'credentials.json'), JSON.stringify(credentials), { mode: 0o600 });
      const credentialsSaid = await command(folder, port, 'import:credentials', `--input=${folder}/credentials.json`);
      const workflowsSaid = await command(folder, port, 'import:workflow', '--separate', `--input=${directory}`);
      const said = credentialsSaid.stdout + workflowsSaid.stdout;
      // A file that is not taken is skipped with a warning, and the exit code is 0 all the same.
      for (const count of [`${credentials.length} credentials`, `${workflows.length} workflows`])
        if (!said.includes(`Successfully imported ${count}`)) throw new Error(`n8n did not import ${count}: ${said}`);
    },
    async start() {
      server = await started(folder, port, url);
      await editor('POST', '/owner/setup', OWNER);
    },
    async stop() {
      if (!server || server.exitCode !== null) return;
      server.kill('SIGTERM');
      await once(server, 'close');
    },
    async publish(id) {
      const { versionId, nodes } = (await editor('GET', `/workflows/${id}`)) as { versionId: string; nodes: N8nNode[] };
      await editor('POST', `/workflows/${id}/activate`, { versionId });
      // The answer comes before the address is there.
      if (nodes.some(({ type }) => /\.(webhook|mcpTrigger)$/.test(type)))
        await until(() => rowsIn(folder, WEBHOOKS, id)[0], `the address of ${id}`);
    },
    unpublish: async (id) => void (await editor('POST', `/workflows/${id}/deactivate`, {})),
    async run(id, trigger = 'Run now') {
      const begun = await editor('POST', `/workflows/${id}/run`, { triggerToStartFrom: { name: trigger } });
      const ended = () => executions(id).find((one) => one.id === Number(begun['executionId']));
      return until(ended, `the end of ${id}`);
    },
    async execute(id) {
      const { code } = await command(folder, port, 'execute', '--id', id);
      return { code, ran: executions(id).findLast(({ mode }) => mode === 'cli') };
    },
  };
}

/** Waits until there is something. */
export async function until<T>(look: () => T | undefined, what: string, ms = 60_000): Promise<T> {
  const deadline = performance.now() + ms;
  for (;;) {
    const found = look();
    if (found !== undefined) return found;
    if (performance.now() > deadline) throw new Error(`${what} did not come within ${ms} ms`);
    await sleep(50);
  }
}

const OWNER = { email: 'owner@example.org', firstName: 'Test', lastName: 'Owner', password: 'Made-up-4-this-test' };

type Editor = (method: string, path: string, body?: unknown) => Promise<Record<string, unknown>>;

/** Asks n8n as its editor in the browser does, with the cookie of the first answer. */
function editorOf(url: string): Editor {
  let cookie = '';
  return async (method, path, body) => {
    const headers = { cookie, 'content-type': 'application/json' };
    const response = await fetch(`${url}/rest${path}`, { method, headers, body: body ? JSON.stringify(body) : null });
    const answer = await response.text();
    if (!response.ok) throw new Error(`n8n answered ${response.status} to ${method} ${path}: ${answer}`);
    cookie ||= response.headers.getSetCookie().join('; ');
    return JSON.parse(answer).data;
  };
}

/** Every process of n8n has a broker of its own for its Code nodes. */
async function command(folder: string, port: number, ...args: string[]) {
  const env = { ...environment(folder, port), N8N_RUNNERS_BROKER_PORT: String(await freePort()) };
  return run(BIN, args, { env, cwd: folder });
}

const environment = (folder: string, port: number): Record<string, string> => ({
  HOME: folder,
  PATH: `${join(process.execPath, '..')}:/usr/bin:/bin`,
  N8N_USER_FOLDER: folder,
  N8N_ENCRYPTION_KEY: 'made-up-for-this-test',
  DB_TYPE: 'sqlite',
  NODE_ENV: 'production',
  GENERIC_TIMEZONE: 'UTC',
  N8N_LOG_LEVEL: 'info',
  N8N_LISTEN_ADDRESS: '127.0.0.1',
  N8N_HOST: '127.0.0.1',
  N8N_PORT: String(port),
  N8N_WEBHOOK_URL: `http://127.0.0.1:${port}/`,
  N8N_SECURE_COOKIE: 'false',
  N8N_RUNNERS_MODE: 'internal',
  N8N_RUNNERS_BROKER_LISTEN_ADDRESS: '127.0.0.1',
  // It asks and tells nobody outside of this machine.
  N8N_DIAGNOSTICS_ENABLED: 'false',
  N8N_VERSION_NOTIFICATIONS_ENABLED: 'false',
  N8N_TEMPLATES_ENABLED: 'false',
  N8N_PERSONALIZATION_ENABLED: 'false',
  N8N_HIRING_BANNER_ENABLED: 'false',
  N8N_DYNAMIC_BANNERS_ENABLED: 'false',
  N8N_COMMUNITY_PACKAGES_ENABLED: 'false',
  N8N_LICENSE_AUTO_RENEW_ENABLED: 'false',
  N8N_DISABLED_MODULES: 'mcp-registry',
});

async function started(folder: string, port: number, url: string): Promise<ChildProcess> {
  const env = { ...environment(folder, port), N8N_RUNNERS_BROKER_PORT: String(await freePort()) };
  const child = spawn(BIN, ['start'], { env, cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
  const output = Promise.all([text(child.stdout), text(child.stderr)]);
  const deadline = performance.now() + READY_MS;
  while (!(await isReady(url))) {
    if (child.exitCode !== null) throw new Error(`n8n ended with ${child.exitCode}: ${(await output).join('')}`);
    if (performance.now() > deadline) {
      child.kill('SIGKILL');
      throw new Error(`n8n was not ready in time: ${(await output).join('')}`);
    }
    await sleep(100);
  }
  return child;
}

const isReady = (url: string) =>
  fetch(`${url}/healthz/readiness`).then(
    ({ status }) => status === 200,
    () => false,
  );

const WEBHOOKS = 'select * from webhook_entity where workflowId = ?';
const EXECUTIONS = `select e.id, e.status, e.mode, d.data from execution_entity e
  join execution_data d on d.executionId = e.id
  where e.workflowId = ? and e.status in ('success', 'error', 'crashed') order by e.id`;

function rowsIn(folder: string, sql: string, workflow: string): Record<string, unknown>[] {
  const database = new DatabaseSync(join(folder, '.n8n/database.sqlite'), { readOnly: true, timeout: 10_000 });
  try {
    return database.prepare(sql).all(workflow);
  } finally {
    database.close();
  }
}

const executionsIn = (folder: string, workflow: string): Execution[] =>
  rowsIn(folder, EXECUTIONS, workflow).map(({ id, status, mode, data }) => {
    const ended = { id: Number(id), status: String(status), mode: String(mode) };
    return { ...ended, ...ranIn(String(data)) };
  });

interface RunData {
  resultData: {
    runData: Record<string, { data?: { main?: ({ json: unknown }[] | null)[] } }[]>;
    error?: { message: string };
  };
}

function ranIn(data: string): Pick<Execution, 'nodes' | 'error'> {
  const { runData, error } = (unflattened(data) as RunData).resultData;
  const nodes = Object.entries(runData).map(([name, runs]) => [
    name,
    (runs[0]?.data?.main ?? []).map((items) => (items ?? []).map(({ json }) => json)),
  ]);
  return { nodes: Object.fromEntries(nodes), error: error?.message };
}

/** n8n keeps JSON flat: a list in which every text inside an object or list is the place of what it stands for. */
function unflattened(data: string): unknown {
  const flat = JSON.parse(data) as unknown[];
  const made = new Map<number, unknown>();
  const at = (place: number): unknown => {
    const value = flat[place];
    if (typeof value !== 'object' || value === null) return value;
    if (made.has(place)) return made.get(place);
    const whole: Record<string, unknown> | unknown[] = Array.isArray(value) ? [] : {};
    made.set(place, whole);
    for (const [key, one] of Object.entries(value))
      Object.assign(whole, { [key]: typeof one === 'string' ? at(Number(one)) : one });
    return whole;
  };
  return at(0);
}

export interface Told {
  text: string;
  failed: boolean;
  workflow: string;
}

/** The plain webhook that stands in for Slack and mail. */
export interface Listener {
  url: string;
  /** What a workflow has told, by its name. */
  told(workflow: string): Told[];
  close(): void;
}

export async function listen(): Promise<Listener> {
  const all: Told[] = [];
  const server: Server = createServer(async (request, response) => {
    all.push(JSON.parse(await text(request)) as Told);
    response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/notify`,
    told: (workflow) => all.filter((one) => one.workflow === workflow),
    close: () => server.close(),
  };
}
