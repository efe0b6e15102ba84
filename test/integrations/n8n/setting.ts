import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { query } from '../../crash/invariants.ts';
import { freePort } from '../../support/listen.ts';
import {
  exampleCredentials,
  type N8nCredential,
  type N8nNode,
  type N8nWorkflow,
  settingsOf,
  shippedWorkflows,
} from '../../support/n8n-files.ts';
import { cliJson, type HttpServer, startHttp } from '../../support/process.ts';
import { makeWorkspace, type Workspace } from '../../support/workspace.ts';
import { type Listener, listen, type N8n, n8nIn } from './n8n.ts';

export const CALLER_KEY = 'made-up-key-of-a-caller';
const OTHERS = {
  'Callers of the publish webhook': CALLER_KEY,
  'The second MCP server': 'made-up-token-of-the-second-server',
};

/** n8n with the shipped workflows, beside a server of ours and something that is told. */
export interface Setting {
  workspace: Workspace;
  server: HttpServer;
  n8n: N8n;
  listener: Listener;
  /** Of the webhook that sends to n8n. */
  secret: string;
  /** Ids of the tokens in the credentials, by their role. */
  tokens: Record<string, string>;
  /** What our audit log has of an operation: who, through which door, about what. */
  audited(operation: string): string[];
  close(): Promise<void>;
}

/** In the files are only those settings changed that a person would change, and the credentials filled in. */
export async function openSetting(): Promise<Setting> {
  const ends: (() => unknown)[] = [];
  const close = async () => {
    for (const end of ends.toReversed()) await end();
  };
  try {
    return { ...(await parts(ends)), close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function parts(ends: (() => unknown)[]): Promise<Omit<Setting, 'close'>> {
  const workspace = await makeWorkspace();
  ends.push(workspace.remove);
  for (const place of ['.cursor', '.codeium/windsurf', '.config/Code/User'])
    mkdirSync(join(workspace.home, place), { recursive: true });
  const port = await freePort();
  const listener = await listen();
  ends.push(listener.close);
  workspace.env['MCP_ORCHESTRATION_WEBHOOK_ALLOW'] = `127.0.0.1:${port}`;
  const server = await startHttp(workspace, { ends: (end) => ends.push(end) });
  await cliJson(workspace, 'initialize-keys');
  const n8n = n8nIn(join(workspace.home, 'n8n'), port);
  ends.push(n8n.stop);
  const settings = {
    orchestration_url: server.url,
    notify_url: listener.url,
    second_mcp_url: `${n8n.url}/mcp/welcome`,
  };
  const { secret } = await cliJson(
    workspace,
    ...['subscribe-webhook', `${n8n.url}/webhook/mcp-released`, '--event', 'config.published'],
  );
  const made = await tokensOf(workspace);
  const given = Object.entries(made).map(([role, { token }]) => [`mcp-orchestration: ${role}`, token]);
  const values = {
    ...Object.fromEntries(given),
    ...OTHERS,
    'mcp-orchestration: webhook secret': keyOf(String(secret)),
  };
  await timed('n8n has imported credentials and workflows', () => n8n.import(credentials(values), variants(settings)));
  await timed('n8n is ready', n8n.start);
  for (const id of ['mcporchPublish01', 'mcporchSecond001', 'mcporchReact0001']) await n8n.publish(id);
  const tokens = Object.fromEntries(Object.entries(made).map(([role, { token_id }]) => [role, token_id]));
  return { workspace, server, n8n, listener, secret: String(secret), tokens, audited: auditOf(workspace, tokens) };
}

function variants(settings: Record<string, string>): N8nWorkflow[] {
  const shipped = shippedWorkflows();
  const withSettings = (file: string, more: Record<string, unknown> = {}): N8nWorkflow => {
    const workflow = structuredClone(shipped[file] as N8nWorkflow);
    for (const assignment of settingsOf(workflow))
      assignment.value = { ...settings, ...more }[assignment.name] ?? assignment.value;
    return workflow;
  };
  const deployment = (id: string, name: string, more: Record<string, unknown>) => ({
    ...withSettings('scheduled-deployment.json', more),
    id,
    name,
  });
  const often = deployment('often', 'Often', { clients: 'windsurf' });
  change(often, 'Every day', { parameters: { rule: { interval: [{ field: 'seconds', secondsInterval: 1 }] } } });
  const quiet = deployment('quiet', 'Quiet', { clients: 'windsurf' });
  change(quiet, 'Notify', { disabled: true });
  const unheard = { clients: 'windsurf', notify_url: `${settings['orchestration_url']}/nobody` };
  return [
    ...Object.keys(shipped).map((file) => withSettings(file)),
    ...[often, quiet, deployment('unheard', 'Unheard', unheard)],
    { ...withSettings('drift-detection.json', { redeploy: true }), id: 'redeploy', name: 'Redeploy' },
    { ...withSettings('drift-detection.json', { clients: 'zed' }), id: 'never', name: 'Never' },
    { ...withSettings('drift-detection.json', { clients: ' ,' }), id: 'none', name: 'None' },
    { ...withSettings('onboarding.json', { role: 'pilot' }), id: 'pilot', name: 'Pilot' },
    { ...withSettings('onboarding.json', { second_mcp_url: settings['notify_url'] }), id: 'alone', name: 'Alone' },
  ];
}

function change({ nodes }: N8nWorkflow, name: string, to: Partial<N8nNode>): void {
  const node = nodes.find((one) => one.name === name);
  if (!node) throw new Error(`no node is called ${name}`);
  Object.assign(node, to);
}

async function tokensOf(workspace: Workspace): Promise<Record<string, { token: string; token_id: string }>> {
  const made = ['publisher', 'deployer', 'viewer'].map(async (role) => {
    const { token, token_id } = await cliJson(workspace, 'generate-token', '--name', `n8n-${role}`, '--role', role);
    return [role, { token: String(token), token_id: String(token_id) }] as const;
  });
  return Object.fromEntries(await Promise.all(made));
}

async function timed(what: string, work: () => Promise<void>): Promise<void> {
  const began = performance.now();
  await work();
  process.stderr.write(`${what} after ${((performance.now() - began) / 1000).toFixed(1)} s\n`);
}

/** As the guide has it. */
const keyOf = (secret: string) => Buffer.from(secret.replace('whsec_', ''), 'base64').toString('utf8');

function credentials(values: Record<string, string>): N8nCredential[] {
  const filled = ({ name, data }: N8nCredential) =>
    Object.entries(data).map(([field, value]) => [field, value.startsWith('REPLACE: ') ? values[name] : value]);
  return exampleCredentials().map((credential) => ({ ...credential, data: Object.fromEntries(filled(credential)) }));
}

function auditOf(workspace: Workspace, tokens: Record<string, string>): Setting['audited'] {
  const roles = Object.fromEntries(Object.entries(tokens).map(([role, token_id]) => [`token:${token_id}`, role]));
  return (operation) =>
    query(workspace, `select * from audit where operation = '${operation}' order by number`).flatMap((row) => {
      const role = roles[String(row['actor'])];
      return role === undefined ? [] : [`${role}, ${row['door']}: ${row['client_id']}/${row['profile_id']}`];
    });
}
