import type { ExpressionBuilder, Kysely, Selectable } from 'kysely';
import type { ClaimedDelivery, DeliveryRow, EventRow, WebhookRow } from '../rows.ts';
import type { Store } from '../store.ts';
import { atomically, type Databases, nextNumber, ONE } from './databases.ts';
import { beforeNumber, pageOf } from './pages.ts';
import { prepared } from './prepared.ts';
import type { Tables } from './schema.ts';

const WEBHOOK = [
  'webhook_id',
  'url',
  'events',
  'secret',
  'previous_secret',
  'previous_until',
  'created_at',
  'failures',
] as const;
const DELIVERY = ['webhook_id', 'event', 'status', 'attempts', 'response_status', 'next_attempt_at'] as const;

export const EVENT = [
  'number',
  'type',
  'time',
  'client_id',
  'profile_id',
  'artifact_id',
  'sequence',
  'actor',
  'data',
] as const;

const toWebhook = ({ events, ...row }: Pick<Selectable<Tables['webhooks']>, (typeof WEBHOOK)[number]>): WebhookRow => ({
  ...row,
  events: JSON.parse(events),
});
const toDelivery = ({
  event,
  ...row
}: Pick<Selectable<Tables['deliveries']>, (typeof DELIVERY)[number]>): DeliveryRow => ({
  ...row,
  event: JSON.parse(event),
});

export function webhookQueries({ read, write }: Databases): Store['webhooks'] {
  const claim = async (lease: Lease): Promise<ClaimedDelivery | undefined> => {
    // Where somebody else was faster, another one may be due.
    const taken = new Set<string>();
    for (;;) {
      // Asked of the reading connection first: mostly there is nothing, and then nobody is kept from writing.
      const next = await nextTurn(read, lease, taken);
      if (next === undefined) return undefined;
      const claimed = await atomically(write, (trx) => claimOne(trx, next, lease));
      if (claimed) return claimed;
      taken.add(next.webhook_id);
    }
  };

  return {
    insert: (workspace, row) =>
      atomically(write, async (trx) => {
        const number = await nextNumber(trx, workspace, 'webhooks');
        const free = { lease_owner: null, lease_until: null, claimed_at: null };
        await trx
          .insertInto('webhooks')
          .values({ ...row, ...free, workspace, number, events: JSON.stringify(row.events) })
          .execute();
      }),

    async get(workspace, webhook_id) {
      const row = await one(read, workspace, webhook_id).select(WEBHOOK).executeTakeFirst();
      return row && toWebhook(row);
    },

    async list(workspace, page) {
      const rows = await read
        .selectFrom('webhooks')
        .select('number')
        .select(WEBHOOK)
        .where('workspace', '=', workspace)
        .where('number', '<', beforeNumber('webhooks', page.cursor))
        .orderBy('number', 'desc')
        .limit(page.limit + 1)
        .execute();
      return pageOf('webhooks', rows, page, ({ number, ...row }) => toWebhook(row));
    },

    remove: (workspace, webhook_id) =>
      atomically(write, async (trx) => {
        for (const table of ['deliveries', 'webhooks'] as const) {
          const removed = await trx
            .deleteFrom(table)
            .where('workspace', '=', workspace)
            .where('webhook_id', '=', webhook_id)
            .executeTakeFirst();
          if (table === 'webhooks') return removed.numDeletedRows === 1n;
        }
        return false;
      }),

    async rotate(workspace, webhook_id, secret, previous_until) {
      const updated = await write
        .updateTable('webhooks')
        .set((eb) => ({ previous_secret: eb.ref('secret'), secret, previous_until }))
        .where('workspace', '=', workspace)
        .where('webhook_id', '=', webhook_id)
        .executeTakeFirst();
      return updated.numUpdatedRows === 1n;
    },

    deliver: (workspace, webhook_id, number) =>
      atomically(write, async (trx) => {
        const row = await trx
          .selectFrom('events')
          .select(EVENT)
          .where('workspace', '=', workspace)
          .where('number', '=', number)
          .executeTakeFirstOrThrow();
        await insertDelivery(trx, workspace, webhook_id, { ...row, data: JSON.parse(row.data) } as EventRow);
      }),

    async deliveries(workspace, webhook_id, page) {
      const rows = await read
        .selectFrom('deliveries')
        .select('number')
        .select(DELIVERY)
        .where('workspace', '=', workspace)
        .where('webhook_id', '=', webhook_id)
        .where('number', '<', beforeNumber('deliveries', page.cursor))
        .orderBy('number', 'desc')
        .limit(page.limit + 1)
        .execute();
      return pageOf('deliveries', rows, page, ({ number, ...row }) => toDelivery(row));
    },

    async replay(workspace, webhook_id, number, at) {
      const updated = await write
        .updateTable('deliveries')
        .set({ status: 'pending', attempts: 0, response_status: null, next_attempt_at: at })
        .where('workspace', '=', workspace)
        .where('webhook_id', '=', webhook_id)
        .where('number', '=', number)
        .executeTakeFirst();
      return updated.numUpdatedRows === 1n;
    },

    claim,

    settle: (claimed, outcome) =>
      atomically(write, async (trx) => {
        const failed = outcome.status !== 'delivered';
        const updated = await owned(trx, claimed)
          .set((eb) => ({
            lease_owner: null,
            lease_until: null,
            failures: failed ? eb('failures', '+', 1) : 0,
          }))
          .executeTakeFirst();
        if (updated.numUpdatedRows !== 1n) return false;
        await trx
          .updateTable('deliveries')
          .set(outcome)
          .where('workspace', '=', claimed.workspace)
          .where('webhook_id', '=', claimed.webhook.webhook_id)
          .where('number', '=', claimed.delivery.event.number)
          // A replay that was asked for meanwhile stands; during a first try it is known by its time alone.
          .where('attempts', '=', claimed.delivery.attempts)
          .where('next_attempt_at', '=', claimed.delivery.next_attempt_at)
          .execute();
        return true;
      }),

    async backlog() {
      const counts = await read
        .selectFrom('deliveries')
        .select(({ fn }) => ['workspace', 'status', fn.countAll<number>().as('count'), fn.min('number').as('first')])
        .where('status', '!=', 'delivered')
        .groupBy(['workspace', 'status'])
        .execute();
      const sum = (wanted: string) =>
        counts.reduce((total, { status, count }) => (status === wanted ? total + Number(count) : total), 0);
      const firsts = counts.filter(({ status }) => status === 'pending').map((row) => timeOf(read, row));
      const times = (await Promise.all(firsts)).filter((time) => time !== undefined);
      const oldest = times.toSorted(compare)[0] ?? null;
      return { pending: sum('pending'), parked: sum('parked'), oldest };
    },

    async release(claimed) {
      await owned(write, claimed).set({ lease_owner: null, lease_until: null }).execute();
    },
  };
}

