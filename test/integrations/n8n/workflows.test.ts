import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { shippedWorkflows } from '../../support/n8n-files.ts';
import { cli, cliJson } from '../../support/process.ts';
import { signatureOf } from '../../support/receivers.ts';
import { until } from './n8n.ts';
import { CALLER_KEY, openSetting, type Setting } from './setting.ts';

/** The workflows of integrations/n8n in a real n8n, beside a real server. */

const MEMORY = { command: 'npx', args: ['-y', '@modelcontextprotocol/server-memory@2026.8.31'] };
const FETCH = { command: 'uvx', args: ['mcp-server-fetch@2025.4.7'] };
const NAMES = Object.fromEntries(Object.values(shippedWorkflows()).map(({ id, name }) => [id, name]));

let setting: Setting;
beforeAll(async () => {
  setting = await openSetting();
}, 300_000);
afterAll(() => setting?.close());

const publish = async (client: string, servers: object, profile = 'default') => {
  const body = { payload: { mcpServers: servers } };
  const { status } = await setting.server.ask('POST', `/v1/config/${client}/${profile}/publish`, { body });
  expect(status).toBe(201);
};
const told = (id: string) => setting.listener.told(NAMES[id] ?? id);
const lastTold = (id: string) => told(id).at(-1);
const file = (path: string) => join(setting.workspace.home, path);
const items = (nodes: Record<string, unknown[][]>, name: string, output = 0) => nodes[name]?.[output] ?? [];
const post = async (path: string, body: unknown, headers: Record<string, string> = {}) => {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  const all = { 'content-type': 'application/json', ...headers };
  const response = await fetch(`${setting.n8n.url}/webhook/${path}`, { method: 'POST', headers: all, body: text });
  return { status: response.status, text: await response.text() };
};

describe('the scheduled deployment', () => {
  const ID = 'mcporchDeploy001';

  it('puts the latest release into the files of several clients, and tells about it', async () => {
    await publish('cursor', { memory: MEMORY });
    await publish('vscode', { fetch: FETCH });
    const ran = await setting.n8n.run(ID);
    expect([ran.status, ran.error]).toEqual(['success', undefined]);
    expect(items(ran.nodes, 'Deploy')).toMatchObject([
      { statusCode: 200, body: { changed_count: 2, failed_count: 0 } },
    ]);
    expect(readFileSync(file('.cursor/mcp.json'), 'utf8')).toContain('server-memory');
    expect(readFileSync(file('.config/Code/User/mcp.json'), 'utf8')).toContain('mcp-server-fetch');
    expect(setting.audited('deployments.deployAll')).toEqual([
      'deployer, rest: cursor/default',
      'deployer, rest: vscode/default',
    ]);
    expect(lastTold(ID)).toMatchObject({ failed: false, text: expect.stringContaining('cursor: deployed, release 1') });
  });

  it('tells nobody when nothing is new', async () => {
    const before = told(ID).length;
    const ran = await setting.n8n.run(ID, 'Every day');
    expect(ran.status).toBe('success');
    expect(items(ran.nodes, 'Anything new?', 1)).toHaveLength(1);
    expect(told(ID)).toHaveLength(before);
  });

  it('deploys to the others when one file cannot be read, tells which and why, and fails', async () => {
    await publish('vscode', { memory: MEMORY });
    const kept = readFileSync(file('.cursor/mcp.json'), 'utf8');
    writeFileSync(file('.cursor/mcp.json'), '{ broken');
    const ran = await setting.n8n.run(ID);
    writeFileSync(file('.cursor/mcp.json'), kept);
    expect([ran.status, ran.error]).toEqual(['error', expect.stringContaining('cursor: CLIENT_FILE_UNPARSABLE: ')]);
    expect(lastTold(ID)).toMatchObject({ failed: true, text: expect.stringContaining('vscode: deployed') });
    expect(readFileSync(file('.config/Code/User/mcp.json'), 'utf8')).toContain('server-memory');
  });

  it('runs by itself when it is published, by its schedule', async () => {
    await publish('windsurf', { memory: MEMORY });
    await setting.n8n.publish('often');
    const ran = await until(() => setting.n8n.executions('often')[0], 'a run of the schedule');
    expect([ran.mode, ran.status]).toEqual(['trigger', 'success']);
    expect(readFileSync(file('.codeium/windsurf/mcp_config.json'), 'utf8')).toContain('server-memory');
    await setting.n8n.unpublish('often');
  });

  it('ends well when nobody is to be told, and badly when somebody was to be and could not', async () => {
    await publish('windsurf', { fetch: FETCH });
    const quiet = await setting.n8n.run('quiet');
    expect([quiet.status, told('Quiet')]).toEqual(['success', []]);
    expect(items(quiet.nodes, 'Message')).toHaveLength(1);
    await publish('windsurf', { memory: MEMORY });
    const ran = await setting.n8n.run('unheard');
    expect([ran.status, ran.error]).toEqual(['error', expect.stringContaining('nobody was told')]);
  });

  it('can be run by the command line of n8n', async () => {
    const { code, ran } = await setting.n8n.execute(ID);
    expect([code, ran?.status]).toEqual([0, 'success']);
  });
});

