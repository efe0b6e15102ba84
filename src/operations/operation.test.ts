import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import { UNBOUND } from '../core/binding.ts';
import type { Scope } from '../core/scopes.ts';
import { compose } from '../main/compose.ts';
import { readConfig } from '../main/config.ts';
import { answer, type Context, defineOperation, invoke } from './operation.ts';

const draft = {
  client_id: 'cursor',
  profile_id: 'dev',
  revision: 1,
  payload: { mcpServers: {} },
  updated_at: '2026-11-22T10:00:00.000Z',
};
const logged: string[] = [];
let context: Context;
let runs = 0;

beforeEach(async () => {
  const home = mkdtempSync(join(tmpdir(), 'mcpo-invoke-'));
  const env = { HOME: home };
  logged.length = 0;
  runs = 0;
  const note = (_fields: object, message: string) => void logged.push(message);
  const app = await compose({ config: readConfig(env), env, log: { info: note, warn: note, error: note } });
  context = app.localContext('cli');
  onTestFinished(async () => {
    await app.close();
    rmSync(home, { recursive: true });
  });
});

/** Saves a draft and answers with what it is told to. */
const save = defineOperation({
  id: 'tests.save',
  summary: 'save',
  effect: 'write',
  input: z.strictObject({ answer: z.unknown() }),
  output: z.object({ revision: z.int() }),
  errors: [],
  permission: { needs: 'config:write', agents: false },
  async run({ store, workspace }, input) {
    runs += 1;
    await store.drafts.save(workspace, draft);
    return input.answer as { revision: number };
  },
});
const stored = () => context.store.drafts.get('default', 'cursor', 'dev');
const audited = async () => (await context.store.audit.list('default', { limit: 10 })).rows;
const as = (kind: 'user' | 'agent', ...scopes: Scope[]): Context => ({
  ...context,
  principal: { actor: 'x', kind, scopes: new Set(scopes), binding: UNBOUND },
});

test('a change and its audit row are stored together', async () => {
  expect(await invoke(save, context, { answer: { revision: 1 } })).toEqual({ revision: 1 });
  expect(await stored()).toEqual(draft);
  expect(await audited()).toMatchObject([
    { operation: 'tests.save', effect: 'write', door: 'cli', request_id: context.request_id, facts: { revision: 1 } },
  ]);
});

test('an output that breaks its schema is our bug: nothing is stored, and the caller hears nothing of it', async () => {
  const result = await answer(save, context, { answer: { revision: 'made-up-secret' } });
  expect(result).toMatchObject({ ok: false, status: 500, exit: 1, problem: { code: 'INTERNAL_ERROR', details: {} } });
  expect(JSON.stringify(result)).not.toContain('made-up-secret');
  expect([runs, await stored(), await audited()]).toEqual([1, undefined, []]);
  expect(logged).toEqual(['unexpected error']);
});

test('who may not is refused before the input is read', async () => {
  const wrong = { bogus: true };
  await expect(invoke(save, as('user', 'config:read'), wrong)).rejects.toMatchObject({
    code: 'FORBIDDEN',
    details: { needs: 'config:write' },
  });
  await expect(invoke(save, as('agent', 'config:write'), wrong)).rejects.toMatchObject({ code: 'FORBIDDEN' });
  await expect(invoke(save, as('user', 'config:write'), wrong)).rejects.toMatchObject({ code: 'INVALID_INPUT' });
  expect(runs).toBe(0);
});

test.each([
  [{ answer: 1, bogus: 1 }, 'bogus'],
  [{}, 'answer'],
  [[], ''],
  ['text', ''],
  [7, ''],
])('the input %j is refused with the field that is wrong', async (input, field) => {
  const result = await answer(save, context, input);
  expect(result).toMatchObject({ ok: false, status: 400, problem: { code: 'INVALID_INPUT', details: { field } } });
  expect([runs, logged]).toEqual([0, []]);
});

test('what no JSON text can say is refused, however it came', async () => {
  const cyclic: Record<string, unknown> = {};
  cyclic['answer'] = cyclic;
  const polluted = JSON.parse('{"answer":{"__proto__":1}}');
  for (const input of [
    cyclic,
    polluted,
    { answer: Number.NaN },
    { answer: 1n },
    { answer: () => 1 },
    { answer: '\ud800' },
  ]) {
    await expect(invoke(save, context, input)).rejects.toMatchObject({ code: 'INVALID_INPUT' });
  }
  expect(runs).toBe(0);
});