/** When an event that is still to be sent happened. Undefined: it was taken away meanwhile. */
async function timeOf(
  db: Kysely<Tables>,
  { workspace, first }: { workspace: string; first: number | null },
): Promise<string | undefined> {
  const row = await db
    .selectFrom('deliveries')
    .select('event')
    .where('workspace', '=', workspace)
    .where('number', '=', first)
    .limit(ONE)
    .executeTakeFirst();
  return row && (JSON.parse(row.event) as EventRow).time;
}

const one = (db: Kysely<Tables>, workspace: string, webhook_id: string) =>
  db.selectFrom('webhooks').where('workspace', '=', workspace).where('webhook_id', '=', webhook_id);

const owned = (db: Kysely<Tables>, { workspace, owner, webhook }: ClaimedDelivery) =>
  db
    .updateTable('webhooks')
    .where('workspace', '=', workspace)
    .where('webhook_id', '=', webhook.webhook_id)
    .where('lease_owner', '=', owner);

type Lease = Parameters<Store['webhooks']['claim']>[0];
type Instants = Pick<Lease, 'at' | 'horizon'>;
type Turn = { workspace: string; webhook_id: string };

const pending = (eb: ExpressionBuilder<Tables, 'webhooks'>) =>
  eb
    .selectFrom('deliveries')
    .whereRef('deliveries.workspace', '=', 'webhooks.workspace')
    .whereRef('deliveries.webhook_id', '=', 'webhooks.webhook_id')
    .where('deliveries.status', '=', 'pending');

const isFree = (eb: ExpressionBuilder<Tables, 'webhooks'>, { at, horizon }: Instants) =>
  eb.or([
    eb('webhooks.lease_until', 'is', null),
    eb('webhooks.lease_until', '<=', at),
    eb('webhooks.lease_until', '>', horizon),
  ]);