describe('the drift detection', () => {
  const ID = 'mcporchDrift0001';

  it('tells nobody while all is as it was left', async () => {
    const ran = await setting.n8n.run(ID);
    expect(ran.status).toBe('success');
    expect(items(ran.nodes, 'Compare')).toMatchObject([{ drift: false, failures: [] }]);
    expect(told(ID)).toEqual([]);
  });

  it('tells which release is not deployed, and what somebody changed, and changes nothing', async () => {
    await publish('vscode', { fetch: FETCH });
    const path = file('.cursor/mcp.json');
    writeFileSync(path, readFileSync(path, 'utf8').replace('server-memory', 'server-other'));
    const before = setting.audited('deployments.deployAll').length;
    const ran = await setting.n8n.run(ID, 'Every day');
    expect(ran.status).toBe('success');
    const { failed, text } = lastTold(ID) ?? {};
    expect([failed, text?.split('\n')]).toEqual([
      false,
      [
        'Drift.',
        'cursor: memory is changed',
        'vscode: release 2 is deployed, and a newer one is published',
        'Nothing was changed: redeploy is off.',
      ],
    ]);
    expect(setting.audited('deployments.deployAll')).toHaveLength(before);
  });

  it('tells of a client into which nothing was deployed', async () => {
    const ran = await setting.n8n.run('never');
    expect([ran.status, lastTold('Never')?.text.split('\n')[1]]).toEqual(['success', 'zed: nothing is deployed']);
  });

  it('does not take no clients for no drift', async () => {
    const ran = await setting.n8n.run('none');
    expect([ran.status, ran.error]).toEqual(['error', expect.stringContaining('NO_CLIENTS: ')]);
    expect(lastTold('None')).toMatchObject({ failed: true });
  });

  it('deploys again when it is told to', async () => {
    const ran = await setting.n8n.run('redeploy');
    expect([ran.status, ran.error]).toEqual(['success', undefined]);
    expect(items(ran.nodes, 'Deploy again')).toMatchObject([{ body: { changed_count: 2, failed_count: 0 } }]);
    expect(setting.audited('deployments.deployAll').slice(-2)).toEqual([
      'deployer, rest: cursor/default',
      'deployer, rest: vscode/default',
    ]);
    expect(lastTold('Redeploy')?.text).toContain('The latest release was deployed again.');
    expect(readFileSync(file('.cursor/mcp.json'), 'utf8')).toContain('server-memory');
    const again = await setting.n8n.run('redeploy');
    expect(items(again.nodes, 'Compare')).toMatchObject([{ drift: false }]);
  });
});

describe('the publishing webhook', () => {
  const ID = 'mcporchPublish01';
  const KEY = { 'x-publish-key': CALLER_KEY };
  const request = (servers: object) => ({
    client_id: 'claude-desktop',
    changelog: 'by n8n',
    payload: { mcpServers: servers },
  });
  const releases = () => setting.audited('releases.publish');

  it('publishes what is valid, with its payload in the call, and answers the release', async () => {
    const { status, text } = await post('mcp-publish', request({ memory: MEMORY }), KEY);
    expect([status, JSON.parse(text)]).toMatchObject([201, { status: 'published', sequence: 1, changelog: 'by n8n' }]);
    expect(releases()).toEqual(['publisher, rest: claude-desktop/default']);
    const ran = await until(() => setting.n8n.executions(ID)[0], 'the run');
    expect(ran).toMatchObject({ status: 'success', mode: 'webhook' });
    expect(lastTold(ID)).toMatchObject({
      failed: false,
      text: 'claude-desktop/default: release 1 (1.0.0), published.',
    });
  });

  it('answers the findings of what is not valid, and publishes nothing', async () => {
    const wrong = { memory: { ...MEMORY, env: { API_TOKEN: 'hunter2hunter2hunter2' } } };
    const { status, text } = await post('mcp-publish', request(wrong), KEY);
    const { valid, errors } = JSON.parse(text);
    expect([status, valid, errors.length > 0]).toEqual([422, false, true]);
    expect(text).not.toContain('hunter2');
    expect(releases()).toHaveLength(1);
  });

  it('answers a refusal as the server gave it, tells about it, and fails', async () => {
    const { status, text } = await post('mcp-publish', { ...request({}), client_id: 'no/such' }, KEY);
    expect([status, JSON.parse(text)]).toMatchObject([400, { error: { code: 'INVALID_INPUT' } }]);
    const ran = await until(() => setting.n8n.executions(ID)[2], 'the run');
    expect([ran.status, ran.error]).toEqual(['error', expect.stringContaining('INVALID_INPUT: ')]);
    expect(lastTold(ID)).toMatchObject({ failed: true, text: expect.stringContaining('INVALID_INPUT: ') });
  });

  it('lets in nobody without the key', async () => {
    expect((await post('mcp-publish', request({ fetch: FETCH }))).status).toBe(403);
    expect((await post('mcp-publish', request({ fetch: FETCH }), { 'x-publish-key': 'another' })).status).toBe(403);
    expect(releases()).toHaveLength(1);
  });

  it('only validates its sample when it is run by hand', async () => {
    const ran = await setting.n8n.run(ID);
    expect([ran.status, ran.error]).toEqual(['success', undefined]);
    expect(items(ran.nodes, 'Validate')).toMatchObject([{ statusCode: 200 }]);
    expect(releases()).toHaveLength(1);
  });
});

