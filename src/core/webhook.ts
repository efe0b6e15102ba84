import { createHmac } from 'node:crypto';

/** Webhooks as https://www.standardwebhooks.com says: what is signed, with what, and when it is sent again. */

export const SECRET_PREFIX = 'whsec_';
/** A replaced secret goes on signing for so long beside the new one. */
export const OVERLAP_MS = 24 * 3_600_000;

const S = 1000;
const M = 60 * S;
const H = 60 * M;
/** How long to wait after the first failed try, the second, and so on: ten tries in about 75 hours. */
const PAUSES_MS = [5 * S, 5 * M, 30 * M, 2 * H, 5 * H, 10 * H, 14 * H, 20 * H, 24 * H];
/** Nothing waits for longer than this until it is tried again, whatever is added at random. */
export const LONGEST_PAUSE_MS = 30 * H;

/**
 * The key is itself a text, of 43 ASCII characters: there are receivers, n8n among them, that take a key only as text.
 * @param random 32 bytes from a cryptographic source
 */
export function formatWebhookSecret(random: Uint8Array): string {
  const key = Buffer.from(random).toString('base64url');
  return SECRET_PREFIX + Buffer.from(key).toString('base64');
}

/**
 * The value of `webhook-signature`: one signature for each secret, the newest first.
 * @param timestamp seconds, as `webhook-timestamp` says them
 */
export function webhookSignature(secrets: readonly string[], id: string, timestamp: number, body: string): string {
  const signed = `${id}.${timestamp}.${body}`;
  return secrets
    .map((secret) => Buffer.from(secret.slice(SECRET_PREFIX.length), 'base64'))
    .map((key) => `v1,${createHmac('sha256', key).update(signed).digest('base64')}`)
    .join(' ');
}

/**
 * Milliseconds until the next try after so many failed ones; undefined: there is none.
 * @param random from 0 to 1: spreads what failed together over a fifth of the pause
 */
export function pauseAfter(attempts: number, random: number): number | undefined {
  const pause = PAUSES_MS[attempts - 1];
  return pause === undefined ? undefined : Math.round(pause * (0.9 + random * 0.2));
}

/** The id of an event for one webhook, the same at every try and replay: a receiver remembers it to refuse what it had. */
export const deliveryId = (webhook_id: string, event_id: string): string =>
  `dlv_${event_id}_${webhook_id.slice(webhook_id.indexOf('_') + 1)}`;

/** The event that a delivery of this webhook is about. Undefined for an id of another webhook, and for no id. */
export function eventOfDelivery(webhook_id: string, delivery_id: string): string | undefined {
  const event_id = delivery_id.slice(4, 20);
  return deliveryId(webhook_id, event_id) === delivery_id ? event_id : undefined;
}