/** Those that nobody tries now, each with the first and the last of its deliveries. It is asked after every commit. */
const untried = (healthy: boolean) =>
  prepared(['at', 'horizon'], (db, instants: Instants) =>
    db
      .selectFrom('webhooks')
      .select(['webhooks.workspace', 'webhooks.webhook_id', 'webhooks.claimed_at'])
      .select((eb) => [
        pending(eb)
          .select(({ fn }) => fn.min('next_attempt_at').as('due'))
          .as('due'),
        pending(eb)
          .select(({ fn }) => fn.max('next_attempt_at').as('last'))
          .as('last'),
      ])
      .where((eb) => isFree(eb, instants))
      .$if(healthy, (query) => query.where('webhooks.failures', '=', 0)),
  );
const untriedOfAll = untried(false);
const untriedOfHealthy = untried(true);

/** Webhooks are few, and the index knows the first pending delivery of each. */
async function nextTurn(
  db: Kysely<Tables>,
  { at, horizon, healthy }: Lease,
  taken: ReadonlySet<string>,
): Promise<Turn | undefined> {
  const rows = await (healthy ? untriedOfHealthy : untriedOfAll)(db, { at, horizon });
  const isDue = ({ due, last }: (typeof rows)[number]) =>
    (due !== null && due <= at) || (last !== null && last > horizon);
  const due = rows.filter((row) => isDue(row) && !taken.has(row.webhook_id));
  return due.sort((a, b) => compare(a.claimed_at ?? '', b.claimed_at ?? '') || compare(a.due ?? '', b.due ?? ''))[0];
}

const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);

async function claimOne(
  trx: Kysely<Tables>,
  { workspace, webhook_id }: Turn,
  { owner, at, until, horizon }: Lease,
): Promise<ClaimedDelivery | undefined> {
  const leased = (set: Partial<Pick<Selectable<Tables['webhooks']>, 'lease_owner' | 'lease_until' | 'claimed_at'>>) =>
    trx.updateTable('webhooks').set(set).where('workspace', '=', workspace).where('webhook_id', '=', webhook_id);
  // Before the look at deliveries: whoever had it until now has said by then what came of his.
  const webhook = await leased({ lease_owner: owner, lease_until: until, claimed_at: at })
    .where((eb) => isFree(eb, { at, horizon }))
    .returning(WEBHOOK)
    .executeTakeFirst();
  if (!webhook) return undefined;
  const first = (operator: '<=' | '>', instant: string) =>
    trx
      .selectFrom('deliveries')
      .select(DELIVERY)
      .where('workspace', '=', workspace)
      .where('webhook_id', '=', webhook_id)
      .where('status', '=', 'pending')
      .where('next_attempt_at', operator, instant)
      .orderBy('next_attempt_at')
      .orderBy('number')
      .limit(ONE)
      .executeTakeFirst();
  const delivery = (await first('<=', at)) ?? (await first('>', horizon));
  if (delivery) return { workspace, owner, webhook: toWebhook(webhook), delivery: toDelivery(delivery) };
  await leased({ lease_owner: null, lease_until: null }).execute();
  return undefined;
}

export const subscriptions = prepared(['workspace'], (db, { workspace }: { workspace: string }) =>
  db.selectFrom('webhooks').select(['webhook_id', 'events']).where('workspace', '=', workspace),
);

/** A delivery for every webhook that wants this event; part of the transaction that tells of it. */
export async function handOut(
  trx: Kysely<Tables>,
  workspace: string,
  event: EventRow,
  subscribed: Awaited<ReturnType<typeof subscriptions>>,
): Promise<void> {
  for (const { webhook_id, events } of subscribed) {
    if ((JSON.parse(events) as string[]).includes(event.type)) await insertDelivery(trx, workspace, webhook_id, event);
  }
}

async function insertDelivery(
  trx: Kysely<Tables>,
  workspace: string,
  webhook_id: string,
  event: EventRow,
): Promise<void> {
  const { number, time: next_attempt_at } = event;
  const fresh = { status: 'pending', attempts: 0, response_status: null, next_attempt_at } as const;
  await trx
    .insertInto('deliveries')
    .values({ ...fresh, workspace, webhook_id, number, event: JSON.stringify(event) })
    .execute();
}

/** Of the events up to a number; what is still to be sent stays. */
export async function removeFinished(trx: Kysely<Tables>, workspace: string, last: number): Promise<void> {
  await trx
    .deleteFrom('deliveries')
    .where('workspace', '=', workspace)
    .where('number', '<=', last)
    .where('status', '!=', 'pending')
    .execute();
}