describe('the onboarding, one workflow with two MCP servers', () => {
  const ID = 'mcporchOnboard01';

  it('lists servers, adds those of a role, publishes them, and calls the second server with the release', async () => {
    const ran = await setting.n8n.run(ID);
    expect([ran.status, ran.error]).toEqual(['success', undefined]);
    const latest = await setting.server.ask('GET', '/v1/config/cursor/ada');
    expect(latest.body).toMatchObject({ sequence: 1, metadata: { changelog: 'Onboarding of Ada as developer' } });
    expect(Object.keys((latest.body['payload'] as { mcpServers: object }).mcpServers)).toEqual(['fetch', 'memory']);
    for (const operation of ['profiles.create', 'releases.publish'])
      expect(setting.audited(operation)).toContain('publisher, mcp: cursor/ada');
    expect(setting.audited('drafts.addServer')).toEqual(['publisher, mcp: cursor/ada', 'publisher, mcp: cursor/ada']);
    const answer = 'Welcome Ada: run "mcp-orchestration deploy-config --client cursor --profile ada" to get release 1.';
    expect(items(ran.nodes, 'Call the second server')).toMatchObject([{ content: [{ text: answer }] }]);
    expect(lastTold(ID)?.text).toBe(`Ada (developer): cursor/ada has release 1 with 2 servers. ${answer}`);
  });

  it('does nothing twice when it is run again', async () => {
    const ran = await setting.n8n.run(ID);
    expect([ran.status, ran.error]).toEqual(['success', undefined]);
    expect(items(ran.nodes, 'Publish')).toMatchObject([{ structuredContent: { status: 'unchanged', sequence: 1 } }]);
    expect(setting.audited('profiles.create')).toHaveLength(1);
  });

  it('publishes nothing for a role that it does not know, tells about it, and fails', async () => {
    const before = setting.audited('releases.publish').length;
    const ran = await setting.n8n.run('pilot');
    expect([ran.status, ran.error]).toEqual(['error', expect.stringContaining('ROLE_UNKNOWN: ')]);
    expect(lastTold('Pilot')).toMatchObject({ failed: true });
    expect(setting.audited('releases.publish')).toHaveLength(before);
  });

  it('tells when the second server does not answer as one, and fails', async () => {
    const ran = await setting.n8n.run('alone');
    expect([ran.status, ran.error]).toEqual(['error', expect.stringContaining('NO_ANSWER: ')]);
    expect(lastTold('Alone')?.text).toContain('is no MCP server');
  });

  it('has a second server that can be tried alone', async () => {
    const ran = await setting.n8n.run('mcporchSecond001');
    expect(items(ran.nodes, 'Try the tool')).toMatchObject([
      { content: [{ text: expect.stringMatching(/^Welcome/) }] },
    ]);
  });
});

