import { randomUUID } from 'node:crypto';
import { eventId } from '../../core/event.ts';
import { deliveryId, LONGEST_PAUSE_MS, pauseAfter, webhookSignature } from '../../core/webhook.ts';
import type { Message, Poster } from '../../io/webhooks/post.ts';
import type { Bell } from '../../stores/bell.ts';
import type { ClaimedDelivery, DeliveryRow } from '../../stores/rows.ts';
import type { Store } from '../../stores/store.ts';
import { eventOf } from '../changes.ts';
import { type Observer, UNOBSERVED } from '../observer.ts';
import { warnRarely } from '../rarely.ts';
import type { Log } from '../services.ts';

/** How many are sent at once. */
const AT_ONCE = 8;
/** As many of them may be to webhooks whose last try failed, so that those that hang leave room for the others. */
const FAILING_AT_ONCE = 4;
/** Longer than a try takes: after that its process is taken for dead, and another one tries. */
const LEASE_MS = 15_000;
/** Retries fall due without anything being committed. */
const LOOK_EVERY_MS = 1_000;
/** How long a stop waits for what is being sent. */
const STOP_MS = 3_000;

export interface SenderSettings {
  store: Store;
  bell: Bell;
  log: Log;
  poster: Poster;
  now: () => Date;
  /** Hears what came of every try. */
  observer?: Pick<Observer, 'sent'>;
  /** From 0 to 1; spreads the retries. */
  random?: () => number;
}

export interface Sender {
  /** Sends nothing more. What is being sent may end; what does not end soon is left for the next start. */
  stop(): Promise<void>;
}

/** Sends what is due, until it is stopped. Several processes may do so on one store. */
export function startSender(settings: SenderSettings): Sender {
  const { store, bell, log, poster, now } = settings;
  const abort = new AbortController();
  const sending = new Map<Promise<void>, ClaimedDelivery>();
  let stopping = false;
  let looking: Promise<void> | undefined;
  let again = false;

  const claim = () => {
    const failing = [...sending.values()].filter(({ webhook }) => webhook.failures > 0).length;
    const at = now();
    return store.webhooks.claim({
      owner: randomUUID(),
      at: at.toISOString(),
      until: new Date(at.getTime() + LEASE_MS).toISOString(),
      horizon: new Date(at.getTime() + LONGEST_PAUSE_MS).toISOString(),
      healthy: failing >= FAILING_AT_ONCE,
    });
  };

  const take = async () => {
    while (!stopping && sending.size < AT_ONCE) {
      const claimed = await claim();
      if (claimed === undefined) return;
      const sent = attempt(settings, claimed, abort.signal)
        .catch((err: unknown) => log.warn({ err, ...named(claimed) }, 'what came of a webhook could not be stored'))
        .finally(() => {
          sending.delete(sent);
          look();
        });
      sending.set(sent, claimed);
    }
  };

  const look = () => {
    again = true;
    looking ??= (async () => {
      while (again && !stopping) {
        again = false;
        await take();
      }
    })()
      .catch((err: unknown) => warnRarely(log, { err }, 'webhooks could not be read; the next look tries again'))
      .finally(() => {
        looking = undefined;
        if (again && !stopping) look();
      });
  };

  const silence = bell.listen(look);
  const timer = setInterval(look, LOOK_EVERY_MS);
  look();
  return {
    async stop() {
      stopping = true;
      silence();
      clearInterval(timer);
      const over = setTimeout(() => abort.abort(), STOP_MS);
      await looking;
      await Promise.all(sending.keys());
      clearTimeout(over);
      poster.close();
    },
  };
}

const named = ({ webhook: { webhook_id }, delivery: { event } }: ClaimedDelivery) => ({
  webhook_id,
  delivery_id: deliveryId(webhook_id, eventId(event.number)),
});

async function attempt(settings: SenderSettings, claimed: ClaimedDelivery, stop: AbortSignal): Promise<void> {
  const { store, log, poster, now, observer = UNOBSERVED, random = Math.random } = settings;
  const attempts = claimed.delivery.attempts + 1;
  let response_status: number | null = null;
  let reason = 'no_answer';
  try {
    response_status = await poster.post(messageOf(claimed, now()), stop);
  } catch (error) {
    // A stop is nothing that the other side did.
    if (stop.aborted) return store.webhooks.release(claimed);
    reason = reasonOf(error);
  }
  if (response_status !== null && response_status >= 200 && response_status < 300) {
    await store.webhooks.settle(claimed, { status: 'delivered', attempts, response_status, next_attempt_at: null });
    observer.sent('delivered');
    return;
  }
  const pause = pauseAfter(attempts, random());
  const status: DeliveryRow['status'] = pause === undefined ? 'parked' : 'pending';
  const next_attempt_at = pause === undefined ? null : new Date(now().getTime() + pause).toISOString();
  await store.webhooks.settle(claimed, { status, attempts, response_status, next_attempt_at });
  observer.sent(pause === undefined ? 'parked' : 'failed');
  const facts = { ...named(claimed), attempts, response_status, ...(response_status === null && { reason }) };
  log.warn(facts, pause === undefined ? 'a webhook was given up' : 'a webhook was not delivered');
}

/** A code, never the text of the error: that may hold the URL. */
function reasonOf(error: unknown): string {
  const { code, name } = error as NodeJS.ErrnoException;
  return typeof code === 'string' ? code : name;
}

/** https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md */
function messageOf({ workspace, webhook, delivery }: ClaimedDelivery, at: Date): Message {
  const event = eventOf(workspace, delivery.event);
  const body = JSON.stringify(event);
  const id = deliveryId(webhook.webhook_id, event.id);
  const timestamp = Math.floor(at.getTime() / 1000);
  const { secret, previous_secret, previous_until } = webhook;
  const overlaps = previous_secret !== null && previous_until !== null && previous_until > at.toISOString();
  const secrets = overlaps ? [secret, previous_secret] : [secret];
  return {
    url: webhook.url,
    body,
    headers: {
      'content-type': 'application/json',
      'content-length': String(Buffer.byteLength(body)),
      'user-agent': 'mcp-orchestration',
      'webhook-id': id,
      'webhook-timestamp': String(timestamp),
      'webhook-signature': webhookSignature(secrets, id, timestamp, body),
    },
  };
}
