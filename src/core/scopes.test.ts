import { expect, test } from 'vitest';
import { AGENT_SCOPES, expandScopes, ROLES, SCOPES } from './scopes.ts';

test('the roles may do what they always could', () => {
  expect(ROLES.viewer).toEqual(['config:read', 'events:read']);
  expect(ROLES.editor).toEqual(['config:read', 'events:read', 'config:write']);
  expect(ROLES.publisher).toEqual(['config:read', 'events:read', 'config:write', 'config:publish']);
  expect(ROLES.deployer).toEqual(['config:read', 'events:read', 'config:deploy']);
  expect(ROLES.approver).toEqual(['config:read', 'events:read', 'config:approve']);
  expect(ROLES.auditor).toEqual(['config:read', 'events:read', 'audit:read']);
  expect(ROLES.admin).toEqual(SCOPES);
});

test('who may write may read, and nothing else follows from anything', () => {
  expect([...expandScopes(['config:write'])]).toEqual(['config:write', 'config:read']);
  const others = SCOPES.filter((scope) => scope !== 'config:write');
  for (const scope of others) expect([...expandScopes([scope])]).toEqual([scope]);
});

test('an agent can read, draft and listen, and never publish, deploy or administer', () => {
  expect([...AGENT_SCOPES]).toEqual(['config:read', 'config:write', 'events:read']);
});
