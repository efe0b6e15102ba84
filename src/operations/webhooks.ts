import { randomBytes, randomUUID } from 'node:crypto';
import { z } from 'zod';
import { AppError } from '../core/errors.ts';
import { EventType, eventId, numberOfEvent, SubscribedType } from '../core/event.ts';
import { Timestamp } from '../core/ids.ts';
import { assertNoSecretText } from '../core/secrets/detector.ts';
import { deliveryId, eventOfDelivery, formatWebhookSecret, OVERLAP_MS } from '../core/webhook.ts';
import type { DeliveryRow, WebhookRow } from '../stores/rows.ts';
import type { Store } from '../stores/store.ts';
import { defineOperation } from './operation.ts';
import { PageInput } from './shapes.ts';

const WebhookId = z.string().min(1).max(100).meta({ description: 'The id that `list-webhooks` shows.' });
const Named = z.strictObject({ webhook_id: WebhookId });
const Secret = z.string().meta({ description: 'Shown only now. It verifies the signatures: keep it as a secret.' });
const permission = { needs: 'webhooks:admin', agents: false, bound: 'never' } as const;
const toolset = 'releases';

async function find(store: Store, workspace: string, webhook_id: string): Promise<WebhookRow> {
  const row = await store.webhooks.get(workspace, webhook_id);
  if (row) return row;
  throw notFound(webhook_id);
}

const notFound = (webhook_id: string) =>
  new AppError('WEBHOOK_NOT_FOUND', `There is no webhook ${webhook_id}.`, { webhook_id });

export const subscribe = defineOperation({
  id: 'webhooks.subscribe',
  summary: 'Have events sent to a URL; the secret that signs them is shown once',
  description:
    'Sent as Standard Webhooks, from what happens next on, by `serve-http`. The address must be public, unless it is listed in MCP_ORCHESTRATION_WEBHOOK_ALLOW.',
  effect: 'write',
  transaction: 'own',
  input: z.strictObject({
    url: z.string().min(1).max(2000).meta({ description: 'An https address; in local mode http as well.' }),
    events: z.array(SubscribedType).min(1).max(50).meta({ description: 'The types of the events to be sent.' }),
  }),
  example: { url: 'https://hooks.example.com/mcp', events: ['config.published'] },
  output: z.object({
    webhook_id: z.string(),
    url: z.string(),
    events: z.array(SubscribedType),
    secret: Secret,
    created_at: Timestamp,
  }),
  errors: ['WEBHOOK_TARGET_REFUSED', 'SECRET_IN_CONFIG'],
  permission,
  rest: { method: 'POST', path: '/v1/webhooks', statuses: [201], showsSecret: () => true },
  mcp: { tool: 'subscribe_webhook', toolset },
  cli: {
    verb: 'subscribe-webhook',
    positional: ['url'],
    flags: { events: 'event' },
    text: ({ webhook_id, secret }, style) => ({
      out: secret,
      note: `${style.good('Subscribed')} ${webhook_id}. This is its secret, and it is shown only now. Try it with: mcp-orchestration test-webhook ${webhook_id}`,
    }),
  },
  async run(context, input) {
    // The URL is stored and listed.
    assertNoSecretText({ url: input.url });
    const url = await context.services.checkTarget(input.url);
    const row: WebhookRow = {
      webhook_id: `whk_${randomUUID()}`,
      url,
      events: [...new Set(input.events)],
      secret: formatWebhookSecret(randomBytes(32)),
      previous_secret: null,
      previous_until: null,
      created_at: context.now().toISOString(),
      failures: 0,
    };
    const { webhook_id, events, secret, created_at } = row;
    await context.store.transaction(async (store) => {
      await store.webhooks.insert(context.workspace, row);
      await store.audit.append(context.workspace, context.auditRow({ webhook_id }));
    });
    return { webhook_id, url, events: events as SubscribedType[], secret, created_at };
  },
});

