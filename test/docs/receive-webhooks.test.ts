import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { freePort } from '../support/listen.ts';
import { cliJson, startHttp } from '../support/process.ts';
import { signatureOf } from '../support/receivers.ts';
import { testWorkspace } from '../support/workspace.ts';
import { ROOT } from './markdown.ts';

const page = readFileSync(join(ROOT, 'user-docs/how-to/receive-webhooks.md'), 'utf8');
const SAMPLE = /<<'END'\n([\s\S]*?)\nEND\n/.exec(page)?.[1] ?? '';

/** The receiver of the page as its own process, with a webhook that leads to it. */
async function subscribed() {
  const workspace = await testWorkspace();
  const port = await freePort();
  workspace.env['MCP_ORCHESTRATION_WEBHOOK_ALLOW'] = `127.0.0.1:${port}`;
  const url = `http://127.0.0.1:${port}/hook`;
  const hook = await cliJson(workspace, 'subscribe-webhook', url, '--event', 'key.rotated');
  const { secret, webhook_id } = hook as { secret: string; webhook_id: string };
  const file = join(workspace.home, 'receiver.mjs');
  await writeFile(file, SAMPLE);
  const child = spawn(process.execPath, [file], {
    env: { ...workspace.env, PORT: String(port), WEBHOOK_SECRET: secret },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(() => void child.kill());
  let said = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  const until = async (word: string) => {
    const signal = AbortSignal.timeout(10_000);
    while (!said.includes(word)) await once(child.stdout, 'data', { signal });
    return said;
  };
  await until('ready');
  const send = async (body: string, headers: Record<string, string>) => {
    const response = await fetch(url, { method: 'POST', body, headers });
    return `${response.status} ${(await response.text()).trim()}`;
  };
  return { workspace, secret, webhook_id, said: () => said, until, send };
}

const now = () => Math.floor(Date.now() / 1000);
const BODY = '{"type":"config.published","actor":"nobody"}';

function signed(secret: string, { id = 'dlv_1', timestamp = now(), body = BODY } = {}) {
  const signature = signatureOf(secret, { id, timestamp, body });
  return { 'webhook-id': id, 'webhook-timestamp': String(timestamp), 'webhook-signature': signature };
}

describe('the receiver of "How to receive webhooks"', () => {
  it('is about forty lines, for Node alone', () => {
    expect(SAMPLE.split('\n').length).toBeLessThan(50);
    expect([...SAMPLE.matchAll(/from '([^']+)'/g)].map(([, name]) => name)).toEqual(['node:crypto', 'node:http']);
  });

  it('takes what the server sends, before and after the secret was replaced', async () => {
    const { workspace, webhook_id, until, said } = await subscribed();
    await startHttp(workspace);
    await cliJson(workspace, 'initialize-keys');
    await until('key.rotated - - by local:');
    await cliJson(workspace, 'rotate-webhook-secret', webhook_id);
    const { delivery_id } = await cliJson(workspace, 'test-webhook', webhook_id);
    await until('webhook.test');
    await cliJson(workspace, 'replay-webhook-delivery', webhook_id, String(delivery_id));
    const deliveries = async () => {
      const listed = await cliJson(workspace, 'list-webhook-deliveries', webhook_id);
      return (listed['deliveries'] as { status: string }[]).map(({ status }) => status);
    };
    await expect.poll(deliveries).toEqual(['delivered', 'delivered']);
    expect(said().match(/webhook\.test/g)?.length).toBe(1);
  });

  it('handles nothing twice, and nothing that is old, changed or signed by somebody else', async () => {
    const { secret, said, send } = await subscribed();
    const genuine = signed(secret);
    expect(await send(BODY, genuine)).toBe('200 thank you');
    expect(await send(BODY, genuine)).toBe('200 had it already');
    expect(await send(BODY, signed(secret, { timestamp: now() + 1 }))).toBe('200 had it already');
    const handled = said();
    const other = { ...genuine, 'webhook-id': 'dlv_2' };
    const wrong = '401 refused: its signature is wrong';
    expect(await send(BODY, other)).toBe(wrong);
    expect(await send(BODY.replace('nobody', 'admin'), genuine)).toBe(wrong);
    expect(await send(BODY, { ...genuine, 'webhook-timestamp': String(now() + 2) })).toBe(wrong);
    expect(await send(BODY, signed(`whsec_${Buffer.alloc(32).toString('base64')}`, { id: 'dlv_3' }))).toBe(wrong);
    for (const signature of ['', 'v1,', 'v1', genuine['webhook-signature'].replace('v1,', 'v2,')])
      expect(await send(BODY, { ...genuine, 'webhook-signature': signature })).toBe(wrong);
    for (const away of [-301, 301]) {
      const old = signed(secret, { id: 'dlv_4', timestamp: now() + away + Math.sign(away) });
      expect(await send(BODY, old)).toBe('401 refused: its time is not now');
    }
    expect(await send(BODY, {})).toBe('401 refused: it has no time');
    const both = `v1,${Buffer.alloc(32).toString('base64')} ${signed(secret, { id: 'dlv_5' })['webhook-signature']}`;
    expect(said()).toBe(handled);
    expect(await send(BODY, { ...signed(secret, { id: 'dlv_5' }), 'webhook-signature': both })).toBe('200 thank you');
  });
});
