import { rm } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { cliJson, startHttp } from '../support/process.ts';
import { good, receiver } from '../support/receivers.ts';
import { makeTestBuild, type TestBuild } from '../support/test-build.ts';
import { testWorkspace } from '../support/workspace.ts';

/** With a key of its own a server makes no token at its start, which would be a first commit. */
const KEY = 'made-up-api-key-for-tests';
const PUBLISH = '/v1/config/cursor/default/publish';
const payload = (word: string) => ({ payload: { mcpServers: { ours: { command: 'node', args: [word] } } } });

let build: TestBuild;
beforeAll(async () => {
  build = await makeTestBuild();
}, 60_000);
afterAll(() => rm(build.directory, { recursive: true, force: true }));

async function prepared(there: { place: string; url: string }) {
  const workspace = await testWorkspace();
  workspace.env['MCP_ORCHESTRATION_WEBHOOK_ALLOW'] = there.place;
  workspace.env['MCP_ORCHESTRATION_API_KEY'] = KEY;
  await cliJson(workspace, 'initialize-keys');
  await cliJson(workspace, 'subscribe-webhook', there.url, '--event', 'config.published');
  const start = (env: Record<string, string> = {}) => startHttp(workspace, { bin: build.bin, env });
  const publish = (url: string, word: string) =>
    fetch(url + PUBLISH, {
      method: 'POST',
      headers: { 'x-api-key': KEY, 'content-type': 'application/json' },
      body: JSON.stringify(payload(word)),
    });
  return { workspace, start, publish };
}

it('a server that is killed between a commit and its delivery delivers after the next start', {
  timeout: 120_000,
}, async () => {
  const there = await receiver();
  const { start, publish } = await prepared(there);
  const dying = await start({ MCP_ORCHESTRATION_FAILPOINTS: 'operation.after-commit=kill' });
  await expect(publish(dying.url, 'one')).rejects.toThrow();
  expect(there.received).toEqual([]);
  const next = await start();
  const [message] = await there.until(1);
  expect(message?.event).toMatchObject({ type: 'config.published', sequence: 1 });
  expect((await next.stop()).code).toBe(0);
});

it('a server that is killed before the commit delivers nothing', async () => {
  const there = await receiver();
  const { start, publish } = await prepared(there);
  const dying = await start({ MCP_ORCHESTRATION_FAILPOINTS: 'operation.before-commit=kill' });
  await expect(publish(dying.url, 'one')).rejects.toThrow();
  const next = await start();
  expect((await publish(next.url, 'two')).status).toBe(201);
  const [message] = await there.until(1);
  expect(message?.event).toMatchObject({ type: 'config.published', sequence: 1 });
  await sleep(300);
  expect(there.received.length).toBe(1);
});

it('a server that is killed while it sends does so again after the lease, under the same id', {
  timeout: 120_000,
}, async () => {
  const there = await receiver(() => undefined);
  const { start, publish } = await prepared(there);
  const dying = await start();
  expect((await publish(dying.url, 'one')).status).toBe(201);
  await there.until(1);
  await dying.stop('SIGKILL');
  there.answer = good;
  await start();
  const [before, after] = await there.until(2, 25_000);
  expect([after?.id, after?.body]).toEqual([before?.id, before?.body]);
});

it('a server that is stopped while it sends gives the delivery to the next one at once', {
  timeout: 120_000,
}, async () => {
  const there = await receiver(() => undefined);
  const { workspace, start, publish } = await prepared(there);
  const first = await start();
  await publish(first.url, 'one');
  await there.until(1);
  expect((await first.stop()).code).toBe(0);
  there.answer = good;
  const next = await start();
  await there.until(2, 5_000);
  await sleep(300);
  const { webhooks } = await cliJson(workspace, 'list-webhooks');
  const [{ webhook_id } = { webhook_id: '' }] = webhooks as { webhook_id: string }[];
  const { deliveries } = await cliJson(workspace, 'list-webhook-deliveries', webhook_id);
  expect(deliveries).toMatchObject([{ status: 'delivered', attempts: 1 }]);
  expect(`${first.output.stderr}${next.output.stderr}`).not.toMatch(/whsec_|"level":50/);
});
