import { afterEach, beforeEach, describe } from 'vitest';
import type { Store } from '../../src/stores/store.ts';
import { catalogCases, clientCases } from './store-catalog.ts';
import { deploymentCases, linkCases } from './store-deployments.ts';
import { idempotencyCases } from './store-idempotency.ts';
import { auditCases, draftCases, profileAndKeyCases, releaseCases, tokenCases } from './store-nouns.ts';
import { eventCases } from './store-platform.ts';
import { pointerCases } from './store-pointers.ts';
import { transactionCases, valueCases } from './store-promises.ts';
import { pullCases } from './store-pulls.ts';
import { webhookCases } from './store-webhooks.ts';
import { workspaceCases } from './store-workspaces.ts';

type Open = () => Promise<Store>;

/** What every store must do. `open` gives an empty store; the suite closes it. */
export function storeContract(name: string, open: Open): void {
  describe(`store contract: ${name}`, { timeout: 30_000 }, () => {
    let store: Store;
    beforeEach(async () => {
      store = await open();
    });
    afterEach(() => store.close());
    const current = () => store;
    describe('drafts', () => draftCases(current));
    describe('profiles and keys', () => profileAndKeyCases(current));
    describe('artifacts and releases', () => releaseCases(current));
    describe('pointers', () => pointerCases(current));
    describe('catalog', () => catalogCases(current));
    describe('clients', () => clientCases(current));
    describe('pins and pulls', () => pullCases(current));
    describe('links', () => linkCases(current));
    describe('tokens', () => tokenCases(current));
    describe('deployments', () => deploymentCases(current));
    describe('audit', () => auditCases(current));
    describe('events', () => eventCases(current));
    describe('idempotency', () => idempotencyCases(current));
    describe('webhooks', () => webhookCases(current));
    describe('workspaces', () => workspaceCases(current));
    describe('transactions', () => transactionCases(current));
    describe('values', () => valueCases(current));
  });
}