export const listWebhooks = defineOperation({
  id: 'webhooks.list',
  summary: 'List the webhooks, newest first',
  effect: 'read',
  input: z.strictObject({ ...PageInput }),
  output: z.object({
    webhooks: z.array(
      z.object({
        webhook_id: z.string(),
        url: z.string(),
        events: z.array(SubscribedType),
        status: z.enum(['active', 'failing']).meta({ description: '`failing`: the last try failed.' }),
        created_at: Timestamp,
      }),
    ),
    next_cursor: z.string().nullable(),
  }),
  errors: [],
  permission,
  rest: { method: 'GET', path: '/v1/webhooks' },
  mcp: { tool: 'list_webhooks', toolset },
  cli: {
    verb: 'list-webhooks',
    text: ({ webhooks, next_cursor }, style) => ({
      out: style.table(
        ['webhook', 'url', 'events', 'state'],
        webhooks.map(({ webhook_id, url, events, status }) => [
          webhook_id,
          url,
          events.join(' '),
          status === 'active' ? style.good(status) : style.bad(status),
        ]),
      ),
      ...(next_cursor && { note: `More: mcp-orchestration list-webhooks --cursor ${next_cursor}` }),
    }),
  },
  async run({ store, workspace }, page) {
    const { rows, next_cursor } = await store.webhooks.list(workspace, page);
    const webhooks = rows.map(({ webhook_id, url, events, failures, created_at }) => ({
      webhook_id,
      url,
      events: events as SubscribedType[],
      status: failures > 0 ? ('failing' as const) : ('active' as const),
      created_at,
    }));
    return { webhooks, next_cursor };
  },
});

export const deleteWebhook = defineOperation({
  id: 'webhooks.delete',
  summary: 'Send no more events to a URL, also none that are waiting',
  effect: 'delete',
  input: Named,
  output: z.object({ status: z.literal('deleted'), webhook_id: z.string() }),
  errors: ['WEBHOOK_NOT_FOUND'],
  permission,
  rest: { method: 'DELETE', path: '/v1/webhooks/{webhook_id}' },
  mcp: { tool: 'delete_webhook', toolset },
  cli: {
    verb: 'delete-webhook',
    positional: ['webhook_id'],
    text: ({ webhook_id }, style) => ({ out: `${style.good('Deleted')} ${webhook_id}.` }),
  },
  async run({ store, workspace }, { webhook_id }) {
    if (await store.webhooks.remove(workspace, webhook_id)) return { status: 'deleted' as const, webhook_id };
    throw notFound(webhook_id);
  },
});

export const rotateSecret = defineOperation({
  id: 'webhooks.rotateSecret',
  summary: 'Give a webhook a new secret; for 24 hours the old one signs as well',
  effect: 'write',
  input: Named,
  output: z.object({ webhook_id: z.string(), secret: Secret }),
  errors: ['WEBHOOK_NOT_FOUND'],
  permission,
  rest: { method: 'POST', path: '/v1/webhooks/{webhook_id}/rotate', showsSecret: () => true },
  mcp: { tool: 'rotate_webhook_secret', toolset },
  cli: {
    verb: 'rotate-webhook-secret',
    positional: ['webhook_id'],
    text: ({ secret }) => ({
      out: secret,
      note: 'This secret is shown only now. For 24 hours both sign: give it to the receiver before then.',
    }),
  },
  async run({ store, workspace, now }, { webhook_id }) {
    const secret = formatWebhookSecret(randomBytes(32));
    const until = new Date(now().getTime() + OVERLAP_MS).toISOString();
    if (await store.webhooks.rotate(workspace, webhook_id, secret, until)) return { webhook_id, secret };
    throw notFound(webhook_id);
  },
});

export const testWebhook = defineOperation({
  id: 'webhooks.test',
  summary: 'Send an event of the type `webhook.test` to a webhook',
  effect: 'write',
  input: Named,
  output: z.object({ delivery_id: z.string() }),
  errors: ['WEBHOOK_NOT_FOUND'],
  permission,
  rest: { method: 'POST', path: '/v1/webhooks/{webhook_id}/test' },
  mcp: { tool: 'test_webhook', toolset },
  cli: {
    verb: 'test-webhook',
    positional: ['webhook_id'],
    text: ({ delivery_id }) => ({ out: delivery_id, note: 'What became of it: list-webhook-deliveries.' }),
  },
  async run({ store, workspace, emit }, { webhook_id }) {
    await find(store, workspace, webhook_id);
    const number = await emit(store, { type: 'webhook.test', data: { webhook_id } });
    await store.webhooks.deliver(workspace, webhook_id, number);
    return { delivery_id: deliveryId(webhook_id, eventId(number)) };
  },
});

