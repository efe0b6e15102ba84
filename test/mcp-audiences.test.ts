import { expect, it, onTestFinished } from 'vitest';
import { mcpOverHttp } from '../src/adapters/mcp/http.ts';
import { offerOf } from '../src/adapters/mcp/mcp.ts';
import { OPERATIONS } from '../src/operations/index.ts';
import type { Context } from '../src/operations/operation.ts';
import { restInProcess } from './hostile/server.ts';

it('what a binding is told of changes ends a minute after the last request that had it, and not before', async () => {
  const { app } = await restInProcess();
  let at = Date.now();
  let listening = 0;
  const { bell } = app.services;
  const counting = {
    listen(work: () => void) {
      listening += 1;
      const stop = bell.listen(work);
      return () => {
        listening -= 1;
        stop();
      };
    },
  } as typeof bell;
  const mcp = mcpOverHttp(offerOf(OPERATIONS, { version: '0', toolsets: new Set() }), { now: () => new Date(at) });
  onTestFinished(() => mcp.close());
  const parsedBody = { jsonrpc: '2.0', id: 1, method: 'tools/list', params: {} };
  const request = () =>
    new Request('http://localhost/mcp', {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream' },
      body: JSON.stringify(parsedBody),
    });
  const ask = async (profile_id: string) => {
    const local = app.localContext('mcp');
    const principal = { ...local.principal, binding: { client_id: 'cursor', profile_id } };
    const context: Context = { ...local, services: { ...local.services, bell: counting }, principal };
    const until = Number.POSITIVE_INFINITY;
    const stillAccepted = async () => true;
    const answer = await mcp.fetch({ request: request(), parsedBody, context, until, stillAccepted });
    expect(await answer.text()).toContain('list_clients');
  };
  for (const profile of ['one', 'two', 'three']) await ask(profile);
  expect(listening).toBe(3);
  at += 59_000;
  await ask('three');
  at += 2_000;
  await expect.poll(() => listening).toBe(1);
  at += 60_000;
  await expect.poll(() => listening).toBe(0);
  await ask('one');
  expect(listening).toBe(1);
});
