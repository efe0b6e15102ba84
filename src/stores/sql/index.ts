import { type Dialect, type Kysely, sql, type Transaction } from 'kysely';
import type { Store } from '../store.ts';
import { artifactQueries } from './artifacts.ts';
import { auditQueries } from './audit.ts';
import { catalogQueries } from './catalog.ts';
import { clientQueries } from './clients.ts';
import { type Databases, inOrder } from './databases.ts';
import { deploymentQueries } from './deployments.ts';
import { draftQueries } from './drafts.ts';
import { eventQueries } from './events.ts';
import { idempotencyQueries } from './idempotency.ts';
import { keyQueries } from './keys.ts';
import { linkQueries } from './links.ts';
import { pointerQueries } from './pointers.ts';
import { profileQueries } from './profiles.ts';
import { pinQueries, pullQueries } from './pulls.ts';
import { releaseQueries } from './releases.ts';
import type { Tables } from './schema.ts';
import { tokenQueries } from './tokens.ts';
import { webhookQueries } from './webhooks.ts';
import { workspaceQueries } from './workspaces.ts';

/** What a store can be asked, without its transactions, its refusal and its end. */
export type Nouns = Omit<Store, 'transaction' | 'refusal' | 'close'>;

export function queries(databases: Databases): Nouns {
  return {
    catalog: catalogQueries(databases),
    clients: clientQueries(databases),
    drafts: draftQueries(databases),
    profiles: profileQueries(databases),
    artifacts: artifactQueries(databases),
    releases: releaseQueries(databases),
    pointers: pointerQueries(databases),
    pins: pinQueries(databases),
    pulls: pullQueries(databases),
    links: linkQueries(databases),
    keys: keyQueries(databases),
    tokens: tokenQueries(databases),
    deployments: deploymentQueries(databases),
    audit: auditQueries(databases),
    events: eventQueries(databases),
    idempotency: idempotencyQueries(databases),
    webhooks: webhookQueries(databases),
    workspaces: workspaceQueries(databases),
  };
}

/** A transaction inside a transaction: a savepoint, so that a part can fail alone. One at a time. */
export async function nested<T>(trx: Kysely<Tables>, work: () => Promise<T>): Promise<T> {
  await sql`savepoint nested`.execute(trx);
  try {
    const result = await work();
    await sql`release savepoint nested`.execute(trx);
    return result;
  } catch (error) {
    await sql`rollback to savepoint nested`.execute(trx);
    await sql`release savepoint nested`.execute(trx);
    throw error;
  }
}

function insideTransaction(trx: Transaction<Tables>): Store {
  const store: Store = {
    ...queries({ read: trx, write: trx }),
    transaction: (work) => nested(trx, () => work(store)),
    async close() {
      throw new Error('a transaction cannot close the store');
    },
  };
  return store;
}

/** The store over Kysely. `dialect` is that of `write`; `close` ends the connections, which this module does not own. */
export function sqlStore(databases: Databases, dialect: Dialect, close: () => Promise<void>): Store {
  return {
    ...queries(databases),
    transaction: (work) =>
      databases.write.transaction().execute(async (trx) => work(insideTransaction(await inOrder(trx, dialect)))),
    close,
  };
}
