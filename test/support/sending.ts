import { setTimeout as sleep } from 'node:timers/promises';
import { onTestFinished } from 'vitest';
import { openPoster } from '../../src/io/webhooks/post.ts';
import { WebhookTargets } from '../../src/io/webhooks/targets.ts';
import { type App, compose, targetRules } from '../../src/main/compose.ts';
import { readConfig } from '../../src/main/config.ts';
import { quietLog } from '../../src/main/log.ts';
import { startSender } from '../../src/operations/webhooks/sender.ts';
import { callOn } from '../crash/invariants.ts';
import type { Receiver } from './receivers.ts';
import { makeWorkspace } from './workspace.ts';

const target = { client_id: 'cursor', profile_id: 'default' };
const EVENTS = ['config.published'];

export interface Delivery {
  delivery_id: string;
  event_id: string;
  type: string;
  status: string;
  attempts: number;
  response_status: number | null;
  next_attempt_at: string | null;
}

/** The product on an empty home, with some receivers that it may send to. */
export async function running(receivers: readonly Pick<Receiver, 'place'>[]) {
  const workspace = await makeWorkspace();
  const env = {
    ...workspace.env,
    MCP_ORCHESTRATION_WEBHOOK_ALLOW: receivers.map(({ place }) => place).join(','),
  };
  const lines: string[] = [];
  const config = readConfig(env);
  const log = quietLog((line) => lines.push(line), true);
  let ahead = 0;
  const now = () => new Date(Date.now() + ahead);
  const open: { close(): Promise<void> }[] = [];
  const start = async (): Promise<App> => {
    const app = await compose({ config, env, log });
    open.push(app);
    return app;
  };
  const send = (app: App) => {
    const poster = openPoster(new WebhookTargets(targetRules(config)));
    const sender = startSender({ store: app.store, bell: app.services.bell, log, poster, now, random: () => 0.5 });
    open.push({ close: () => sender.stop() });
    return sender;
  };
  onTestFinished(async () => {
    for (const { close } of open.toReversed()) await close();
    await workspace.remove();
  });
  const app = await start();
  await callOn(app, 'initialize_keys');
  let word = 0;
  return {
    app,
    start,
    send,
    lines,
    /** Turns the clock of the senders on. */
    skip(ms: number) {
      ahead += ms;
    },
    async subscribe({ url }: Pick<Receiver, 'url'>, events = EVENTS) {
      const made = await callOn(app, 'subscribe_webhook', { url, events });
      return made as { webhook_id: string; secret: string };
    },
    publish() {
      word += 1;
      const payload = { mcpServers: { ours: { command: 'node', args: [`value-${word}`] } } };
      return callOn(app, 'publish_config', { ...target, payload });
    },
    async deliveries(webhook_id: string) {
      return (await callOn(app, 'list_webhook_deliveries', { webhook_id }))['deliveries'] as Delivery[];
    },
  };
}

export async function eventually<T>(look: () => Promise<T>, is: (value: T) => boolean, ms = 20_000): Promise<T> {
  const deadline = performance.now() + ms;
  for (;;) {
    const value = await look();
    if (is(value)) return value;
    if (performance.now() > deadline) throw new Error(`still ${JSON.stringify(value)}`);
    await sleep(25);
  }
}
