import { readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { exampleInput } from '../../src/adapters/rest/examples.ts';
import { OPERATIONS } from '../../src/operations/index.ts';
import type { Operation } from '../../src/operations/operation.ts';
import { KEY, mcpInProcess, openSession, post } from '../support/mcp-in-process.ts';
import { type Doors, openDoors, requestOf } from './doors.ts';
import { damage, damaged, damagedEverywhere, hostileValue } from './json-values.ts';

/** Well-formed JSON that means harm, in the place of any part of what is sent: refused with its place, or taken as data. */

const RUNS = Number(process.env['PROPERTY_RUNS'] ?? 150);
const seed = Number(process.env['FUZZ_SEED'] ?? Date.now() % 2 ** 31);
process.stderr.write(`FUZZ_SEED=${seed}\n`);

/** Far more than anything here takes, and less than a caller waits. */
const LONGEST_MS = 5000;
/** One goes on for ever, two ask somebody who is not there. */
const LEFT_OUT = new Set(['deployments.watch', 'deployments.pull', 'catalog.fetchServer']);
const operations = OPERATIONS.filter(({ id }) => !LEFT_OUT.has(id));

const FIXTURES = new URL('../fixtures/server-json/', import.meta.url);
const DOCUMENTS: unknown[] = readdirSync(FIXTURES)
  .filter((name) => name.endsWith('.json') && name !== 'findings.json')
  .map((name) => JSON.parse(readFileSync(new URL(name, FIXTURES), 'utf8')));

/** Something in every place that a payload has. */
const PAYLOAD = {
  mcpServers: {
    near: {
      command: 'npx',
      args: ['-y', '@example/near@1.0.0', '${env:A}'],
      env: { A: '${secret:a.b}' },
      cwd: '/tmp',
      disabled: false,
      timeout_ms: 1000,
      tools: { allow: ['a'], deny: ['b'] },
      'x-client': { cursor: { envFile: '.env' }, 'codex-cli': { startup_timeout_sec: 3 } },
    },
    far: { type: 'http', url: 'https://a.example.com/${input:q}', headers: { 'X-Team': '${secret:t}' } },
  },
  inputs: { q: { description: 'Q', default: 'x', required: true } },
  bridge: { package: 'mcp-remote', version: '0.1.0' },
};

/** An input as it is meant, with something in it where much can be. */
function usual(operation: Operation): Record<string, unknown> {
  const payloads = ['payload', 'config_a', 'config_b'].filter((name) => name in operation.input.shape);
  return { ...exampleInput(operation), ...Object.fromEntries(payloads.map((name) => [name, PAYLOAD])) };
}

const meant = (operation: Operation): fc.Arbitrary<object> =>
  fc
    .constantFrom(...DOCUMENTS)
    .map((document) => ({ ...usual(operation), ...('document' in operation.input.shape && { document }) }));

/** The same with parts that nobody means; often one of its fields as a whole, those included that need not be there. */
const asked = fc.constantFrom(...operations).chain((operation) => {
  const fields = Object.keys(operation.input.shape);
  const whole =
    fields.length === 0 ? fc.constant({}) : fc.dictionary(fc.constantFrom(...fields), hostileValue, { maxKeys: 1 });
  return fc
    .tuple(meant(operation), fc.array(damage, { minLength: 1, maxLength: 2 }), whole)
    .map(([input, damages, field]) => ({ id: operation.id, input: { ...damages.reduce(damaged, input), ...field } }));
});

/** Nobody else is to blame here, so none of these is an answer. */
const OUR_FAULT = ['INTERNAL_ERROR', 'UNAVAILABLE', 'WRITE_FAILED'];
/** What JavaScript says, and where. */
const OF_THE_LANGUAGE =
  /\n {4}at |\bTypeError\b|\bRangeError\b|\[object |\[native code\]| is not a function|Cannot read prop/;

describe('JSON that means harm', { timeout: 60_000 + RUNS * 1000 }, () => {
  let doors: Doors;
  beforeAll(async () => {
    doors = await openDoors();
    await doors.cli('initialize-keys', '--json');
  });
  afterAll(() => doors.close());

  it('is refused or taken as data in each place of what is usually sent', async () => {
    const document = JSON.parse(readFileSync(new URL('remote-variables.json', FIXTURES), 'utf8'));
    for (const operation of operations.filter(({ rest }) => rest !== undefined)) {
      const input = { ...usual(operation), ...('document' in operation.input.shape && { document }) };
      for (const spoiled of damagedEverywhere(input)) {
        const { status, words } = await doors.rest(...requestOf(operation, spoiled as Record<string, unknown>));
        expect(status, `${operation.id} ${JSON.stringify(spoiled)}: ${words}`).toBeLessThan(500);
      }
    }
    expect(doors.unexpected.splice(0)).toEqual([]);
  });

  it(`is refused or taken as data by every operation, through every door (${RUNS} inputs)`, async () => {
    const names = Object.getOwnPropertyNames(Object.prototype);
    const property = fc.asyncProperty(asked, async ({ id, input }) => {
      const operation = operations.find((one) => one.id === id) as Operation;
      let began = performance.now();
      for await (const { door, code, words } of doors.each(operation, input)) {
        const about = `${id}, ${door}`;
        expect(OUR_FAULT, about).not.toContain(code);
        expect(words, about).not.toMatch(OF_THE_LANGUAGE);
        expect(performance.now() - began, about).toBeLessThan(LONGEST_MS);
        expect(doors.unexpected.splice(0), about).toEqual([]);
        began = performance.now();
      }
      expect(Object.getOwnPropertyNames(Object.prototype)).toEqual(names);
    });
    // One input finds what those before it left, so a shorter one proves nothing.
    await fc.assert(property, { numRuns: RUNS, seed, endOnFailure: true });
    expect((await doors.app.services.inspectStore()).problems, 'the store is whole').toEqual([]);
  });
});

const MESSAGES = [
  {
    method: 'tools/call',
    params: { name: 'get_latest', arguments: { client_id: 'cursor' }, _meta: { progressToken: 1 } },
  },
  { method: 'tools/list', params: { cursor: 'x' } },
  { method: 'resources/read', params: { uri: 'config://cursor/default/draft' } },
  { method: 'resources/subscribe', params: { uri: 'config://cursor/default/draft' } },
  { method: 'prompts/get', params: { name: 'troubleshoot_config', arguments: { client_id: 'cursor' } } },
  {
    method: 'completion/complete',
    params: {
      ref: { type: 'ref/resource', uri: 'config://{client_id}/{profile_id}/draft' },
      argument: { name: 'client_id', value: 'c' },
      context: { arguments: { profile_id: 'default' } },
    },
  },
  { method: 'notifications/cancelled', params: { requestId: 1, reason: 'x' } },
].map((message, id) => ({
  jsonrpc: '2.0',
  ...(message.method.startsWith('notifications/') ? {} : { id }),
  ...message,
}));

it(`as a message of MCP it is refused or taken as data too (${RUNS} messages)`, {
  timeout: 60_000 + RUNS * 1000,
}, async () => {
  const { url, unexpected } = await mcpInProcess();
  const { headers } = await openSession(url, KEY);
  const messages = fc.constantFrom(...MESSAGES);
  const property = fc.asyncProperty(
    messages,
    fc.array(damage, { minLength: 1, maxLength: 2 }),
    async (whole, damages) => {
      const began = performance.now();
      const { status, message } = await post(url, headers, damages.reduce(damaged, whole));
      expect(status).toBeLessThan(500);
      const said = String(message?.error?.['message'] ?? '');
      // The SDK calls parameters that do not fit an internal error, and lists what is wrong with them (its issue 2284).
      if (!said.startsWith('[')) expect(message?.error?.['code']).not.toBe(-32603);
      expect(JSON.stringify(message ?? null)).not.toMatch(OF_THE_LANGUAGE);
      expect(performance.now() - began).toBeLessThan(LONGEST_MS);
      expect(unexpected.splice(0)).toEqual([]);
    },
  );
  await fc.assert(property, { numRuns: RUNS, seed });
});