describe('the reaction to a release', () => {
  const ID = 'mcporchReact0001';
  const EVENT = JSON.stringify({
    type: 'config.published',
    client_id: 'cursor',
    profile_id: 'default',
    artifact_id: '',
  });
  const signed = (id: string, shift: number, { secret = setting.secret, body = EVENT } = {}) => {
    const timestamp = Math.floor(Date.now() / 1000) + shift;
    const signature = signatureOf(secret, { id, timestamp, body });
    return { 'webhook-id': id, 'webhook-timestamp': String(timestamp), 'webhook-signature': signature };
  };
  const STRANGER = { secret: `whsec_${btoa('what-a-stranger-made-up-as-the-secret')}` };
  const webhook = async () => {
    const { webhooks } = await cliJson(setting.workspace, 'list-webhooks');
    return (webhooks as { webhook_id: string }[])[0]?.webhook_id ?? '';
  };

  /** What became of an event, each time that it came. */
  const handled = (wanted: (event: { type: string; client_id: string }) => boolean) =>
    setting.n8n.executions(ID).filter(({ nodes }) => {
      const { event } = (items(nodes, 'Check')[0] ?? {}) as { event?: { type: string; client_id: string } };
      return event !== undefined && wanted(event);
    });

  it('believes what the server signed, and tells what was published, once, however often it comes', async () => {
    await publish('zed', { memory: MEMORY, fetch: FETCH });
    const ofZed = () => handled(({ client_id }) => client_id === 'zed');
    const first = await until(() => ofZed()[0], 'the event');
    expect([first.mode, first.status, first.error]).toEqual(['webhook', 'success', undefined]);
    const text = 'zed/default: release 1 (1.0.0) with fetch, memory. ';
    expect(lastTold(ID)).toMatchObject({ failed: false, text });

    const id = await webhook();
    const { deliveries } = await cliJson(setting.workspace, 'list-webhook-deliveries', id);
    const [delivery] = deliveries as { delivery_id: string }[];
    await cliJson(setting.workspace, 'replay-webhook-delivery', id, String(delivery?.delivery_id));
    const second = await until(() => ofZed()[1], 'the repetition');
    expect(items(second.nodes, 'Check')).toMatchObject([{ genuine: true, repeated: true }]);
    expect(told(ID).filter((one) => one.text === text)).toHaveLength(1);
  });

  it('takes a test of the webhook, and tells nobody', async () => {
    await cliJson(setting.workspace, 'test-webhook', await webhook());
    const ran = await until(() => handled(({ type }) => type === 'webhook.test')[0], 'the test');
    expect([ran.status, Object.keys(ran.nodes)]).toEqual(['success', expect.not.arrayContaining(['Message'])]);
  });

  it('refuses what has no signature, a wrong one, another text or another time', async () => {
    const before = told(ID).length;
    const refusals = [
      await post('mcp-released', EVENT),
      await post('mcp-released', EVENT, signed('dlv_1', 0, STRANGER)),
      await post('mcp-released', EVENT, signed('dlv_2', 0, { body: EVENT.replace('cursor', 'vscode') })),
      await post('mcp-released', EVENT, { ...signed('dlv_3', 0), 'webhook-id': 'dlv_4' }),
      await post('mcp-released', EVENT, { ...signed('dlv_5', 0), 'webhook-signature': 'v1,' }),
      await post('mcp-released', EVENT, signed('dlv_6', -310)),
      await post('mcp-released', EVENT, signed('dlv_7', 330)),
    ];
    expect(refusals.map(({ status, text }) => `${status} ${JSON.parse(text).refused}`)).toEqual([
      '401 it has no time',
      '401 its signature is wrong',
      '401 its signature is wrong',
      '401 its signature is wrong',
      '401 its signature is wrong',
      '401 its time is not now',
      '401 its time is not now',
    ]);
    expect(told(ID)).toHaveLength(before);
    const rotated = `v1,old ${signed('dlv_8', 0)['webhook-signature']}`;
    expect((await post('mcp-released', EVENT, { ...signed('dlv_8', 0), 'webhook-signature': rotated })).status).toBe(
      200,
    );
  });

  it('tells about the latest release when it is run by hand', async () => {
    const ran = await setting.n8n.run(ID);
    expect([ran.status, ran.error]).toEqual(['success', undefined]);
    expect(lastTold(ID)?.text).toMatch(/^cursor\/default: release 1 \(1\.0\.0\) with memory\./);
  });
});

describe('every workflow', () => {
  const IDS = ['mcporchDeploy001', 'mcporchDrift0001', 'mcporchPublish01', 'mcporchOnboard01', 'mcporchReact0001'];

  it.each([
    { what: 'whose token was revoked', code: 'INVALID_CREDENTIALS' },
    { what: 'whose server is gone', code: 'NO_ANSWER' },
  ])('$what tells so with $code, and fails', async ({ code }) => {
    if (code === 'NO_ANSWER') await setting.server.stop();
    else for (const id of Object.values(setting.tokens)) await cli(setting.workspace, 'revoke-token', id);
    const runs = await Promise.all(IDS.map((id) => setting.n8n.run(id)));
    expect(runs.map(({ status }) => status)).toEqual(IDS.map(() => 'error'));
    expect(runs.map(({ error }) => error?.includes(`${code}: `))).toEqual(IDS.map(() => true));
    expect(IDS.map((id) => lastTold(id)?.text.includes(`${code}: `))).toEqual(IDS.map(() => true));
  });
});
