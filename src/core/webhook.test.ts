import { expect, it } from 'vitest';
import { deliveryId, eventOfDelivery, formatWebhookSecret, pauseAfter, webhookSignature } from './webhook.ts';

const SECONDS = 1000;
const HOURS = 3600 * SECONDS;

it('signs as the specification of Standard Webhooks does', () => {
  // Pinned from another program: openssl dgst -sha256 -mac HMAC -macopt hexkey:00... -binary | base64
  const zeros = `whsec_${'A'.repeat(43)}=`;
  const ones = `whsec_${'AQEB'.repeat(10)}AQE=`;
  const first = webhookSignature([zeros], 'msg_1', 1674087231, '{"a":1}');
  expect(first).toBe('v1,4E59FsITVp/2/GJkuEcKQkEouQlfmHOc++MVv7v9r2U=');
  expect(webhookSignature([ones, zeros], 'msg_1', 1674087231, '{"a":1}')).toBe(
    `v1,13CwSp20Rq9Jr63U04xGSEFFHl45yAd5um13bst/wik= ${first}`,
  );
});

it('makes keys that can be typed where only a text is taken, and are as hard to guess as 32 bytes', () => {
  const key = (byte: number) => {
    const secret = formatWebhookSecret(new Uint8Array(32).fill(byte));
    expect(secret).toMatch(/^whsec_[A-Za-z0-9+/]{58}==$/);
    return Buffer.from(secret.slice('whsec_'.length), 'base64').toString('latin1');
  };
  expect(key(0)).toBe('A'.repeat(43));
  expect(key(255)).toBe(`${'_'.repeat(42)}8`);
});

it('tries ten times in about 75 hours, the second time within ten seconds', () => {
  const pauses = (random: number) => Array.from({ length: 10 }, (_, at) => pauseAfter(at + 1, random));
  for (const random of [0, 0.5, 1]) {
    const some = pauses(random);
    expect(some[9]).toBeUndefined();
    const known = some.slice(0, 9).map(Number);
    expect(known[0]).toBeLessThan(9 * SECONDS);
    expect(known).toEqual(known.toSorted((a, b) => a - b));
    const total = known.reduce((a, b) => a + b, 0) / HOURS;
    expect(total).toBeGreaterThan(67);
    expect(total).toBeLessThan(84);
  }
  expect(pauses(0.5)[0]).toBe(5 * SECONDS);
});

it('names a delivery by its event and its webhook, always the same', () => {
  const id = deliveryId('whk_0e2', '0000000000000017');
  expect(id).toBe('dlv_0000000000000017_0e2');
  expect(eventOfDelivery('whk_0e2', id)).toBe('0000000000000017');
  for (const other of ['dlv_0000000000000017_0e3', 'dlv_17_0e2', '', '0000000000000017']) {
    expect(eventOfDelivery('whk_0e2', other)).toBeUndefined();
  }
});