const Delivery = z.object({
  delivery_id: z.string().meta({ description: 'The header `webhook-id`, the same at every try and replay.' }),
  event_id: z.string(),
  type: EventType,
  status: z.enum(['pending', 'delivered', 'parked']).meta({ description: '`parked`: given up after the last try.' }),
  attempts: z.int(),
  response_status: z.int().nullable().meta({ description: 'Of the last try; null when there was no answer.' }),
  next_attempt_at: Timestamp.nullable(),
});

function shownOf({ webhook_id, event, status, attempts, response_status, next_attempt_at }: DeliveryRow) {
  const event_id = eventId(event.number);
  const delivery_id = deliveryId(webhook_id, event_id);
  return { delivery_id, event_id, type: event.type, status, attempts, response_status, next_attempt_at };
}

export const listDeliveries = defineOperation({
  id: 'webhooks.listDeliveries',
  summary: 'List what a webhook was sent, or is still to be sent; newest event first',
  effect: 'read',
  input: Named.extend(PageInput),
  output: z.object({ deliveries: z.array(Delivery), next_cursor: z.string().nullable() }),
  errors: ['WEBHOOK_NOT_FOUND'],
  permission,
  rest: { method: 'GET', path: '/v1/webhooks/{webhook_id}/deliveries' },
  mcp: { tool: 'list_webhook_deliveries', toolset },
  cli: {
    verb: 'list-webhook-deliveries',
    positional: ['webhook_id'],
    text: ({ deliveries, next_cursor }, style) => ({
      out: style.table(
        ['delivery', 'event', 'state', 'tries', 'answer', 'next try'],
        deliveries.map(({ delivery_id, type, status, attempts, response_status, next_attempt_at }) => [
          delivery_id,
          type,
          { pending: style.warn, delivered: style.good, parked: style.bad }[status](status),
          String(attempts),
          String(response_status ?? ''),
          next_attempt_at ?? '',
        ]),
      ),
      ...(next_cursor && { note: `More: --cursor ${next_cursor}` }),
    }),
  },
  async run({ store, workspace }, { webhook_id, ...page }) {
    await find(store, workspace, webhook_id);
    const { rows, next_cursor } = await store.webhooks.deliveries(workspace, webhook_id, page);
    return { deliveries: rows.map(shownOf), next_cursor };
  },
});

export const replayDelivery = defineOperation({
  id: 'webhooks.replayDelivery',
  summary: 'Send something to a webhook again, with all tries before it',
  description: 'Under the same id: a receiver that had it knows it again.',
  effect: 'write',
  input: Named.extend({
    delivery_id: z.string().min(1).max(150).meta({ description: 'The id that `list-webhook-deliveries` shows.' }),
  }),
  output: z.object({ delivery_id: z.string() }),
  errors: ['WEBHOOK_NOT_FOUND', 'NOT_FOUND'],
  permission,
  rest: { method: 'POST', path: '/v1/webhooks/{webhook_id}/deliveries/{delivery_id}/replay' },
  mcp: { tool: 'replay_webhook_delivery', toolset },
  cli: {
    verb: 'replay-webhook-delivery',
    positional: ['webhook_id', 'delivery_id'],
    text: ({ delivery_id }) => ({ out: delivery_id }),
  },
  async run({ store, workspace, now }, { webhook_id, delivery_id }) {
    await find(store, workspace, webhook_id);
    const number = numberOfEvent(eventOfDelivery(webhook_id, delivery_id) ?? '');
    const at = now().toISOString();
    if (number !== undefined && (await store.webhooks.replay(workspace, webhook_id, number, at)))
      return { delivery_id };
    const hint = 'List them with `list-webhook-deliveries`.';
    throw new AppError('NOT_FOUND', 'This webhook has no such delivery.', { delivery_id }, { hint });
  },
});
